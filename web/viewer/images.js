// SPDX-License-Identifier: Apache-2.0
// What is known of one frame before its pixels are there (PS3.3 C.7.6.3, C.7.6.16).
import { bytesOf, item, items, number, numbers, text, values } from "./dicom.js";
import { plane } from "./geometry.js";

/** A macro of the functional groups of a frame: the frame's own, or the one all frames share. */
function group(instance, frame, macro) {
  return item(items(instance, "52009230")[frame - 1], macro) ?? item(item(instance, "52009229"), macro);
}

/** How a frame's bytes are to be understood; plain data, which a worker can be given. */
export function layout(instance) {
  const bitsAllocated = number(instance, "00280100") ?? 0;
  const bitsStored = number(instance, "00280101") ?? bitsAllocated;
  const isFloat = instance["7FE00008"] !== undefined || instance["7FE00009"] !== undefined;
  const overlayBits = overlayGroups(instance)
    .filter((tag) => !instance[`${tag}3000`] && number(instance, `${tag}0100`) > 1)
    .map((tag) => number(instance, `${tag}0102`));
  return {
    rows: number(instance, "00280010") ?? 0, columns: number(instance, "00280011") ?? 0,
    samples: number(instance, "00280002") ?? 1, bitsAllocated, bitsStored,
    highBit: number(instance, "00280102") ?? bitsStored - 1,
    isSigned: number(instance, "00280103") === 1,
    photometric: text(instance, "00280004") || "MONOCHROME2",
    planar: number(instance, "00280006") ?? 0, isFloat, overlayBits,
    frames: Math.max(number(instance, "00280008") ?? 1, 1),
  };
}

/** The frames of an instance that has pixels, as what a view shows one by one. */
export function images(instance, place) {
  const shared = { instance, place, layout: layout(instance) };
  return Array.from({ length: shared.layout.frames }, (_, index) => new ImageFrame(shared, index + 1));
}

export class ImageFrame {
  constructor({ instance, place, layout }, frame) {
    Object.assign(this, { instance, place, layout, frame, frames: layout.frames });
    this.uid = text(instance, "00080018");
    this.key = `${place}#${frame}`;
    const { rows, columns } = layout;
    this.rows = rows;
    this.columns = columns;
    this.frameOfReference = text(instance, "00200052");
    this.number = number(instance, "00200013");
  }

  get isColour() {
    return this.layout.samples > 1;
  }

  get isPalette() {
    return this.layout.photometric === "PALETTE COLOR";
  }

  get url() {
    return `${this.place}/frames/${this.frame}`;
  }

  /**
   * Millimetres between rows and between columns, and where: "patient", "detector" (PS3.3 10.7.1.3), or "region" of an
   * ultrasound image; null where they are unknown. Ultrasound is asked for a place in image coordinates.
   */
  spacing(x, y) {
    const measures = group(this.instance, this.frame, "00289110");
    for (const [set, tag, kind] of [
      [measures, "00280030", "patient"], [this.instance, "00280030", "patient"],
      [this.instance, "00181164", "detector"]]) {
      const sides = numbers(set, tag);
      if (sides.length === 2 && sides.every((side) => side > 0)) return { sides, kind };
    }
    return x === undefined ? null : this.regionSpacing(x, y);
  }

  /** PS3.3 C.8.5.5: regions whose physical units are centimetres in both directions. */
  regionSpacing(x, y) {
    for (const region of items(this.instance, "00186011")) {
      const [left, top, right, bottom] = ["00186018", "0018601A", "0018601C", "0018601E"]
        .map((tag) => number(region, tag));
      const isInside = x >= left && x <= right + 1 && y >= top && y <= bottom + 1;
      const isLength = number(region, "00186024") === 3 && number(region, "00186026") === 3;
      const sides = [number(region, "0018602E"), number(region, "0018602C")].map((side) => Math.abs(side) * 10);
      if (isInside && isLength && sides.every((side) => side > 0)) return { sides, kind: "region" };
    }
    return null;
  }

  /** A pixel's height over its width. */
  get aspect() {
    const sides = this.spacing()?.sides ?? numbers(this.instance, "00280034");
    return sides.length === 2 && sides[0] > 0 && sides[1] > 0 ? sides[0] / sides[1] : 1;
  }

  get plane() {
    if (this.known === undefined) {
      const position = numbers(group(this.instance, this.frame, "00209113"), "00200032");
      const orientation = numbers(group(this.instance, this.frame, "00209116"), "00200037");
      const spacing = this.spacing();
      this.known = plane(
        position.length ? position : numbers(this.instance, "00200032"),
        orientation.length ? orientation : numbers(this.instance, "00200037"),
        spacing?.kind === "patient" ? spacing.sides : null, this.rows, this.columns);
    }
    return this.known;
  }

