// Transport: play, shuttle, step, loop. `frame` is the last proven picture; while one is on its way `pending` is it.

const SPEEDS = [1 / 8, 1 / 4, 1 / 2, 1, 2, 4];
const ROOM = { lead: 0.35, tail: 0.35 }; // seconds of a loop before and after the stroke
const AROUND_S = 0.5;

/** The edge picture of `span` that is nearer to picture `frame`; without a span, `frame`. */
export function nearerEdge(span, frame) {
  if (!span) return frame;
  return Math.abs(frame - span.begin) <= Math.abs(frame - (span.end - 1)) ? span.begin : span.end - 1;
}

export class Player {
  #listeners = new Set();
  #pausing = null;

  /** `room()` gives the seconds of lead and tail that this person set. */
  constructor(table, room = () => ROOM) {
    Object.assign(this, { table, room });
    this.source = null;
    this.frame = 0;
    this.pending = null;
    this.unproven = null;
    this.reason = null; // why it is unproven
    this.speed = 1;
    this.direction = 0; // 1 forward, -1 backward, 0 still
    this.looping = null; // {begin, end} in frames with lead and tail
    this.stretch = null; // {begin, end, back}: played once, then back to that picture
    this.proven = false; // whether any picture was
  }

  /** Callbacks for the frame source. */
  get events() {
    return {
      frame: (frame) => this.#arrived(frame),
      pending: (frame) => this.#change({ pending: frame }),
      unproven: (frame, reason = null) => this.#change({ unproven: frame, reason, pending: null }),
      ended: () => this.#ended(),
      stopped: () => this.#change({ direction: 0, looping: null, stretch: null }),
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
    this.#change({ frame, unproven: null, reason: null, proven: true });
    const { direction, looping, stretch } = this;
    if (direction === 0) return;
    if (looping && this.#over(looping, frame)) this.source.jump(direction > 0 ? looping.begin : looping.end - 1);
    else if (stretch && this.#over(stretch, frame)) this.goTo(stretch.back);
    else if (!looping && direction > 0 && frame >= this.table.n - 1) this.pause();
  }

  #over({ begin, end }, frame) {
    return this.direction > 0 ? frame >= end - 1 || frame < begin : frame <= begin || frame > end;
  }

  /** The pictures ran out while playing. */
  #ended() {
    const { direction, looping, stretch } = this;
    if (direction === 0) return;
    if (looping) this.source.jump(direction > 0 ? looping.begin : looping.end - 1);
    else if (stretch) this.goTo(stretch.back);
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

  /** Do `work()` for the picture on screen: now, or, returning a promise, once the one on its way is proven. */
  onceProven(work) {
    const arriving = this.settled();
    return arriving ? arriving.then(work) : work();
  }

  goTo(frame) {
    const to = this.table.clamp(frame);
    return this.playing ? this.#halt(to) : this.source.show(to);
  }

  step(frames) {
    return this.goTo(this.target + frames);
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  async play(direction = 1) {
    if (this.#pausing) await this.#pausing;
    if (this.source.moving) await this.source.moving;
    if (this.pending !== null && !this.playing) await this.source.show(this.pending);
    if (direction === 1 && this.frame >= this.table.n - 1 && !this.looping) await this.source.show(0);
    this.#change({ direction });
    return this.source.play({ from: this.frame, direction, speed: this.speed });
  }

  pause() {
    return this.playing ? this.#halt(this.frame) : this.#pausing;
  }

  #halt(stay) {
    this.#change({ direction: 0, looping: null, stretch: null });
    const pausing = this.source.pause(stay).finally(() => {
      if (this.#pausing === pausing) this.#pausing = null;
    });
    this.#pausing = pausing;
    return pausing;
  }

  setSpeed(speed) {
    this.#change({ speed });
    if (this.playing) this.source.play({ from: this.frame, direction: this.direction, speed });
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

  /** `span` with `lead` and `tail` seconds more, in frames. */
  #with(span, lead, tail) {
    const begin = this.table.at(Math.max(0, this.table.begin(span.begin) - lead));
    return { begin, end: this.table.at(this.table.begin(span.end) + tail) + 1 };
  }

  /** Play `span` over and over with a little lead and tail. */
  async loop(span) {
    if (this.looping) return this.pause();
    const { lead, tail } = this.room();
    const looping = this.#with(span, lead, tail);
    if (this.playing) await this.pause();
    await this.source.show(looping.begin);
    this.#change({ looping });
    return this.play(1);
  }

  /** Play half a second around picture `edge` once, and come back to it. */
  async around(edge) {
    if (this.stretch) return this.goTo(this.stretch.back);
    const stretch = { ...this.#with({ begin: edge, end: edge }, AROUND_S, AROUND_S), back: edge };
    if (this.playing) await this.pause();
    await this.source.show(stretch.begin);
    this.#change({ stretch });
    return this.play(1);
  }

  /** A stroke was chosen: show its first picture, or loop it when the last one was looping. */
  arrive(span) {
    if (!this.looping) return this.goTo(span.begin);
    this.#change({ looping: null });
    return this.loop(span);
  }
}
