// A map that never changes: `with` and `without` give a new one that shares all but one small part with the old. One edit
// among 10,000 strokes copies some forty of them, and two versions can be compared part by part (`changed`).

const PARTS = 256;

function partOf(key) {
  const text = String(key);
  let hash = 0;
  for (let i = 0; i < text.length; i += 1) hash = (hash * 31 + text.charCodeAt(i)) | 0;
  return (hash ^ (hash >>> 8) ^ (hash >>> 16)) & (PARTS - 1);
}

const EMPTY = new Map();

export class PersistentMap {
  #parts;

  constructor(entries = []) {
    this.#parts = new Array(PARTS).fill(EMPTY);
    this.size = 0;
    for (const [key, value] of entries) {
      const at = partOf(key);
      if (this.#parts[at] === EMPTY) this.#parts[at] = new Map();
      this.#parts[at].set(key, value);
    }
    for (const part of this.#parts) this.size += part.size;
  }

  get = (key) => this.#parts[partOf(key)].get(key);

  has = (key) => this.#parts[partOf(key)].has(key);

  #changed(key, change) {
    const next = new PersistentMap();
    next.#parts = [...this.#parts];
    const at = partOf(key);
    const part = new Map(next.#parts[at]);
    change(part);
    next.size = this.size + part.size - next.#parts[at].size;
    next.#parts[at] = part;
    return next;
  }

  /** The map in which `key` has `value`. */
  with(key, value) {
    return this.#changed(key, (part) => part.set(key, value));
  }

  /** The map without `key`. */
  without(key) {
    return this.has(key) ? this.#changed(key, (part) => part.delete(key)) : this;
  }

  /** The keys whose values are not the same object in `other`: parts that both share are not looked at. */
  changed(other) {
    const keys = new Set();
    this.#parts.forEach((part, at) => {
      const old = other.#parts[at];
      if (part === old) return;
      for (const [key, value] of part) if (old.get(key) !== value) keys.add(key);
      for (const key of old.keys()) if (!part.has(key)) keys.add(key);
    });
    return [...keys];
  }

  *[Symbol.iterator]() {
    for (const part of this.#parts) yield* part;
  }

  *keys() {
    for (const part of this.#parts) yield* part.keys();
  }

  *values() {
    for (const part of this.#parts) yield* part.values();
  }
}
