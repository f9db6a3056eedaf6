// Plays pictures that a road holds, forwards or backwards, at the pace of the frame table's clock.

import { Clock } from "./clock.js";

export class ClockPlay {
  #request = 0;

  /** `every`: at this speed the screen can show every picture, so none may be left out. */
  constructor({ table, road, on, stats, refresh }, { from, direction, speed, every }) {
    Object.assign(this, { table, road, on, stats });
    const pace = table.fps * speed;
    this.plan = { pace, stride: every ? 1 : Math.max(1, Math.floor(pace / refresh())) };
    this.clock = new Clock(table, { from, direction, speed, every });
    this.counts = { road: road.name, speed, direction, due: 0, presented: 0, late_ms: 0 };
  }

  get shown() {
    return this.clock.shown;
  }

  start() {
    this.#lead();
    this.stats.played(this.counts);
    const step = (now) => {
      this.#request = requestAnimationFrame(step);
      this.#tick(now);
    };
    this.#request = requestAnimationFrame(step);
  }

  #lead() {
    this.road.lead(this.clock.shown, this.clock.direction, this.plan);
  }

  #tick(now) {
    const { clock, counts, road } = this;
    const before = clock.shown;
    const frame = clock.tick(now, (one) => road.has(one));
    counts.late_ms = Math.round((clock.late * 1000) / clock.speed);
    if (frame !== null) {
      counts.due += Math.abs(frame - before);
      counts.presented += 1;
      road.draw(frame);
      this.on.frame(frame);
    }
    if (this.#request) this.#lead();
    if (clock.ended && this.#request) this.on.ended();
  }

  /** Go on from picture `frame`. */
  jump(frame) {
    this.clock.jump(frame);
    this.#lead();
    if (!this.road.draw(frame)) return this.road.show(frame);
    return this.on.frame(frame);
  }

  stop() {
    cancelAnimationFrame(this.#request);
    this.#request = 0;
  }
}
