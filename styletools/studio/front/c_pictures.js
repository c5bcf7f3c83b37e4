// Content + style = painting: the thumbnails, which take a dropped file and open the gallery.

const ROLES = { content: "Content", style: "Style", second: "Second style" };

// The row at the top: what the painting is made of, and how far it is. A second style has a place where there is one.
function equation(line, gallery) {
  const sign = (text) => h("span", { class: "st-sign", "aria-hidden": "true" }, text);
  const [content, style, second] = Object.keys(ROLES).map((role) => thumbnail(line, role, gallery));
  const also = h("span", { class: "st-also" }, sign("+"), second);
  second.append(maskBadge(line));
  const pictures = line.group("st-pictures", content, sign("+"), style, also);
  line.listen("setup", (setup) => {
    also.hidden = !setup?.second;
    pictures.classList.toggle("st-three", Boolean(setup?.second));
  });
  return h("div", { class: "st-equation" }, pictures, sign("="), statePill(line));
}

// The mask, tiny, on the picture that is painted there.
function maskBadge(line) {
  const image = h("img", { class: "st-badge", alt: "", hidden: true });
  const slot = pictureSlot(image);
  line.listen("mask", (bytes) => slot.show(bytes));
  line.atEnd(() => slot.clear());
  return image;
}

// One thumbnail: a button that opens the gallery, and a place to drop a file on.
function thumbnail(line, role, gallery) {
  const image = h("img", { class: "st-thumb", alt: "", hidden: true });
  const name = h("span", { class: "st-thumb-name" });
  const words = h("span", { class: "st-thumb-words" }, h("span", { class: "st-thumb-role" }, ROLES[role]), " ", name);
  const input = fileInput(line, role);
  const title = `Choose another ${pictureWords(role)}, or drop a file here`;
  const click = () => gallery.open(role, input);
  const open = h("button", { type: "button", class: "st-thumb-button", title, on: { click } }, image, words);
  const place = h("div", { class: `st-drop st-drop-${role}` }, open, input);
  const slot = pictureSlot(image);
  line.listen(`${role}_picture`, (bytes) => slot.show(bytes));
  line.listen("setup", (setup) => {
    const label = setup?.[role]?.label;
    setText(name, label || "choose…");
    setAttribute(open, "aria-label", label ? `${ROLES[role]} ${label}: choose another picture` : `Choose a ${pictureWords(role)}`);
  });
  line.atEnd(() => slot.clear());
  takesDrops(line, place, role);
  return place;
}

// "content picture", "second style picture".
function pictureWords(role) {
  return `${ROLES[role].toLowerCase()} picture`;
}

// A file that misses its place on a page of the studio's own is dropped on nothing: the browser would open it instead.
function holdMisses(line) {
  if (!line.voila) return;
  const hold = (event) => event.dataTransfer?.types.includes("Files") && event.preventDefault();
  for (const event of ["dragover", "drop"]) line.on(window, event, hold);
}

// The hidden field behind "From your computer".
function fileInput(line, role) {
  const name = `Load a ${pictureWords(role)}`;
  const input = h("input", { type: "file", accept: "image/*", class: "st-file", tabindex: "-1", "aria-label": name });
  input.addEventListener("change", () => {
    upload(line, role, input.files[0]);
    input.value = "";
  });
  return input;
}

// Send a file to Python as a picture, or as the mask.
async function upload(line, role, file) {
  if (role === "mask") return sendMask(line, file);
  if (!file || line.lost) return;
  const bytes = await shrink(file, line.model.get("largest") || 1024);
  line.send({ do: "upload", role, name: file.name }, [bytes]);
}

// Let files be dropped on an element; a frame shows where they would land.
function takesDrops(line, place, role) {
  let depth = 0;
  const mark = (change) => {
    depth = Math.max(0, change === 0 ? 0 : depth + change);
    place.classList.toggle("st-over", depth > 0);
  };
  const handle = (event, act) => {
    event.preventDefault();
    event.stopPropagation();
    act();
  };
  place.addEventListener("dragenter", (event) => handle(event, () => mark(1)));
  place.addEventListener("dragover", (event) => handle(event, () => {}));
  place.addEventListener("dragleave", (event) => handle(event, () => mark(-1)));
  place.addEventListener("drop", (event) => handle(event, () => {
    mark(0);
    upload(line, role, event.dataTransfer.files[0]);
  }));
}

