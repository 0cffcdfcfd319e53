// SPDX-License-Identifier: Apache-2.0
// Puts the page together: context, exams, stage, toolbar, keys.
import { Cine } from "./cine.js";
import { documentOf } from "./documents.js";
import { heading, writeBanner } from "./banner.js";
import { make } from "./elements.js";
import * as exams from "./exams.js";
import { helpLines, Keys, shortcuts } from "./keys.js";
import { FrameLoader } from "./loader.js";
import { composite, print, save } from "./output.js";
import { markShown, writePanel } from "./panel.js";
import { language, phrase, setLanguage } from "./phrases.js";
import { presets } from "./presets.js";
import { applyState, PresentationState } from "./presentation.js";
import { reslice } from "./reslice.js";
import { Stage } from "./stage.js";
import { Toolbar, presetName } from "./toolbar.js";
import { fetchBytes } from "./transport.js";
import { obstacle, Volume } from "./volume.js";
import { fullWindow } from "./luts.js";

const part = (id) => document.getElementById(id);
const megabyte = 1048576;

/** Bytes of frames kept: an eighth of the device's memory, from 256 MiB to 768 MiB. */
const budget = Math.min(Math.max((navigator.deviceMemory ?? 4) * 128, 256), 768) * megabyte;

class Viewer {
  constructor() {
    this.exams = [];
    this.loader = new FrameLoader(Math.min(Math.max(navigator.hardwareConcurrency ?? 2, 1), 4));
    this.stage = new Stage(part("stage"), this.loader, { budget, concurrency: 6 });
    this.cine = new Cine(this.stage);
    this.stage.onChange = () => this.plan();
    this.stage.onAnnounce = (words) => { part("announcement").textContent = words; };
    this.actions = this.makeActions();
    this.toolbar = new Toolbar(part("toolbar"), this.stage, {
      actions: this.actions, shortcuts, isAllowed: (name) => this.isAllowed(name), states: this.states() });
    this.keys = new Keys(this.stage, this.actions);
  }

  async start() {
    setLanguage(navigator.language.startsWith("en") ? "en" : "fr");
    try {
      this.context = await exams.context();
    } catch (error) {
      this.write();
      this.tell(`${phrase("contextFailed")} ${phrase(error.code ?? "refused")} ${error.detail ?? ""}`);
      return;
    }
    setLanguage(this.context.language);
    this.exams = this.context.exams ?? [];
    this.write();
    this.listen();
    this.stage.setLayout("1x1");
    const opened = this.exams.filter((exam) => exam.isOpened);
    if (!opened.length && !this.context.notices?.length) this.tell(phrase("noExam"));
    // All at once, but the first has the first view.
    const loads = opened.map((exam) => this.load(exam));
    for (const [index, exam] of opened.entries()) {
      await loads[index];
      this.showFirst(exam);
    }
    await this.followArrivals();
  }

  listen() {
    const { stage } = this;
    part("panel-button").addEventListener("click", () => this.actions.panel());
    part("language").addEventListener("click", () => this.switchLanguage());
    document.addEventListener("fullscreenchange", () => this.plan());
    stage.element.addEventListener("dragover", (event) => event.preventDefault());
    stage.element.addEventListener("drop", (event) => {
      event.preventDefault();
      const view = stage.views.find((one) => one.element.contains(event.target));
      const series = this.allSeries.find((one) => one.id === event.dataTransfer.getData("text/plain"));
      if (view && series) this.show(series, view);
    });
  }

  // MARK: exams

  get allSeries() {
    return this.exams.flatMap((exam) => exam.series ?? []);
  }

  /** Loads an exam; its first series is shown in the first view that is empty. */
  async open(exam) {
    await this.load(exam);
    this.showFirst(exam);
  }

  showFirst(exam) {
    const free = this.stage.views.find((view) => !view.series);
    if (exam.series?.length && free) this.show(exam.series[0], free);
  }

  async load(exam) {
    exam.isLoading = true;
    this.writePanel();
    try {
      exam.series = await exams.load(exam);
      this.stage.admit(exam.series);
    } catch (error) {
      exam.failure = `${phrase(error.code ?? "refused")} ${error.detail ?? error.message}`;
    }
    exam.isLoading = false;
    this.writePanel();
  }

