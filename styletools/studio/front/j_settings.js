// What is set rarely: recipe, network, size, start, optimiser, steps, weights of the style layers.

const MENUS = [
  { name: "recipe", label: "Recipe", options: "recipes" },
  { name: "network", label: "Network", options: "networks" },
  { name: "size", label: "Size", options: "sizes", unit: " pixels" },
  { name: "init", label: "Start from", options: "inits" },
  { name: "optimizer", label: "Optimiser", options: "optimizers" },
];

// The fold.
function settings(line) {
  const menus = MENUS.map((menu) => settingMenu(line, menu));
  const words = h("span", { class: "st-soft st-settings-words" });
  const fold = h("details", { class: "st-settings" }, h("summary", {}, "Settings", words),
    h("div", { class: "st-menus" }, ...menus, stepsField(line)), layers(line));
  line.listen("setup", (setup) => {
    if (setup?.recipe) setText(words, `${setup.recipe} · ${setup.network} · ${setup.size} pixels · from ${setup.init}`);
  });
  line.toggleSettings = () => {
    fold.open = !fold.open;
    if (fold.open) fold.scrollIntoView({ block: "nearest", behavior: "smooth" });
  };
  return line.group("st-fold", fold);
}

// One menu, with a line on what is chosen.
function settingMenu(line, { name, label, options, unit = "" }) {
  const select = h("select", { on: { change: () => {
    const value = name === "size" ? Number(select.value) : select.value;
    line.send({ do: "choose", name, value });
  } } });
  line.listen("setup", (setup) => {
    showOptions(select, (setup?.[options] || []).map((one) => optionOf(one, unit)), setup?.[name] ?? "");
  });
  return h("label", { class: `st-menu st-${name}` }, h("span", { class: "st-label" }, label), select);
}

// A choice as {name, line}: some come as a plain name or number.
function optionOf(one, unit) {
  if (typeof one !== "object") return { name: String(one), line: `${one}${unit}` };
  return { name: one.name, line: one.line ? `${one.name}: ${one.line}` : one.name };
}

// After how many steps it stops; empty for painting on until paused.
function stepsField(line) {
  const field = h("input", { type: "number", min: 1, step: 1, placeholder: "until paused" });
  field.addEventListener("change", () => {
    const steps = field.value === "" ? null : Math.min(1e6, Math.max(1, Math.round(field.value)));
    field.value = steps ?? "";
    line.send({ do: "choose", name: "steps", value: steps });
  });
  line.listen("setup", (setup) => {
    if (document.activeElement !== field) field.value = setup?.steps ?? "";
  });
  return h("label", { class: "st-menu st-steps" }, h("span", { class: "st-label" }, "Stop after steps"), field);
}

// A slider for each style layer: times the recipe's own weight.
function layers(line) {
  const box = h("div", { class: "st-layers" });
  const rows = new Map();
  line.listen("setup", (setup) => {
    const list = setup?.layers || [];
    if ([...rows.keys()].join() !== list.map((layer) => layer.name).join()) {
      rows.clear();
      for (const layer of list) rows.set(layer.name, layerRow(line, layer.name));
      box.replaceChildren(...[...rows.values()].map((row) => row.node));
    }
    for (const layer of list) rows.get(layer.name).show(layer.factor);
  });
  const words = "How much each layer counts in the style term: times the recipe's own weight.";
  const part = h("div", {}, h("h3", {}, "Style layers"), h("p", { class: "st-soft" }, words), box);
  line.listen("setup", (setup) => (part.hidden = !setup?.layers?.length));
  return part;
}

// One of them.
function layerRow(line, name) {
  const words = h("output", {});
  const label = `Layer ${name}: times its own weight`;
  const range = h("input", { type: "range", min: 0, max: 5, step: 0.1, "aria-label": label });
  let touched = -Infinity;
  const send = atMost(40, (factor) => line.send({ do: "layer", name, factor }));
  const draw = () => {
    setText(words, `× ${plain(range.value)}`);
    setAttribute(range, "aria-valuetext", `times ${plain(range.value)}`);
    range.style.setProperty("--p", range.value / 5);
  };
  range.addEventListener("input", () => {
    touched = performance.now();
    draw();
    send(Number(range.value));
  });
  heldHands(range);
  return {
    node: h("div", { class: `st-layer st-${name}` }, h("span", {}, name), range, words),
    show(factor) {
      if (range.dataset.held || performance.now() - touched < HELD) return;
      range.value = factor;
      draw();
    },
  };
}
