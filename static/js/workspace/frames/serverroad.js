// Second road: the server makes each picture; a page without a decoder, or without a secure origin, is exact with it too.

import { CachedRoad } from "./cachedroad.js";
import { RoadError } from "./roaderror.js";

const AHEAD = 8;
const AT_ONCE = 3;

export class ServerRoad extends CachedRoad {
  name = "server";
  smooth = false;
  #queue = [];
  #running = new Set();

  /** `address(frame)` is where picture `frame` is. Raises RoadError if the first one cannot be had. */
  async open({ address }) {
    this.address = address;
    try {
      this.keep(0, await this.#fetch(0));
    } catch (error) {
      throw error instanceof RoadError ? error : new RoadError("network", String(error.message ?? error));
    }
  }

  /** The picture, proven by the ordinal that its answer carries. */
  async #fetch(frame) {
    const answer = await fetch(this.address(frame), { credentials: "same-origin" });
    if (answer.redirected) throw new RoadError("server", 401); // to the sign-in page
    if (!answer.ok) throw new RoadError(answer.status === 404 ? "no_server_pictures" : "server", answer.status);
    const said = answer.headers.get("X-Topspin-Frame");
    if (said !== String(frame)) throw new RoadError("other_picture", said);
    return createImageBitmap(await answer.blob());
  }

  ask(frame) {
    this.#queue = [frame, ...this.#queue.filter((one) => one !== frame)];
    this.#next(true);
  }

  lead(frame, direction) {
    const near = Array.from({ length: AHEAD }, (_, k) => frame + direction * (k + 1));
    this.#queue = [...near, frame - direction].filter((one) => one >= 0 && one < this.table.n && !this.has(one));
    this.#next();
  }

  #next(urgent = false) {
    const room = AT_ONCE + (urgent ? 1 : 0);
    while (this.#running.size < room && this.#queue.length && !this.broken) {
      const frame = this.#queue.shift();
      if (this.has(frame) || this.#running.has(frame)) continue;
      this.#running.add(frame);
      this.#bring(frame);
    }
  }

  async #bring(frame) {
    try {
      this.keep(frame, await this.#fetch(frame));
    } catch (error) {
      if (error instanceof RoadError && error.reason === "other_picture") this.fail(error.reason, error.detail);
      else this.missed(frame, error instanceof RoadError ? "server" : "offline");
    } finally {
      this.#running.delete(frame);
      this.#next();
    }
  }
}
