// SPDX-License-Identifier: Apache-2.0
// Loads frames in workers, and in the page where workers are not to be had.
import { FrameError } from "./pixels.js";
import { fetchFrame } from "./transport.js";

/** Bytes per second below which a line is slow, and what has to have come before that is judged. */
const slow = 4e6;
const enough = 1e6;

export class FrameLoader {
  /** `count` workers. */
  constructor(count) {
    this.pending = new Map();
    this.received = 0;
    this.number = 0;
    this.isSlow = false;
    this.busy = { count: 0, since: 0, bytes: 0 };
    this.workers = [];
    this.isInPage = false;
    try {
      this.workers = Array.from({ length: count }, () => this.worker());
    } catch {
      this.fallBack();
    }
  }

  get place() {
    return this.isInPage ? "page" : "worker";
  }

  worker() {
    const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data }) => this.take(data));
    // Of a worker that cannot start nobody else tells.
    worker.addEventListener("error", () => this.fallBack());
    return worker;
  }

  /** Everything from now on, and what waits already, in the page itself. */
  fallBack() {
    if (this.isInPage) return;
    this.isInPage = true;
    for (const worker of this.workers) worker.terminate();
    for (const [id, job] of this.pending) {
      this.pending.delete(id);
      this.inPage(job.url, job.layout, job.signal).then(job.resolve, job.reject);
    }
  }

  take({ id, result, error }) {
    const job = this.pending.get(id);
    if (!job) return;
    this.pending.delete(id);
    if (error) {
      job.reject(new FrameError(error.code, error.detail));
    } else {
      this.count(result.received);
      job.resolve(result.frame);
    }
  }

  async inPage(url, layout, signal) {
    const { frame, received } = await fetchFrame(url, layout, { isSlow: this.isSlow, isPatient: false }, signal);
    this.count(received);
    return frame;
  }

  /** Counts what came, and sees how fast the line is while there is something to load. */
  count(bytes) {
    this.received += bytes;
    const { busy } = this;
    busy.bytes += bytes;
    if (busy.bytes < enough) return;
    const rate = (busy.bytes / (performance.now() - busy.since)) * 1000;
    // What is made for a slow line is smaller: it has to come twice as fast before the line counts as fast again.
    this.isSlow = rate < (this.isSlow ? 2 * slow : slow);
    Object.assign(busy, { since: performance.now(), bytes: 0 });
  }

  async load(url, layout, signal) {
    const { busy } = this;
    if (busy.count === 0) Object.assign(busy, { since: performance.now(), bytes: 0 });
    busy.count += 1;
    try {
      return await this.loaded(url, layout, signal);
    } finally {
      busy.count -= 1;
    }
  }

  loaded(url, layout, signal) {
    const place = new URL(url, document.baseURI).href;
    if (this.isInPage) return this.inPage(place, layout, signal);
    return new Promise((resolve, reject) => {
      const id = this.number += 1;
      this.pending.set(id, { url: place, layout, signal, resolve, reject });
      const worker = this.workers[id % this.workers.length];
      signal?.addEventListener("abort", () => {
        worker.postMessage({ id });
        if (this.pending.delete(id)) reject(new FrameError("refused", "aborted"));
      });
      worker.postMessage({ id, url: place, layout, line: { isSlow: this.isSlow, isPatient: true } });
    });
  }
}
