// Transport: play, shuttle, step, loop. `frame` is the last proven picture; while one is on its way `pending` is it.

const SPEEDS = [1 / 8, 1 / 4, 1 / 2, 1, 2, 4];
const LEAD_S = 0.35;
const TAIL_S = 0.35;

export class Player {
  #listeners = new Set();
  #reverse = 0;
  #pausing = null;

  constructor(table) {
    this.table = table;
    this.source = null;
    this.frame = 0;
    this.pending = null;
    this.unproven = null;
    this.speed = 1;
    this.direction = 0; // 1 forward, -1 backward, 0 still
    this.looping = null; // {begin, end} in frames with lead and tail
    this.proven = false; // whether any picture was
  }

  /** Callbacks for the frame source. */
  get events() {
    return {
      frame: (frame) => this.#arrived(frame),
      pending: (frame) => this.#change({ pending: frame }),
      unproven: (frame) => this.#change({ unproven: frame, pending: null }),
    };
  }

  subscribe(listener) {
    this.#listeners.add(listener);
  }

  #change(patch) {
    Object.assign(this, patch);
    this.#listeners.forEach((listener) => listener(this));
  }

  #arrived(frame) {
    this.#change({ frame, unproven: null, proven: true });
    if (this.direction !== 1) return;
    if (this.looping && (frame >= this.looping.end - 1 || frame < this.looping.begin)) this.#rewind();
    else if (frame >= this.table.n - 1) this.pause();
  }

  async #rewind() {
    const { begin } = this.looping;
    const { video } = this.source;
    if (!video.seeking) video.currentTime = this.table.inside(begin);
    if (video.ended) await video.play();
  }

  /** The browser ran out of pictures while playing. */
  ended() {
    if (this.direction !== 1) return;
    if (this.looping) this.#rewind();
    else this.pause();
  }

  get playing() {
    return this.direction !== 0;
  }

  /** Where the next step counts from. */
  get target() {
    return this.pending ?? this.frame;
  }

  /** Resolves when no picture is on its way (at once while playing: then every picture is known as it comes). */
  settled() {
    return this.playing || this.pending === null ? null : this.source.show(this.pending);
  }

  goTo(frame) {
    if (this.playing) this.#halt();
    return this.source.show(this.table.clamp(frame));
  }

  step(frames) {
    return this.goTo(this.target + frames);
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  async play(direction = 1) {
    globalThis.clearInterval(this.#reverse);
    if (this.#pausing) await this.#pausing;
    if (direction === 1 && this.frame >= this.table.n - 1 && !this.looping) await this.source.show(0);
    this.#change({ direction });
    if (direction === 1) return this.source.play(this.speed);
    if (this.source.playing) await this.source.pause();
    return this.#playBackwards();
  }

  /** Browsers do not play backwards: step back as fast as pictures can be proven, by the clock. */
  #playBackwards() {
    let last = performance.now();
    let seconds = this.table.begin(this.frame);
    this.#reverse = globalThis.setInterval(() => {
      const now = performance.now();
      seconds = Math.max(0, seconds - ((now - last) / 1000) * this.speed);
      last = now;
      const frame = this.table.at(seconds);
      if (frame !== this.target) this.source.show(frame);
      if (frame === 0) this.pause();
    }, 16);
  }

  pause() {
    if (!this.playing) return this.#pausing;
    this.#halt();
    return this.#pausing;
  }

  #halt() {
    globalThis.clearInterval(this.#reverse);
    this.#change({ direction: 0, looping: null });
    if (!this.source.playing) return;
    this.#pausing = this.source.pause().finally(() => {
      this.#pausing = null;
    });
  }

  setSpeed(speed) {
    this.#change({ speed });
    if (this.direction === 1) this.source.play(speed);
  }

  faster(by = 1) {
    const at = SPEEDS.indexOf(this.speed) + by;
    this.setSpeed(SPEEDS[Math.min(Math.max(0, at), SPEEDS.length - 1)]);
  }

  /** J and L: go that way; already going that way, faster. */
  shuttle(direction) {
    if (this.direction === direction) this.faster();
    else this.play(direction);
  }

  /** K: stop; stopped already, back to normal speed. */
  stop() {
    if (this.playing) this.pause();
    else this.setSpeed(1);
  }

  /** Play `span` over and over with a little lead and tail. */
  async loop(span) {
    if (this.looping) return this.pause();
    const begin = this.table.at(Math.max(0, this.table.begin(span.begin) - LEAD_S));
    const end = this.table.at(this.table.begin(span.end) + TAIL_S) + 1;
    if (this.playing) await this.pause();
    await this.source.show(begin);
    this.#change({ looping: { begin, end } });
    return this.play(1);
  }

  /** A stroke was chosen: show its first picture, or loop it when the last one was looping. */
  arrive(span) {
    if (!this.looping) return this.goTo(span.begin);
    this.#change({ looping: null });
    return this.loop(span);
  }
}
