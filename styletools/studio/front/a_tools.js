// Small tools that every part of the page uses. The files of this folder are joined in alphabetical order into one module.

const TERMS = ["content", "style", "tv"];
const TAKES_KEYS = ["button", "input", "select", "summary"];
const KNOBS = [
  { name: "alpha", term: "content", label: "α content" },
  { name: "beta", term: "style", label: "β style" },
  { name: "tv", term: "tv", label: "TV" },
];
const ICONS = {
  play: "M7 4.5v15l13-7.5z",
  pause: "M6 4.5h4.5v15H6zM13.5 4.5H18v15h-4.5z",
  step: "M5 5v14l9-7zM15.5 5H19v14h-3.5z",
  reset: "M12 5V1.5L6.5 6.5 12 11.5V8a5.5 5.5 0 1 1-5.5 5.5h-3A8.5 8.5 0 1 0 12 5z",
  camera: "M9 4 7.5 6.5h-5V20h19V6.5h-5L15 4zm3 5a4 4 0 1 1 0 8 4 4 0 0 1 0-8z",
  save: "M10.5 3h3v8.5h4L12 17.5l-5.5-6h4zM4 18.5h16V21H4z",
  load: "M10.5 17.5v-8.5h-4L12 3l5.5 6h-4v8.5zM4 18.5h16V21H4z",
  sheet: "M3 4h8v7H3zM13 4h8v7h-8zM3 13h8v7H3zM13 13h8v7h-8z",
  film: "M3 4h18v16H3zm2 2v2h2V6zm12 0v2h2V6zM5 11v2h2v-2zm12 0v2h2v-2zM5 16v2h2v-2zm12 0v2h2v-2z",
  close: "M6.2 4.3 12 10.1l5.8-5.8 1.9 1.9-5.8 5.8 5.8 5.8-1.9 1.9-5.8-5.8-5.8 5.8-1.9-1.9 5.8-5.8-5.8-5.8z",
  link: "M11 7H8a5 5 0 0 0 0 10h3v-2.2H8a2.8 2.8 0 0 1 0-5.6h3zM13 7h3a5 5 0 0 1 0 10h-3v-2.2h3a2.8 2.8 0 0 0 0-5.6h-3z" +
    "M8.5 10.9h7v2.2h-7z",
  screen: "M3 3h7v2.5H5.5V10H3zM14 3h7v7h-2.5V5.5H14zM3 14h2.5v4.5H10V21H3zM18.5 14H21v7h-7v-2.5h4.5z",
  sliders: "M4 6h7V4h3v2h6v2.4h-6v2h-3v-2H4zM4 15.6h10v-2h3v2h3V18h-3v2h-3v-2H4z",
  brush: "M20.5 3.5 10.8 13.2l2.2 2.2 9-9.5zM9.6 14.6c-3 0-3.6 2.2-3.9 3.6-.2 1-.9 1.7-2.2 2 4.2 1.4 8.6.2 8.4-3.3z",
  back: "M10 5v4.5c6 0 9.5 3 11 9-2.5-3.5-6-5-11-5V18l-7.5-6.5z",
};

// An element with attributes, listeners (under "on") and children. JupyterLab leaves the keys pressed in it alone.
function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  if (TAKES_KEYS.includes(tag)) node.setAttribute("data-lm-suppress-shortcuts", "true");
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") for (const [event, act] of Object.entries(value)) node.addEventListener(event, act);
    else if (value !== false && value != null) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

// One of ICONS as a small drawing that takes the colour of its text.
function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "st-icon");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

// A button with an icon and a word; `more` are further attributes.
function button(classes, drawing, text, act, more = {}) {
  const label = text ? h("span", {}, text) : null;
  return h("button", { type: "button", class: classes, on: { click: act }, ...more }, drawing ? icon(drawing) : null, label);
}

// Change a text only where it differs, so that a page that hears five frames a second stays quiet.
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// The same for an attribute; null takes it away.
function setAttribute(node, name, value) {
  if (value == null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

// A weight as text that a number field takes too: three digits, without an exponent while that is short.
function plain(value) {
  const rounded = Number(Number(value).toPrecision(3));
  return Math.abs(rounded) >= 1e-6 && Math.abs(rounded) < 1e9 ? rounded.toLocaleString("en", { useGrouping: false,
    maximumFractionDigits: 9 }) : String(rounded);
}

// A share of one in per cent, as text.
function percent(share) {
  return `${Math.round(100 * share)} %`;
}

// How many bytes a trait holds; it may be missing.
function sizeOf(bytes) {
  return bytes ? bytes.byteLength || 0 : 0;
}

// Calls `act` at most once in `pause` milliseconds, and always with what came last.
function atMost(pause, act) {
  let timer = 0;
  let waiting = null;
  let last = -Infinity;
  const run = () => {
    timer = 0;
    last = performance.now();
    act(...waiting);
  };
  return (...values) => {
    waiting = values;
    if (timer) return;
    const left = last + pause - performance.now();
    if (left <= 0) run();
    else timer = setTimeout(run, left);
  };
}

// Shows bytes in one <img>: decoded first, swapped then, and the old address given back after that.
function pictureSlot(image, changed = () => {}) {
  let next = null;
  let shown = "";
  let busy = false;
  const drop = () => {
    if (shown) URL.revokeObjectURL(shown);
    shown = "";
  };
  async function work() {
    busy = true;
    while (next) {
      const bytes = next;
      next = null;
      const address = URL.createObjectURL(new Blob([bytes]));
      const good = await decodes(address);
      if (!good || (next && next.byteLength === 0)) {
        URL.revokeObjectURL(address);
        continue;
      }
      image.src = address;
      drop();
      shown = address;
      image.hidden = false;
      changed(good);
    }
    busy = false;
  }
  return {
    show(bytes) {
      if (!sizeOf(bytes)) return this.clear();
      next = bytes;
      if (!busy) work();
    },
    clear() {
      next = null;
      image.hidden = true;
      image.removeAttribute("src");
      drop();
    },
  };
}

// The picture behind an address once it can be drawn at once, or null where it is none.
async function decodes(address) {
  const picture = new Image();
  picture.src = address;
  const late = new Promise((resolve) => setTimeout(resolve, 1500));  // a hidden page may never decode
  try {
    await Promise.race([picture.decode(), late]);
  } catch {
    return null;
  }
  return picture;
}

// Bytes offered as a download, under a name.
function download(bytes, name, mime) {
  const address = URL.createObjectURL(new Blob([bytes], { type: mime }));
  const link = h("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

// A photograph turned upright and at most `largest` pixels wide or high; what is no picture arrives as it is.
async function shrink(file, largest) {
  try {
    const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, largest / Math.max(bitmap.width, bitmap.height));
    const canvas = h("canvas");
    canvas.width = Math.max(1, Math.round(scale * bitmap.width));
    canvas.height = Math.max(1, Math.round(scale * bitmap.height));
    const context = canvas.getContext("2d");
    context.fillStyle = "white";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    return await blob.arrayBuffer();
  } catch {
    return await file.slice(0, 4e6).arrayBuffer();
  }
}
