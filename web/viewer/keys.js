// SPDX-License-Identifier: Apache-2.0
// The keyboard: each key does one thing, whichever view or button has the focus.
import { measuring } from "./tools.js";

/** The key of each button. */
export const shortcuts = new Map(Object.entries({
  "tool-scroll": "S", "tool-window": "W", "tool-pan": "P", "tool-zoom": "Z", "tool-length": "L", "tool-angle": "A",
  "tool-ellipse": "E", "tool-rectangle": "R", "tool-probe": "D", removeLast: "Delete", turn: "T", flipAcross: "H",
  flipDown: "V", invert: "I", fit: "F", actual: "=", reset: "Escape", cine: "Space", link: "K", lines: "G", overlays: "O",
  mpr: "M", reportDocument: "C", fullScreen: "F11", help: "?", panel: "B",
}));

/** Lines of the help page: keys, and a phrase's name. */
export const helpLines = [
  ["↑ ↓ PageUp PageDown", "key-scroll"], ["Home End", "key-ends"], [", .", "key-series"], ["N  X Y Q", "key-view"],
  ["+ -  F  =", "key-zoom"], ["Shift + ← → ↑ ↓", "key-pan"], ["← →  [ ]", "key-window"], ["1 … 9", "key-presets"],
  ["T H V I Esc", "key-turn"], ["S W P Z", "key-tools"], ["L A E R D", "key-measure"], ["← → ↑ ↓  Enter  Esc", "key-cursor"],
  ["Delete", "key-remove"], ["Space  < >", "key-cine"], ["K G O", "key-link"], ["M C F11", "key-mpr"], ["? B", "key-help"]];

const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Keys {
  constructor(stage, actions) {
    Object.assign(this, { stage, actions });
    this.letters = new Map([...shortcuts].filter(([, key]) => key.length === 1).map(([name, key]) => [key.toLowerCase(), name]));
    document.addEventListener("keydown", (event) => {
      if (this.isOthers(event)) return;
      if (this.press(event)) event.preventDefault();
    });
  }

  /** Keys that an element with the focus, a dialog or the browser has for itself. */
  isOthers(event) {
    const { target, key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return true;
    if (document.querySelector("dialog[open]")) return true;
    if (target.matches("select, textarea, video, input:not([type=range])")) return true;
    if (target.matches("input[type=range]")) return /^(Arrow|Page|Home|End)/.test(key);
    const isPressed = target.matches("button, a, summary") && (key === "Enter" || key === " ");
    return isPressed || Boolean(target.closest(".document")) && /^(Arrow|Page|Home|End)/.test(key);
  }

  /** Whether the key was one of ours. */
  press(event) {
    const view = this.stage.active;
    const { key } = event;
    if (arrows[key]) return this.arrow(view, arrows[key], event.shiftKey);
    if (/^[1-9]$/.test(key)) return this.done(() => this.actions.preset(Number(key) - 1));
    switch (key) {
      case "PageUp": return this.done(() => view.scroll(-10));
      case "PageDown": return this.done(() => view.scroll(10));
      case "Home": return this.done(() => view.goTo(0));
      case "End": return this.done(() => view.goTo(Infinity));
      case "+": return this.done(() => view.zoomBy(1.25));
      case "-": return this.done(() => view.zoomBy(0.8));
      case "[": return this.done(() => this.stage.tools.window(view, 0, -10));
      case "]": return this.done(() => this.stage.tools.window(view, 0, 10));
      case ",": return this.done(() => this.actions.series(-1));
      case ".": return this.done(() => this.actions.series(1));
      case "<": return this.done(() => this.actions.cineRate(0.8));
      case ">": return this.done(() => this.actions.cineRate(1.25));
      case " ": return this.done(() => this.actions.cine());
      case "Delete": case "Backspace": return this.done(() => this.actions.removeLast());
      case "Enter": return this.enter(view);
      case "Escape": return this.done(() => this.stage.tools.cancel() || this.dropCursor(view) || this.actions.reset());
      case "x": return this.done(() => this.actions.layout("1x1"));
      case "y": return this.done(() => this.actions.layout("1x2"));
      case "q": return this.done(() => this.actions.layout("2x2"));
      case "n": return this.done(() => this.actions.nextView());
      case "F11": return this.done(() => this.actions.fullScreen());
      default:
    }
    const name = this.letters.get(key.toLowerCase());
    return name ? this.done(() => this.actions[name]()) : false;
  }

  done(act) {
    act();
    return true;
  }

  arrow(view, [x, y], isShifted) {
    if (!view.image) return false;
    if (measuring[this.stage.tools.current]) return this.done(() => this.moveCursor(view, x, y, isShifted ? 10 : 1));
    if (isShifted) return this.done(() => view.panBy(-x * 40 * view.ratio, -y * 40 * view.ratio));
    return this.done(() => (y ? view.scroll(y) : this.stage.tools.window(view, x * 10, 0)));
  }

  moveCursor(view, x, y, steps) {
    const { image } = view;
    const [column, row] = view.cursor ?? [Math.floor(image.columns / 2) + 0.5, Math.floor(image.rows / 2) + 0.5];
    view.cursor = view.cursor
      ? [Math.min(Math.max(column + x * steps, 0.5), image.columns - 0.5), Math.min(Math.max(row + y * steps, 0.5), image.rows - 0.5)]
      : [column, row];
    if (this.stage.tools.unfinished?.view === view) this.stage.tools.follow(view.cursor);
    view.drawSheet();
  }

  enter(view) {
    if (!view.image || !view.cursor || !measuring[this.stage.tools.current]) return false;
    return this.done(() => this.stage.tools.putPlace(view, view.cursor));
  }

  dropCursor(view) {
    if (!view.cursor) return false;
    view.cursor = null;
    view.drawSheet();
    return true;
  }
}
