// SPDX-License-Identifier: Apache-2.0
// What a presentation state draws and writes on an image (PS3.3 C.10.5).
import { apply } from "./matrix.js";

const standard = [255, 255, 128];
const steps = Array.from({ length: 65 }, (_, index) => (index * Math.PI) / 32);

/**
 * `map` leads from image coordinates to the view; `box` is where in the view the displayed area is: {left, top, width, height}.
 * Shapes are in the one or in parts of the other.
 */
export function drawGraphics(context, annotations, { map, box, ratio }) {
  const place = (isOfDisplay) => (isOfDisplay
    ? ([x, y]) => [box.left + x * box.width, box.top + y * box.height] : (point) => apply(map, point));
  context.save();
  context.lineWidth = 1.5 * ratio;
  for (const { colour, shapes, texts } of annotations) {
    context.strokeStyle = context.fillStyle = `rgb(${(colour ?? standard).join(" ")})`;
    for (const shape of shapes) drawShape(context, shape, place(shape.isOfDisplay), ratio);
    for (const one of texts) drawText(context, one, place, ratio);
  }
  context.restore();
}

/** The outline of a shape in its own units; round ones as polygons, for a pixel need not be square. */
export function outline({ kind, points }) {
  if (kind === "CIRCLE" && points.length === 2) {
    const [[x, y], [onX, onY]] = points;
    const radius = Math.hypot(onX - x, onY - y);
    return steps.map((turn) => [x + radius * Math.cos(turn), y + radius * Math.sin(turn)]);
  }
  if (kind === "ELLIPSE" && points.length === 4) {
    const [[ax, ay], [bx, by], [cx, cy], [dx, dy]] = points;
    const half = [(bx - ax) / 2, (by - ay) / 2, (dx - cx) / 2, (dy - cy) / 2];
    return steps.map((turn) => [
      (ax + bx) / 2 + half[0] * Math.cos(turn) + half[2] * Math.sin(turn),
      (ay + by) / 2 + half[1] * Math.cos(turn) + half[3] * Math.sin(turn)]);
  }
  return kind === "INTERPOLATED" ? curve(points) : points;
}

/** Through all points, without a corner (Catmull-Rom). */
function curve(points) {
  if (points.length < 3) return points;
  const isClosed = points[0].every((one, axis) => one === points.at(-1)[axis]);
  const at = (index) => (isClosed ? points[(index + points.length - 1) % (points.length - 1)]
    : points[Math.min(Math.max(index, 0), points.length - 1)]);
  const found = [];
  for (let index = 0; index < points.length - 1; index += 1) {
    const [a, b, c, d] = [at(index - 1), points[index], points[index + 1], at(index + 2)];
    for (let step = 0; step < 16; step += 1) {
      const t = step / 16;
      found.push([0, 1].map((axis) => 0.5 * (2 * b[axis] + (c[axis] - a[axis]) * t
        + (2 * a[axis] - 5 * b[axis] + 4 * c[axis] - d[axis]) * t ** 2
        + (3 * b[axis] - a[axis] - 3 * c[axis] + d[axis]) * t ** 3)));
    }
  }
  return [...found, points.at(-1)];
}

function drawShape(context, shape, place, ratio) {
  const points = outline(shape).map(place);
  if (!points.length) return;
  context.beginPath();
  if (shape.kind === "POINT") {
    for (const [x, y] of points) {
      context.moveTo(x + 3 * ratio, y);
      context.arc(x, y, 3 * ratio, 0, 2 * Math.PI);
    }
  } else {
    points.forEach(([x, y], index) => (index ? context.lineTo(x, y) : context.moveTo(x, y)));
  }
  if (shape.isFilled) context.fill();
  context.stroke();
}

function drawText(context, { lines, box, anchor, isAnchorVisible, side }, place, ratio) {
  const pointed = anchor ? place(anchor.isOfDisplay)(anchor.point) : null;
  const corners = box?.corners.map(place(box.isOfDisplay));
  const [left, right] = corners ? [corners[0][0], corners[1][0]].sort((a, b) => a - b) : [pointed?.[0], pointed?.[0]];
  const [top, bottom] = corners ? [corners[0][1], corners[1][1]].sort((a, b) => a - b) : [pointed?.[1], pointed?.[1]];
  if (left === undefined) return;
  // As high as the box allows, and never too small to be read.
  const room = corners ? (bottom - top) / lines.length : 16 * ratio;
  const high = Math.min(Math.max(room, 12 * ratio), 20 * ratio);
  context.font = `${Math.round(high * 0.8)}px sans-serif`;
  context.textBaseline = "top";
  context.textAlign = corners && side === "RIGHT" ? "right" : corners && side === "CENTER" ? "center" : "left";
  const x = context.textAlign === "right" ? right : context.textAlign === "center" ? (left + right) / 2 : left;
  if (corners && pointed && isAnchorVisible) {
    context.beginPath();
    context.moveTo(...pointed);
    context.lineTo(Math.min(Math.max(pointed[0], left), right), Math.min(Math.max(pointed[1], top), bottom));
    context.stroke();
  }
  lines.forEach((line, index) => {
    const { strokeStyle, lineWidth } = context;
    [context.strokeStyle, context.lineWidth] = ["#000", 3 * ratio];
    context.strokeText(line, x, top + index * high);
    context.fillText(line, x, top + index * high);
    [context.strokeStyle, context.lineWidth] = [strokeStyle, lineWidth];
  });
}
