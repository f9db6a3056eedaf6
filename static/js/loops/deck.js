// The loop on screen and the next ones, fetched and standing on their first picture before they are asked for.

import { Clip } from "./clip.js";
import { tableOf } from "./tables.js";

export class Deck {
  #clips = new Map(); // key -> promise of a clip

  /** Clips live in `root`; on: {frame(ordinal), failed(), ended()} of the one that is shown. */
  constructor(root, on) {
    Object.assign(this, { root, on });
    this.shown = null;
    this.key = null;
  }

  #clip({ key, video, begin, end }) {
    if (!this.#clips.has(key)) this.#clips.set(key, this.#make(key, video, { begin, end }));
    return this.#clips.get(key);
  }

  async #make(key, video, span) {
    const table = await tableOf(video);
    const mine = (name) => (value) => this.key === key && this.on[name]?.(value);
    const clip = new Clip({ video, table, span, on: { frame: mine("frame"), failed: mine("failed"), ended: mine("ended") } });
    clip.element.hidden = true;
    this.root.prepend(clip.element);
    return clip;
  }

  /** Keep the clips of `list` ready ({key, video, begin, end}), the first of them most urgently; drop all others. */
  prepare(list) {
    const wanted = new Set(list.map((one) => one.key));
    for (const [key, made] of this.#clips) {
      if (wanted.has(key) || key === this.key) continue;
      this.#clips.delete(key);
      made.then((clip) => clip.drop(), () => {});
    }
    for (const one of list) this.#clip(one).catch(() => this.#clips.delete(one.key));
  }

  /** Put the clip of `one` on screen; null when another was asked for meanwhile. */
  async show(one) {
    this.key = one?.key ?? null;
    this.shown?.pause();
    if (!one) {
      if (this.shown) this.shown.element.hidden = true;
      this.shown = null;
      return null;
    }
    const clip = await this.#clip(one);
    if (this.key !== one.key) return null;
    if (this.shown && this.shown !== clip) this.shown.element.hidden = true;
    this.shown = clip;
    clip.element.hidden = false;
    return clip;
  }
}