  /** While images of exams arrive, they are added to what is shown. */
  async followArrivals() {
    const pace = () => (this.allSeries.length ? 1000 : 200);
    const isShort = (exam) => exam.series && !exam.failure && exams.isBehind(exam);
    let [wait, failures] = [pace(), 0];
    // What came last may have to be asked for again.
    while (this.exams.some((exam) => exam.isArriving || isShort(exam)) && failures < 10) {
      await new Promise((resolve) => { setTimeout(resolve, wait); });
      try {
        const { notices, expires, exams: now } = await exams.context();
        Object.assign(this.context, { notices, expires });
        for (const exam of this.exams) {
          // One that is no longer told of was withdrawn: nothing more comes.
          const { instances, isArriving } = now.find((one) => one.root === exam.root) ?? exam;
          Object.assign(exam, { instances, isArriving: isArriving && now.some((one) => one.root === exam.root) });
          if (isShort(exam)) await this.grow(exam);
        }
        this.writeState();
        [wait, failures] = [pace(), 0];
      } catch (error) {
        if (error.code === "ended") return;
        failures += 1;
        wait = Math.min(wait * 2, 30000);
      }
    }
  }

  async grow(exam) {
    const merged = exams.merge(exam.series, await exams.load(exam));
    exam.series = merged.map(({ series }) => series);
    this.stage.grow(merged);
    this.writePanel();
    if (this.stage.views.every((view) => !view.series)) this.showFirst(exam);
  }

  show(series, view = this.stage.active, index = 0) {
    this.cine.stop(view);
    if (series.kind === "images") {
      view.show(series, index);
    } else {
      view.showDocument(series, documentOf(series, {
        has: (uid) => exams.find(this.exams, uid) !== null,
        show: (uid) => this.showInstance(uid, view),
        apply: (set, place, uid) => this.attempt(async () => {
          const { series, index } = exams.find(this.exams, uid);
          const state = await PresentationState.load(set, place, series.images[index]);
          applyState(this.showInstance(uid, view), state);
        }, "stateFailed"),
        save: this.context.rights?.download ? (place, uid) => this.saveObject(place, uid) : null,
      }));
    }
    document.body.classList.remove("has-panel");
    this.plan();
  }

  showInstance(uid, view) {
    const { series, index } = exams.find(this.exams, uid);
    this.show(series, view, index);
    return view;
  }

  async saveObject(place, uid) {
    await this.attempt(async () => {
      const { buffer } = await fetchBytes(place, "application/dicom; transfer-syntax=*");
      await save(new Blob([buffer], { type: "application/dicom" }), `${uid}.dcm`);
    }, "downloadFailed");
  }

  async attempt(act, name) {
    try {
      await act();
    } catch (error) {
      this.tell(`${phrase(name)} ${phrase(error.code ?? "refused")} ${error.detail ?? error.message}`);
    }
  }

  // MARK: what buttons and keys do

