// Where pictures come from: three roads, best first. The best that can prove its pictures shows them; when it no longer
// can, the next one takes over at the same ordinal. Playing in real time is the browser's <video>; everything else is exact.

import { roomFor } from "./cachedroad.js";
import { ClockPlay } from "./clockplay.js";
import { Painter } from "./painter.js";
import { RoadError } from "./roaderror.js";
import { ServerRoad } from "./serverroad.js";
import { StepPlay } from "./stepplay.js";
import { VideoRoad } from "./videoroad.js";
import { WebCodecsRoad } from "./webcodecsroad.js";

export const ROADS = ["webcodecs", "server", "video"];

export class FrameSource {
  #engine = null; // what plays now
  #proxy = null;
  #moving = null; // a promise while another road is being found
  #wish = 0; // the picture to show there

  /**
   * `on`: frame(ordinal), pending(ordinal or null), unproven(ordinal, reason), ended(), stopped(), road(source).
   * `places`: {worker, picture(frame)} addresses; `file`: the server's frame table; `refresh`: pictures the screen shows a second.
   */
  constructor({ video, canvas, table, file, places, on, stats, told = () => {}, refresh = () => 60 }) {
    Object.assign(this, { video, table, file, places, on, stats, told, refresh });
    this.painter = new Painter(canvas);
    this.film = new VideoRoad(video, table, this.#events(() => this.film), this.painter);
    this.exact = null;
    this.reasons = []; // {road, reason, detail}: why better roads are not gone
    for (const name of ["ended", "error"]) video.addEventListener(name, () => this.#engine?.real && this.on.ended());
  }

  get road() {
    return this.exact?.name ?? null;
  }

  get playing() {
    return this.#engine !== null;
  }

  /** A promise while another road is being found, else null. */
  get moving() {
    return this.#moving;
  }

  /** Find the best road to the pictures of the file `proxy`. With `forced`, that one or none. Whether there is one. */
  async open(proxy, forced = null) {
    this.forced = forced;
    this.#proxy = proxy;
    return this.#take(forced ? [forced] : ROADS);
  }

  async #take(names) {
    for (const name of names) {
      try {
        const road = this.#make(name);
        await this.#enter(road);
        if (road !== this.film && !this.video.getAttribute("src")) {
          this.video.preload = "metadata";
          this.video.src = this.#proxy;
        }
        this.exact = road;
        this.on.road(this);
        return true;
      } catch (error) {
        if (!(error instanceof RoadError)) throw error;
        this.reasons.push({ road: name, reason: error.reason, detail: error.detail });
      }
    }
    this.exact = null;
    this.on.road(this);
    return false;
  }

  #make(name) {
    if (name === "video") return this.film;
    const { table, painter, stats } = this;
    const Road = name === "webcodecs" ? WebCodecsRoad : ServerRoad;
    const road = new Road({ table, painter, stats, room: roomFor(navigator.deviceMemory ?? 8), on: this.#events(() => road) });
    return road;
  }

  async #enter(road) {
    if (road === this.film) {
      await road.open(this.#proxy);
      this.painter.uncover();
    } else if (road.name === "server") await road.open({ address: this.places.picture });
    else await road.open({ worker: this.places.worker, url: this.#proxy, file: this.file, told: this.told });
  }

  /** What a road tells; only the one that is gone now, or that plays, is heard. */
  #events(road) {
    const heard = (tell) => (...all) => (road() === this.exact || this.#engine?.road === road() ? tell(...all) : undefined);
    return {
      frame: heard((frame) => {
        this.#engine?.saw?.(frame);
        this.on.frame(frame);
      }),
      pending: heard((frame) => this.playing || this.on.pending(frame)),
      unproven: heard((frame, reason) => this.on.unproven(frame, reason)),
      broken: (reason, detail, wanted) => (road() === this.exact ? this.#fall(reason, detail, wanted) : undefined),
    };
  }

  /** The road that was gone broke down: take the next one, at the same picture. */
  #fall(reason, detail, wanted) {
    const { name, shown } = this.exact;
    const engine = this.#engine;
    this.#halt();
    if (engine) this.on.stopped();
    this.reasons.push({ road: name, reason, detail });
    return this.#move(this.forced ? [] : ROADS.slice(ROADS.indexOf(name) + 1), wanted ?? engine?.shown ?? shown ?? 0);
  }

  /** Take the pictures from another file with the same frame table, at the same picture. */
  async change(proxy, frame) {
    while (this.#moving) await this.#moving;
    this.#halt();
    const told = this.exact?.release?.();
    if (this.exact !== this.film) this.exact?.close();
    this.film.shown = null;
    this.#proxy = proxy;
    this.reasons = [];
    this.video.removeAttribute("src");
    this.video.load();
    await this.#move(this.forced ? [this.forced] : ROADS, frame);
    told?.();
  }

  /** Go over to the best of `names`, at picture `frame` or at what is asked for on the way. */
  #move(names, frame) {
    this.exact = null;
    this.#wish = frame;
    const taken = this.#take(names).finally(() => {
      this.#moving = null;
    });
    this.#moving = taken.then((found) => {
      if (found) return this.exact.show(this.#wish);
      this.on.unproven(this.#wish, this.reasons.at(-1).reason);
    });
    return this.#moving;
  }

  /** Bring picture `frame` on screen, proven. A road that holds it draws it before this returns. */
  show(frame) {
    if (this.#moving) {
      this.#wish = frame;
      this.on.pending(frame);
      return this.#moving;
    }
    if (this.exact) return this.exact.show(frame);
    this.on.unproven(frame, "no_road");
    return Promise.resolve();
  }

  /** Play from picture `from`; while playing, another speed or direction. */
  play({ from, direction, speed }) {
    const engine = this.#engine;
    const real = direction > 0 && (speed >= 1 || !this.exact.smooth);
    if (real && engine?.road === this.film && engine.real) return this.film.setSpeed(speed);
    this.#halt();
    this.#engine = real ? this.#film(speed) : this.#clockwork({ from, direction, speed });
    if (!real) return this.#engine.start();
    const { counts } = this.#engine;
    return this.film.play({ from, speed, counts, seen: () => this.painter.uncover() });
  }

  #film(speed) {
    const counts = { road: "video", speed, direction: 1, due: 0, presented: 0, late_ms: 0 };
    this.stats.played(counts);
    const { film } = this;
    return {
      real: true,
      road: film,
      counts,
      jump: (frame) => film.jump(frame),
      stop: () => film.stop(),
      get shown() {
        return film.shown;
      },
    };
  }

  #clockwork(plan) {
    const { table, stats, exact: road } = this;
    const on = { frame: (frame) => this.on.frame(frame), ended: () => this.on.ended() };
    if (!road.smooth) return new StepPlay({ table, road, on, stats }, plan);
    const every = table.fps * plan.speed <= this.refresh() * 1.02;
    return new ClockPlay({ table, road, on, stats, refresh: this.refresh }, { ...plan, every });
  }

  /** While playing: go on from picture `frame`. */
  jump(frame) {
    return this.#engine?.jump(frame);
  }

  #halt() {
    const engine = this.#engine;
    this.#engine = null;
    return engine?.stop();
  }

  /** Stop playing; resolves when the picture `stay` is proven on screen, where play by the clock has it already. */
  pause(stay) {
    const engine = this.#engine;
    this.#halt();
    const there = engine instanceof ClockPlay && this.exact?.shown === stay;
    return this.exact && engine && !there ? this.exact.show(stay) : Promise.resolve();
  }
}
