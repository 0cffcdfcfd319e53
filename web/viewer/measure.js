// SPDX-License-Identifier: Apache-2.0
// What tools say about an image, in numbers. Places are image coordinates; the middle of the first pixel is (0.5, 0.5).
import { modalityValue } from "./luts.js";
import { storedAt } from "./pixels.js";

/** Millimetres; pixels where no spacing is known. `sides` is [between rows, between columns]. */
export function distance([x0, y0], [x1, y1], sides) {
  const [high, wide] = sides ?? [1, 1];
  return Math.hypot((x1 - x0) * wide, (y1 - y0) * high);
}

/** Degrees at the second of three places; `sides` are a pixel's, or any two numbers in their proportion. */
export function angle(a, b, c, sides) {
  const [high, wide] = sides ?? [1, 1];
  const one = [(a[0] - b[0]) * wide, (a[1] - b[1]) * high];
  const other = [(c[0] - b[0]) * wide, (c[1] - b[1]) * high];
  const sizes = Math.hypot(...one) * Math.hypot(...other);
  if (sizes === 0) return 0;
  return (Math.acos(Math.min(Math.max((one[0] * other[0] + one[1] * other[1]) / sizes, -1), 1)) * 180) / Math.PI;
}

/** Whether the middle of a pixel is in the shape that two opposite corners span. */
export function isInside(shape, [x0, y0], [x1, y1], column, row) {
  const [x, y] = [column + 0.5, row + 0.5];
  if (shape === "rectangle") {
    return x >= Math.min(x0, x1) && x <= Math.max(x0, x1) && y >= Math.min(y0, y1) && y <= Math.max(y0, y1);
  }
  const [wide, high] = [Math.abs(x1 - x0) / 2, Math.abs(y1 - y0) / 2];
  if (wide === 0 || high === 0) return false;
  return ((x - (x0 + x1) / 2) / wide) ** 2 + ((y - (y0 + y1) / 2) / high) ** 2 <= 1;
}

/**
 * Mean, standard deviation (of the population), lowest and highest of what the pixels mean whose middle is inside; and the
 * shape's area in mm2, from its outline and not from its pixels. Null for colour, and where no pixel is inside.
 */
export function statistics(frame, image, modality, shape, a, b, sides) {
  if (frame.kind !== "grey") return null;
  const [left, right] = [Math.min(a[0], b[0]), Math.max(a[0], b[0])];
  const [top, bottom] = [Math.min(a[1], b[1]), Math.max(a[1], b[1])];
  let [count, mean, squares, lowest, highest] = [0, 0, 0, Infinity, -Infinity];
  for (let row = Math.max(Math.floor(top), 0); row < Math.min(Math.ceil(bottom), image.rows); row += 1) {
    for (let column = Math.max(Math.floor(left), 0); column < Math.min(Math.ceil(right), image.columns); column += 1) {
      if (!isInside(shape, a, b, column, row)) continue;
      const x = modalityValue(modality, storedAt(frame, row * image.columns + column));
      count += 1;
      // Welford's: no difference of large numbers.
      const step = x - mean;
      mean += step / count;
      squares += step * (x - mean);
      if (x < lowest) lowest = x;
      if (x > highest) highest = x;
    }
  }
  if (count === 0) return null;
  const area = (right - left) * (bottom - top) * (shape === "ellipse" ? Math.PI / 4 : 1);
  return { count, mean, deviation: Math.sqrt(squares / count), lowest, highest, area: area * sides[0] * sides[1] };
}

/** What is at a place: {stored, value} of grey, {colour} of colour; null outside of the image. */
export function probe(frame, image, modality, [x, y]) {
  const [column, row] = [Math.floor(x), Math.floor(y)];
  if (column < 0 || row < 0 || column >= image.columns || row >= image.rows) return null;
  const index = row * image.columns + column;
  if (frame.kind === "colour") return { column, row, colour: [...frame.data.subarray(4 * index, 4 * index + 3)] };
  const stored = storedAt(frame, index);
  return { column, row, stored, value: modalityValue(modality, stored) };
}