  makeActions() {
    const { stage } = this;
    const active = (act) => () => { if (stage.active?.image) act(stage.active); this.plan(); };
    const actions = {
      removeLast: active((view) => stage.removeLast(view)),
      turn: active((view) => view.turn(1)), flipAcross: active((view) => view.flip(false)),
      flipDown: active((view) => view.flip(true)), invert: active((view) => view.invert()),
      fit: active((view) => view.fit()), actual: active((view) => view.zoomBy(1 / view.view.zoom)),
      reset: active((view) => view.reset()), cine: active((view) => this.cine.toggle(view)),
      cineRate: (factor) => this.cine.change(stage.active, factor),
      link: () => stage.setLinked(!stage.isLinked),
      lines: () => this.toggle("hasLines"), overlays: () => this.toggle("hasOverlays"),
      mpr: () => this.reconstruct(), reportDocument: () => this.toggleReport(),
      fullScreen: () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()),
      newWindow: () => globalThis.open(location.href, "_blank", "noopener"),
      picture: active((view) => save(composite(view, phrase("notPrimary")), "image.png")),
      paper: () => print(stage.views, phrase("notPrimary"), heading(this.context)),
      download: () => this.download(), help: () => this.help(),
      panel: () => document.body.classList.toggle("has-panel"),
      preset: (index) => this.preset(index), layout: (name) => this.layout(name),
      series: (step) => this.nextSeries(step), nextView: () => this.nextView(),
    };
    for (const name of ["scroll", "window", "pan", "zoom", "length", "angle", "ellipse", "rectangle", "probe"]) {
      actions[`tool-${name}`] = () => stage.tools.choose(name);
    }
    return actions;
  }

  states() {
    const { stage } = this;
    return {
      invert: () => stage.active?.isInverted, cine: () => this.cine.isRunning(stage.active), link: () => stage.isLinked,
      lines: () => stage.hasLines, overlays: () => stage.hasOverlays, reportDocument: () => !part("report").hidden,
      fullScreen: () => document.fullscreenElement !== null,
    };
  }

  isAllowed(name) {
    const rights = this.context?.rights ?? {};
    switch (name) {
      case "download": return Boolean(rights.download);
      case "picture": case "paper": return Boolean(rights.print);
      case "reportDocument": return Boolean(rights.report) && this.exams.some((exam) => exam.report);
      default: return true;
    }
  }

  toggle(name) {
    this.stage[name] = !this.stage[name];
    this.stage.redrawSheets();
    this.plan();
  }

  preset(index) {
    const view = this.stage.active;
    const list = view ? presets(view) : [];
    const chosen = list[index];
    if (!chosen) return;
    if (chosen.isOwn && chosen.index === 0) {
      // The first of the image's own, and of each other image its own.
      view.setWindow(null);
    } else if (chosen.isFull) {
      view.setWindow(fullWindow(view.details.modality, view.frame.lowest, view.frame.highest), phrase("full"));
    } else {
      view.setWindow(chosen.voi, presetName(chosen, list).replace(/ \(.*/, ""));
    }
    this.plan();
  }

  layout(name) {
    const { stage } = this;
    stage.setLayout(name);
    // Another exam is what one compares with; else the next series.
    const others = [...this.exams.filter((exam) => exam.series?.length).slice(1).map((exam) => exam.series[0]),
      ...this.allSeries.filter((series) => series.kind === "images" && !series.isKeyImages)];
    for (const view of stage.views) {
      if (view.series) continue;
      const shown = new Set(stage.views.map((one) => one.series?.id));
      const next = others.find((series) => !shown.has(series.id));
      if (next) this.show(next, view);
    }
    this.plan();
  }

  nextSeries(step) {
    const all = this.allSeries;
    const at = all.findIndex((series) => series.id === this.stage.active.series?.id);
    const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
    if (next && next !== all[at]) this.show(next);
  }

  nextView() {
    const { views, active } = this.stage;
    views[(views.indexOf(active) + 1) % views.length].element.focus();
  }

  async reconstruct() {
    const { stage } = this;
    const { active } = stage;
    const { series } = active;
    if (!active.image || series.isReslice) return;
    const reason = obstacle(series.images) ?? (Volume.bytes(series.images) > budget ? "mprLarge" : null);
    if (reason) {
      this.tell(phrase(reason));
      return;
    }
    const load = (image) => stage.queue.get(image.key) ?? this.loader.load(image.url, image.layout);
    await this.attempt(async () => {
      const made = await reslice(series, load, (part) => this.tell(`${phrase("preparing")} ${Math.round(part * 100)} %`));
      this.tell("");
      stage.setLayout("1x3");
      const views = stage.views.filter((view) => view !== active);
      made.forEach((one, index) => this.show(one, views[index], Math.floor(one.images.length / 2)));
    }, "mpr");
  }

  /** The exam that is looked at; the browser itself writes it to its file while it comes. */
  download() {
    const root = this.stage.active?.series?.root ?? this.exams.find((exam) => exam.series)?.root;
    if (!root) return;
    const link = make("a", { href: new URL(`${root}/download`, document.baseURI).href, download: "exam.zip" });
    document.body.append(link);
    link.click();
    link.remove();
  }

  /** The report of the exam that is looked at, or of the first that has one. */
  toggleReport() {
    const box = part("report");
    const root = this.stage.active?.series?.root;
    const exam = this.exams.find((one) => one.root === root && one.report) ?? this.exams.find((one) => one.report);
    if (box.hidden && exam) {
      const close = make("button", { type: "button" }, phrase("closeReport"));
      close.addEventListener("click", () => this.toggleReport());
      box.replaceChildren(close, make("iframe", { src: exam.report, title: phrase("reportDocument") }));
      box.hidden = false;
    } else {
      box.hidden = true;
      box.replaceChildren();
    }
    this.plan();
  }

  help() {
    const dialog = part("help");
    const close = make("button", { type: "button", autofocus: true }, phrase("close"));
    close.addEventListener("click", () => dialog.close());
    const list = make("dl", {}, ...helpLines.flatMap(([keys, name]) => [make("dt", {}, keys), make("dd", {}, phrase(name))]));
    const view = this.stage.active;
    const technique = `${phrase("drawnBy")}: ${view?.renderer.name ?? ""}. ${phrase("decodedIn")}: ${phrase(this.loader.place)}.`;
    dialog.setAttribute("aria-label", phrase("help"));
    dialog.replaceChildren(make("h2", {}, phrase("help")), list, make("p", {}, phrase("pointerHelp")),
      make("p", {}, technique), make("p", {}, phrase("notPrimary")), close);
    dialog.showModal();
  }

  // MARK: words

  switchLanguage() {
    setLanguage(language() === "fr" ? "en" : "fr");
    this.write();
    for (const view of this.stage.views) {
      this.stage.labels.write(view);
      if (view.failure) view.fail(view.failure);
      else if (view.series && !view.image) this.show(view.series, view);
      else if (view.image) view.refresh();
    }
  }

  write() {
    document.documentElement.lang = language();
    document.title = phrase("title");
    for (const element of document.querySelectorAll("[data-phrase]")) element.textContent = phrase(element.dataset.phrase);
    part("language").lang = language() === "fr" ? "en" : "fr";
    part("paper").lang = language();
    const { context } = this;
    if (!context) return;
    writeBanner(part("banner"), context, document.querySelector(".more-traits")?.open ?? false);
    part("site").textContent = [context.site, phrase(`role-${context.role}`)].filter(Boolean).join(" · ");
    part("sign-out").action = new URL("sign-out", document.baseURI).pathname;
    this.writeState();
    this.toolbar.build();
    this.writePanel();
  }

  /** What changes while the page is open: until when it is, and what there is to be said of its exams. */
  writeState() {
    const { context } = this;
    const time = context.expires ? new Date(context.expires) : null;
    part("expires").textContent = time
      ? `${phrase("expires")} ${time.toLocaleTimeString(language(), { hour: "2-digit", minute: "2-digit" })}` : "";
    part("notices").replaceChildren(...(context.notices ?? []).map((name) => make("p", {}, phrase(`notice-${name}`))));
  }

  writePanel() {
    writePanel(part("panel"), this.exams, { choose: (series) => this.show(series), open: (exam) => this.open(exam) });
    this.plan();
  }

  tell(words) {
    const box = part("told");
    box.textContent = words;
    box.hidden = words === "";
    clearTimeout(this.told);
    this.told = setTimeout(() => { box.hidden = true; }, 8000);
  }

  /** Brings toolbar, panel and progress up to date, once for each picture of the screen. */
  plan() {
    if (this.isPlanned || !this.context) return;
    this.isPlanned = true;
    requestAnimationFrame(() => {
      this.isPlanned = false;
      this.toolbar.update();
      markShown(part("panel"), this.stage.views, this.stage.active);
      const images = this.stage.active?.series?.images.filter((image) => !image.volume) ?? [];
      const loaded = images.filter((image) => this.stage.queue.has(image.key)).length;
      part("progress").textContent = images.length ? `${loaded} / ${images.length} ${phrase("loaded")}` : "";
    });
  }
}

export const viewer = new Viewer();
viewer.start();
