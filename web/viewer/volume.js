// SPDX-License-Identifier: Apache-2.0
// Multiplanar reconstruction of a regular stack: planes at right angles to its own, without interpolation beyond the grid.
import { add, regularity, scale } from "./geometry.js";

/** Why a series has no reconstruction, as a phrase's name; null where it has one. */
export function obstacle(list) {
  if (list.some((image) => image.isColour || image.isPalette || image.layout.bitsAllocated > 16)) return "mprColour";
  if (list.some((image) => image.modality.lutItem)) return "mprLUT";
  const { reason } = regularity(list.map((image) => image.plane));
  return reason ? { geometry: "mprGeometry", few: "mprFew", orientation: "mprOrientation", size: "mprSize",
    gap: "mprGap", oblique: "mprOblique" }[reason] : null;
}

/** Stored values of all slices, as 16-bit numbers that need one scale only: slopes that differ are brought to the first's. */
export class Volume {
  constructor(list) {
    this.list = list;
    [this.columns, this.rows, this.slices] = [list[0].columns, list[0].rows, list.length];
    this.data = new Float32Array(this.columns * this.rows * this.slices);
    this.step = regularity(list.map((image) => image.plane)).step;
  }

  /** Bytes that a volume of these images takes. */
  static bytes(list) {
    return list.length * list[0].rows * list[0].columns * 4;
  }

  put(slice, frame) {
    const { slope, intercept } = this.list[slice].modality;
    const size = this.columns * this.rows;
    const target = this.data.subarray(slice * size, (slice + 1) * size);
    for (let index = 0; index < size; index += 1) {
      target[index] = (frame.data[index] * frame.scale + frame.offset) * slope + intercept;
    }
  }

  /** How many planes there are across: "column" planes run through one column of each slice, "row" planes through a row. */
  count(across) {
    return across === "column" ? this.columns : this.rows;
  }

  /** The stack is drawn with its head up, as a person is who stands. */
  get isUpwards() {
    return this.step * this.list[0].plane.normal[2] > 0;
  }

  /** Where a plane across is. Rows of the result are slices, the last one on top where the stack goes upwards. */
  plane(across, index) {
    const first = this.list[0].plane;
    const isColumn = across === "column";
    const along = isColumn ? first.column : first.row;
    const aside = isColumn
      ? scale(first.row, index * first.spacing[1]) : scale(first.column, index * first.spacing[0]);
    const down = scale(first.normal, Math.sign(this.step) * (this.isUpwards ? -1 : 1));
    const start = this.isUpwards ? scale(first.normal, this.step * (this.slices - 1)) : [0, 0, 0];
    const normal = [along[1] * down[2] - along[2] * down[1], along[2] * down[0] - along[0] * down[2],
      along[0] * down[1] - along[1] * down[0]];
    return {
      origin: add(add(first.origin, aside), start), row: along, column: down, normal,
      spacing: [Math.abs(this.step), first.spacing[isColumn ? 0 : 1]],
      rows: this.slices, columns: isColumn ? this.rows : this.columns,
    };
  }

  /** The values of a plane across, as a frame like one that was loaded. */
  frame(across, index) {
    const columns = across === "column" ? this.rows : this.columns;
    const size = this.columns * this.rows;
    const exact = new Float32Array(columns * this.slices);
    for (let row = 0; row < this.slices; row += 1) {
      const slice = this.isUpwards ? this.slices - 1 - row : row;
      for (let column = 0; column < columns; column += 1) {
        const at = across === "column" ? column * this.columns + index : index * this.columns + column;
        exact[row * columns + column] = this.data[slice * size + at];
      }
    }
    let [low, high] = [Infinity, -Infinity];
    for (const one of exact) {
      if (one < low) low = one;
      if (one > high) high = one;
    }
    const step = high - low > 65535 ? (high - low) / 65535 : 1;
    const data = Uint16Array.from(exact, (one) => Math.round((one - low) / step));
    return { kind: "grey", data, exact, scale: step, offset: low, count: 65536, lowest: low, highest: high, overlays: {} };
  }
}
