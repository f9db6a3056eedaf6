// Third road: the browser's own <video>. It plays in real time with sound; a single picture is proven by the time that
// the browser reports of it (requestVideoFrameCallback), else the road says that it could not.

import { RoadError } from "./roaderror.js";

/** Parts of a picture's span to seek to, in the order they are tried. */
const TRIES = [0.5, 0.3, 0.7, 0.15, 0.85];
const PICTURE_WAIT_MS = 400;
const SAME_S = 2e-6; // reports are rounded to microseconds

export class VideoRoad {
  name = "video";
  smooth = false;
  #wanted = null;
  #work = null;
  #watching = 0;

  /**
   * A proven picture is copied onto the `painter`'s canvas: Chromium can go on showing the picture before it in the <video>
   * itself until the next seek, though it reports the new one.
   */
  constructor(video, table, on, painter = null) {
    Object.assign(this, { video, table, on, painter });
    this.shown = null;
  }

  static supported(video) {
    return typeof video.requestVideoFrameCallback === "function";
  }

  get playing() {
    return this.#watching !== 0;
  }

  /** Bring picture `frame` on screen. A running seek is never cancelled; of several wishes the newest counts. */
  show(frame) {
    this.#wanted = frame;
    this.on.pending(frame);
    this.#work ??= this.#run();
    return this.#work;
  }

  async #run() {
    // Never done before show() has kept the promise: else a wish for the picture on screen would block all later ones.
    await null;
    while (this.#wanted !== null) {
      const frame = this.#wanted;
      this.#wanted = null;
      if (frame !== this.shown) await this.#prove(frame);
    }
    this.#work = null;
    this.on.pending(null);
  }

  async #prove(frame) {
    this.shown = null;
    for (const part of TRIES) {
      const seen = await this.#seek(this.#time(frame, part), frame);
      if (seen === frame) {
        this.shown = frame;
        this.painter?.copy(this.video);
        this.on.frame(frame);
        return;
      }
      // A newer wish waits: prove that one instead of trying harder on this.
      if (this.#wanted !== null) return;
    }
    this.on.unproven(frame);
  }

  #time(frame, part) {
    const time = this.table.inside(frame, part);
    const { duration } = this.video;
    // A seek at or past the end shows nothing new: stay inside the last picture as the file has it.
    if (frame === this.table.n - 1 && duration <= time) return (this.table.begin(frame) + duration) / 2;
    return time;
  }

  /**
   * Firefox dates the picture of a seek by the very time that was asked for, once it has found the one that spans it (and
   * never a picture that does not); the ordinal of that one, or null for any other report.
   */
  #spanning(mediaTime, asked) {
    return Math.abs(mediaTime - asked) <= SAME_S ? this.table.at(asked) : null;
  }

  /** Seek and wait until both the seek has ended and a picture was composited; the ordinal of that picture or null. */
  #seek(time, frame) {
    const { video, table } = this;
    return new Promise((resolve) => {
      let seen = null;
      let seeked = false;
      let timer = null;
      let callback = 0;
      const finish = () => {
        if (document.hidden) return;
        window.clearTimeout(timer);
        video.cancelVideoFrameCallback(callback);
        video.removeEventListener("seeked", onSeeked);
        document.removeEventListener("visibilitychange", onSeen);
        resolve(seen);
      };
      const onPicture = (now, { mediaTime }) => {
        seen = table.beginningAt(mediaTime) ?? this.#spanning(mediaTime, time);
        if (seen === frame && seeked) finish();
        else callback = video.requestVideoFrameCallback(onPicture);
      };
      const onSeeked = () => {
        seeked = true;
        if (seen === frame) finish();
        else timer = window.setTimeout(finish, PICTURE_WAIT_MS);
      };
      // A hidden page composites nothing: the proof waits until somebody looks.
      const onSeen = () => {
        if (!document.hidden && seeked) timer = window.setTimeout(finish, PICTURE_WAIT_MS);
      };
      callback = video.requestVideoFrameCallback(onPicture);
      video.addEventListener("seeked", onSeeked);
      document.addEventListener("visibilitychange", onSeen);
      video.currentTime = time;
    });
  }

  /** Resolves when the first picture is there. Raises RoadError. */
  open(url) {
    const { video } = this;
    if (!VideoRoad.supported(video)) throw new RoadError("no_frame_callback");
    return new Promise((resolve, reject) => {
      video.addEventListener("loadeddata", resolve, { once: true });
      video.addEventListener("error", () => reject(new RoadError("video", video.error?.message)), { once: true });
      video.preload = "auto";
      if (video.getAttribute("src") !== url) video.src = url;
      else if (video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) resolve();
      else video.load();
    });
  }

  /** Play forwards in real time from picture `from`; `seen()` is called once, when the first picture is on screen. */
  async play({ from, speed, seen, counts }) {
    const { video } = this;
    if (this.#work) await this.#work;
    if (this.shown !== from) video.currentTime = this.table.inside(from);
    this.shown = from;
    this.setSpeed(speed);
    let before = null;
    const watch = (now, { mediaTime, presentedFrames }) => {
      if (!this.#watching) return;
      this.#watching = video.requestVideoFrameCallback(watch);
      const frame = this.table.beginningAt(mediaTime);
      if (before === null) seen();
      if (frame === null) return;
      if (before !== null && frame > before.frame) {
        counts.due += frame - before.frame;
        counts.presented += presentedFrames - before.presentedFrames;
      }
      before = { frame, presentedFrames };
      this.shown = frame;
      this.on.frame(frame);
    };
    this.#watching = video.requestVideoFrameCallback(watch);
    try {
      await video.play();
    } catch (error) {
      this.#stopWatching();
      if (error.name !== "AbortError") throw error;
    }
  }

  setSpeed(speed) {
    this.video.playbackRate = speed;
    this.video.muted = speed !== 1;
  }

  /** Go on playing from picture `frame`. */
  async jump(frame) {
    const { video } = this;
    if (!video.seeking) video.currentTime = this.table.inside(frame);
    if (video.ended) await video.play();
  }

  #stopWatching() {
    if (this.#watching) this.video.cancelVideoFrameCallback(this.#watching);
    this.#watching = 0;
  }

  /** Stop; the last reported picture. A later one may have slipped onto the screen: nothing is proven until it is shown. */
  stop() {
    const stay = this.shown;
    this.video.pause();
    this.#stopWatching();
    this.shown = null;
    return stay;
  }
}
