// SPDX-License-Identifier: Apache-2.0
// Series that are made of another one's slices; they are shown by the same means.
import { Volume } from "./volume.js";

/** One plane through a volume, with what a view asks an image. */
class ReslicedImage {
  constructor(volume, across, index) {
    const base = volume.list[0];
    Object.assign(this, { volume, across, index, base, frame: index + 1, uid: base.uid, instance: base.instance });
    this.plane = volume.plane(across, index);
    [this.rows, this.columns] = [this.plane.rows, this.plane.columns];
    this.frameOfReference = base.frameOfReference;
    this.key = `${base.key}|${across}|${index}`;
    this.layout = { ...base.layout, rows: this.rows, columns: this.columns, bitsAllocated: 16 };
    this.modality = { slope: 1, intercept: 0, unit: base.modality.unit };
    this.vois = base.vois.filter((voi) => !voi.lutItem);
    this.isInverse = base.isInverse;
    this.aspect = this.plane.spacing[0] / this.plane.spacing[1];
    Object.assign(this, { isColour: false, isPalette: false, padding: null, overlays: [], shutters: [], frameTime: 0 });
  }

  spacing() {
    return { sides: this.plane.spacing, kind: "patient" };
  }

  /** Made anew each time: a plane is made faster than it is worth to keep. */
  frameNow() {
    return this.volume.frame(this.across, this.index);
  }
}

/** What the planes of a stack through a column, or a row, of each slice show, by the stack's own direction. */
export function planeNames(volume) {
  const name = (across) => {
    const [x, y, z] = volume.plane(across, 0).normal.map(Math.abs);
    return y >= x && y >= z ? "coronal" : x >= z ? "sagittal" : "axial";
  };
  return { column: name("column"), row: name("row") };
}

/**
 * Loads all slices of a series through `load(image)` and makes the two series across. `progress` gets a part from 0 to 1.
 * A slice that does not come ends it with its error.
 */
export async function reslice(series, load, progress) {
  const volume = new Volume(series.images);
  let [next, done] = [0, 0];
  const take = async () => {
    while (next < series.images.length) {
      const slice = next;
      next += 1;
      volume.put(slice, await load(series.images[slice]));
      done += 1;
      progress(done / series.images.length);
    }
  };
  await Promise.all([take(), take(), take(), take()]);
  const names = planeNames(volume);
  return ["row", "column"].map((across) => ({
    ...series, id: `${series.id}|${across}`, isReslice: true, plane: names[across],
    images: Array.from({ length: volume.count(across) }, (_, index) => new ReslicedImage(volume, across, index)),
  }));
}
