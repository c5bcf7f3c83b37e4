// More control: how strong, whose colours, how large the strokes, a second style, and where that one paints.

const STROKE_WORDS = { 0.25: "very fine", 0.5: "fine", 1: "as the pictures are", 2: "large" };

// The fold. gallery: the dialog with the sample pictures; editor: where masks are painted.
function control(line, gallery, editor) {
  const words = h("span", { class: "st-soft st-control-words" });
  line.listen("setup", (setup) => setText(words, controlWords(setup || {})));
  const first = h("div", { class: "st-menus" }, strengthRow(line), colorMenu(line), strokeMenu(line));
  const fold = h("details", { class: "st-control" }, h("summary", {}, "More control", words), first,
    secondStyle(line, gallery, editor));
  fold.addEventListener("toggle", () => fold.open && fold.scrollIntoView({ block: "nearest", behavior: "smooth" }));
  return line.group("st-fold", fold);
}

// What is set in it, beside its name.
function controlWords({ strength, colors, stroke, second }) {
  const said = ["strength, colours, strokes, a second style"];
  const own = [
    strength != null && strength !== 0.5 && `strength ${plain(strength)}`,
    colors && colors !== "style" && "other colours",
    stroke !== 1 && stroke != null && `strokes × ${plain(stroke)}`,
    second && `second style: ${second.label}`,
  ].filter(Boolean);
  return (own.length ? own : said).join(" · ");
}

// One slider for alpha, beta and TV together.
function strengthRow(line) {
  const words = h("output", {});
  const range = h("input", { type: "range", min: 0, max: 1, step: 0.01, "aria-label": "Strength of the style",
    title: "0: the photograph, 0.5: the recipe's own weights, 1: the painting. Double-click: 0.5" });
  const row = h("div", { class: "st-menu st-strength" }, h("span", { class: "st-label" }, "Strength"),
    h("div", { class: "st-slide" }, range, words));
  let touched = -Infinity;
  const send = atMost(40, (value) => line.send({ do: "strength", value }));
  const draw = (own) => {
    setText(words, own ? plain(range.value) : "by hand");
    setAttribute(range, "aria-valuetext", own ? plain(range.value) : "by hand");
    row.classList.toggle("st-by-hand", !own);
    range.style.setProperty("--p", range.value);
  };
  const move = () => {
    touched = performance.now();
    draw(true);
    send(Number(range.value));
  };
  range.addEventListener("input", move);
  range.addEventListener("dblclick", () => {
    range.value = 0.5;
    move();
  });
  heldHands(range);
  const follow = () => {
    if (range.dataset.held || performance.now() - touched < HELD) return false;
    const { strength } = line.get("setup");
    if (strength != null) range.value = strength;
    draw(strength != null);
    return true;
  };
  line.listen("setup", follow);
  line.every(HELD, () => touched > -Infinity && follow() && (touched = -Infinity));
  return row;
}

// Whose colours the painting has.
function colorMenu(line) {
  const select = h("select", { on: { change: () => line.send({ do: "choose", name: "colors", value: select.value }) } });
  line.listen("setup", (setup) => showOptions(select, setup?.color_modes || [], setup?.colors ?? ""));
  return h("label", { class: "st-menu st-colors" }, h("span", { class: "st-label" }, "Colours"), select);
}

// How large the strokes are.
function strokeMenu(line) {
  const select = h("select", { on: { change: () => {
    if (select.value) line.send({ do: "stroke", value: Number(select.value) });
  } } });
  line.listen("setup", (setup) => {
    const sizes = (setup?.strokes || []).map((size) => ({ name: String(size), line: strokeWords(size) }));
    const several = setup?.stroke == null ? [{ name: "", line: "each style its own" }] : [];
    showOptions(select, [...several, ...sizes], setup?.stroke ?? "");
  });
  return h("label", { class: "st-menu st-stroke" }, h("span", { class: "st-label" }, "Size of the strokes"), select);
}

