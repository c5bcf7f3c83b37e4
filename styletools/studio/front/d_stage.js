// The painting, as large as fits, with what may lie on it: the photograph up to the wipe, a heat map, words.

const HEAT_WORDS = { content: "where content pulls", style: "where style pulls", tv: "where TV pulls" };

// The stage and what other parts may do with it: show a moment of the past, and leave it; paint a mask.
function stage(line, past, editor) {
  const picture = h("img", { class: "st-picture", alt: "", hidden: true });
  const heat = h("img", { class: "st-heat", alt: "", hidden: true });
  const before = h("img", { class: "st-before", alt: "", hidden: true });
  const legend = h("div", { class: "st-legend", hidden: true });
  const frame = h("div", { class: "st-frame" }, picture, heat, before, wipe(line), legend, editor.place);
  const place = h("div", { class: "st-stage" }, frame, past.bar);
  showPainting(line, picture, frame, past);
  showHeat(line, heat, legend, past);
  const slot = pictureSlot(before);
  line.listen("content_picture", (bytes) => slot.show(bytes));
  line.atEnd(() => slot.clear());
  takesDrops(line, place, "content");
  return place;
}

// Keep the picture up to date: a moment of the past, else the painting, else the photograph that is to be painted.
function showPainting(line, picture, frame, past) {
  const slot = pictureSlot(picture, (drawn) => {
    frame.style.setProperty("--w", drawn.naturalWidth || 3);
    frame.style.setProperty("--h", drawn.naturalHeight || 2);
  });
  const show = () => {
    const painting = line.model.get("painting");
    slot.show(past.jpeg() || (sizeOf(painting) ? painting : line.model.get("content_picture")));
  };
  const words = () => setAttribute(picture, "alt", past.words() || line.get("frame").alt || "Nothing is painted yet");
  const live = (act) => () => past.jpeg() || act();
  line.listen("painting", live(show));
  line.listen("content_picture", live(show));
  line.listen("frame", words);
  past.changed.push(show, words);
  line.atEnd(() => slot.clear());
}

// Lay the heat map over the painting while one is chosen and the present is shown.
function showHeat(line, heat, legend, past) {
  const slot = pictureSlot(heat);
  const show = () => {
    const term = line.get("setup").heat || "";
    const bytes = line.model.get("heat");
    const visible = Boolean(term) && sizeOf(bytes) > 0 && !past.jpeg();
    visible ? slot.show(bytes) : slot.clear();
    legend.hidden = !visible;
    setText(legend, HEAT_WORDS[term] || "");
    legend.dataset.term = term;
    setAttribute(heat, "alt", visible ? `Brighter: ${HEAT_WORDS[term]} harder` : "");
  };
  line.listen("heat", show);
  line.listen("setup", show);
  past.changed.push(show);
  line.atEnd(() => slot.clear());
}

// The handle that draws the photograph over the painting from the left. Its line is the edge.
function wipe() {
  const range = h("input", { type: "range", class: "st-wipe", min: 0, max: 1, step: 0.005, value: 0,
    "aria-label": "Before and after: how much of the photograph lies over the painting", title: "Pull: before and after" });
  const show = () => {
    range.parentElement?.style.setProperty("--wipe", range.value);
    range.parentElement?.classList.toggle("st-wiped", Number(range.value) > 0);
    setAttribute(range, "aria-valuetext", percent(range.value));
  };
  range.addEventListener("input", show);
  range.addEventListener("dblclick", () => {
    range.value = 0;
    show();
  });
  setAttribute(range, "aria-valuetext", percent(0));
  return range;
}

// Which term's pull is laid over the painting.
function heatButtons(line) {
  const words = { "": "off", content: "content", style: "style", tv: "TV" };
  const buttons = Object.entries(words).map(([term, word]) => button(
    `st-choice st-heat-${term || "off"}`, "", word, () => line.send({ do: "choose", name: "heat", value: term }),
    { "data-term": term, "aria-pressed": "false" },
  ));
  line.listen("setup", (setup) => {
    for (const one of buttons) setAttribute(one, "aria-pressed", String(one.dataset.term === (setup?.heat || "")));
  });
  const label = h("span", { class: "st-label", id: `st-heat-${line.id}` }, "Where does it pull?");
  const choices = h("div", { class: "st-choices", role: "group", "aria-labelledby": label.id }, ...buttons);
  return line.group("st-heats", label, choices);
}

// Sentences that lie on the stage: what went wrong, what was saved.
function messages(line) {
  const problem = h("div", { class: "st-message st-problem", role: "alert", hidden: true });
  const words = h("span", {});
  const notice = h("div", { class: "st-message st-notice", role: "status" }, words);
  const close = button("st-close", "close", "", () => say("", "info"), { "aria-label": "Take this sentence away" });
  let timer = 0;
  let count = line.get("notice").tone === "problem" ? 0 : line.get("notice").count;  // what is still wrong is said to a new view too
  const say = (text, tone) => {
    clearTimeout(timer);
    notice.classList.toggle("st-problem", tone === "problem" && Boolean(text));
    notice.classList.toggle("st-empty", !text);
    setAttribute(notice, "role", tone === "problem" ? "alert" : "status");
    setText(words, text);
    text ? notice.append(close) : close.remove();
    if (text && tone !== "problem") timer = setTimeout(() => say("", "info"), 12_000);
  };
  line.listen("frame", (frame) => {
    problem.hidden = !frame?.message;
    setText(problem, frame?.message || "");
  });
  say("", "info");
  line.listen("notice", (told) => {
    if (!told || told.count === count) return;
    count = told.count;
    say(told.text || "", told.tone);
  });
  line.say = (text) => say(text, "info");
  line.atEnd(() => clearTimeout(timer));
  return h("div", { class: "st-messages" }, problem, notice);
}
