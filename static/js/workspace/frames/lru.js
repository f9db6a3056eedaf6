// A bounded store of pictures: the one not used for longest goes first, and is given back at once.

export class Lru {
  #items = new Map(); // in order of use, oldest first

  /** `dispose(value)` is called for every value that leaves. */
  constructor(limit, dispose = () => {}) {
    if (!(limit >= 1)) throw new RangeError("a store for no picture");
    Object.assign(this, { limit, dispose });
  }

  get size() {
    return this.#items.size;
  }

  has(key) {
    return this.#items.has(key);
  }

  /** The value, which counts as used now; undefined if it is not here. */
  get(key) {
    const value = this.#items.get(key);
    if (value === undefined) return undefined;
    this.#items.delete(key);
    this.#items.set(key, value);
    return value;
  }

  put(key, value) {
    const before = this.#items.get(key);
    if (before !== undefined && before !== value) this.dispose(before);
    this.#items.delete(key);
    this.#items.set(key, value);
    while (this.#items.size > this.limit) {
      const [oldest, old] = this.#items.entries().next().value;
      this.#items.delete(oldest);
      this.dispose(old);
    }
  }

  clear() {
    this.#items.forEach((value) => this.dispose(value));
    this.#items.clear();
  }
}
