// SPDX-License-Identifier: Apache-2.0
// The words around an image: what it is, where it is in its series, how it is shown, which side is which.
import { date, text } from "./dicom.js";
import { letters, scale } from "./geometry.js";
import { decimal, language, phrase } from "./phrases.js";

export class Labels {
  write(view) {
    const { series, image, element, slider } = view;
    const isEmpty = !series;
    element.setAttribute("aria-label", isEmpty ? phrase("emptyView") : this.name(view));
    slider.setAttribute("aria-label", phrase("imageOfSeries"));
    for (const corner of Object.values(view.corners)) corner.replaceChildren();
    for (const side of Object.values(view.sides)) side.textContent = "";
    if (isEmpty || !image) {
      if (isEmpty) view.say(phrase("emptyView"));
      return;
    }
    view.canvas.setAttribute("aria-label", this.name(view));
    slider.value = String(view.index + 1);
    slider.setAttribute("aria-valuetext", `${view.index + 1} / ${series.images.length}`);
    this.fill(view.corners["top-left"], [
      [series.modality, series.description].filter(Boolean).join(" "), series.exam, date(series.date, language())]);
    this.fill(view.corners["top-right"], [
      `${view.index + 1} / ${series.images.length}`,
      image.isKey ? `★ ${phrase("keyImage")}` : "", series.isReslice ? phrase(series.plane) : "", this.position(image)]);
    this.fill(view.corners["bottom-left"], this.manner(view));
    this.fill(view.corners["bottom-right"], this.warnings(view));
    this.letter(view);
  }

  name(view) {
    const { series, image } = view;
    const parts = [series.modality, series.description || phrase(series.kind), date(series.date, language())];
    if (image) parts.push(`${phrase("image")} ${view.index + 1} / ${series.images.length}`);
    return parts.filter(Boolean).join(", ");
  }

  fill(corner, lines) {
    for (const line of lines.filter(Boolean)) {
      const element = document.createElement("div");
      element.textContent = line;
      corner.append(element);
    }
  }

  position(image) {
    const plane = image.plane;
    return plane ? `${decimal(plane.origin.reduce((sum, one, axis) => sum + one * plane.normal[axis], 0), 1)} mm` : "";
  }

  manner(view) {
    if (!view.frame) return [];
    const lines = [`${decimal((view.view.zoom / view.ratio) * 100, 0)} %`];
    if (view.isInverted) lines.push(phrase("inverted"));
    const state = view.stateInForce;
    if (state) lines.push(`${phrase("presentation")} ${state.name}`.trim());
    if (view.frame.kind === "colour" || view.details.palette) return lines;
    const voi = view.voiInForce;
    const name = view.voiName || voi.name || "";
    if (voi.lut) return [`${phrase("table")} ${name}`, ...lines];
    return [`C ${decimal(voi.center, 1, true)} L ${decimal(voi.width, 1, true)} ${name}`.trim(), ...lines];
  }

  warnings(view) {
    const { image } = view;
    const isLossy = text(image.instance, "00282110") === "01";
    const spacing = image.spacing();
    return [
      isLossy ? phrase("lossy") : "", image.layout.bitsAllocated > 16 ? phrase("reduced") : "",
      spacing ? "" : image.instance["00186011"] ? "" : phrase("noSpacingShort")];
  }

  /** Which side of the patient lies at each side of the view. */
  letter(view) {
    const plane = view.image.plane;
    if (!plane) return;
    const [right, down] = this.directions(view.view, plane);
    for (const [name, direction] of [["right", right], ["bottom", down],
      ["left", scale(right, -1)], ["top", scale(down, -1)]]) {
      view.sides[name].textContent = letters(direction);
    }
  }

  /** The patient's directions to the right and down of the view. */
  directions({ turn, flip }, plane) {
    const row = scale(plane.row, flip ? -1 : 1);
    const back = (direction) => scale(direction, -1);
    return [[row, plane.column], [back(plane.column), row], [back(row), back(plane.column)], [plane.column, back(row)]][turn];
  }
}
