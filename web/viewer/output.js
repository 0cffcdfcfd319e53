// SPDX-License-Identifier: Apache-2.0
// A view as a file and on paper.
import { captions } from "./captions.js";

/** What is seen in a view, measurements and corner texts with it, and the notice below. */
export function composite(view, notice) {
  const { width, height } = view.canvas;
  const band = Math.round(22 * view.ratio);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height + band];
  const context = canvas.getContext("2d");
  context.fillRect(0, 0, width, height + band);
  view.drawNow();
  context.drawImage(view.canvas, 0, 0);
  context.drawImage(view.sheet, 0, 0);
  context.fillStyle = "#fff";
  context.font = `${12 * view.ratio}px sans-serif`;
  const box = view.area.getBoundingClientRect();
  for (const corner of [...Object.values(view.corners), ...Object.values(view.sides)]) {
    const lines = corner.children.length ? [...corner.children] : [corner];
    for (const line of lines) {
      if (!line.textContent) continue;
      const place = line.getBoundingClientRect();
      context.textAlign = corner.className.includes("right") ? "right" : "left";
      const x = (context.textAlign === "right" ? place.right : place.left) - box.left;
      context.fillText(line.textContent, x * view.ratio, (place.bottom - box.top - 4) * view.ratio);
    }
  }
  context.textAlign = "left";
  context.fillText(notice, 6 * view.ratio, height + band * 0.7);
  return canvas;
}

const blobOf = (canvas) => new Promise((resolve) => { canvas.toBlob(resolve, "image/png"); });

/** Offers a canvas, or a Blob, as a file to keep. Names of files say nothing of the patient. */
export async function save(source, name) {
  const blob = source instanceof Blob ? source : await blobOf(source);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Prints the views that show images, one after the other, below the patient's traits. */
export async function print(views, notice, heading) {
  const page = document.getElementById("paper");
  page.replaceChildren(heading);
  const waiting = [];
  for (const view of views) {
    if (!view.image || !view.frame) continue;
    const figure = document.createElement("figure");
    const picture = document.createElement("img");
    const caption = document.createElement("figcaption");
    caption.textContent = [view.element.getAttribute("aria-label"),
      ...view.stage.annotationsOf(view.image).map((one) => captions(view, one).join(", "))].join(" — ");
    picture.alt = caption.textContent;
    picture.src = URL.createObjectURL(await blobOf(composite(view, notice)));
    waiting.push(picture.decode());
    figure.append(picture, caption);
    page.append(figure);
  }
  await Promise.allSettled(waiting);
  globalThis.print();
  for (const picture of page.querySelectorAll("img")) URL.revokeObjectURL(picture.src);
}
