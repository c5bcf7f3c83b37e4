// Start and Pause, and the three weights.

const HELD = 600;  // milliseconds after a hand's last movement in which Python does not move a slider

// The large button and its neighbours.
function transport(line) {
  const word = h("span", {}, "Start");
  const click = () => line.toggle();
  const title = "Start or pause (Space)";
  const start = h("button", { type: "button", class: "st-start", title, on: { click } }, icon("play"), word);
  let shown = false;
  line.toggle = () => {
    const running = line.get("frame").state === "running";
    line.send({ do: running ? "pause" : "start" });
    if (!running) setText(word, "Wait…");  // a first frame may take seconds
  };
  line.listen("frame", (frame) => {
    const running = frame?.state === "running";
    const changed = start.classList.toggle("st-running", running) !== shown;
    if (changed) start.replaceChild(icon(running ? "pause" : "play"), start.firstChild);
    shown = running;
    setText(word, running ? "Pause" : "Start");
  });
  return line.group("st-transport", start, doButton(line, "step", "step", "Step", "Make one step"),
    doButton(line, "reset", "reset", "Reset", "Begin again (R)"),
    doButton(line, "snapshot", "camera", "Snapshot", "Keep this picture (S)"));
}

// A button that sends one word; `wait` is said where the answer takes a while.
function doButton(line, name, drawing, text, title, wait = "") {
  return button(`st-${name} st-plain`, drawing, text, () => {
    if (wait) line.say(wait);
    if (wait) line.bePatient();
    line.send({ do: name });
  }, { title });
}

// The three weights, one row each.
function knobs(line) {
  return line.group("st-knobs", ...KNOBS.map((knob) => knobRow(line, knob)));
}

// One weight: whether it counts, a slider on a log scale, and a field to type a number.
function knobRow(line, { name, label }) {
  const on = h("input", { type: "checkbox", "aria-label": `${label} counts` });
  const untick = "Untick: this term does not count";
  const counts = h("label", { class: `st-counts st-${name}-on`, title: untick }, on, h("span", {}, label));
  const hint = "Double-click: the recipe's own weight";
  const range = h("input", { type: "range", step: 0.02, "aria-label": `${label}: weight`, title: hint });
  const typed = `${label}: weight as a number`;
  const field = h("input", { type: "number", class: "st-number", min: 0, step: "any", "aria-label": typed });
  const row = h("div", { class: `st-knob st-${name}` }, counts, range, field);
  let touched = -Infinity;
  const send = atMost(40, (value) => line.send({ do: "weight", name, value }));
  const draw = (value) => {
    setAttribute(range, "aria-valuetext", value > 0 ? plain(value) : "off");
    row.classList.toggle("st-off", !(value > 0));
    on.checked = value > 0;
    if (document.activeElement !== field) field.value = plain(value);
    range.style.setProperty("--p", (range.value - range.min) / Math.max(1e-9, range.max - range.min));
  };
  const move = (value) => {
    touched = performance.now();
    if (value > 0 && value !== atSlider()) range.value = Math.log10(value);
    draw(value);
    send(value);
  };
  const atSlider = () => Number((10 ** Number(range.value)).toPrecision(3));
  range.addEventListener("input", () => move(atSlider()));
  range.addEventListener("dblclick", () => move(line.get("setup").home?.[name] ?? 0));
  on.addEventListener("change", () => move(on.checked ? atSlider() : 0));
  field.addEventListener("change", () => field.value !== "" && move(Math.max(0, Number(field.value))));
  field.addEventListener("keydown", (event) => event.key === "Enter" && field.blur());
  field.addEventListener("blur", () => (field.value = plain(line.get("setup").weights?.[name] ?? 0)));
  heldHands(range);
  const follow = () => {
    const { weights = {}, ranges = {} } = line.get("setup");
    if (!(name in weights) || range.dataset.held || performance.now() - touched < HELD) return false;
    placeSlider(range, ranges[name] || [-3, 3], weights[name]);
    draw(weights[name]);
    return true;
  };
  line.listen("setup", follow);
  line.every(HELD, () => touched > -Infinity && follow() && (touched = -Infinity));
  return row;
}

// Note on a slider that a pointer holds it.
function heldHands(range) {
  const release = () => delete range.dataset.held;
  range.addEventListener("pointerdown", () => (range.dataset.held = "yes"));
  for (const end of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) range.addEventListener(end, release);
}

// Give a slider its reach and a weight; 0 leaves the handle where it is.
function placeSlider(range, [low, high], weight) {
  if (Number(range.min) !== low || Number(range.max) !== high) {
    setAttribute(range, "min", low);
    setAttribute(range, "max", high);
  }
  if (weight > 0) range.value = Math.log10(weight);
}
