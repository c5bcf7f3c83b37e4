// The timeline: look at any moment of the run, replay it, and go on from there.

const WHOLE_RUN = 10;  // seconds that a replay of the whole run takes at speed 1
const SPEEDS = [0.5, 1, 2, 4];

// What is looked at: nothing (the present), or a moment of the past.
function pastView(line) {
  let moment = null;
  let asking = false;  // whether the past is looked at, or will be when an answer comes
  let asked = 0;  // when the last question without an answer was sent
  let returning = false;  // whether Python was told to go on from here, and is not there yet
  let gone = false;  // whether Python has heard it: frames are of the new branch then
  let latest = 0;  // the step of the last frame
  const words = h("span", { class: "st-past-words" });
  const goOn = button("st-back st-primary", "back", "Go on from here", () => {
    returning = true;
    gone = false;
    past.show();
    line.send({ do: "go_back", step: moment.step });
  });
  const now = button("st-plain st-now", "", "Back to now", () => past.leave());
  const bar = h("div", { class: "st-past", hidden: true }, words, goOn, now);
  const past = {
    bar,
    changed: [],
    step: () => (moment ? moment.step : null),
    jpeg: () => (moment ? moment.jpeg : null),
    words: () => (moment ? `The painting at ${moment.text}` : ""),
    looking: () => asking,
    playable: () => asking && !returning,
    waiting: () => asked > 0 && performance.now() - asked < 2000,
    // Ask for the painting at a step; it arrives as a message.
    ask(step) {
      asking = true;
      asked = performance.now();
      line.send({ do: "scrub", step });
    },
    leave() {
      if (!asking && !moment) return;
      asking = returning = false;
      moment = null;
      past.show();
    },
    show() {
      bar.hidden = !moment;
      goOn.hidden = returning;
      if (moment) setText(words, returning ? `Going back to step ${moment.step}…` : moment.text);
      past.changed.forEach((act) => act());
    },
  };
  line.hear("going_back", () => {
    gone = true;
    if (returning && line.get("frame").step === moment?.step) past.leave();
  });
  line.hear("moment", (told, buffers) => {
    asked = 0;
    if (!asking || returning || !sizeOf(buffers[0])) return;
    moment = { step: told.step, text: told.text || `step ${told.step}`, jpeg: buffers[0] };
    past.show();
  });
  line.listen("frame", (frame) => {
    const fell = frame?.step < latest;  // another run, another branch: what is looked at is gone
    latest = frame?.step ?? 0;
    if (!asking || !frame) return;
    const there = (gone && frame.step >= moment?.step) || frame.state === "error" || frame.state === "idle";
    if (returning ? there : fell) past.leave();
  });
  return past;
}

// The row under the picture: play, the slider with the moves on it, the speed.
function timeline(line, past) {
  const name = "Timeline: look at an earlier step";
  const range = h("input", { type: "range", min: 0, max: 1, step: 1, value: 1, "aria-label": name });
  const marks = h("div", { class: "st-marks" });
  const told = h("span", { class: "st-at" });
  const speed = h("select", { class: "st-rate", "aria-label": "Speed of the replay", title: "Speed of the replay" },
    ...SPEEDS.map((rate) => h("option", { value: rate, selected: rate === 1 }, `${rate}×`)));
  const replay = player(line, past, range, () => Number(speed.value));
  const group = line.group("st-timeline", replay.button, h("div", { class: "st-scrub" }, marks, range), told, speed);
  const ask = atMost(80, (step) => past.ask(step));
  const look = (step) => (step >= Number(range.max) ? past.leave() : ask(step));
  range.addEventListener("input", () => {
    replay.stop();
    look(Number(range.value));
    label();
  });
  const label = () => {
    const step = past.looking() ? past.step() ?? range.value : range.max;
    setAttribute(range, "aria-valuetext", `step ${step}`);
    setText(told, past.looking() ? `step ${step}` : "now");
    range.style.setProperty("--p", (range.value - range.min) / Math.max(1, range.max - range.min));
  };
  line.lookAt = (step) => {
    replay.stop();
    range.value = step;
    past.ask(step);
    label();
  };
  past.changed.push(() => {
    if (!past.playable()) replay.stop();
    if (past.step() == null) range.value = range.max;
    label();
  });
  line.listen("timeline", (run) => {
    const steps = run?.steps || [];
    range.disabled = steps.length < 2;
    replay.button.disabled = steps.length < 2;
    setAttribute(range, "min", run?.first ?? 0);
    setAttribute(range, "max", Math.max(run?.last ?? 0, (run?.first ?? 0) + 1));
    if (!past.looking()) range.value = range.max;
    showMarks(line, marks, run || {});
    label();
  });
  return group;
}

// Where weights were moved, as small buttons on the slider; those too close to the one before are left out.
function showMarks(line, marks, run) {
  const length = Math.max(1, (run.last ?? 0) - (run.first ?? 0));
  let before = -1;
  const kept = (run.moves || []).filter(({ step }) => {
    const place = (step - run.first) / length;
    if (place < 0 || place > 1 || place - before < 0.05) return false;
    before = place;
    return true;
  });
  const key = JSON.stringify(kept);
  if (marks.dataset.key !== key) {
    marks.dataset.key = key;
    marks.replaceChildren(...kept.map(({ step, text }) => h("button", {
      type: "button", class: "st-tick-button", "data-step": step, title: `${text}, at step ${step}: look at the picture before it`,
      "aria-label": `Look at the picture before ${text}, step ${step}`, on: { click: () => line.lookAt(step - 1) },
    })));
  }
  kept.forEach(({ step }, place) => marks.children[place].style.setProperty("--at", (step - run.first) / length));
}

// Plays the run again: one moment after the other, the next one asked for when the last has come.
function player(line, past, range, rate) {
  let timer = 0;
  let place = 0;
  const name = "Replay the run";
  const play = button("st-play st-plain", "play", "", () => (timer ? stop() : start()), { "aria-label": name, title: name });
  const draw = () => {
    play.replaceChildren(icon(timer ? "pause" : "play"));
    setAttribute(play, "aria-label", timer ? "Stop the replay" : name);
  };
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    draw();
  };
  const start = () => {
    place = past.step() == null ? 0 : (past.step() - range.min) / Math.max(1, range.max - range.min);
    timer = setInterval(tick, 100);
    draw();
  };
  const tick = () => {
    place += (0.1 * rate()) / WHOLE_RUN;
    if (place >= 1 || line.lost) {
      stop();
      return past.leave();
    }
    const step = Math.round(Number(range.min) + place * (range.max - range.min));
    range.value = step;
    if (!past.waiting()) past.ask(step);
  };
  line.atEnd(stop);
  return { button: play, stop };
}
