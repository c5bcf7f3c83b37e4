async function shrink(file, largest) {
  // Photographs arrive turned upright and at most `largest` pixels wide or high; what is no picture arrives as it is.
  try {
    const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, largest / Math.max(bitmap.width, bitmap.height));
    const canvas = document.createElement("canvas");
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

function render({ model, el }) {
  const place = document.createElement("label");
  place.className = "st-drop";
  const input = document.createElement("input");
  input.type = "file";
  input.accept = "image/*";
  input.setAttribute("aria-label", model.get("description"));
  place.append(model.get("description"), input);
  const send = async (file) => {
    if (file) model.send({ name: file.name }, undefined, [await shrink(file, model.get("largest"))]);
    input.value = "";
  };
  input.addEventListener("change", () => send(input.files[0]));
  for (const kind of ["dragenter", "dragover"])
    place.addEventListener(kind, (event) => { event.preventDefault(); event.stopPropagation(); place.classList.add("st-over"); });
  for (const kind of ["dragleave", "drop"])
    place.addEventListener(kind, (event) => { event.preventDefault(); event.stopPropagation(); place.classList.remove("st-over"); });
  place.addEventListener("drop", (event) => send(event.dataTransfer.files[0]));
  el.append(place);
}

export default { render };
