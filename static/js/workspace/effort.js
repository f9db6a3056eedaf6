// How many seconds somebody spent on a decision: the time since the last one, without the pauses.

const PAUSE_MS = 20_000;

export class Effort {
  constructor(now = () => performance.now()) {
    this.now = now;
    this.last = now();
    this.spent = 0;
  }

  /** Something was pressed or moved. */
  active() {
    const at = this.now();
    if (at - this.last < PAUSE_MS) this.spent += at - this.last;
    this.last = at;
  }

  /** Seconds since the last call, rounded to hundredths. */
  take() {
    this.active();
    const seconds = Math.round(this.spent / 10) / 100;
    this.spent = 0;
    return seconds;
  }
}
