// SPDX-License-Identifier: Apache-2.0
// The row of buttons and lists above the stage.
import { make } from "./elements.js";
import { phrase } from "./phrases.js";
import { presets } from "./presets.js";
import { layouts } from "./stage.js";
import { toolNames } from "./tools.js";

const groups = [
  toolNames.map((name) => `tool-${name}`), ["removeLast"],
  ["turn", "flipAcross", "flipDown", "invert", "fit", "actual", "reset"],
  ["cine", "link", "lines", "overlays", "mpr"],
  ["reportDocument", "fullScreen", "newWindow", "picture", "paper", "download"], ["help"]];
const toggles = new Set(["invert", "cine", "link", "lines", "overlays", "reportDocument", "fullScreen"]);

export class Toolbar {
  /** `actions` has a function for each button; `isAllowed(name)` whether it is there at all. */
  constructor(element, stage, { actions, isAllowed, shortcuts, states }) {
    Object.assign(this, { element, stage, actions, isAllowed, shortcuts, states, buttons: new Map() });
  }

  build() {
    this.buttons.clear();
    this.element.setAttribute("aria-label", phrase("toolbar"));
    const parts = groups.map((names) => make("div", { className: "group", role: "group" },
      ...names.filter((name) => this.isAllowed(name)).map((name) => this.button(name))));
    parts.splice(2, 0, this.lists());
    this.element.replaceChildren(...parts);
    this.update();
  }

  button(name) {
    const key = this.shortcuts.get(name);
    const button = make("button", { type: "button", className: `button button-${name}` }, phrase(name));
    if (key) {
      button.title = `${phrase(name)} (${key})`;
      button.setAttribute("aria-keyshortcuts", key);
    }
    button.addEventListener("click", () => this.actions[name]());
    this.buttons.set(name, button);
    return button;
  }

  lists() {
    this.presetList = make("select", { className: "presets" });
    this.presetList.addEventListener("change", () => this.actions.preset(Number(this.presetList.value)));
    this.layoutList = make("select", { className: "layouts" }, ...Object.keys(layouts).map(
      (name) => make("option", { value: name }, name)));
    this.layoutList.addEventListener("change", () => this.actions.layout(this.layoutList.value));
    return make("div", { className: "group" },
      make("label", {}, make("span", {}, phrase("presets")), this.presetList),
      make("label", {}, make("span", {}, phrase("layout")), this.layoutList));
  }

  /** Shows what is in force. */
  update() {
    const { stage } = this;
    for (const [name, button] of this.buttons) {
      if (name.startsWith("tool-")) button.setAttribute("aria-pressed", String(name === `tool-${stage.tools.current}`));
      else if (toggles.has(name)) button.setAttribute("aria-pressed", String(Boolean(this.states[name]?.())));
    }
    this.layoutList.value = stage.layout;
    this.writePresets();
  }

  writePresets() {
    const view = this.stage.active;
    const list = view ? presets(view) : [];
    const labels = list.map((preset) => presetName(preset, list));
    const chosen = list.findIndex((preset) => (view.voi ? preset.voi && isSame(preset.voi, view.voi)
      || preset.isFull && view.voiName === phrase("full") : preset === list[0]));
    const options = labels.map((words, index) => [String(index), words]);
    if (chosen < 0) options.unshift(["-1", list.length ? phrase("manual") : "—"]);
    const text = JSON.stringify(options);
    if (text !== this.written) {
      this.written = text;
      this.presetList.replaceChildren(...options.map(([value, words]) => make("option", { value }, words)));
    }
    this.presetList.value = String(chosen);
    this.presetList.disabled = list.length === 0;
  }
}

const isSame = (a, b) => a === b || a.lut === b.lut && a.center === b.center && a.width === b.width;

export function presetName(preset, list) {
  if (preset.isFull) return phrase("full");
  if (!preset.isOwn) return `${phrase(preset.id)} (${preset.voi.center} / ${preset.voi.width})`;
  const count = list.filter((one) => one.isOwn).length;
  return preset.name || phrase("ofImage") + (count > 1 ? ` ${preset.index + 1}` : "");
}
