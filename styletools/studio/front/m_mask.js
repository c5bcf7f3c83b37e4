// The mask editor: the photograph on the stage, painted over where the second style goes, and its tools below.

const SNAP = 0.015;  // of the picture's size, within which a rectangle reaches its border
const TOOLS = { brush: "Brush", box: "Rectangle", flood: "Similar colours" };

// The editor: what lies on the stage, the tools under it, and how it is opened.
function maskEditor(line) {
  const ink = inkOf(line);
  const tools = maskTools(line, ink);
  const hand = maskHand(line, ink, tools.chosen);
  const place = h("div", { class: "st-ink-place", hidden: true }, ink.view, ink.canvas, hand.box, hand.cursor);
  const show = (on) => {
    place.hidden = tools.bar.hidden = !on;
    line.root.classList.toggle("st-masking", on);
    if (on) tools.soften();
  };
  const use = async () => {
    const bytes = await ink.png();
    line.send({ do: "mask", soft: tools.chosen().soft }, [bytes]);
    show(false);
  };
  const cancel = () => {
    ink.forget();
    show(false);
  };
  tools.doors.append(button("st-mask-cancel st-plain", "", "Cancel", cancel),
    button("st-mask-use st-primary", "", "Use this mask", use, { title: "The painting begins again with it" }));
  line.listen("setup", (setup) => !setup?.second && cancel());
  const refresh = async () => {
    const fresh = await ink.take();
    if (fresh) tools.keepSharp();
  };
  for (const name of ["mask", "content_picture"]) line.listen(name, () => (ink.forget(), place.hidden || refresh()));
  hideInProjector(line, () => show(false));
  takesDrops(line, place, "mask");
  line.on(window, "resize", () => place.hidden || tools.soften());
  return {
    place,
    bar: tools.bar,
    async open() {
      await refresh();
      show(true);
      line.root.scrollIntoView({ block: "start" });
      ink.canvas.focus({ preventScroll: true });
    },
  };
}

// Leave the editor when the projector fills the window: what was painted is there again afterwards.
function hideInProjector(line, hide) {
  const watch = new MutationObserver(() => line.root.classList.contains("st-projector") && hide());
  watch.observe(line.root, { attributes: true, attributeFilter: ["class"] });
  line.atEnd(() => watch.disconnect());
}

// The tools: which one, whether it takes away, and how large, how far in colour, how soft.
function maskTools(line, ink) {
  let tool = "brush";
  const buttons = Object.entries(TOOLS).map(([name, word]) => button(`st-choice st-tool-${name}`, "", word, () => choose(name),
    { "data-tool": name }));
  const erase = h("input", { type: "checkbox", class: "st-erase" });
  const size = maskSlider("size", "Brush size", 0.01, 0.3, 0.01, 0.08);
  const near = maskSlider("near", "Colours differ by", 0.01, 0.5, 0.01, 0.1);
  const soft = maskSlider("soft", "Soft edge", 0, 0.1, 0.005, 0.02);
  const choose = (name) => {
    tool = name;
    for (const one of buttons) setAttribute(one, "aria-pressed", String(one.dataset.tool === name));
    size.row.hidden = name !== "brush";
    near.row.hidden = name !== "flood";
    ink.canvas.dataset.tool = name;
  };
  const soften = () => {
    const blur = soft.value() * Math.max(ink.canvas.clientWidth, ink.canvas.clientHeight);
    ink.view.style.filter = blur ? `blur(${blur.toFixed(1)}px)` : "";
  };
  soft.range.addEventListener("input", soften);
  const doors = h("div", { class: "st-mask-doors" }, button("st-mask-undo st-plain", "", "Undo", ink.undo),
    button("st-mask-invert st-plain", "", "Invert", ink.invert), button("st-mask-clear st-plain", "", "Clear", ink.clear));
  const bar = line.group("st-mask-bar", h("span", { class: "st-label" }, "Second style paints here:"),
    h("div", { class: "st-choices", role: "group", "aria-label": "Tool" }, ...buttons),
    h("label", { class: "st-erases" }, erase, "erase"), size.row, near.row, soft.row, doors);
  bar.hidden = true;
  choose("brush");
  return {
    bar,
    doors,
    soften,
    chosen: () => ({ tool, erase: erase.checked, size: size.value(), near: near.value(), soft: soft.value() }),
    // What comes from Python is as soft as it was made.
    keepSharp() {
      soft.set(0);
      soften();
    },
  };
}

// A small slider with its name.
function maskSlider(name, label, min, max, step, value) {
  const range = h("input", { type: "range", min, max, step, value, "aria-label": label });
  const draw = () => {
    setAttribute(range, "aria-valuetext", percent(range.value));
    range.style.setProperty("--p", (range.value - min) / (max - min));
  };
  range.addEventListener("input", draw);
  draw();
  const set = (wanted) => {
    range.value = wanted;
    draw();
  };
  const row = h("div", { class: `st-mask-slide st-mask-${name}` }, h("span", { class: "st-soft", "aria-hidden": "true" }, label), range);
  return { row, range, set, value: () => Number(range.value) };
}

