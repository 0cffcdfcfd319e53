// SPDX-License-Identifier: Apache-2.0
// Windows that readers use, in the units of the modality.

const tomography = [
  ["soft", 40, 400], ["lung", -600, 1500], ["bone", 500, 2000], ["brain", 40, 80], ["mediastinum", 50, 350],
  ["liver", 90, 150], ["angio", 200, 600], ["stroke", 35, 40]];

/** [name, center, width] by modality; of those without units of their own the image's values decide. */
export const byModality = { CT: tomography };

/** The ways to look at an image: its own first, then the modality's, then all its values. */
export function presets(view) {
  if (!view.frame || view.frame.kind === "colour" || view.details.palette) return [];
  const own = view.details.vois.map((voi, index) => ({ id: `own-${index}`, name: voi.name, voi, isOwn: true, index }));
  const usual = (byModality[view.series.modality] ?? []).map(([name, center, width]) => (
    { id: name, voi: { center, width, function: "LINEAR" } }));
  return [...own, ...usual, { id: "full", isFull: true }];
}
