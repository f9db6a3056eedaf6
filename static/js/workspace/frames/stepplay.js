// Plays backwards on a road that can only show one picture after the other: as fast as they can be proven, by the clock.

const TICK_MS = 16;

export class StepPlay {
  #timer = 0;

  constructor({ table, road, on, stats }, { from, direction, speed }) {
    Object.assign(this, { table, road, on, direction, speed });
    this.shown = from;
    this.counts = { road: road.name, speed, direction, due: 0, presented: 0, late_ms: 0 };
    stats.played(this.counts);
  }

  start() {
    let last = performance.now();
    let seconds = this.table.begin(this.shown);
    let asked = this.shown;
    this.#timer = setInterval(() => {
      const now = performance.now();
      seconds += ((now - last) / 1000) * this.speed * this.direction;
      last = now;
      const frame = this.table.at(Math.max(0, seconds));
      if (frame !== asked) {
        asked = frame;
        this.road.show(frame);
      }
      if (this.direction < 0 ? frame === 0 : frame === this.table.n - 1) this.on.ended();
    }, TICK_MS);
  }

  /** The road told of a proven picture. */
  saw(frame) {
    this.counts.due += Math.abs(frame - this.shown);
    this.counts.presented += 1;
    this.shown = frame;
  }

  jump(frame) {
    this.stop();
    this.shown = frame;
    this.road.show(frame);
    this.start();
  }

  stop() {
    clearInterval(this.#timer);
  }
}
