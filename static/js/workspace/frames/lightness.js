// The switch between the sharper and the lighter picture: remembers the wish, watches the line, changes the file.

import { gettext } from "../i18n.js";
import { Line, WISHES, beginLight } from "./quality.js";

const WISH = "topspin.picture";
const RATE = "topspin.line";

function recall(name) {
  try {
    return window.localStorage.getItem(name);
  } catch {
    return null;
  }
}

function keep(name, value) {
  try {
    window.localStorage.setItem(name, value);
  } catch {
    // A private window may forget it; the page works the same.
  }
}

export class Lightness {
  /** `files`: {sharp, light} addresses; `changed(light, slow)` is told when another file is wanted, `slow` if the line is why. */
  constructor({ files, duration, changed }) {
    Object.assign(this, { files, duration, changed });
    const wish = recall(WISH);
    this.wish = WISHES.includes(wish) ? wish : "auto";
    this.line = new Line(Number(recall(RATE)) || null);
    this.light = false;
    this.offered = true; // false once the lighter file turned out not to exist
  }

  get file() {
    return this.light ? this.files.light : this.files.sharp;
  }

  /** Choose the file to begin with. */
  async begin() {
    this.light = beginLight({ wish: this.wish, line: navigator.connection, mbps: this.line.mbps });
    if (this.light) await this.#exists();
  }

  async #exists() {
    const answer = await fetch(this.files.light, { method: "HEAD", credentials: "same-origin" }).catch(() => null);
    if (answer?.status !== 404) return;
    this.offered = false;
    this.light = false;
  }

  /** An answer of the line; `size`: bytes of the whole file that is shown. */
  heard(answer, size) {
    this.line.add(answer);
    if (this.line.mbps) keep(RATE, this.line.mbps.toFixed(1));
    if (this.wish !== "auto" || this.light || !this.offered || !size) return;
    const need = (size * 8) / this.duration / 1e6;
    if (this.line.tooSlowFor(need)) this.#become(true, true);
  }

  async #become(light, slow = false) {
    if (light === this.light) return;
    this.light = light;
    if (light) await this.#exists();
    if (this.light === light) this.changed(light, slow);
  }

  choose(wish) {
    this.wish = wish;
    keep(WISH, wish);
    return this.#become(beginLight({ wish, line: navigator.connection, mbps: this.line.mbps }));
  }

  /** Fill and watch the <select>; `absent()` is told when there is no lighter file. */
  attach(select, absent) {
    select.value = this.wish;
    select.addEventListener("change", async () => {
      await this.choose(select.value);
      if (this.offered) return;
      this.wish = select.value = "sharp";
      keep(WISH, "sharp");
      absent();
    });
  }
}

export const slowSentence = () =>
  gettext("The line is too slow for the sharp picture, so a lighter one is shown, frame for frame the same. The button on the picture changes it back.");
