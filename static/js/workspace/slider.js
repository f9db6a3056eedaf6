// The playhead for keyboards and screen readers: the overview is a slider over all frames.

import { fill, gettext } from "./i18n.js";
import { count, timecode } from "./timecode.js";

const LEAP_S = 10;
const TELL_MS = 500;

export class PlayheadSlider {
  #told = { frame: -1, at: 0 };

  constructor(element, { player, table }) {
    Object.assign(this, { element, player, table });
    element.setAttribute("aria-valuemin", "0");
    element.setAttribute("aria-valuemax", String(table.n - 1));
    element.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Left, Right, Home and End are everybody's keys (keymap.js); here only what a slider has besides. */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || !this.player.source) return;
    const { player, table } = this;
    const leap = (seconds) => table.at(Math.max(0, table.begin(player.target) + seconds));
    const to = { ArrowUp: player.target + 1, ArrowDown: player.target - 1, PageUp: leap(LEAP_S), PageDown: leap(-LEAP_S) }[event.code];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    player.goTo(to);
  }

  /** While playing a reader is told twice a second, not at every picture. */
  draw(now = performance.now()) {
    const { player, table, element } = this;
    if (player.frame === this.#told.frame || (player.playing && now - this.#told.at < TELL_MS)) return;
    this.#told = { frame: player.frame, at: now };
    element.setAttribute("aria-valuenow", String(player.frame));
    const text = gettext("frame %(frame)s of %(count)s, %(time)s");
    const values = { frame: count(player.frame), count: count(table.n), time: timecode(table.begin(player.frame)) };
    element.setAttribute("aria-valuetext", fill(text, values));
  }
}
