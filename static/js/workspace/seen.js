// Which stretches of a video somebody has watched: ranges of frames, kept in order and apart.

export class Seen {
  /** `ranges`: [[begin, end) ...] as kept before; anything else is nothing. */
  constructor(ranges = []) {
    this.ranges = [];
    if (!Array.isArray(ranges)) return;
    for (const range of ranges) if (Array.isArray(range) && range.every(Number.isInteger) && range[0] < range[1]) this.add(...range);
  }

  /** Frames [begin, end) were on screen. */
  add(begin, end) {
    const apart = this.ranges.filter(([from, to]) => to < begin || from > end);
    const touching = this.ranges.filter(([from, to]) => to >= begin && from <= end);
    const joined = [Math.min(begin, ...touching.map(([from]) => from)), Math.max(end, ...touching.map(([, to]) => to))];
    this.ranges = [...apart, joined].sort((a, b) => a[0] - b[0]);
  }

  has(frame) {
    return this.ranges.some(([from, to]) => from <= frame && frame < to);
  }

  /** Stretches of at least `least` frames of a video of `n` that were not on screen. */
  missing(n, least) {
    const gaps = [];
    let at = 0;
    for (const [from, to] of [...this.ranges, [n, n]]) {
      if (from - at >= least) gaps.push([at, from]);
      at = Math.max(at, to);
    }
    return gaps;
  }
}

/** Follows the player: pictures that follow each other while playing join; a jump does not count what lies between. */
export class Watching {
  #last = null;

  constructor(seen, table) {
    Object.assign(this, { seen, table });
  }

  /** `frame` is on screen now; `playing` at `speed` in either direction. Returns whether anything new was seen. */
  at(frame, { playing, speed }) {
    const last = this.#last;
    this.#last = playing ? frame : null;
    if (frame === last) return false;
    const near = last !== null && Math.abs(this.table.begin(frame) - this.table.begin(last)) <= 0.5 * Math.max(1, speed);
    const from = playing && near ? Math.min(frame, last) : frame;
    const to = (playing && near ? Math.max(frame, last) : frame) + 1;
    if (this.seen.has(from) && this.seen.has(to - 1)) return false;
    this.seen.add(from, to);
    return true;
  }
}
