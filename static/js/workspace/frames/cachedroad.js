// What the roads with pictures of their own have in common: a bounded store of bitmaps, drawn within the call that asks.
//
// A road has show(frame), has(frame), draw(frame), lead(frame, direction), and tells on.frame(ordinal),
// on.pending(ordinal or null), on.unproven(ordinal, reason), on.broken(reason, detail): then another road takes over.

import { Lru } from "./lru.js";

const PATIENCE_MS = 10_000;

/** How many pictures a machine of `gigabytes` (as the browser tells, at most 8) holds; 720p takes 3.7 MB each. */
export const roomFor = (gigabytes) => (gigabytes >= 8 ? 200 : gigabytes >= 4 ? 120 : 60);

export class CachedRoad {
  #waiting = null; // {frame, since, promise, resolve}
  #timer = null;
  #direction = 1;

  constructor({ table, painter, on, stats, room }) {
    Object.assign(this, { table, painter, on, stats });
    this.pictures = new Lru(room, (bitmap) => bitmap.close());
    this.shown = null;
    this.broken = false;
  }

  /** The picture that was asked for and is not there yet. */
  get wanted() {
    return this.#waiting?.frame ?? null;
  }

  has(frame) {
    return this.pictures.has(frame);
  }

  /** Draw picture `frame` now if it is here; whether it was. */
  draw(frame) {
    const bitmap = this.pictures.get(frame);
    if (!bitmap) return false;
    this.painter.paint(bitmap);
    this.shown = frame;
    this.stats.drawn(frame);
    return true;
  }

  /** Bring picture `frame` on screen: within this call if it is here, else as soon as it is. Of several the newest counts. */
  show(frame) {
    if (this.shown !== null && frame !== this.shown) this.#direction = frame > this.shown ? 1 : -1;
    if (this.draw(frame)) {
      this.#settle();
      this.on.frame(frame);
      this.lead(frame, this.#direction);
      return Promise.resolve();
    }
    this.#wait(frame);
    this.on.pending(frame);
    this.ask(frame);
    return this.#waiting.promise;
  }

  #wait(frame) {
    const since = performance.now();
    if (this.#waiting) Object.assign(this.#waiting, { frame, since });
    else {
      const { promise, resolve } = Promise.withResolvers();
      this.#waiting = { frame, since, promise, resolve };
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.fail("silent"), PATIENCE_MS);
  }

  #settle() {
    clearTimeout(this.#timer);
    const waiting = this.#waiting;
    this.#waiting = null;
    if (!waiting) return;
    this.on.pending(null);
    waiting.resolve();
  }

  /** A proven picture to keep. */
  keep(frame, bitmap) {
    if (this.broken) return bitmap.close();
    this.pictures.put(frame, bitmap);
    return frame === this.wanted ? this.arrive(frame, bitmap) : undefined;
  }

  /** The wished picture is there: draw it. */
  arrive(frame, image) {
    this.stats.sought(performance.now() - this.#waiting.since);
    this.painter.paint(image);
    this.shown = frame;
    this.stats.drawn(frame);
    this.#settle();
    this.on.frame(frame);
    this.lead(frame, this.#direction);
  }

  /** Picture `frame` cannot come now, through no fault of this road (the line, the server). */
  missed(frame, reason) {
    if (frame !== this.wanted) return;
    this.#settle();
    this.on.unproven(frame, reason);
  }

  /** This road cannot prove its pictures: whoever waits is served by the next one. */
  fail(reason, detail = null) {
    if (this.broken) return;
    this.broken = true;
    const { wanted } = this;
    const waiting = this.#waiting;
    clearTimeout(this.#timer);
    this.#waiting = null;
    this.close();
    Promise.resolve(this.on.broken(reason, detail, wanted)).finally(() => waiting?.resolve());
  }

  /** Take whoever waits off this road: what tells them that their picture came, some other way; null if nobody waits. */
  release() {
    clearTimeout(this.#timer);
    const waiting = this.#waiting;
    this.#waiting = null;
    return waiting?.resolve ?? null;
  }

  close() {
    this.broken = true;
    clearTimeout(this.#timer);
    this.#waiting?.resolve();
    this.#waiting = null;
    this.pictures.clear();
  }
}