  /** {slope, intercept, unit}, or {lutItem} for a Modality LUT Sequence. */
  get modality() {
    const lutItem = item(this.instance, "00283000");
    if (lutItem) return { lutItem, unit: text(lutItem, "00283004") };
    const transformation = group(this.instance, this.frame, "00289145") ?? this.instance;
    const slope = number(transformation, "00281053");
    const intercept = number(transformation, "00281052");
    const isHounsfield = text(this.instance, "00080060") === "CT" && slope !== undefined;
    const unit = text(transformation, "00281054") || (isHounsfield ? "HU" : "");
    return { slope: slope ?? 1, intercept: intercept ?? 0, unit: unit === "US" ? "" : unit };
  }

  /** The ways to look at it that the image itself says: windows first, then VOI LUTs. */
  get vois() {
    const set = group(this.instance, this.frame, "00289132") ?? this.instance;
    const widths = numbers(set, "00281051");
    const names = values(set, "00281055");
    const kind = text(set, "00281056") || "LINEAR";
    const windows = numbers(set, "00281050")
      .map((center, index) => ({ center, width: widths[index], function: kind, name: names[index] ?? "" }))
      .filter((window) => (kind === "LINEAR" ? window.width >= 1 : window.width > 0));
    const luts = items(set, "00283010").map((lutItem) => ({ lutItem, name: text(lutItem, "00283003") }));
    return [...windows, ...luts];
  }

  get isInverse() {
    return this.layout.photometric === "MONOCHROME1" || text(this.instance, "20500020") === "INVERSE";
  }

  /** The stored values that fill what was not scanned, [from, to] (PS3.3 C.7.5.1.1.2); lossy compression blurs them. */
  get padding() {
    if (text(this.instance, "00282110") === "01") return null;
    const one = number(this.instance, "00280120");
    if (one === undefined) return null;
    const other = number(this.instance, "00280121") ?? one;
    return [Math.min(one, other), Math.max(one, other)];
  }

  get overlays() {
    return overlayPlanes(this.instance, this.frame, this.rows, this.columns);
  }

  /** Display shutters (PS3.3 C.7.6.11), as outlines in image coordinates; what is outside of all is hidden. */
  get shutters() {
    return shutters(this.instance);
  }

  /** Milliseconds from frame to frame (PS3.3 C.7.6.5); 0 where it is not said. */
  get frameTime() {
    const rate = number(this.instance, "00082144") ?? number(this.instance, "00180040");
    return number(this.instance, "00181063") ?? numbers(this.instance, "00181065")[1] ?? (rate ? 1000 / rate : 0);
  }
}

/** Overlay planes of a frame (PS3.3 C.9.2): rows, columns, origin in image coordinates, and where the bits are. */
export function overlayPlanes(set, frame, rows, columns) {
  return overlayGroups(set).map((tag) => {
    const origin = numbers(set, `${tag}0050`);
    const first = number(set, `${tag}0051`) ?? 1;
    const planes = number(set, `${tag}0015`) ?? 1;
    const data = bytesOf(set, `${tag}3000`);
    return {
      tag, data, bit: data ? undefined : number(set, `${tag}0102`),
      rows: number(set, `${tag}0010`) ?? rows, columns: number(set, `${tag}0011`) ?? columns,
      top: (origin[0] ?? 1) - 1, left: (origin[1] ?? 1) - 1,
      // One plane for all frames, or one for each frame from the first that has one.
      plane: planes > 1 ? frame - first : 0, planes,
      name: text(set, `${tag}1500`) || text(set, `${tag}0022`),
    };
  }).filter((overlay) => overlay.plane >= 0 && overlay.plane < overlay.planes);
}

export function shutters(set) {
  return values(set, "00181600").map((shape) => {
    if (shape === "RECTANGULAR") {
      const [left, right, top, bottom] = ["00181602", "00181604", "00181606", "00181608"].map((tag) => number(set, tag));
      const corners = [[left, top], [right, top], [right, bottom], [left, bottom]];
      return corners.flat().every(Number.isFinite) ? { polygon: corners } : null;
    }
    if (shape === "CIRCULAR") {
      const [row, column] = numbers(set, "00181610");
      const radius = number(set, "00181612");
      return radius > 0 && Number.isFinite(column) ? { center: [column - 0.5, row - 0.5], radius } : null;
    }
    if (shape === "POLYGONAL") {
      const flat = numbers(set, "00181620");
      const corners = [];
      for (let index = 0; index + 1 < flat.length; index += 2) corners.push([flat[index + 1], flat[index]]);
      return corners.length > 2 ? { polygon: corners } : null;
    }
    return null;
  }).filter(Boolean);
}

function overlayGroups(instance) {
  return Object.keys(instance)
    .filter((tag) => /^60[0-9A-F]{2}0010$/.test(tag))
    .map((tag) => tag.slice(0, 4));
}

/** The SOP instances of an object that points at images, as a Set of UIDs (PS3.3 10.8, C.17.2). */
export function referencedInstances(set, found = new Set()) {
  for (const [tag, element] of Object.entries(set ?? {})) {
    if (tag === "00081155") for (const uid of element.Value ?? []) found.add(uid);
    if (element?.vr === "SQ") for (const inner of element.Value ?? []) referencedInstances(inner, found);
  }
  return found;
}
