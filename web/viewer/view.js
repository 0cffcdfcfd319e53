// SPDX-License-Identifier: Apache-2.0
// One place of the stage that shows one image of a series at a time.
import { CanvasRenderer } from "./canvas.js";
import { details } from "./details.js";
import { glRenderer } from "./gl.js";
import { fullWindow, greyLevels } from "./luts.js";
import { apply, fittingZoom, imageToView, invert } from "./matrix.js";
import { drawOverlay } from "./overlay.js";
import { nearestFirst } from "./queue.js";
import { phrase } from "./phrases.js";

let numbering = 0;

export class View {
  constructor(stage) {
    this.stage = stage;
    this.id = `view-${numbering += 1}`;
    this.build();
    this.clearState();
    this.resizing = new ResizeObserver(() => this.resize());
    this.resizing.observe(this.element);
  }

  build() {
    const make = (name, parent, kind = "div") => {
      const element = document.createElement(kind);
      element.className = name;
      parent.append(element);
      return element;
    };
    this.element = document.createElement("section");
    this.element.className = "view";
    this.element.tabIndex = 0;
    this.area = make("area", this.element);
    this.makeRenderer();
    this.sheet = make("sheet", this.area, "canvas");
    this.sheet.setAttribute("aria-hidden", "true");
    this.corners = Object.fromEntries(["top-left", "top-right", "bottom-left", "bottom-right"].map(
      (name) => [name, make(`corner ${name}`, this.area)]));
    this.sides = Object.fromEntries(["left", "right", "top", "bottom"].map(
      (name) => [name, make(`side side-${name}`, this.area)]));
    this.message = make("message", this.area);
    this.message.setAttribute("role", "status");
    this.document = make("document", this.element);
    this.document.hidden = true;
    this.slider = make("slider", this.element, "input");
    this.slider.type = "range";
    this.slider.min = "1";
    this.slider.hidden = true;
    this.slider.addEventListener("input", () => this.goTo(Number(this.slider.value) - 1));
    this.element.addEventListener("focusin", () => this.stage.activate(this));
    this.element.addEventListener("pointerdown", () => this.stage.activate(this));
  }

  makeRenderer(isPlain = false) {
    this.canvas?.remove();
    this.canvas = document.createElement("canvas");
    this.canvas.className = "picture";
    this.canvas.setAttribute("role", "img");
    let renderer = null;
    try {
      renderer = isPlain ? null : glRenderer(this.canvas);
    } catch {
      this.canvas = Object.assign(document.createElement("canvas"), { className: "picture" });
      this.canvas.setAttribute("role", "img");
    }
    this.renderer = renderer ?? new CanvasRenderer(this.canvas);
    this.renderer.onRestore = () => this.draw();
    this.area.prepend(this.canvas);
  }

  clearState() {
    Object.assign(this, {
      series: null, index: 0, view: { zoom: 1, panX: 0, panY: 0, turn: 0, flip: false }, isFitted: true,
      voi: null, voiName: "", isInverted: false, frame: null, table: null, tableKey: "", failure: null, cursor: null,
      direction: 1, drawn: null, state: null, stateWindow: null,
    });
  }

  get image() {
    return this.series?.images[this.index] ?? null;
  }

  /** The screen's pixels for each of the page's. */
  get ratio() {
    return globalThis.devicePixelRatio || 1;
  }

  close() {
    this.resizing.disconnect();
    this.stage.queue.demand(this, []);
    this.element.remove();
  }

  /** Shows a series of images from `index` on; everything the reader had set is as it was at first. */
  show(series, index = 0) {
    this.clearState();
    this.series = series;
    this.document.hidden = true;
    this.document.replaceChildren();
    this.area.hidden = false;
    this.slider.max = String(Math.max(series.images.length, 1));
    this.slider.hidden = series.images.length < 2;
    this.resize();
    this.goTo(index);
  }

  /** Its series has more images than before; the one that it shows stands at `index`. */
  grow(index) {
    this.index = Math.max(index, 0);
    this.slider.max = String(Math.max(this.series.images.length, 1));
    this.slider.hidden = this.series.images.length < 2;
    this.label();
  }

  /** Shows an element in place of images. */
  showDocument(series, element) {
    this.clearState();
    this.series = { ...series, images: [] };
    this.stage.queue.demand(this, []);
    this.area.hidden = true;
    this.slider.hidden = true;
    this.document.hidden = false;
    this.document.replaceChildren(element);
    this.label();
  }

  scroll(steps) {
    this.goTo(this.index + steps);
  }

  goTo(index, isFollowing = false) {
    if (!this.series?.images.length) return;
    const bounded = Math.min(Math.max(index, 0), this.series.images.length - 1);
    if (bounded !== this.index) this.direction = bounded > this.index ? 1 : -1;
    this.index = bounded;
    this.failure = null;
    this.demand();
    this.takeStateWindow();
    if (this.isFitted) this.fit(false);
    this.refresh();
    if (!isFollowing) this.stage.scrolled(this);
  }

