// Frames <-> pixels of the zoomed timeline. `from` and `to` are frames (fractions allowed) at the left and right border.

const LEAST_FRAMES = 24;

export class Scale {
  constructor(n, width = 1) {
    this.n = n;
    this.width = width;
    this.from = 0;
    this.to = n;
    this.held = false; // somebody looks elsewhere while the video plays: do not pull the view back
  }

  get perPixel() {
    return (this.to - this.from) / this.width;
  }

  x(frame) {
    return ((frame - this.from) / (this.to - this.from)) * this.width;
  }

  frame(x) {
    return this.from + (x / this.width) * (this.to - this.from);
  }

  /** Zoom by `factor` (< 1 comes nearer) around pixel `x`. */
  zoom(factor, x) {
    this.held = true;
    const size = Math.min(this.n, Math.max(Math.min(LEAST_FRAMES, this.n), (this.to - this.from) * factor));
    const fixed = this.frame(x);
    this.#place(fixed - (x / this.width) * size, size);
  }

  pan(frames) {
    this.held = true;
    this.#place(this.from + frames, this.to - this.from);
  }

  show(begin, end) {
    const size = Math.min(this.n, Math.max(LEAST_FRAMES, end - begin));
    this.#place((begin + end) / 2 - size / 2, size);
  }

  /** Put one border ("from" or "to") at `frame`; the other one stays. */
  border(which, frame) {
    const least = Math.min(LEAST_FRAMES, this.n);
    if (which === "from") this.from = Math.min(Math.max(0, frame), this.to - least);
    else this.to = Math.max(Math.min(this.n, frame), this.from + least);
  }

  /** Bring `frame` into view with a margin; true if the view moved. */
  follow(frame) {
    const size = this.to - this.from;
    if (frame >= this.from + size * 0.04 && frame <= this.to - size * 0.04) {
      this.held = false;
      return false;
    }
    const before = this.from;
    this.#place(frame - size * (frame < this.from ? 0.75 : 0.2), size);
    return this.from !== before;
  }

  /** While playing: keep the playhead in view, a page at a time, unless somebody has panned away from it. */
  accompany(frame) {
    const inside = frame >= this.from && frame <= this.to;
    if (this.held && !inside) return false;
    if (inside) this.held = false;
    return this.follow(frame);
  }

  #place(from, size) {
    this.from = Math.min(Math.max(0, from), this.n - size);
    this.to = this.from + size;
  }
}

/** Distance of ruler marks in seconds so that they stand at least `apart` pixels apart. */
export function rulerStep(secondsPerPixel, apart = 88) {
  const steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];
  return steps.find((step) => step / secondsPerPixel >= apart) ?? 7200;
}
