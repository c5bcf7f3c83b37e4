// The tools at the top right, the projector mode, the shortcuts and the help on them.

const SHORTCUTS = [
  ["Space", "start or pause"], ["S", "snapshot"], ["← →", "move the slider that is in focus"],
  ["R", "reset: begin again"], ["P", "projector: fill the window"], ["Esc", "leave the projector, close a window"],
  ["?", "this help"],
];

// The row of tools.
function tools(line) {
  const help = helpDialog(line);
  const projector = button("st-projector-button st-plain", "screen", "Projector", () => line.toggleProjector(),
    { "aria-pressed": "false", title: "Fill the window (P)" });
  projectorMode(line, projector);
  line.openHelp = () => help.showModal();
  const row = h("div", { class: "st-tools" }, experimentMenu(line),
    button("st-address st-plain", "link", "Copy address", () => copyAddress(line),
      { title: "Copy an address that opens this set-up" }),
    button("st-settings-button st-plain", "sliders", "Settings", () => line.toggleSettings(),
      { title: "Recipe, network, size, steps" }),
    projector,
    button("st-help st-plain", "", "?", () => line.openHelp(), { "aria-label": "Help: shortcuts", title: "Shortcuts (?)" }));
  return [row, help];
}

// The list of shortcuts.
function helpDialog(line) {
  const id = `st-help-${line.id}`;
  const rows = SHORTCUTS.map(([keys, words]) => h("div", {}, h("dt", {}, h("kbd", {}, keys)), h("dd", {}, words)));
  const more = "Double-click a slider for the recipe's own weight. Drop a photograph on the painting, or on a thumbnail. " +
    "A second style, masks, colours and the size of the strokes are under More control, below the snapshots.";
  const [title, list] = [h("h2", { id }, "Shortcuts"), h("dl", {}, ...rows)];
  return dialogCard("st-help-card", id, title, list, h("p", { class: "st-soft" }, more));
}

// Put the address of this set-up on the clipboard; where that is not allowed, show it.
async function copyAddress(line) {
  const query = line.get("setup").address || "";
  const more = line.get("setup").left_out ? ` — ${line.get("setup").left_out}` : "";
  const address = line.voila ? `${location.origin}${location.pathname}${query ? `?${query}` : ""}` : `?${query}`;
  try {
    await navigator.clipboard.writeText(address);
    line.say(`Address copied: ${address}${more}`);
  } catch {
    line.say(`The address of this set-up: ${address}${more}`);
  }
}

// Fill the window, above everything else on the page, or go back into it. The page does so at once, and tells Python.
function projectorMode(line, pressed) {
  const { root } = line;
  let on = false;
  const show = () => {
    root.classList.toggle("st-projector", on);
    setAttribute(pressed, "aria-pressed", String(on));
    if (!root.showPopover || !root.isConnected || on === root.hasAttribute("popover")) return;
    if (!on) return root.removeAttribute("popover");
    root.setAttribute("popover", "manual");
    root.showPopover();
  };
  line.toggleProjector = () => {
    on = !on;
    show();
    line.send({ do: "choose", name: "projector", value: on });
  };
  let told = false;
  line.listen("setup", (setup) => {
    if (Boolean(setup?.projector) !== told) on = told = !told;
    show();
  });
  const timer = setTimeout(show, 0);  // by then the view is on the page
  line.atEnd(() => clearTimeout(timer));
}

// Keys work while the focus is in the studio, or on a Voila page nowhere; never while something is typed.
function shortcuts(line) {
  const { root } = line;
  root.setAttribute("data-lm-suppress-shortcuts", "true");
  line.on(document, "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.target;
    const inside = root.contains(target);
    const nowhere = target === document.body && line.voila && document.querySelector(".st-studio") === root;
    if (!(inside || nowhere) || target.closest("dialog") || types(target)) return;
    if (event.key === " " && target.closest("button, summary, select, input[type=checkbox]")) return;
    if (act(line, event)) event.preventDefault();
  });
  // A button that was clicked with the mouse gives the focus back, so that Space means Start and Pause again.
  root.addEventListener("click", (event) => {
    const clicked = event.detail > 0 && event.target.closest("button");
    if (clicked && !root.querySelector("dialog[open]")) root.focus({ preventScroll: true });
  });
}

// Whether keys go into a field here.
function types(target) {
  return target.matches("input:not([type=range], [type=checkbox], [type=file]), textarea, select, [contenteditable=true]");
}

// Do what a key means; false where it means nothing.
function act(line, event) {
  const key = event.key.toLowerCase();
  if (key === "escape" && line.root.classList.contains("st-projector")) return line.toggleProjector(), true;
  if (key === "?") return line.openHelp(), true;
  if (key === "p") return line.toggleProjector(), true;
  if (line.lost || event.repeat) return [" ", "s", "r"].includes(key);
  if (key === " ") return line.toggle(), true;
  if (key === "s") return line.send({ do: "snapshot" }), true;
  if (key === "r") return line.send({ do: "reset" }), true;
  return false;
}