// The hand on the canvas, with a mouse, a finger or the keyboard. Places are shares of the picture.
function maskHand(line, ink, chosen) {
  const box = h("div", { class: "st-ink-box", hidden: true });
  const cursor = h("div", { class: "st-ink-cursor", hidden: true });
  const { canvas } = ink;
  let from = null;  // where the stroke was last, or the first corner of a rectangle
  let at = [0.5, 0.5];  // where the keyboard is
  let asked = null;  // whether the area that was asked for is to be added or erased
  const dab = (to) => ink.draw(chosen().erase, (context, width, height) => {
    context.lineWidth = chosen().size * Math.max(width, height);
    context.lineCap = "round";
    context.beginPath();
    context.moveTo(from[0] * width, from[1] * height);
    context.lineTo(to[0] * width, to[1] * height + 0.01);  // a line without length would leave nothing
    context.stroke();
  });
  const fill = (to) => ink.draw(chosen().erase, (context, width, height) => context.fillRect(...[0, 1].map((side) =>
    Math.round(Math.min(from[side], to[side]) * [width, height][side])), ...[0, 1].map((side) =>
    Math.max(1, Math.round(Math.abs(from[side] - to[side]) * [width, height][side])))));
  const flood = ([x, y]) => {
    asked = { erase: chosen().erase };
    line.send({ do: "flood", x, y, tolerance: chosen().near });
  };
  line.hear("flood", async (told, buffers) => {
    if (!asked || !sizeOf(buffers[0])) return;
    const { erase } = asked;
    asked = null;
    ink.keep();
    await ink.add(buffers[0], erase);
  });
  const begin = (to) => {
    const { tool } = chosen();
    if (tool === "flood") return flood(to);
    ink.keep();
    from = tool === "box" ? to.map(snapped) : to;
    if (tool === "brush") dab(to);
    return undefined;
  };
  const go = (to) => {
    showCursor(cursor, canvas, to, chosen());
    if (!from) return;
    if (chosen().tool === "brush") {
      dab(to);
      from = to;
    } else showBox(box, from, to.map(snapped));
  };
  const end = (to) => {
    if (from && to && chosen().tool === "box") fill(to.map(snapped));
    from = null;
    box.hidden = true;
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button > 0) return;
    canvas.setPointerCapture(event.pointerId);
    begin(placeOf(canvas, event));
  });
  canvas.addEventListener("pointermove", (event) => go(placeOf(canvas, event)));
  canvas.addEventListener("pointerup", (event) => end(placeOf(canvas, event)));
  canvas.addEventListener("pointercancel", () => end(null));
  for (const event of ["pointerleave", "blur"]) canvas.addEventListener(event, () => (cursor.hidden = true));
  canvas.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (steps[event.key]) {
      const far = event.shiftKey ? 0.1 : 0.02;
      at = at.map((share, side) => Math.min(1, Math.max(0, share + far * steps[event.key][side])));
      if (from && chosen().tool === "brush") from = null;
      go(at);
    } else if (event.key === " ") {
      if (from) end(at);
      else begin(at);
      if (chosen().tool === "brush") from = null;
    } else return;
    event.preventDefault();
  });
  return { box, cursor };
}

// Where a pointer is on an element, as shares of it.
function placeOf(canvas, event) {
  const around = canvas.getBoundingClientRect();
  return [(event.clientX - around.left) / around.width, (event.clientY - around.top) / around.height]
    .map((share) => Math.min(1, Math.max(0, share)));
}

// A share next to the picture's border as the border itself, so that a rectangle leaves no strip there.
function snapped(share) {
  return share < SNAP ? 0 : share > 1 - SNAP ? 1 : share;
}

// The rectangle that is being drawn.
function showBox(box, from, to) {
  const [left, top] = [0, 1].map((side) => 100 * Math.min(from[side], to[side]));
  const [width, height] = [0, 1].map((side) => 100 * Math.abs(from[side] - to[side]));
  Object.assign(box.style, { left: `${left}%`, top: `${top}%`, width: `${width}%`, height: `${height}%` });
  box.hidden = false;
}

// A ring as large as the brush, where it would paint; small for the other tools.
function showCursor(cursor, canvas, [x, y], { tool, size }) {
  const wide = tool === "brush" ? size * Math.max(canvas.clientWidth, canvas.clientHeight) : 12;
  Object.assign(cursor.style, { left: `${100 * x}%`, top: `${100 * y}%`, width: `${wide}px`, height: `${wide}px` });
  cursor.hidden = false;
}