  /** Tells the queue which frames this view wants: the nearest ones first, and what lies ahead before what is behind. */
  demand() {
    const { images } = this.series;
    const order = nearestFirst(this.index, images.length, this.direction);
    this.stage.queue.demand(this, order.map((index) => images[index]).filter((one) => !one.volume).map((one) => one.key));
  }

  frameOf(image) {
    return image.volume ? image.frameNow() : this.stage.queue.get(image.key);
  }

  /** Draws, once the frame and its details are there; says until then what is missing. */
  refresh() {
    const { image } = this;
    if (!image) return;
    const found = details(image);
    if (found instanceof Promise) {
      found.then(() => this.image === image && this.refresh(), (error) => this.image === image && this.fail(error));
      this.say(phrase("loading"));
      return;
    }
    const failure = this.stage.queue.failures.get(image.key);
    if (failure) {
      this.fail(failure);
      return;
    }
    const frame = this.frameOf(image);
    if (!frame) {
      this.say(phrase("loading"));
      this.label();
      return;
    }
    this.details = found;
    this.frame = frame;
    this.failure = null;
    this.say("");
    this.draw();
  }

  fail(error) {
    this.failure = error;
    this.frame = null;
    this.renderer.clear();
    this.drawSheet();
    const words = phrase(error.code ?? "refused");
    const { image } = this;
    this.say(`${words} ${phrase("ofInstance")} ${image.uid}, ${phrase("frame")} ${image.frame}. ${error.detail ?? ""}`.trim());
    this.label();
  }

  say(words) {
    this.message.textContent = words;
    this.message.hidden = words === "";
    this.element.classList.toggle("is-waiting", words !== "" && !this.failure);
  }

  // MARK: grey levels

  /** The window or table in force: the reader's, or the image's own, or all the values there are. */
  get voiInForce() {
    if (this.voi) return this.voi;
    const own = this.details?.vois[0];
    if (own) return own;
    return fullWindow(this.details.modality, this.frame.lowest, this.frame.highest);
  }

  levels() {
    const { frame, image } = this;
    const { modality } = this.details;
    const voi = this.voiInForce;
    const settings = {
      count: frame.count, scale: frame.scale, offset: frame.offset, modality, voi, isInverse: image.isInverse,
      padding: image.padding,
    };
    const key = JSON.stringify([settings.count, settings.scale, settings.offset, modality.slope, modality.intercept,
      voi.center, voi.width, voi.function, settings.isInverse, settings.padding]);
    const isSame = this.tableKey === key && this.tableLuts?.[0] === modality.lut && this.tableLuts?.[1] === voi.lut;
    if (!isSame) {
      this.tableKey = key;
      this.tableLuts = [modality.lut, voi.lut];
      this.table = { levels: greyLevels(settings) };
    }
    return this.table;
  }

  setWindow(window, name = "") {
    if (!this.frame || this.frame.kind === "colour" || this.details.palette) return;
    this.voi = window;
    this.voiName = name;
    this.draw();
  }

  // MARK: where the image is

  get toView() {
    return imageToView(this.view, this.image, this.canvas.width, this.canvas.height);
  }

  /** Image coordinates of a place in the page. */
  imagePlace(clientX, clientY) {
    const box = this.area.getBoundingClientRect();
    return apply(invert(this.toView), [(clientX - box.left) * this.ratio, (clientY - box.top) * this.ratio]);
  }

  resize() {
    const { clientWidth, clientHeight } = this.area;
    const [width, height] = [clientWidth, clientHeight].map((side) => Math.max(Math.round(side * this.ratio), 1));
    if (this.canvas.width !== width || this.canvas.height !== height) {
      for (const canvas of [this.canvas, this.sheet]) [canvas.width, canvas.height] = [width, height];
    }
    if (!this.image) return;
    if (this.isFitted) this.fit(false);
    this.draw();
  }

  /** The whole image, or the part of it that the presentation state in force wants to be seen. */
  fit(isDrawn = true) {
    this.isFitted = true;
    const { width, height } = this.canvas;
    const { rows, columns, aspect } = this.image;
    const { box: [left, top, right, bottom], zoom } = this.stateInForce?.areaOf(this.image) ?? { box: [0, 0, columns, rows] };
    const part = { columns: Math.max(right - left, 1), rows: Math.max(bottom - top, 1), aspect };
    Object.assign(this.view, { panX: 0, panY: 0 });
    this.view.zoom = zoom ? zoom * this.ratio : fittingZoom(this.view, part, width, height);
    const [x, y] = apply(this.toView, [(left + right) / 2, (top + bottom) / 2]);
    Object.assign(this.view, { panX: width / 2 - x, panY: height / 2 - y });
    if (isDrawn) this.draw();
  }

