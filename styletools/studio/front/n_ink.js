// The ink of the mask editor: what is painted over the photograph, kept as pixels.

const INK = "#ff5a1f";  // only how opaque it is counts
const UNDOS = 20;
const RIM = 0.2;  // of the picture's size, by which the view is larger on each side

// What is painted: a canvas as large as the small photograph, of one colour, opaque where the mask is white; and a view of it.
function inkOf(line) {
  const label = "Mask on the photograph: arrow keys move, Space paints";
  const canvas = h("canvas", { class: "st-ink", tabindex: "0", role: "application", "aria-label": label });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const view = h("canvas", { class: "st-ink-view" });
  const before = [];
  let own = false;  // whether it holds something that Python has not heard of
  const pixels = () => context.getImageData(0, 0, canvas.width, canvas.height);
  // Change how opaque each pixel is: alpha(now, its place) gives 0..255.
  const remake = (alpha) => {
    const image = pixels();
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(INK.slice(at, at + 2), 16));
    for (let at = 0; at < image.data.length; at += 4) image.data.set([red, green, blue, alpha(image.data[at + 3], at)], at);
    context.putImageData(image, 0, 0);
    drawView(view, canvas);
  };
  const ink = {
    canvas,
    view,
    keep() {
      own = true;
      before.push(pixels());
      if (before.length > UNDOS) before.shift();
    },
    undo() {
      if (!before.length) return;
      context.putImageData(before.pop(), 0, 0);
      drawView(view, canvas);
    },
    forget() {
      own = false;
      before.length = 0;
    },
    invert: () => (ink.keep(), remake((now) => 255 - now)),
    clear: () => (ink.keep(), remake(() => 0)),
    // Draw with the ink, or with the eraser; act gets the context and the size of the canvas.
    draw(erase, act) {
      context.save();
      context.globalCompositeOperation = erase ? "destination-out" : "source-over";
      context.fillStyle = context.strokeStyle = INK;
      act(context, canvas.width, canvas.height);
      context.restore();
      drawView(view, canvas);
    },
    // Add a grey picture, or take it away.
    async add(bytes, erase) {
      const grey = await greyOf(bytes, canvas.width, canvas.height);
      remake((now, at) => (erase ? Math.min(now, 255 - grey[at]) : Math.max(now, grey[at])));
    },
    // Begin with the mask that Python has, if there is one, unless something is painted already; false then.
    async take() {
      if (own) return false;
      const photograph = await createImageBitmap(new Blob([line.model.get("content_picture")]));
      [canvas.width, canvas.height] = [photograph.width, photograph.height];
      const mask = line.model.get("mask");
      drawView(view, canvas);
      if (sizeOf(mask)) await ink.add(mask, false);
      return sizeOf(mask) > 0;
    },
    // The mask as a file: white on black.
    async png() {
      const image = pixels();
      for (let at = 0; at < image.data.length; at += 4) image.data.fill(image.data[at + 3], at, at + 3).fill(255, at + 3, at + 4);
      const sheet = h("canvas", { width: canvas.width, height: canvas.height });
      sheet.getContext("2d").putImageData(image, 0, 0);
      const blob = await new Promise((resolve) => sheet.toBlob(resolve, "image/png"));
      return await blob.arrayBuffer();
    },
  };
  return ink;
}

// Draw the view: the ink with its border repeated outwards, so that a blurred view does not fade along the picture's edge.
function drawView(view, canvas) {
  const { width, height } = canvas;
  const [rimX, rimY] = [Math.round(RIM * width), Math.round(RIM * height)];
  [view.width, view.height] = [width + 2 * rimX, height + 2 * rimY];
  const context = view.getContext("2d");
  const columns = [[0, 1, 0, rimX], [0, width, rimX, width], [width - 1, 1, rimX + width, rimX]];
  const rows = [[0, 1, 0, rimY], [0, height, rimY, height], [height - 1, 1, rimY + height, rimY]];
  for (const [x, wide, toX, toWide] of columns) for (const [y, high, toY, toHigh] of rows) {
    context.drawImage(canvas, x, y, wide, high, toX, toY, toWide, toHigh);
  }
}

// The bytes of a grey picture at a size: four for each pixel.
async function greyOf(bytes, width, height) {
  const sheet = h("canvas", { width, height });
  const context = sheet.getContext("2d");
  context.drawImage(await createImageBitmap(new Blob([bytes])), 0, 0, width, height);
  return context.getImageData(0, 0, width, height).data;
}
