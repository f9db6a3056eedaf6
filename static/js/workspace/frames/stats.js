// What pictures cost, in rings of the latest figures: benchmarks read them at globalThis.topspin.stats.

const ROOM = 4096;

class Ring {
  #values = [];
  #next = 0;

  add(value) {
    this.#values[this.#next++ % ROOM] = value;
  }

  get values() {
    return this.#next <= ROOM ? [...this.#values] : [...this.#values.slice(this.#next % ROOM), ...this.#values.slice(0, this.#next % ROOM)];
  }

  /** The value that `share` of them do not exceed. */
  quantile(share) {
    const sorted = [...this.#values].sort((a, b) => a - b);
    return sorted.length ? sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] : null;
  }

  clear() {
    this.#values = [];
    this.#next = 0;
  }
}

export class Stats {
  seeks = new Ring(); // ms from the wish for a picture that was not here to its drawing
  fetches = new Ring(); // ms a wish waited for bytes
  decodes = new Ring(); // ms from the bytes to the picture, in the worker
  draws = new Ring(); // {frame, at}: performance.now() right after each drawing
  plays = []; // one per stretch of play: {road, speed, direction, due, presented, late_ms}

  sought(ms) {
    this.seeks.add(ms);
  }

  decoded({ fetch, decode }) {
    this.fetches.add(fetch);
    this.decodes.add(decode);
  }

  drawn(frame) {
    this.draws.add({ frame, at: performance.now() });
  }

  played(stretch) {
    this.plays.push(stretch);
    if (this.plays.length > 100) this.plays.shift();
  }
}