// "large (× 2)".
function strokeWords(size) {
  return STROKE_WORDS[size] ? `${STROKE_WORDS[size]} (× ${plain(size)})` : `× ${plain(size)}`;
}

// The second style: its picture, how much of it, and where it paints.
function secondStyle(line, gallery, editor) {
  const remove = button("st-one-style st-plain", "close", "Remove", () => line.send({ do: "one_style" }),
    { title: "Paint with the first style alone" });
  const hint = h("p", { class: "st-soft st-second-hint" },
    "Choose one to mix two paintings, or to paint each in its own part of the photograph.");
  const picture = h("div", { class: "st-second-picture" }, thumbnail(line, "second", gallery), remove);
  const [mix, mask] = [mixRow(line), maskRow(line, editor)];
  line.listen("setup", (setup) => {
    const second = setup?.second;
    remove.hidden = mix.hidden = mask.hidden = !second;
    hint.hidden = Boolean(second);
    mix.classList.toggle("st-no-mix", Boolean(second?.masked));
  });
  return h("div", { class: "st-menus st-second" }, picture, hint, mix, mask);
}

// How much of the second style is in the mix; with a mask each has its own place, and nothing is mixed.
function mixRow(line) {
  const words = h("output", {});
  const range = h("input", { type: "range", min: 0.05, max: 0.95, step: 0.05, "aria-label": "Share of the second style" });
  const draw = () => {
    setText(words, range.disabled ? "by mask" : percent(range.value));
    setAttribute(range, "aria-valuetext", range.disabled ? "by mask" : percent(range.value));
    range.style.setProperty("--p", (range.value - range.min) / (range.max - range.min));
  };
  range.addEventListener("input", draw);
  range.addEventListener("change", () => line.send({ do: "mix", value: Number(range.value) }));
  heldHands(range);
  line.listen("setup", (setup) => {
    if (!setup?.second || range.dataset.held) return;
    range.disabled = setup.second.masked;
    range.value = setup.second.share;
    draw();
  });
  return h("div", { class: "st-menu st-mix" }, h("span", { class: "st-label" }, "Share of the second style"),
    h("div", { class: "st-slide" }, range, words));
}

// Where the second style paints: the mask as it is, and what may be done with it.
function maskRow(line, editor) {
  const image = h("img", { class: "st-mask-picture", alt: "Mask: the second style paints where it is white", hidden: true });
  const slot = pictureSlot(image);
  const everywhere = h("span", { class: "st-soft" }, "everywhere");
  const input = h("input", { type: "file", accept: "image/*", class: "st-file", tabindex: "-1", "aria-label": "Load a mask" });
  input.addEventListener("change", () => {
    sendMask(line, input.files[0]);
    input.value = "";
  });
  const paint = button("st-mask-open st-plain", "brush", "Paint a mask", () => editor.open(),
    { title: "Paint on the photograph where the second style goes" });
  const load = button("st-mask-load st-plain", "load", "Load", () => input.click(),
    { title: "A picture of the photograph's shape: white where the second style paints", "aria-label": "Load a mask from a file" });
  const remove = button("st-mask-remove st-plain", "close", "Remove", () => line.send({ do: "no_mask" }),
    { title: "Mix both styles everywhere", "aria-label": "Remove the mask" });
  line.listen("mask", (bytes) => {
    slot.show(bytes);
    everywhere.hidden = sizeOf(bytes) > 0;
    remove.hidden = !sizeOf(bytes);
  });
  line.atEnd(() => slot.clear());
  return h("div", { class: "st-menu st-mask" }, h("span", { class: "st-label" }, "Where the second style paints"),
    h("div", { class: "st-mask-acts" }, image, everywhere, paint, load, remove, input));
}

// Send a file to Python as the mask.
async function sendMask(line, file) {
  if (!file || line.lost) return;
  const bytes = await shrink(file, line.model.get("largest") || 1024);
  line.send({ do: "mask", name: file.name, soft: 0 }, [bytes]);
}
