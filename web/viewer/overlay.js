// SPDX-License-Identifier: Apache-2.0
// What lies over an image: shutters, overlay planes, reference lines, measurements, the keyboard's cursor.
import { dot, referenceLine } from "./geometry.js";
import { apply } from "./matrix.js";
import { captions } from "./captions.js";
import { drawGraphics } from "./graphics.js";

const colours = { overlay: [255, 208, 64], measure: "#7fd4ff", chosen: "#ffd166", line: "#8cff8c", cursor: "#ff7ad9" };
const bitmaps = new WeakMap();

export function drawOverlay(view, context) {
  const { image, frame } = view;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  if (!image || !frame) return;
  const map = view.toView;
  if (view.stage.hasOverlays) {
    drawLayers(view, context, map);
  }
  if (view.stage.hasLines) drawLines(view, context, map);
  context.lineWidth = 1.5 * view.ratio;
  context.font = `${13 * view.ratio}px sans-serif`;
  for (const annotation of view.stage.annotationsOf(image)) drawAnnotation(view, context, map, annotation);
  const unfinished = view.stage.tools.unfinished;
  if (unfinished?.view === view && unfinished.image === image) drawAnnotation(view, context, map, unfinished, true);
  if (view.cursor) drawCursor(view, context, map);
}

/** Shutters and overlay planes of the image; where a presentation state is in force, as it says, and what it draws. */
function drawLayers(view, context, map) {
  const { image, frame, stateInForce: state } = view;
  const own = view.details.overlays.filter((overlay) => !state || state.isActive(overlay.tag));
  const shade = state?.shade ?? 0;
  for (const shutter of state?.shutters ?? image.shutters) drawShutter(context, shutter, map, shade);
  if (state?.bitmapShutter) drawPlane(context, { ...state.bitmapShutter, colour: [shade, shade, shade] }, frame, map);
  for (const overlay of [...own, ...(state?.overlays ?? [])]) drawPlane(context, overlay, frame, map);
  if (state) drawGraphics(context, state.annotationsOf(image), { map, box: view.displayedBox, ratio: view.ratio });
}

function drawShutter(context, shutter, map, shade) {
  context.save();
  context.beginPath();
  context.rect(0, 0, context.canvas.width, context.canvas.height);
  context.setTransform(...map);
  if (shutter.polygon) {
    shutter.polygon.forEach(([x, y], index) => (index ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.closePath();
  } else {
    context.moveTo(shutter.center[0] + shutter.radius, shutter.center[1]);
    context.arc(...shutter.center, shutter.radius, 0, 2 * Math.PI);
  }
  context.fillStyle = `rgb(${shade} ${shade} ${shade})`;
  context.fill("evenodd");
  context.restore();
}

/** The bits of an overlay plane as a picture; of one plane of several, or of unused bits of the pixels. */
function bitmap(overlay, frame) {
  const holder = overlay.bits ? overlay : frame;
  if (!bitmaps.has(holder)) bitmaps.set(holder, new Map());
  const made = bitmaps.get(holder);
  const colour = overlay.colour ?? colours.overlay;
  const name = `${overlay.tag} ${overlay.plane} ${colour}`;
  if (made.has(name)) return made.get(name);
  const size = overlay.rows * overlay.columns;
  const inPixels = overlay.bits ? null : frame.overlays?.[overlay.bit];
  if (!overlay.bits && !inPixels || !(size > 0)) return null;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [overlay.columns, overlay.rows];
  const context = canvas.getContext("2d");
  const picture = context.createImageData(overlay.columns, overlay.rows);
  for (let index = 0; index < size; index += 1) {
    const bit = overlay.plane * size + index;
    if (inPixels ? inPixels[index] : (overlay.bits[bit >> 3] >> (bit & 7)) & 1) {
      picture.data.set([...colour, 255], 4 * index);
    }
  }
  context.putImageData(picture, 0, 0);
  made.set(name, canvas);
  return canvas;
}

function drawPlane(context, overlay, frame, map) {
  const picture = bitmap(overlay, frame);
  if (!picture) return;
  context.save();
  context.setTransform(...map);
  // Magnified, a bit is a pixel with edges.
  context.imageSmoothingEnabled = Math.hypot(map[0], map[1]) < 1;
  context.drawImage(picture, overlay.left, overlay.top);
  context.restore();
}

/** Where the image of the active view, and of each other view, cuts this one. */
function drawLines(view, context, map) {
  const own = view.image.plane;
  if (!own) return;
  for (const other of view.stage.views) {
    const plane = other === view ? null : other.image?.plane;
    const isSame = plane && other.image.frameOfReference === view.image.frameOfReference
      && view.image.frameOfReference !== "";
    if (!isSame || Math.abs(dot(plane.normal, own.normal)) > 0.99) continue;
    const line = referenceLine(own, plane);
    if (!line) continue;
    context.strokeStyle = colours.line;
    context.lineWidth = (other === view.stage.active ? 2 : 1) * view.ratio;
    stroke(context, line.map((point) => apply(map, point)));
  }
}

function stroke(context, points) {
  context.beginPath();
  points.forEach(([x, y], index) => (index ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.stroke();
}

function drawAnnotation(view, context, map, annotation, isUnfinished = false) {
  const points = annotation.points.map((point) => apply(map, point));
  context.strokeStyle = isUnfinished ? colours.chosen : colours.measure;
  if (annotation.kind === "length" || annotation.kind === "angle") stroke(context, points);
  if (annotation.kind === "rectangle" && points.length === 2) {
    const [[x0, y0], [x1, y1]] = annotation.points;
    stroke(context, [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]].map((point) => apply(map, point)));
  }
  if (annotation.kind === "ellipse" && points.length === 2) drawEllipse(context, map, annotation.points);
  for (const [x, y] of points) {
    context.beginPath();
    context.arc(x, y, 3 * view.ratio, 0, 2 * Math.PI);
    context.stroke();
  }
  const words = captions(view, annotation);
  const [x, y] = points[points.length - 1];
  words.forEach((line, index) => write(view, context, line, x + 8 * view.ratio, y + (16 * index + 4) * view.ratio));
}

function drawEllipse(context, map, [[x0, y0], [x1, y1]]) {
  const steps = Array.from({ length: 65 }, (_, index) => (index * Math.PI) / 32);
  stroke(context, steps.map((turn) => apply(map, [
    (x0 + x1) / 2 + (Math.cos(turn) * (x1 - x0)) / 2, (y0 + y1) / 2 + (Math.sin(turn) * (y1 - y0)) / 2])));
}

function write(view, context, words, x, y) {
  const wide = context.measureText(words).width;
  const left = Math.max(Math.min(x, context.canvas.width - wide - 4), 4);
  context.lineWidth = 3 * view.ratio;
  const { strokeStyle } = context;
  context.strokeStyle = "#000";
  context.strokeText(words, left, y);
  context.fillStyle = strokeStyle;
  context.fillText(words, left, y);
  context.strokeStyle = strokeStyle;
  context.lineWidth = 1.5 * view.ratio;
}

function drawCursor(view, context, map) {
  const [x, y] = apply(map, view.cursor);
  const arm = 12 * view.ratio;
  context.strokeStyle = colours.cursor;
  stroke(context, [[x - arm, y], [x + arm, y]]);
  stroke(context, [[x, y - arm], [x, y + arm]]);
}
