// SPDX-License-Identifier: Apache-2.0
// What stands beside a measurement, line by line.
import { angle, distance, probe, statistics } from "./measure.js";
import { decimal, phrase } from "./phrases.js";

/** The spacing in which a measurement is made; null where its places are not in one and the same. */
function spacingOf(image, points) {
  const found = points.map(([x, y]) => image.spacing(x, y));
  if (found.some((one) => !one)) return null;
  const isSame = found.every((one) => one.sides.every((side, axis) => side === found[0].sides[axis]));
  return isSame ? found[0] : null;
}

/** Numbers of a measurement, as they are shown and as a test compares them; `refusal` is a phrase's name. */
export function numbersOf(view, annotation) {
  const { image, frame, details } = view;
  const { kind, points } = annotation;
  const spacing = spacingOf(image, points);
  if (kind === "length") {
    if (points.length < 2) return {};
    return spacing ? { length: distance(points[0], points[1], spacing.sides), spacing }
      : { refusal: "noSpacing", pixels: distance(points[0], points[1]) };
  }
  if (kind === "angle") {
    // An angle needs the proportion of the sides only.
    return points.length < 3 ? {} : { angle: angle(...points, spacing?.sides ?? [image.aspect, 1]) };
  }
  if (kind === "probe") return { probe: probe(frame, image, details.modality, points[0]) };
  if (points.length < 2) return {};
  if (!spacing) return { refusal: "noSpacing" };
  const found = statistics(frame, image, details.modality, kind, points[0], points[1], spacing.sides);
  return found ? { statistics: found, spacing } : { refusal: image.isColour ? "noValues" : "empty" };
}

export function captions(view, annotation) {
  const found = numbersOf(view, annotation);
  const unit = view.details.palette ? "" : view.details.modality.unit;
  const note = found.spacing?.kind === "detector" ? ` (${phrase("atDetector")})` : "";
  if (found.refusal) {
    const pixels = found.pixels === undefined ? [] : [`${decimal(found.pixels, 1)} px`];
    return [...pixels, phrase(found.refusal)];
  }
  if (found.length !== undefined) return [`${decimal(found.length, 1)} mm${note}`];
  if (found.angle !== undefined) return [`${decimal(found.angle, 1)}°`];
  if (found.probe) {
    const { column, row, colour, value } = found.probe;
    const what = colour ? `R ${colour[0]} G ${colour[1]} B ${colour[2]}` : `${decimal(value, 2, true)} ${unit}`.trim();
    return [what, `(${column + 1}, ${row + 1})`];
  }
  if (!found.statistics) return [];
  const { mean, deviation, lowest, highest, area } = found.statistics;
  return [
    `${phrase("mean")} ${decimal(mean, 1)} ${unit}`.trim(), `${phrase("deviation")} ${decimal(deviation, 1)} ${unit}`.trim(),
    `${decimal(lowest, 1, true)} … ${decimal(highest, 1, true)} ${unit}`.trim(), `${decimal(area, 1)} mm²${note}`];
}
