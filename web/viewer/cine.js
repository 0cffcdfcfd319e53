// SPDX-License-Identifier: Apache-2.0
// Shows the images of a view one after the other, in their own time or in the reader's.

export class Cine {
  constructor(stage) {
    Object.assign(this, { stage, running: new Map() });
  }

  isRunning(view) {
    return this.running.has(view);
  }

  /** Images per second that the series says; 10 where it says none. */
  rate(view) {
    const time = view.image?.frameTime ?? 0;
    return time > 0 ? Math.min(Math.max(1000 / time, 1), 60) : 10;
  }

  toggle(view, rate = this.rate(view)) {
    if (this.stop(view) || !view.image || view.series.images.length < 2) return;
    const state = { rate, due: performance.now(), shown: 0, since: performance.now() };
    this.running.set(view, state);
    const step = (now) => {
      if (this.running.get(view) !== state) return;
      if (!view.image || !this.stage.views.includes(view)) {
        this.stop(view);
        return;
      }
      // What is not there yet is waited for: no frame is left out.
      if (now >= state.due && view.frame && view.drawn === view.image) {
        state.due = Math.max(state.due + 1000 / state.rate, now - 1000 / state.rate);
        state.shown += 1;
        view.goTo((view.index + 1) % view.series.images.length);
      }
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
    this.stage.changed();
  }

  /** Whether it ran. */
  stop(view) {
    const ran = this.running.delete(view);
    if (ran) this.stage.changed();
    return ran;
  }

  change(view, factor) {
    const state = this.running.get(view);
    if (state) state.rate = Math.min(Math.max(state.rate * factor, 1), 60);
    this.stage.changed();
  }
}
