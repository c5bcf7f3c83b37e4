// Snapshots: a row of cards, two of them side by side, and what is written to files.

const CARD_ACTS = [
  { word: "restore", drawing: "back", says: "Go back to" },
  { word: "download", drawing: "save", says: "Download" },
  { word: "delete", drawing: "close", says: "Delete" },
];

// The strip and the comparison under it.
function strip(line) {
  const row = h("div", { class: "st-strip" });
  const none = h("p", { class: "st-soft st-none" }, "No snapshots yet: press Snapshot, or S.");
  const cards = new Map();
  line.listen("cards", (list) => {
    const wanted = list || [];
    none.hidden = wanted.length > 0;
    for (const [id, card] of cards) {
      if (wanted.some((one) => one.id === id)) continue;
      card.close();
      cards.delete(id);
    }
    wanted.forEach((one, place) => {
      if (!cards.has(one.id)) cards.set(one.id, snapshotCard(line, one));
      const card = cards.get(one.id);
      card.show(one);
      if (row.children[place] !== card.node) row.insertBefore(card.node, row.children[place] || null);
    });
  });
  line.listen("compared", () => tickCards(line, cards));
  line.listen("cards", () => tickCards(line, cards));
  line.atEnd(() => cards.forEach((card) => card.close()));
  const head = h("div", { class: "st-strip-head" }, h("h2", {}, "Snapshots"), none,
    doButton(line, "save", "save", "Save picture", "Write the picture as PNG, its settings inside"),
    doButton(line, "sheet", "sheet", "Sheet", "Write all snapshots on one sheet"),
    doButton(line, "film", "film", "Film", "Write the run as a film", "Making the film…"));
  return line.group("st-snapshots", head, row, comparison(line));
}

// Tick the cards that are compared.
function tickCards(line, cards) {
  const ids = (line.model.get("compared") || []).map((card) => card.id);
  cards.forEach((card, id) => card.tick(ids.includes(id)));
}

// One card: picture, name to be changed in place, two lines, and what may be done with it.
function snapshotCard(line, first) {
  const { id } = first;
  const image = h("img", { class: "st-card-picture", alt: "", hidden: true });
  const slot = pictureSlot(image);
  const rename = { "aria-label": "Name of this snapshot", title: "Click to rename" };
  const name = h("input", { type: "text", class: "st-name", maxlength: 60, ...rename });
  const lines = h("div", { class: "st-caption" });
  const change = () => line.send({ do: "compare", id, on: compare.checked });
  const compare = h("input", { type: "checkbox", on: { change } });
  const acts = CARD_ACTS.map(({ word, drawing, says }) =>
    button(`st-${word} st-small`, drawing, "", () => line.send({ do: word, id }), { title: says }));
  const label = h("label", { class: "st-compare" }, compare, "compare");
  const node = h("div", { class: "st-card", "data-id": id }, image, name, lines,
    h("div", { class: "st-row" }, label, h("span", { class: "st-acts" }, ...acts)));
  name.addEventListener("keydown", (event) => event.key === "Enter" && name.blur());
  name.addEventListener("change", () => line.send({ do: "rename", id, label: name.value }));
  let picture = null;
  return {
    node,
    show(card) {
      if (document.activeElement !== name) name.value = card.label;
      lines.replaceChildren(...card.caption.map((text) => h("div", {}, text)));
      setAttribute(image, "alt", `Snapshot ${card.label}: ${card.caption.join(", ")}`);
      CARD_ACTS.forEach(({ says }, at) => setAttribute(acts[at], "aria-label", `${says} snapshot ${card.label}`));
      setAttribute(compare, "aria-label", `Compare snapshot ${card.label}`);
      if (sameBytes(picture, card.jpeg)) return;
      picture = card.jpeg;
      slot.show(picture);
    },
    tick: (on) => (compare.checked = on),
    close() {
      slot.clear();
      node.remove();
    },
  };
}

// Whether two pieces of bytes are alike, told by their length and some of them.
function sameBytes(one, other) {
  if (!one || !other || one.byteLength !== other.byteLength) return false;
  const [a, b] = [one, other].map((bytes) => new Uint8Array(bytes.buffer || bytes, bytes.byteOffset || 0, bytes.byteLength));
  for (let place = 0; place < a.length; place += 97) if (a[place] !== b[place]) return false;
  return true;
}

// The two snapshots that are compared, large and side by side.
function comparison(line) {
  const place = h("div", { class: "st-versus", hidden: true });
  let slots = [];
  line.listen("compared", (compared) => {
    const chosen = compared || [];
    slots.forEach((slot) => slot.clear());
    slots = chosen.map((card) => bigPicture(card, () => place.scrollIntoView({ block: "nearest", behavior: "smooth" })));
    place.replaceChildren(...slots.map((slot) => slot.figure));
    place.hidden = chosen.length === 0;
  });
  line.atEnd(() => slots.forEach((slot) => slot.clear()));
  return place;
}

// One of them.
function bigPicture(card, drawn) {
  const words = [card.label, ...card.caption].join(" · ");
  const image = h("img", { class: "st-big", alt: `Snapshot ${words}`, hidden: true });
  const slot = pictureSlot(image, drawn);
  slot.show(card.jpeg);
  return { figure: h("figure", {}, image, h("figcaption", {}, words)), clear: () => slot.clear() };
}
