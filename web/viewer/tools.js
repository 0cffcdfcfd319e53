// SPDX-License-Identifier: Apache-2.0
// What a pointer does on an image: mouse, pen, and fingers.
import { phrase } from "./phrases.js";

/** Places that a measurement has. */
export const measuring = { length: 2, angle: 3, ellipse: 2, rectangle: 2, probe: 1 };
export const toolNames = ["scroll", "window", "pan", "zoom", ...Object.keys(measuring)];

export class Tools {
  constructor(stage) {
    this.stage = stage;
    this.unfinished = null;
    this.fingers = new Map();
    this.current = matchMedia("(pointer: coarse)").matches ? "scroll" : "window";
  }

  choose(name) {
    this.current = name;
    this.unfinished = null;
    for (const view of this.stage.views) {
      if (!measuring[name]) view.cursor = null;
      if (view.image) view.drawSheet();
    }
    this.stage.changed();
  }

  /** Listens to what happens on a view. */
  attach(view) {
    const { area } = view;
    area.addEventListener("wheel", (event) => this.wheel(view, event), { passive: false });
    area.addEventListener("pointerdown", (event) => this.down(view, event));
    area.addEventListener("pointermove", (event) => this.move(view, event));
    for (const name of ["pointerup", "pointercancel"]) area.addEventListener(name, (event) => this.up(view, event));
    area.addEventListener("contextmenu", (event) => event.preventDefault());
    area.addEventListener("dblclick", () => this.current === "window" && view.image && view.fit());
  }

  wheel(view, event) {
    if (!view.image) return;
    event.preventDefault();
    if (event.ctrlKey || view.series.images.length < 2) {
      view.zoomBy(event.deltaY < 0 ? 1.15 : 1 / 1.15, this.place(view, event));
      return;
    }
    // A wheel's notch is one image; a touch pad's small steps add up to one.
    this.turned = (this.turned ?? 0) + (event.deltaMode ? event.deltaY * 40 : event.deltaY);
    const steps = Math.abs(event.deltaY) >= 100 ? Math.sign(event.deltaY) : Math.trunc(this.turned / 40);
    if (steps) {
      this.turned = 0;
      view.scroll(steps);
    }
  }

  /** A place of the view, in its pixels. */
  place(view, event) {
    const box = view.area.getBoundingClientRect();
    return [(event.clientX - box.left) * view.ratio, (event.clientY - box.top) * view.ratio];
  }

  down(view, event) {
    if (!view.image) return;
    view.area.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    view.element.focus({ preventScroll: true });
    if (this.fingers.size === 2) {
      this.drag = null;
      this.unfinished = null;
      return;
    }
    const tool = event.button === 1 ? "pan" : event.button === 2 ? "zoom" : this.current;
    this.drag = { view, tool, x: event.clientX, y: event.clientY, rest: 0 };
    if (measuring[tool]) this.putPlace(view, view.imagePlace(event.clientX, event.clientY));
    event.preventDefault();
  }

  move(view, event) {
    const before = this.fingers.get(event.pointerId);
    if (before && this.fingers.size === 2) {
      this.pinch(view, event, before);
      return;
    }
    if (this.unfinished?.view === view) this.follow(view.imagePlace(event.clientX, event.clientY));
    if (!this.drag || this.drag.view !== view || !view.image) return;
    const [x, y] = [event.clientX - this.drag.x, event.clientY - this.drag.y];
    Object.assign(this.drag, { x: event.clientX, y: event.clientY });
    if (before) Object.assign(before, { x: event.clientX, y: event.clientY });
    this.apply(view, this.drag, x, y);
  }

