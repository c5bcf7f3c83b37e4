// The page: its parts in their places. Python joins the files of this folder; this one comes last.

// One view of the studio. Several views of one model may stand on a page.
function render({ model, el }) {
  const others = document.querySelectorAll(".st-studio").length;
  const name = `Style transfer studio${others ? ` ${others + 1}` : ""}`;
  const root = h("div", { class: "st-studio", role: "region", "aria-label": name, tabindex: "-1" });
  const line = openLine(model, root);
  const past = pastView(line);
  const [gallery, editor] = [galleryDialog(line), maskEditor(line)];
  const head = h("header", { class: "st-head" }, equation(line, gallery), gallery.dialog, ...tools(line));
  const painting = stage(line, past, editor);
  painting.append(messages(line));
  const under = h("div", { class: "st-under" }, heatButtons(line), timeline(line, past));
  const left = h("div", { class: "st-left" }, painting, under, editor.bar);
  const right = h("div", { class: "st-right" }, transport(line), knobs(line), pullBar(line), curves(line), grams(line));
  const main = h("div", { class: "st-main" }, left, right);
  const below = h("div", { class: "st-below" }, strip(line), control(line, gallery, editor), settings(line));
  const screen = h("div", { class: "st-screen" }, lostBanner(line), head, experimentCard(line), main);
  root.append(h("div", { class: "st-page" }, screen, below));
  line.hearOnce("file", ({ name, mime, text }, buffers) => {
    download(buffers[0], name, mime);
    if (text) line.say(text);
  });
  shortcuts(line);
  holdMisses(line);
  fitWindow(line);
  el.append(root);
  keepBeat(line);
  return () => {
    line.close();
    root.remove();
  };
}

// Tell the style sheet how far below the window's top the page begins, so that a Voila page fills the window.
function fitWindow(line) {
  const measure = () => {
    if (!line.root.isConnected || line.root.classList.contains("st-projector")) return;
    const top = line.root.getBoundingClientRect().top + window.scrollY;
    line.root.style.setProperty("--above", `${Math.min(Math.max(0, top), 80)}px`);
  };
  line.on(window, "resize", measure);
  const timer = setTimeout(measure, 0);
  line.atEnd(() => clearTimeout(timer));
}

export default { render };