// The gallery of sample pictures, asked from Python when it is first opened.
function galleryDialog(line) {
  let role = "content";
  let input = null;
  let asked = false;
  const title = h("h2", { id: `st-gallery-${line.id}` });
  const grid = h("div", { class: "st-gallery-grid" }, h("p", { class: "st-soft" }, "Loading the pictures…"));
  const ownFile = button("st-plain", "load", "From your computer…", () => {
    dialog.close();
    input?.click();
  });
  const dialog = dialogCard("st-gallery", `st-gallery-${line.id}`, title, ownFile, grid);
  const pick = (name) => {
    line.send({ do: "pick", role, name });
    dialog.close();
  };
  const addresses = [];
  line.atEnd(() => addresses.forEach((address) => URL.revokeObjectURL(address)));
  line.hear("gallery", ({ pictures }, buffers) => {
    if (addresses.length) return;
    addresses.push(...buffers.map((bytes) => URL.createObjectURL(new Blob([bytes]))));
    grid.replaceChildren(...galleryGroups(pictures, addresses, pick));
  });
  return {
    dialog,
    open(newRole, newInput) {
      [role, input] = [newRole, newInput];
      setText(title, `Choose a ${pictureWords(role)}`);
      dialog.dataset.role = role;
      if (!asked) line.send({ do: "gallery" });
      asked = true;
      dialog.showModal();
    },
  };
}

// Photographs and paintings as two headed rows of buttons.
function galleryGroups(pictures, addresses, pick) {
  const kinds = { photograph: "Photographs", painting: "Paintings" };
  return Object.entries(kinds).flatMap(([kind, heading]) => {
    const buttons = pictures.map((picture, place) => picture.kind === kind && h(
      "button", { type: "button", class: "st-sample", "data-name": picture.name, on: { click: () => pick(picture.name) } },
      h("img", { src: addresses[place], alt: "" }), h("span", {}, picture.title),
    ));
    return [h("h3", {}, heading), h("div", { class: "st-samples" }, ...buttons.filter(Boolean))];
  });
}

// A dialog with a close button; a click beside it closes it too.
function dialogCard(classes, labelledby, ...children) {
  const close = button("st-close", "close", "", () => dialog.close(), { "aria-label": "Close", title: "Close (Esc)" });
  const dialog = h("dialog", { class: `st-dialog ${classes}`, "aria-labelledby": labelledby },
    h("div", { class: "st-dialog-card" }, close, ...children));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  return dialog;
}

const STATES = { idle: "ready", running: "painting", paused: "paused", finished: "finished", error: "stopped" };

// What the sum is: the state in a word, the step and the speed; the weights of the last step as data for programs.
function statePill(line) {
  const pill = h("span", { class: "st-state" });
  const step = h("span", { class: "st-step-count" });
  const speed = h("span", { class: "st-speed" });
  const show = () => {
    const frame = line.get("frame");
    const state = frame.state || "idle";
    pill.dataset.state = state;
    pill.dataset.step = frame.step ?? 0;
    for (const { name } of KNOBS) {
      if (frame.weights) pill.dataset[name] = frame.weights[name];
      else delete pill.dataset[name];
    }
    setText(pill, line.lost ? "no answer" : frame.asleep ? "asleep" : STATES[state] || state);
    setText(step, `step ${frame.step ?? 0}${frame.goal ? ` of ${frame.goal}` : ""}`);
    setText(speed, speedWords(frame));
  };
  line.listen("frame", show);
  line.lostChanged.push(show);
  return h("div", { class: "st-sum" }, pill, h("span", { class: "st-sum-words" }, step, speed));
}

// "52 steps/s · 0:07 left", while it paints.
function speedWords(frame) {
  if (frame.state !== "running" || !frame.speed) return "";
  const speed = `${frame.speed >= 10 ? Math.round(frame.speed) : frame.speed} steps/s`;
  if (frame.left == null) return speed;
  const left = Math.round(frame.left);
  return `${speed} · ${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")} left`;
}
