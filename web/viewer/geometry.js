// SPDX-License-Identifier: Apache-2.0
// Planes in the patient's coordinate system (PS3.3 C.7.6.2.1.1): millimetres, x to the left, y to the back, z to the head.

export const add = (a, b) => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
export const subtract = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
export const scale = (a, factor) => [a[0] * factor, a[1] * factor, a[2] * factor];
export const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const length = (a) => Math.sqrt(dot(a, a));
export const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];

/** Of Image Position and Image Orientation; null where either is missing or the two directions are none. */
export function plane(position, orientation, spacing, rows, columns) {
  if (position?.length !== 3 || orientation?.length !== 6 || !spacing) return null;
  const row = orientation.slice(0, 3);
  const column = orientation.slice(3);
  const normal = cross(row, column);
  if (Math.abs(length(row) - 1) > 0.01 || Math.abs(length(column) - 1) > 0.01 || length(normal) < 0.9) return null;
  return { origin: position, row, column, normal, spacing, rows, columns };
}

/** Where a plane is along its own normal, in millimetres. */
export const depth = (plane) => dot(plane.origin, plane.normal);

export const isParallel = (a, b, tolerance = 0.001) => Math.abs(dot(a.normal, b.normal)) > 1 - tolerance;

/** The place of image coordinates; the middle of the first pixel is (0.5, 0.5). `spacing` is [rows, columns]. */
export function toPatient(plane, x, y) {
  return add(plane.origin, add(
    scale(plane.row, (x - 0.5) * plane.spacing[1]), scale(plane.column, (y - 0.5) * plane.spacing[0])));
}

/** The image coordinates of a place, seen along the normal. */
export function toImage(plane, place) {
  const way = subtract(place, plane.origin);
  return [dot(way, plane.row) / plane.spacing[1] + 0.5, dot(way, plane.column) / plane.spacing[0] + 0.5];
}

/** The plane nearest to a place: its index, and how far it is in millimetres; null where there is none. */
export function nearest(planes, place) {
  let best = null;
  planes.forEach((plane, index) => {
    if (!plane) return;
    const distance = Math.abs(dot(subtract(place, plane.origin), plane.normal));
    if (!best || distance < best.distance) best = { index, distance };
  });
  return best;
}

/** Where `other` cuts `plane`, as two points in the image coordinates of `plane`; null where they do not meet. */
export function referenceLine(plane, other) {
  const corners = [[0, 0], [other.columns, 0], [other.columns, other.rows], [0, other.rows]]
    .map(([x, y]) => toPatient(other, x, y));
  const sides = corners.map((corner) => dot(subtract(corner, plane.origin), plane.normal));
  const points = [];
  for (let index = 0; index < 4; index += 1) {
    const next = (index + 1) % 4;
    if (sides[index] * sides[next] > 0 || sides[index] === sides[next]) continue;
    const part = sides[index] / (sides[index] - sides[next]);
    points.push(toImage(plane, add(corners[index], scale(subtract(corners[next], corners[index]), part))));
  }
  return points.length >= 2 ? [points[0], points[points.length - 1]] : null;
}

/** The letters at the end of a direction (PS3.3 C.7.6.1.1.1): the strongest first, at most two. */
export function letters(direction) {
  const names = [["L", "R"], ["P", "A"], ["H", "F"]];
  return [0, 1, 2]
    .filter((axis) => Math.abs(direction[axis]) > 0.2)
    .sort((a, b) => Math.abs(direction[b]) - Math.abs(direction[a]))
    .slice(0, 2)
    .map((axis) => names[axis][direction[axis] > 0 ? 0 : 1])
    .join("");
}

/**
 * Whether planes, in their order, are the slices of one regular volume: parallel, of one size, equally far apart.
 * Returns {step} in millimetres, or {reason}: "geometry", "few", "orientation", "size", "gap", "oblique".
 */
export function regularity(planes) {
  if (planes.some((plane) => !plane)) return { reason: "geometry" };
  if (planes.length < 3) return { reason: "few" };
  const first = planes[0];
  const steps = [];
  for (let index = 1; index < planes.length; index += 1) {
    const plane = planes[index];
    if (dot(plane.row, first.row) < 0.9999 || dot(plane.column, first.column) < 0.9999) return { reason: "orientation" };
    const isSame = plane.rows === first.rows && plane.columns === first.columns
      && plane.spacing.every((side, axis) => Math.abs(side - first.spacing[axis]) < 1e-4);
    if (!isSame) return { reason: "size" };
    const way = subtract(plane.origin, planes[index - 1].origin);
    steps.push(dot(way, first.normal));
    const aside = length(subtract(way, scale(first.normal, dot(way, first.normal))));
    if (aside > 0.02 * length(way)) return { reason: "oblique" };
  }
  const step = steps.reduce((sum, one) => sum + one, 0) / steps.length;
  const tolerance = Math.max(0.02 * Math.abs(step), 0.01);
  if (Math.abs(step) < 1e-3 || steps.some((one) => Math.abs(one - step) > tolerance)) return { reason: "gap" };
  return { step };
}
