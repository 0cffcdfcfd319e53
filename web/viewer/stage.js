// SPDX-License-Identifier: Apache-2.0
// The views side by side, and what they share: the queue of frames, measurements, tools, scrolling together.
import { dot, nearest, scale, toPatient, add } from "./geometry.js";
import { numbersOf, captions } from "./captions.js";
import { bytesOfFrame } from "./pixels.js";
import { Labels } from "./labels.js";
import { LoadQueue } from "./queue.js";
import { Tools } from "./tools.js";
import { View } from "./view.js";

export const layouts = { "1x1": [1, 1], "1x2": [1, 2], "2x1": [2, 1], "1x3": [1, 3], "2x2": [2, 2] };

export class Stage {
  /** `budget`: bytes of frames kept at most. */
  constructor(element, loader, { budget, concurrency }) {
    Object.assign(this, {
      element, loader, views: [], isLinked: false, hasLines: true, hasOverlays: true, isSmooth: true,
      annotations: new Map(), layout: "", onChange: () => {}, onAnnounce: () => {},
    });
    this.images = new Map();
    this.queue = new LoadQueue({
      concurrency, budget,
      load: async (key, signal) => {
        const image = this.images.get(key);
        const frame = await loader.load(image.url, image.layout, signal);
        return { value: frame, bytes: bytesOfFrame(frame) };
      },
    });
    this.queue.listeners.add((key) => this.arrived(key));
    this.labels = new Labels();
    this.tools = new Tools(this);
  }

  /** Series that views may show: their frames can be loaded from now on. */
  admit(seriesList) {
    for (const series of seriesList) for (const image of series.images) this.images.set(image.key, image);
  }

  /** Series to which images have come: views stay at the one that they show. */
  grow(merged) {
    for (const { series, images } of merged) {
      const shown = this.views.filter((view) => view.series === series).map((view) => [view, view.image]);
      series.images = images;
      for (const [view, image] of shown) view.grow(images.indexOf(image));
    }
    this.admit(merged.map(({ series }) => series));
    // The queue asks for what it can find now.
    for (const view of this.views) if (view.image) view.demand();
    this.changed();
  }

  setLayout(name) {
    this.layout = name;
    const [rows, columns] = layouts[name];
    while (this.views.length > rows * columns) this.views.pop().close();
    while (this.views.length < rows * columns) {
      const view = new View(this);
      this.tools.attach(view);
      this.element.append(view.element);
      this.views.push(view);
      this.labels.write(view);
    }
    this.element.dataset.layout = name;
    if (!this.views.includes(this.active)) this.activate(this.views[0]);
    this.changed();
  }

  activate(view) {
    if (this.active === view) return;
    this.active = view;
    for (const one of this.views) one.element.classList.toggle("is-active", one === view);
    this.redrawSheets();
    this.changed();
  }

  changed() {
    this.onChange();
  }

  redrawSheets() {
    for (const view of this.views) if (view.image && view.frame) view.drawSheet();
  }

  arrived(key) {
    for (const view of this.views) if (view.image?.key === key) view.refresh();
    this.changed();
  }

  // MARK: scrolling together

  setLinked(isLinked) {
    this.isLinked = isLinked;
    this.offsets = new Map();
    if (isLinked) for (const view of this.views) this.offsets.set(view, this.standing(view));
    this.changed();
  }

  /** Where a view is as the link begins. */
  standing(view) {
    const plane = view.image?.plane;
    return { index: view.index, place: plane ? middle(plane) : null };
  }

  scrolled(view) {
    if (this.isLinked) {
      for (const other of this.views) if (other !== view && other.image) this.follow(view, other);
    }
    if (this.hasLines) this.redrawSheets();
    this.changed();
  }

  /**
   * Brings a view to where another one is: the nearest slice in the same Frame of Reference (PS3.3 C.7.4.1.1), else as far
   * along its own normal as the other moved since the link began, and without positions as many images.
   */
  follow(view, other) {
    const from = view.image.plane;
    const planes = other.series.images.map((image) => image.plane);
    if (from && planes[other.index]) {
      const isSame = view.image.frameOfReference !== ""
        && view.image.frameOfReference === other.image.frameOfReference;
      const normal = planes[other.index].normal;
      if (Math.abs(dot(normal, from.normal)) < 0.7) return;
      let place = middle(from);
      if (!isSame) {
        const [start, otherStart] = [this.offsets?.get(view)?.place, this.offsets?.get(other)?.place];
        if (!start || !otherStart) return;
        const moved = dot(place, normal) - dot(start, normal);
        place = add(otherStart, scale(normal, moved));
      }
      const found = nearest(planes, place);
      if (found && found.index !== other.index) other.goTo(found.index, true);
      return;
    }
    const [start, otherStart] = [this.offsets?.get(view), this.offsets?.get(other)];
    if (start && otherStart) other.goTo(otherStart.index + view.index - start.index, true);
  }

  // MARK: measurements

  annotationsOf(image) {
    return this.annotations.get(image.key) ?? [];
  }

  annotate(image, annotation) {
    this.annotations.set(image.key, [...this.annotationsOf(image), annotation]);
    this.changed();
  }

  /** Removes the last measurement of the image that is looked at. */
  removeLast(view) {
    if (!view.image) return;
    this.annotations.set(view.image.key, this.annotationsOf(view.image).slice(0, -1));
    view.drawSheet();
    this.changed();
  }

  /** Says the newest measurement for who cannot see it. */
  announce(view) {
    const last = this.annotationsOf(view.image).at(-1);
    if (last && view.frame) this.onAnnounce(captions(view, last).join(", "));
  }

  measurements(view) {
    return this.annotationsOf(view.image).map((annotation) => ({ kind: annotation.kind, ...numbersOf(view, annotation) }));
  }
}

function middle(plane) {
  return toPatient(plane, plane.columns / 2, plane.rows / 2);
}
