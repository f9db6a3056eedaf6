// First road: the worker decodes the proxy by WebCodecs, this side keeps the bitmaps and draws them.

import { CachedRoad } from "./cachedroad.js";
import { around, groupEnd } from "./groups.js";
import { RoadError } from "./roaderror.js";

const AHEAD = 30; // pictures kept ready in the direction of travel
const AHEAD_S = 0.4; // or so much play

export class WebCodecsRoad extends CachedRoad {
  name = "webcodecs";
  smooth = true; // plays by itself, by the frame table's clock
  #worker = null;
  #keys = [];
  #said = "";

  /** Open `url`; resolves when the file was proven to be the table's. Raises RoadError. */
  open({ worker, url, file, told }) {
    if (!globalThis.isSecureContext) throw new RoadError("insecure");
    if (typeof globalThis.VideoDecoder === "undefined") throw new RoadError("no_webcodecs");
    return new Promise((resolve, reject) => {
      this.#worker = new Worker(worker, { type: "module" });
      this.#worker.onerror = (event) => {
        event.preventDefault?.();
        reject(new RoadError("worker", event.message));
        this.fail("worker", event.message);
      };
      this.#worker.onmessage = ({ data }) => {
        if (data.opened) {
          this.#keys = data.opened.keys;
          this.bytes = data.opened.bytes;
          resolve();
        } else if (data.refused) reject(new RoadError(data.refused.reason, data.refused.detail));
        else if (data.picture) this.keep(data.picture.frame, data.picture.bitmap);
        else if (data.seen) this.#seen(data.seen);
        else if (data.line) told(data.line);
        else if (data.trouble) this.#trouble(data.trouble);
      };
      this.#worker.postMessage({ open: { url: new URL(url, location.href).href, table: { time_base: file.time_base, pts: file.pts } } });
    });
  }

  #seen({ frame, image, fetch, decode }) {
    this.stats.decoded({ fetch, decode });
    if (!this.broken && frame === this.wanted) this.arrive(frame, image);
    image.close();
  }

  #trouble({ frame, reason, detail }) {
    if (reason === "network") this.missed(frame, detail === 0 ? "offline" : "server");
    else this.fail(reason, detail);
  }

  ask(frame) {
    const { begin, end } = groupEnd(this.#keys, this.table.n, frame);
    this.#worker.postMessage({ want: { frame, skip: this.#here(begin, end) } });
  }

  /** Which of the pictures [begin, end) need no decoding: they are here, or at this `stride` the screen never shows them. */
  #here(begin, end, stride = 1) {
    const here = [];
    for (let frame = begin; frame < end; frame += 1) if (frame % stride || this.has(frame)) here.push(frame);
    return here;
  }

  /** Have the pictures around `frame` ready, most of them in the direction of travel, at `pace` pictures a second. */
  lead(frame, direction, { pace = 0, stride = 1 } = {}) {
    const groups = around(this.#keys, this.table.n, frame, { direction, pictures: Math.max(AHEAD, pace * AHEAD_S) });
    const ahead = groups
      .map(({ begin, end }) => ({ begin, end, skip: this.#here(begin, end, stride) }))
      .filter(({ begin, end, skip }) => skip.length < end - begin);
    const said = ahead.map(({ begin }) => begin).join();
    if (said === this.#said) return;
    this.#said = said;
    this.#worker.postMessage({ ahead });
  }

  close() {
    super.close();
    this.#worker?.terminate();
  }
}