  // MARK: presentation state

  /** The state that was applied, where it is of the image that is shown. */
  get stateInForce() {
    return this.image && this.state?.isOf(this.image) ? this.state : null;
  }

  /** The state's window for the image that is shown, unless the reader has chosen another since. */
  takeStateWindow() {
    if (!this.state || this.voi !== this.stateWindow) return;
    const window = this.stateInForce?.voiOf(this.image) ?? null;
    Object.assign(this, { voi: window, stateWindow: window, voiName: window ? this.state.name : "" });
  }

  /** Where in the view the displayed area is. */
  get displayedBox() {
    const { rows, columns } = this.image;
    const [left, top, right, bottom] = this.stateInForce?.areaOf(this.image)?.box ?? [0, 0, columns, rows];
    const corners = [[left, top], [right, bottom]].map((corner) => apply(this.toView, corner));
    const [[x0, x1], [y0, y1]] = [0, 1].map((axis) => corners.map((corner) => corner[axis]).sort((a, b) => a - b));
    return { left: x0, top: y0, width: x1 - x0, height: y1 - y0 };
  }

  /** Zooms; the image stays where it is at a place of the view, in the view's pixels. */
  zoomBy(factor, at = [this.canvas.width / 2, this.canvas.height / 2]) {
    if (!this.image) return;
    const zoom = Math.min(Math.max(this.view.zoom * factor, 0.02), 64);
    const real = zoom / this.view.zoom;
    const [x, y] = [at[0] - this.canvas.width / 2, at[1] - this.canvas.height / 2];
    this.view.panX = x - (x - this.view.panX) * real;
    this.view.panY = y - (y - this.view.panY) * real;
    this.view.zoom = zoom;
    this.isFitted = false;
    this.draw();
  }

  panBy(x, y) {
    this.view.panX += x;
    this.view.panY += y;
    this.isFitted = false;
    this.draw();
  }

  /** Quarter turns clockwise, as it is seen. */
  turn(quarters) {
    this.view.turn = (this.view.turn + quarters + 4) % 4;
    this.isFitted ? this.fit() : this.draw();
  }

  /** As it is seen: left to right, or top to bottom. */
  flip(isVertical) {
    const isTurned = this.view.turn % 2 !== 0;
    this.view.flip = !this.view.flip;
    // Mirrored top to bottom is mirrored left to right and turned by half.
    if (isVertical !== isTurned) this.view.turn = (this.view.turn + 2) % 4;
    this.draw();
  }

  invert() {
    this.isInverted = !this.isInverted;
    this.draw();
  }

  reset() {
    Object.assign(this, { voi: null, voiName: "", isInverted: false, state: null, stateWindow: null });
    Object.assign(this.view, { turn: 0, flip: false });
    if (this.image) this.fit();
  }

  // MARK: drawing

  draw() {
    if (this.isPlanned) return;
    this.isPlanned = true;
    requestAnimationFrame(() => {
      this.isPlanned = false;
      this.drawNow();
    });
  }

  drawNow() {
    const { frame, image } = this;
    if (!image || !frame || this.failure) return;
    this.paint(invert(this.toView), this.view.zoom < 1 || this.stage.isSmooth);
    this.drawn = image;
    this.drawSheet();
    this.label();
  }

  paint(toImage, isSmooth) {
    const { frame, image } = this;
    if (!this.renderer.takes(image.rows, image.columns)) {
      const { width, height } = this.canvas;
      this.makeRenderer(true);
      [this.canvas.width, this.canvas.height] = [width, height];
    }
    const table = this.tableOf();
    this.renderer.draw({
      frame, rows: image.rows, columns: image.columns, table, toImage, isSmooth, isInverted: this.isInverted });
  }

  tableOf() {
    const { frame } = this;
    if (frame.kind === "colour") return null;
    if (!this.details.palette) return this.levels();
    if (this.palette?.colours !== this.details.palette) this.palette = { colours: this.details.palette };
    return this.palette;
  }

  drawSheet() {
    drawOverlay(this, this.sheet.getContext("2d"));
  }

  label() {
    this.stage.labels.write(this);
  }

  /** The image alone in its own size, drawn by the same means: a canvas of its own. */
  picture() {
    const { image } = this;
    const kept = [this.canvas.width, this.canvas.height];
    [this.canvas.width, this.canvas.height] = [image.columns, image.rows];
    this.paint([1, 0, 0, 1, 0, 0], false);
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [image.columns, image.rows];
    copy.getContext("2d").drawImage(this.canvas, 0, 0);
    [this.canvas.width, this.canvas.height] = kept;
    this.drawNow();
    return copy;
  }
}
