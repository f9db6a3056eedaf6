// What is pressed takes effect in the order in which it was pressed: where one has to wait for its picture, all after it wait, too.

export class Turns {
  #waiting = [];
  #busy = false;

  /** Something waits; what is taken now comes after it. */
  get busy() {
    return this.#busy;
  }

  /** Do `work()`: now, or after what waits. Where it returns a promise, the next ones wait for that. */
  take(work) {
    this.#waiting.push(work);
    if (!this.#busy) this.#go();
  }

  async #go() {
    this.#busy = true;
    try {
      while (this.#waiting.length) {
        const waits = this.#waiting.shift()();
        if (waits) await waits;
      }
    } finally {
      this.#busy = false;
      if (this.#waiting.length) this.#go(); // a fault in one holds up nothing else
    }
  }
}
