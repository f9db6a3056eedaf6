// One stroke of one video, over and over in a <video> of the proxy. Begin and end follow the server's frame table; a
// single picture is held only once the browser has said that it is the one.

import { around } from "./span.js";

/** Parts of a picture's span to seek to, in the order they are tried. */
const TRIES = [0.5, 0.3, 0.7, 0.15, 0.85];
const PICTURE_WAIT_MS = 400;

export class Clip {
  #watch = 0;
  #turn = 0;

  /** on: {frame(ordinal), failed()}. `span`: {begin, end} in frames. */
  constructor({ video, table, span, on = {} }) {
    this.element = document.createElement("video");
    Object.assign(this.element, { muted: true, playsInline: true, preload: "auto", tabIndex: -1, disablePictureInPicture: true });
    this.element.setAttribute("disableremoteplayback", "");
    this.table = table;
    this.on = on;
    this.frame = null;
    this.playing = false;
    this.rate = 1;
    this.once = false; // play to the end of the loop and say so, instead of beginning again
    this.aim(span);
    this.element.addEventListener("ended", () => this.#again());
    this.element.addEventListener("error", () => this.on.failed?.());
    // Until it is shown the first picture of its loop is fetched and waits.
    this.element.addEventListener("loadedmetadata", () => this.#rewind(), { once: true });
    this.element.src = `/media/${video}/proxy.mp4`;
  }

  /** Loop around another span of the same video. */
  aim(span) {
    this.span = { begin: span.begin, end: span.end };
    this.loop = around(this.table, span);
  }

  #rewind() {
    this.element.currentTime = this.table.inside(this.loop.from);
  }

  async play() {
    const { element } = this;
    this.#turn += 1;
    this.playing = true;
    element.playbackRate = this.rate;
    const outside = element.currentTime >= this.table.begin(this.loop.to) || element.currentTime < this.table.begin(this.loop.from);
    if (outside || element.ended) this.#rewind();
    this.#follow();
    try {
      await element.play();
    } catch (error) {
      if (error.name === "NotAllowedError") this.pause(); // the page says how to start it
      else if (error.name !== "AbortError") throw error;
    }
  }

  pause() {
    this.#turn += 1;
    this.playing = false;
    this.element.pause();
    this.element.cancelVideoFrameCallback?.(this.#watch);
  }

  faster(rate) {
    this.rate = rate;
    this.element.playbackRate = rate;
  }

  #follow() {
    const { element, table } = this;
    element.cancelVideoFrameCallback?.(this.#watch);
    const seen = (now, { mediaTime }) => {
      if (!this.playing) return;
      this.#watch = element.requestVideoFrameCallback(seen);
      const frame = table.beginningAt(mediaTime);
      if (frame === null) return;
      this.frame = frame;
      this.on.frame?.(frame);
      if (frame >= this.loop.to - 1 && !element.seeking) this.#again();
    };
    this.#watch = element.requestVideoFrameCallback(seen);
  }

  #again() {
    if (!this.playing) return;
    if (this.once) {
      this.pause();
      this.on.ended?.();
      return;
    }
    this.#rewind();
    if (this.element.ended) this.element.play().catch(() => this.pause());
  }

  /** Stop on picture `frame`; true once the browser has said that it shows it, false if it never does. */
  async hold(frame) {
    this.pause();
    const turn = this.#turn;
    for (const share of TRIES) {
      const seen = await this.#seek(this.table.inside(frame, share), frame);
      if (turn !== this.#turn) return false;
      if (seen !== frame) continue;
      this.frame = frame;
      this.on.frame?.(frame);
      return true;
    }
    return false;
  }

  /** Seek and wait for a picture; its ordinal, or null if none came. */
  #seek(time, wanted) {
    const { element, table } = this;
    return new Promise((resolve) => {
      let callback = 0;
      let last = null;
      const finish = () => {
        globalThis.clearTimeout(timer);
        element.cancelVideoFrameCallback(callback);
        resolve(last);
      };
      const timer = globalThis.setTimeout(finish, PICTURE_WAIT_MS);
      const seen = (now, { mediaTime }) => {
        last = table.beginningAt(mediaTime);
        if (last === wanted && !element.seeking) finish();
        else callback = element.requestVideoFrameCallback(seen);
      };
      callback = element.requestVideoFrameCallback(seen);
      element.currentTime = time;
    });
  }

  /** Let go of the decoder and what was fetched. */
  drop() {
    this.pause();
    this.element.removeAttribute("src");
    this.element.load();
    this.element.remove();
  }
}
