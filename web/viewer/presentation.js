// SPDX-License-Identifier: Apache-2.0
// What of a softcopy presentation state (PS3.3 A.33) a view takes over: grey levels, and how the image is turned.
import { items, number, text } from "./dicom.js";

/** A view's settings from a presentation state: {window, isInverse, turn, flip}. */
export function settings(set) {
  const voi = items(set, "00283110").flatMap((entry) => [entry, ...items(entry, "00283010")])
    .find((entry) => number(entry, "00281050") !== undefined && number(entry, "00281051") > 0);
  return {
    window: voi ? { center: number(voi, "00281050"), width: number(voi, "00281051"),
      function: text(voi, "00281056") || "LINEAR" } : null,
    isInverse: text(set, "20500020") === "INVERSE",
    // PS3.3 C.10.6: rotation first, clockwise, then the flip.
    turn: Math.round((number(set, "00700042") ?? 0) / 90) % 4,
    flip: text(set, "00700041") === "Y",
    name: text(set, "00700080"),
  };
}

/** Applies it to a view that shows the image it refers to. */
export function applyState(view, set) {
  const { window, isInverse, turn, flip, name } = settings(set);
  view.voi = window;
  view.voiName = window ? name : "";
  view.isInverted = isInverse !== view.image.isInverse;
  view.view.flip = flip;
  // The view mirrors before it turns; the state turns before it mirrors.
  view.view.turn = flip ? (4 - turn) % 4 : turn;
  view.fit(false);
  view.refresh();
}
