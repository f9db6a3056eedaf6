// When which picture is due while playing by the frame table. Pure: times come in, ordinals go out.

const SLEEP_S = 0.25; // a longer silence was sleep or a hidden page, not play

export class Clock {
  /** `every`: no picture is ever left out; what comes late moves the clock. Else the clock goes on and pictures are left out. */
  constructor(table, { from, direction, speed, every }) {
    Object.assign(this, { table, direction, speed, every });
    this.late = 0; // seconds of the video by which the clock was held back
    this.jump(from);
  }

  jump(frame) {
    this.shown = frame;
    this.position = this.direction > 0 ? this.table.begin(frame) : this.table.begin(frame + 1);
    this.last = null;
  }

  get ended() {
    return this.direction > 0 ? this.shown >= this.table.n - 1 : this.shown <= 0;
  }

  /** The picture to draw at `now` (ms), or null; `here(frame)` says which are ready. */
  tick(now, here) {
    const passed = this.last === null ? 0 : (now - this.last) / 1000;
    this.last = now;
    if (passed > SLEEP_S) return null;
    this.position += passed * this.speed * this.direction;
    const due = this.#due();
    if (due === null) return null;
    const frame = this.every ? this.#next(here) : this.#latest(due, here);
    if (frame !== null) this.shown = frame;
    return frame;
  }

  /** The picture that the clock stands in, if it is another than the shown one and on the way. */
  #due() {
    const { table, shown, direction, position } = this;
    const at = direction > 0 ? table.at(position) : table.at(Math.max(0, position - 2e-6));
    return (at - shown) * direction > 0 ? at : null;
  }

  #next(here) {
    const next = this.shown + this.direction;
    const enter = this.direction > 0 ? this.table.begin(next) : this.table.begin(next + 1);
    const room = this.table.span(next);
    if (here(next)) {
      // More than one picture late: go on from this one instead of leaving the next ones out.
      this.#hold(enter + room * this.direction);
      return next;
    }
    this.#hold(enter);
    return null;
  }

  #hold(limit) {
    const over = (this.position - limit) * this.direction;
    if (over <= 0) return;
    this.late += over;
    this.position = limit;
  }

  /** The due picture, or the nearest to it that is ready. */
  #latest(due, here) {
    for (let frame = due; frame !== this.shown; frame -= this.direction) if (here(frame)) return frame;
    const enter = this.direction > 0 ? this.table.begin(due) : this.table.begin(due + 1);
    this.#hold(enter + this.speed * 0.5 * this.direction);
    return null;
  }
}
