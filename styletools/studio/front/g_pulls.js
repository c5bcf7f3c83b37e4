// Who pulls: the bar of shares, the loss curves, and the Gram matrices.

// The ratio of the weights and a bar of the three gradients.
function pullBar(line) {
  const ratio = h("b", { class: "st-ratio-value" });
  const bar = h("div", { class: "st-bar", role: "img" });
  const parts = TERMS.map((term) => h("i", { class: `st-share st-share-${term}` }));
  const none = h("span", { class: "st-bar-none" }, "nothing pulls yet");
  bar.append(...parts, none);
  line.listen("frame", (frame) => {
    const shares = frame?.shares;
    const { alpha, beta } = line.get("setup").weights || {};  // until the first frame comes
    setText(ratio, frame?.ratio ?? (alpha > 0 ? plain(beta / alpha) : "–"));
    none.hidden = Boolean(shares);
    const muted = frame?.next && KNOBS.every((knob) => frame.next[knob.name] === 0);
    setText(none, muted ? "nothing pulls: all three are muted" : "nothing pulls yet");
    TERMS.forEach((term, place) => {
      const share = shares ? shares[place] : 0;
      parts[place].style.width = `${(100 * share).toFixed(1)}%`;
      setText(parts[place], shareWords(term, share));
      setAttribute(bar, `data-${term}`, shares ? share.toFixed(4) : null);
    });
    const words = shares ? TERMS.map((term, at) => `${term} ${percent(shares[at])}`).join(", ") : "nothing yet";
    setAttribute(bar, "aria-label", `Who pulls: ${words}`);
  });
  const title = h("div", { class: "st-row" }, h("span", { class: "st-label" }, "Who pulls"),
    h("span", { class: "st-ratio" }, "β / α = ", ratio));
  return h("div", { class: "st-pulls" }, title, bar);
}

// What fits into a part of the bar.
function shareWords(term, share) {
  const name = term === "tv" ? "TV" : term;
  if (share >= 0.24) return `${name} ${percent(share)}`;
  return share >= 0.1 ? percent(share) : "";
}

// The loss curves, drawn in Python; a click on a mark shows that moment.
function curves(line) {
  const place = h("div", { class: "st-curves" });
  line.listen("setup", (setup) => place.classList.toggle("st-yields", Boolean(setup?.gram)));
  let shown = "";
  line.listen("frame", (frame) => {
    const svg = frame?.svg || "";
    if (svg === shown) return;
    shown = svg;
    place.innerHTML = svg;
  });
  place.addEventListener("click", (event) => {
    const mark = event.target.closest("[data-step]");
    if (mark) line.lookAt(Number(mark.dataset.step) - 1);
  });
  return place;
}

// A style layer's Gram matrix of the painting beside the style picture's.
function grams(line) {
  const select = h("select", { "aria-label": "Gram matrices of a style layer",
    on: { change: () => line.send({ do: "choose", name: "gram", value: select.value }) } });
  const now = gramFigure(line, "gram", "now", "painting");
  const target = gramFigure(line, "gram_target", "target", "style");
  const words = h("div", { class: "st-gram-text" });
  line.listen("setup", (setup) => {
    const layers = (setup?.layers || []).map((layer) => ({ name: layer.name, line: layer.name }));
    showOptions(select, [{ name: "", line: "off" }, ...layers], setup?.gram || "");
    now.hidden = target.hidden = words.hidden = !setup?.gram;
  });
  line.listen("gram_text", (text) => setText(words, text || ""));
  const label = h("label", { class: "st-gram" }, h("span", { class: "st-label" }, "Gram matrices"), select);
  return line.group("st-grams", now, target, h("div", { class: "st-gram-side" }, label, words));
}

// One of the two maps, with its name under it.
function gramFigure(line, trait, name, words) {
  const image = h("img", { class: `st-gram-${name}`, alt: `Gram matrix of the ${words}`, hidden: true });
  const slot = pictureSlot(image);
  line.listen(trait, (bytes) => slot.show(bytes));
  line.atEnd(() => slot.clear());
  return h("figure", {}, image, h("figcaption", {}, words));
}

// Give a menu its options where they changed, and its value.
function showOptions(select, options, value) {
  const key = JSON.stringify(options);
  if (select.dataset.key !== key) {
    select.dataset.key = key;
    select.replaceChildren(...options.map((option) => h("option", { value: option.name }, option.line)));
  }
  if (select.value !== String(value)) select.value = value;
}
