// SPDX-License-Identifier: Apache-2.0
// Softcopy presentation states (PS3.3 A.33): how somebody wanted images to be seen, and what they wrote on them.
import { bitsOf, lut } from "./details.js";
import { item, items, number, numbers, text, values } from "./dicom.js";
import { overlayPlanes, shutters } from "./images.js";

/** Whether an item is for a frame: one that names no images is for all of the state's (PS3.3 10.3). */
function isFor(set, image) {
  const named = items(set, "00081140");
  return !named.length || named.some((one) => text(one, "00081155") === image.uid
    && (!numbers(one, "00081160").length || numbers(one, "00081160").includes(image.frame)));
}

/** A P-value of 16 bits as a grey level. */
const grey = (value) => (value ?? 0) >> 8;

/** PCS-Values (PS3.3 C.10.7.1.1) in sRGB. */
export function colourOf([light, a, b]) {
  const fy = ((light / 65535) * 100 + 16) / 116;
  const [fx, fz] = [fy + ((a / 65535) * 255 - 128) / 500, fy - ((b / 65535) * 255 - 128) / 200];
  const inverse = (f) => (f > 6 / 29 ? f ** 3 : 3 * (6 / 29) ** 2 * (f - 4 / 29));
  // From D50 of the PCS, adapted to sRGB's white.
  const [x, y, z] = [0.9642 * inverse(fx), inverse(fy), 0.8249 * inverse(fz)];
  return [[3.1338561, -1.6168667, -0.4906146], [-0.9787684, 1.9161415, 0.033454], [0.0719453, -0.2289914, 1.4052427]]
    .map((row) => row[0] * x + row[1] * y + row[2] * z)
    .map((part) => Math.min(Math.max(part, 0), 1))
    .map((part) => Math.round(255 * (part <= 0.0031308 ? 12.92 * part : 1.055 * part ** (1 / 2.4) - 0.055)));
}

function layersOf(set) {
  return new Map(items(set, "00700060").map((layer) => {
    const [lab, level] = [numbers(layer, "00700401"), number(layer, "00700066")];
    const colour = lab.length === 3 ? colourOf(lab) : level === undefined ? null : [1, 1, 1].map(() => grey(level));
    return [text(layer, "00700002"), { order: number(layer, "00700062") ?? 0, colour }];
  }));
}

export class PresentationState {
  /** `voi` by item of the Softcopy VOI LUT Sequence; `overlays` are its own, with their bits. */
  constructor(set, voi = new Map(), overlays = []) {
    Object.assign(this, { set, voi });
    this.name = text(set, "00700080");
    this.isInverse = text(set, "20500020") === "INVERSE";
    // PS3.3 C.10.6: rotation first, clockwise, then the flip.
    this.turn = Math.round((number(set, "00700042") ?? 0) / 90) % 4;
    this.flip = text(set, "00700041") === "Y";
    this.references = new Map(items(set, "00081115").flatMap((series) => items(series, "00081140"))
      .map((one) => [text(one, "00081155"), numbers(one, "00081160")]));
    this.layers = layersOf(set);
    this.shade = grey(number(set, "00181622"));
    this.shutters = shutters(set);
    const group = number(set, "00181623");
    const hiding = group === undefined ? "" : group.toString(16).toUpperCase().padStart(4, "0");
    this.bitmapShutter = overlays.find((one) => one.tag === hiding) ?? null;
    this.overlays = overlays.filter((one) => one !== this.bitmapShutter && this.isActive(one.tag))
      .map((one) => ({ ...one, colour: this.layers.get(text(set, `${one.tag}1001`))?.colour }));
  }

  /** A state with what of it is elsewhere. */
  static async load(set, place, image) {
    const voi = new Map();
    for (const entry of items(set, "00283110")) {
      const table = item(entry, "00283010");
      const isSigned = image.layout.isSigned || image.modality.intercept < 0;
      const found = table ? await lut(table, "00283002", "00283006", place, isSigned) : null;
      const [center, width] = [number(entry, "00281050"), number(entry, "00281051")];
      if (found) voi.set(entry, { lut: found });
      else if (width > 0) voi.set(entry, { center, width, function: text(entry, "00281056") || "LINEAR" });
    }
    const overlays = [];
    for (const overlay of overlayPlanes(set, 1, image.rows, image.columns)) {
      overlays.push({ ...overlay, bits: overlay.data ? await bitsOf(set, overlay, place) : null });
    }
    return new PresentationState(set, voi, overlays);
  }

