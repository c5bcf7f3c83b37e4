// The line to Python: traits, messages, beats, and what to do when nothing comes back.

const BEAT = 2000;  // milliseconds between two beats
const SILENCE = 8000;  // milliseconds without an answer after which the line counts as lost
const PATIENCE = 30_000;  // milliseconds more for what keeps Python busy, a film say
const heard = new WeakSet();  // messages that one of several views has already acted upon

// The number of this tab. A Voila page that is loaded again gets a new kernel, which finds by it what was painted.
function tabNumber(voila) {
  const fresh = () => Math.random().toString(36).slice(2, 12);
  if (!voila) return fresh();
  const key = `styletools-studio-${document.querySelectorAll(".st-studio").length}`;
  try {
    const kept = sessionStorage.getItem(key) || fresh();
    sessionStorage.setItem(key, kept);
    return kept;
  } catch {
    return fresh();
  }
}

// What one view of the studio shares with its parts: listening, sending, and one list of things to stop at the end.
function openLine(model, root) {
  const endings = [];
  const groups = [];
  const voila = document.body.hasAttribute("data-voila");
  const line = {
    model,
    root,
    voila,
    id: tabNumber(voila),
    atEnd: (act) => endings.push(act),
    close: () => endings.splice(0).forEach((act) => act()),
    get: (name) => model.get(name) || {},
    send(message, buffers) {
      try {
        model.send(message, undefined, buffers);
      } catch {
        // the kernel is gone: the beats will tell
      }
    },
    // Call `act` with a trait's value now and whenever it changes.
    listen(name, act) {
      const run = () => act(model.get(name));
      model.on(`change:${name}`, run);
      line.atEnd(() => model.off(`change:${name}`, run));
      run();
    },
    // Call `act` for each message of a kind.
    hear(kind, act) {
      const run = (content, buffers) => content.kind === kind && act(content, buffers || []);
      model.on("msg:custom", run);
      line.atEnd(() => model.off("msg:custom", run));
    },
    // The same, once for all views of a model.
    hearOnce(kind, act) {
      line.hear(kind, (content, buffers) => {
        if (heard.has(content)) return;
        heard.add(content);
        act(content, buffers);
      });
    },
    // A group of controls that are switched off while nothing answers.
    group(classes, ...children) {
      const group = h("fieldset", { class: `st-group ${classes}` }, ...children);
      groups.push(group);
      return group;
    },
    every(pause, act) {
      const timer = setInterval(act, pause);
      line.atEnd(() => clearInterval(timer));
    },
    on(target, event, act, options) {
      target.addEventListener(event, act, options);
      line.atEnd(() => target.removeEventListener(event, act, options));
    },
    lost: false,
    setLost(lost) {
      if (line.lost === lost) return;
      line.lost = lost;
      root.classList.toggle("st-is-lost", lost);
      groups.forEach((group) => (group.disabled = lost));
      line.lostChanged.forEach((act) => act(lost));
    },
    lostChanged: [],
  };
  return line;
}

// Say every two seconds that this page is there, and notice when Python falls silent.
function keepBeat(line) {
  let last = performance.now();
  const answered = () => {
    last = performance.now();
    line.setLost(false);
  };
  const beat = () => line.send({ do: "beat", id: line.id, keeps: line.voila });
  const look = () => !document.hidden && performance.now() - last > SILENCE && line.setLost(true);
  line.bePatient = () => (last = performance.now() + PATIENCE);
  for (const event of ["change", "msg:custom"]) {
    line.model.on(event, answered);
    line.atEnd(() => line.model.off(event, answered));
  }
  line.on(document, "visibilitychange", () => {
    if (document.hidden) return;
    last = Math.max(last, performance.now() - SILENCE + 2 * BEAT);  // a sleeping page heard nothing: ask first
    beat();
  });
  line.every(BEAT, beat);
  line.every(500, look);
  beat();
}

// The banner that says so.
function lostBanner(line) {
  const words = line.voila
    ? "The connection is lost: reload the page; what you painted comes back."
    : "The kernel does not answer: if another cell runs, wait; if it was restarted, run the cell again.";
  const banner = h("div", { class: "st-lost", role: "alert", hidden: true });
  line.lostChanged.push((lost) => {
    banner.hidden = !lost;
    setText(banner, lost ? `No answer for ${SILENCE / 1000} s. ${words}` : "");
  });
  return banner;
}
