// SPDX-License-Identifier: Apache-2.0
// What is loaded next, and what is kept: each view says which frames it wants, the most urgent first.

export class LoadQueue {
  /**
   * `load(key, signal)` resolves to {value, bytes}. At most `concurrency` loads run, and at most `budget` bytes are kept:
   * a frame never makes room for one that is wanted less.
   */
  constructor({ load, concurrency, budget }) {
    Object.assign(this, { load, concurrency, budget });
    this.demands = new Map();
    this.ranks = new Map();
    this.order = [];
    this.kept = new Map();
    this.running = new Map();
    this.failures = new Map();
    this.bytes = 0;
    this.clock = 0;
    this.expected = 0;
    this.listeners = new Set();
  }

  /** The value, where it is there; counts as a use. */
  get(key) {
    const entry = this.kept.get(key);
    if (!entry) return undefined;
    entry.used = this.clock += 1;
    return entry.value;
  }

  has(key) {
    return this.kept.has(key);
  }

  /** What `owner` wants from now on, in place of what it wanted before. */
  demand(owner, keys) {
    if (keys.length) this.demands.set(owner, keys);
    else this.demands.delete(owner);
    this.ranks = new Map();
    for (const wanted of this.demands.values()) {
      wanted.forEach((key, rank) => {
        const known = this.ranks.get(key);
        if (known === undefined || rank < known) this.ranks.set(key, rank);
      });
    }
    this.order = [...this.ranks.keys()].sort((a, b) => this.ranks.get(a) - this.ranks.get(b));
    for (const [key, abort] of this.running) if (!this.ranks.has(key)) abort.abort();
    this.pump();
  }

  /** Tries again what failed. */
  retry(key) {
    this.failures.delete(key);
    this.pump();
  }

  rank(key) {
    return this.ranks.get(key) ?? Infinity;
  }

  pump() {
    while (this.running.size < this.concurrency) {
      const next = this.order.find(
        (key) => !this.kept.has(key) && !this.running.has(key) && !this.failures.has(key));
      // What somebody looks at has the line for itself.
      if (this.rank(next) > 0 && [...this.running.keys()].some((key) => this.rank(key) === 0)) return;
      if (next === undefined || !this.makeRoom(this.expected * (this.running.size + 1), this.rank(next))) return;
      this.start(next);
    }
  }

  async start(key) {
    const abort = new AbortController();
    this.running.set(key, abort);
    let failure = null;
    try {
      const { value, bytes } = await this.load(key, abort.signal);
      this.expected = Math.max(bytes, this.expected * 0.9);
      if (this.makeRoom(bytes, this.rank(key))) {
        this.kept.set(key, { value, bytes, used: this.clock += 1 });
        this.bytes += bytes;
      }
    } catch (error) {
      if (!abort.signal.aborted) failure = error;
    }
    this.running.delete(key);
    if (failure) this.failures.set(key, failure);
    for (const listener of this.listeners) listener(key, failure);
    this.pump();
  }

  /** Gives up what is wanted less than `rank`, the least recently used first, until `bytes` more may be kept. */
  makeRoom(bytes, rank) {
    if (this.bytes + bytes <= this.budget) return true;
    const candidates = [...this.kept.entries()]
      .map(([key, entry]) => ({ key, entry, rank: this.rank(key) }))
      .filter((candidate) => candidate.rank > rank)
      .sort((a, b) => (a.rank === b.rank ? a.entry.used - b.entry.used : b.rank - a.rank));
    for (const { key, entry } of candidates) {
      if (this.bytes + bytes <= this.budget) break;
      this.kept.delete(key);
      this.bytes -= entry.bytes;
    }
    return this.bytes + bytes <= this.budget || this.kept.size === 0;
  }
}

/** The indices of 0..<count, the nearest to `from` first, and of two as near the one that lies ahead. */
export function nearestFirst(from, count, direction = 1) {
  const order = [];
  if (from >= 0 && from < count) order.push(from);
  for (let distance = 1; distance < count; distance += 1) {
    for (const index of [from + direction * distance, from - direction * distance]) {
      if (index >= 0 && index < count) order.push(index);
    }
  }
  return order;
}