  /** Whether it refers to a frame. */
  isOf(image) {
    const frames = this.references.get(image.uid);
    return frames !== undefined && (!frames.length || frames.includes(image.frame));
  }

  /** Whether an overlay is shown: of those in the image too, the state decides (PS3.3 C.11.7). */
  isActive(tag) {
    return text(this.set, `${tag}1001`) !== "";
  }

  /** Window or table for a frame; null where it leaves that to the image. */
  voiOf(image) {
    for (const [entry, voi] of this.voi) if (isFor(entry, image)) return voi;
    return null;
  }

  /** The part of a frame that is to be seen, [left, top, right, bottom] in image coordinates; `zoom` where it is said. */
  areaOf(image) {
    const area = items(this.set, "0070005A").find((one) => isFor(one, image));
    const [first, second] = [numbers(area, "00700052"), numbers(area, "00700053")];
    if (first.length !== 2 || second.length !== 2) return null;
    const [left, right] = [first[0], second[0]].sort((a, b) => a - b);
    const [top, bottom] = [first[1], second[1]].sort((a, b) => a - b);
    const zoom = text(area, "00700100") === "MAGNIFY" ? number(area, "00700103") : undefined;
    return { box: [left - 1, top - 1, right, bottom], zoom: zoom > 0 ? zoom : undefined };
  }

  /** What is written and drawn on a frame, the lowest layer first: {colour, shapes, texts}. */
  annotationsOf(image) {
    const layer = (entry) => this.layers.get(text(entry, "00700002"));
    return items(this.set, "00700001").filter((entry) => isFor(entry, image))
      .sort((a, b) => (layer(a)?.order ?? 0) - (layer(b)?.order ?? 0))
      .map((entry) => ({
        colour: layer(entry)?.colour ?? null,
        shapes: items(entry, "00700009").map(shapeOf),
        texts: items(entry, "00700008").map(textOf),
      }));
  }

  /** The names of what it asks for and is not done. */
  get unsupported() {
    const tables = item(this.set, "20500010") ? ["Presentation LUT Sequence"] : [];
    const compound = items(this.set, "00700001").some((entry) => items(entry, "00700209").length);
    return compound ? [...tables, "Compound Graphic Sequence"] : tables;
  }
}

const pairs = (flat) => Array.from({ length: flat.length >> 1 }, (_, index) => [flat[2 * index], flat[2 * index + 1]]);

function shapeOf(set) {
  return {
    kind: text(set, "00700023"), points: pairs(numbers(set, "00700022")), isFilled: text(set, "00700024") === "Y",
    isOfDisplay: text(set, "00700005") === "DISPLAY",
  };
}

function textOf(set) {
  const [first, second, anchor] = ["00700010", "00700011", "00700014"].map((tag) => numbers(set, tag));
  return {
    lines: values(set, "00700006").join("\\").split(/\r\n|\r|\n/),
    box: first.length === 2 && second.length === 2 ? { corners: [first, second], isOfDisplay: text(set, "00700003") === "DISPLAY" } : null,
    anchor: anchor.length === 2 ? { point: anchor, isOfDisplay: text(set, "00700004") === "DISPLAY" } : null,
    isAnchorVisible: text(set, "00700015") === "Y", side: text(set, "00700012") || "LEFT",
  };
}

/** Has a view, which shows an image that it refers to, shown as it says. */
export function applyState(view, state) {
  // A window that the reader has chosen before gives way, one that they choose later stays.
  Object.assign(view, { state, voi: null, voiName: "", stateWindow: null });
  view.isInverted = state.isInverse !== view.image.isInverse;
  view.view.flip = state.flip;
  // The view mirrors before it turns; the state turns before it mirrors.
  view.view.turn = state.flip ? (4 - state.turn) % 4 : state.turn;
  view.takeStateWindow();
  view.fit(false);
  view.refresh();
}