  apply(view, drag, x, y) {
    switch (drag.tool) {
      case "window": this.window(view, x, y); break;
      case "pan": view.panBy(x * view.ratio, y * view.ratio); break;
      case "zoom": view.zoomBy(1.01 ** -y); break;
      case "scroll": {
        drag.rest += y;
        const step = Math.max(view.area.clientHeight / Math.max(view.series.images.length, 30), 2);
        const steps = Math.trunc(drag.rest / step);
        if (steps) view.scroll(steps);
        drag.rest -= steps * step;
        break;
      }
      default:
    }
  }

  up(view, event) {
    this.fingers.delete(event.pointerId);
    const { unfinished, drag } = this;
    this.drag = null;
    if (!drag || !unfinished || unfinished.view !== view) return;
    // Drawn in one stroke, or by one click for each place.
    const [first, last] = [unfinished.points[0], unfinished.points[unfinished.points.length - 1]];
    const isStroke = unfinished.points.length === 2 && unfinished.fixed === 1
      && Math.hypot(last[0] - first[0], last[1] - first[1]) * view.view.zoom > 4 * view.ratio;
    if (isStroke) this.fix(view);
  }

  /** Two fingers: nearer and farther zooms, moving both moves the image. */
  pinch(view, event, before) {
    const other = [...this.fingers.entries()].find(([id]) => id !== event.pointerId)[1];
    const size = (a, b) => Math.max(Math.hypot(a.x - b.x, a.y - b.y), 1);
    const now = { x: event.clientX, y: event.clientY };
    const box = view.area.getBoundingClientRect();
    const middle = [((now.x + other.x) / 2 - box.left) * view.ratio, ((now.y + other.y) / 2 - box.top) * view.ratio];
    view.zoomBy(size(now, other) / size(before, other), middle);
    view.panBy(((now.x - before.x) / 2) * view.ratio, ((now.y - before.y) / 2) * view.ratio);
    Object.assign(before, now);
  }

  /** To the right: wider; down: darker, as workstations do. A step is a part of the width there is. */
  window(view, x, y) {
    if (!view.frame || view.frame.kind === "colour" || view.details.palette) return;
    const voi = view.voiInForce;
    const from = voi.lut ? this.rangeOf(voi.lut) : voi;
    const step = Math.max(from.width / 300, 0.01);
    const width = Math.max(from.width + x * step, from.function === "LINEAR" || !from.function ? 1 : 0.01);
    view.setWindow({ center: from.center + y * step, width, function: from.function });
  }

  rangeOf(lut) {
    return { center: lut.first + lut.data.length / 2, width: lut.data.length, function: "LINEAR" };
  }

  // MARK: measuring

  /** One more place of a measurement, by a pointer or by the keyboard. */
  putPlace(view, point) {
    if (!view.frame) return;
    const kind = this.current;
    if (this.unfinished?.view !== view || this.unfinished?.image !== view.image) {
      this.unfinished = { kind, view, image: view.image, points: [point, point].slice(0, measuring[kind]), fixed: 1 };
      if (measuring[kind] === 1) this.finish(view);
    } else {
      this.unfinished.points[this.unfinished.fixed] = point;
      this.fix(view);
    }
    view.drawSheet();
  }

  /** The last place holds; another one is added, or the measurement is done. */
  fix(view) {
    const { unfinished } = this;
    unfinished.fixed += 1;
    if (unfinished.fixed >= measuring[unfinished.kind]) this.finish(view);
    else unfinished.points.push(unfinished.points[unfinished.points.length - 1]);
    view.drawSheet();
  }

  follow(point) {
    const { unfinished } = this;
    if (unfinished.fixed < unfinished.points.length) unfinished.points[unfinished.points.length - 1] = point;
    unfinished.view.drawSheet();
  }

  finish(view) {
    const { kind, image, points } = this.unfinished;
    this.unfinished = null;
    this.stage.annotate(image, { kind, points });
    this.stage.announce(view);
  }

  cancel() {
    const { unfinished } = this;
    this.unfinished = null;
    unfinished?.view.drawSheet();
    return unfinished !== null;
  }

  title(name) {
    return phrase(`tool-${name}`);
  }
}
