// Ordinal <-> time in the proxy, from the server's frame table. Never time × fps.

import { firstAbove } from "./spans.js";

/** How far a reported time may lie from a picture's begin: clocks of browsers round to micro- or milliseconds. */
const SLACK_S = 0.002;

export class FrameTable {
  /** `file`: a topspin-frames body. Picture k begins at (pts[k] - pts[0]) × time_base seconds of the proxy. */
  constructor(file) {
    const [numerator, denominator] = file.time_base;
    const first = file.pts[0];
    this.begins = file.pts.map((pts) => ((pts - first) * numerator) / denominator);
    this.n = this.begins.length;
    this.unreadable = new Set(file.unreadable ?? []);
    if (this.n === 0) throw new RangeError("a frame table without frames");
    const last = this.begins[this.n - 1];
    this.duration = this.n < 2 ? 0.04 : (last * this.n) / (this.n - 1);
    this.fps = this.n / this.duration;
  }

  clamp(frame) {
    return Math.min(Math.max(0, Math.round(frame)), this.n - 1);
  }

  /** Begin of picture `frame` in seconds; `n` gives the end of the video. */
  begin(frame) {
    return frame >= this.n ? this.duration : this.begins[Math.max(0, frame)];
  }

  span(frame) {
    return this.begin(frame + 1) - this.begin(frame);
  }

  /** A time inside picture `frame`, `part` of the way through it: where to seek so that rounding cannot leave it. */
  inside(frame, part = 0.5) {
    return this.begin(frame) + this.span(frame) * part;
  }

  /** The picture on screen at `seconds`. */
  at(seconds) {
    return this.clamp(firstAbove(this.begins, seconds + 1e-6) - 1);
  }

  /** The picture that begins at `seconds` as a browser reported it, or null if none begins near enough. */
  beginningAt(seconds) {
    const after = firstAbove(this.begins, seconds);
    let best = null;
    for (const frame of [after - 1, after]) {
      if (frame < 0 || frame >= this.n) continue;
      if (best === null || this.#distance(frame, seconds) < this.#distance(best, seconds)) best = frame;
    }
    const near = Math.min(this.span(best), best > 0 ? this.span(best - 1) : Infinity) / 4;
    return this.#distance(best, seconds) <= Math.min(SLACK_S, near) + 1e-9 ? best : null;
  }

  #distance(frame, seconds) {
    return Math.abs(this.begins[frame] - seconds);
  }
}
