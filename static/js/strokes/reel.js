// The reel: plays all strokes that were found, one after another, full size.

import { Deck } from "../loops/deck.js";
import { part } from "../loops/span.js";
import { find, write } from "../workspace/dom.js";
import { fill, gettext } from "../workspace/i18n.js";

const AHEAD = 2;
const SPEEDS = [1 / 8, 1 / 4, 1 / 2, 1, 2];
const NAMES = { 0.125: "1/8×", 0.25: "1/4×", 0.5: "1/2×", 1: "1×", 2: "2×" };
const KEYS = {
  ArrowLeft: "previous", ArrowUp: "previous", ArrowRight: "next", ArrowDown: "next", Space: "play", KeyK: "play", KeyJ: "slower",
  KeyL: "faster", KeyR: "repeat", Enter: "open", NumpadEnter: "open",
};

export class Reel {
  /** `names`: class -> what it is called here. `at(stroke, page)`: told which stroke is shown; `closed(stroke)`. */
  constructor(dialog, { sequence, names, at, closed }) {
    Object.assign(this, { dialog, sequence, names, at, closed });
    this.parts = Object.fromEntries([...dialog.querySelectorAll("[data-part]")].map((each) => [each.dataset.part, each]));
    this.deck = new Deck(find("#reel-loops"), {
      frame: (frame) => this.#track(frame),
      ended: () => this.go(1),
      failed: () => this.#error(gettext("The video cannot be played in this browser, or the connection broke. Reload the page to try again.")),
    });
    this.index = 0;
    this.stroke = null;
    this.playing = true;
    this.repeat = false;
    this.rate = 1;
    dialog.addEventListener("keydown", (event) => this.#key(event));
    dialog.addEventListener("close", () => this.#closed());
    dialog.addEventListener("mousedown", (event) => {
      if (event.target.closest("button")) event.preventDefault(); // Space goes on playing and pausing
    });
    dialog.addEventListener("click", (event) => {
      const name = event.target.closest("[data-do]")?.dataset.do;
      if (name && name !== "open") this.run(name);
    });
  }

  async open(index) {
    if (!this.dialog.open) {
      this.dialog.showModal();
      this.dialog.focus(); // not its first button, where Enter would close it instead of opening the video
    }
    this.playing = !window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    await this.#show(index);
  }

  async #show(index) {
    this.index = index;
    this.#error("");
    try {
      const [stroke, ...next] = await this.sequence.from(index, AHEAD);
      if (!stroke || this.index !== index || !this.dialog.open) return;
      this.stroke = stroke;
      this.#words();
      const clip = await this.deck.show(key(stroke));
      this.deck.prepare([stroke, ...next].map(key));
      if (!clip) return;
      clip.once = !this.repeat;
      clip.faster(this.rate);
      this.#track(clip.loop.from);
      this.dialog.dataset.shown = stroke.id;
      if (this.playing) clip.play();
      this.at(stroke, this.sequence.pageOf(index));
    } catch (error) {
      this.#error(error.message);
    }
  }

  #words() {
    const { parts, stroke } = this;
    find(".reel-stage", this.dialog).style.setProperty("--ar", String(stroke.video.width / stroke.video.height || 16 / 9));
    write(parts.name, this.names[stroke.move] ?? (stroke.move || gettext("no class yet")));
    const who = stroke.expert ?? gettext("consensus");
    write(parts.facts, [stroke.video.title, stroke.player, who, stroke.unsure && gettext("not sure"), stroke.note].filter(Boolean).join(" · "));
    write(parts.place, fill(gettext("%(n)s of %(count)s"), { n: this.index + 1, count: this.sequence.count }));
    parts.open.href = stroke.url;
    find("[data-do=previous]", this.dialog).disabled = this.index === 0;
    find("[data-do=next]", this.dialog).disabled = this.index >= this.sequence.count - 1;
    this.#buttons();
  }

  #buttons() {
    const play = find("[data-do=play]", this.dialog);
    play.setAttribute("aria-pressed", String(this.playing));
    write(find(".button-text", play), this.playing ? gettext("Pause") : gettext("Play"));
    find("[data-do=repeat]", this.dialog).setAttribute("aria-pressed", String(this.repeat));
    write(this.parts.speed, NAMES[this.rate]);
  }

  #track(frame) {
    const clip = this.deck.shown;
    if (!clip || !this.stroke) return;
    const places = { from: part(clip.table, clip.loop, this.stroke.begin), to: part(clip.table, clip.loop, this.stroke.end), now: part(clip.table, clip.loop, frame) };
    for (const [name, value] of Object.entries(places)) this.parts.track.style.setProperty(`--${name}`, String(value));
  }

  #error(text) {
    write(this.parts.error, text);
  }

  /** Forwards or backwards by one; at the end it stays on the last. */
  go(step) {
    const to = this.index + step;
    if (to >= 0 && to < this.sequence.count) return this.#show(to);
    this.playing = false;
    this.#buttons();
    return null;
  }

  run(name) {
    const verbs = {
      previous: () => this.go(-1),
      next: () => this.go(1),
      play: () => this.#toggle(),
      repeat: () => this.#toggleRepeat(),
      slower: () => this.#speed(-1),
      faster: () => this.#speed(1),
      open: () => this.stroke && window.location.assign(this.stroke.url),
      close: () => this.dialog.close(),
    };
    verbs[name]?.();
  }

  #toggle() {
    this.playing = !this.playing;
    if (this.playing) this.deck.shown?.play();
    else this.deck.shown?.pause();
    this.#buttons();
  }

  #toggleRepeat() {
    this.repeat = !this.repeat;
    if (this.deck.shown) this.deck.shown.once = !this.repeat;
    this.#buttons();
  }

  #speed(by) {
    this.rate = SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, SPEEDS.indexOf(this.rate) + by))];
    this.deck.shown?.faster(this.rate);
    this.#buttons();
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const name = KEYS[event.code];
    const pressing = event.target.closest("button, a");
    if (!name || (pressing && (event.code === "Enter" || event.code === "Space"))) return;
    event.preventDefault();
    if (!event.repeat || name === "next" || name === "previous") this.run(name);
  }

  #closed() {
    this.deck.show(null);
    this.deck.prepare([]);
    delete this.dialog.dataset.shown;
    this.closed(this.stroke);
  }
}

const key = (stroke) => ({ key: stroke.id, video: stroke.video.id, begin: stroke.begin, end: stroke.end });
