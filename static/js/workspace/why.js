// Why a suggestion: the very clip the network saw, beside the picture, and its class curve under the timeline.

import { get, post } from "../api.js";
import { fillOf } from "./blocks.js";
import { motionPeak, paintCurve, paintMotionPeak, readCurves } from "./curve.js";
import { find, h, write } from "./dom.js";
import { fill, gettext } from "./i18n.js";
import { figure, fromMotion } from "./scores.js";
import { count } from "./timecode.js";

const ASK_MS = 700;
const calm = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

export class Why {
  #timer = null;

  constructor(root, { body, editor, store, ui, tree, table, scale, palette, motion, under, player, media, say, invalidate }) {
    Object.assign(this, { root, body, editor, store, ui, tree, table, scale, palette, motion, under, player, media, say, invalidate });
    this.parts = Object.fromEntries([...root.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
    find("[data-why-close]", root).addEventListener("click", () => this.toggle(false));
    this.answers = new Map();
  }

  /** The suggestion that is chosen, or the one that the chosen stroke came from. */
  subject() {
    const chosen = this.editor.chosen();
    if (!chosen) return null;
    if (chosen.kind === "suggestion") return chosen;
    return this.store.state.suggestions.get(chosen.suggestion) ?? null;
  }

  toggle(open = this.root.hidden) {
    if (open && !this.subject()) return this.say(gettext("Choose a suggestion first (N goes to the next)."));
    this.root.hidden = !open;
    this.shown = null;
    if (open) return this.render();
    globalThis.clearTimeout(this.#timer);
    this.under.hide();
    this.invalidate();
  }

  render() {
    if (this.root.hidden) return;
    const one = this.subject();
    const key = one ? `${one.id} ${this.ui.figures}` : "";
    if (key === this.shown) return;
    this.shown = key;
    globalThis.clearTimeout(this.#timer);
    if (!one) return this.#nothing();
    this.#place(one);
    write(this.parts.title, one.move ? this.tree.entry(one.move).label : gettext("Something moves here"));
    this.#strip(one);
    if (one.run === null) return this.#plain(one);
    this.#answer(one, this.answers.get(one.id) ?? null);
    if (this.answers.get(one.id)?.state !== "ready") this.#ask(one);
  }

  /** On the side where the player is not, as far as the region of interest knows. */
  #place(one) {
    const track = this.body.roi_track;
    const at = track ? track.ordinals.findIndex((ordinal) => ordinal >= (one.begin + one.end) / 2) : -1;
    const left = at >= 0 && track.x[at] < 0.5;
    this.root.classList.toggle("is-right", left && find("#rules").hidden);
  }

  #nothing() {
    this.under.hide();
    this.parts.picture.replaceChildren();
    this.parts.top.replaceChildren();
    write(this.parts.title, gettext("Why"));
    write(this.parts.text, gettext("Choose a suggestion to see why it is there."));
    this.parts.bar.hidden = true;
  }

  /** No network was asked: say what was looked at instead. */
  #plain(one) {
    this.parts.picture.replaceChildren();
    this.parts.top.replaceChildren();
    this.parts.bar.hidden = true;
    const text = fromMotion(one)
      ? fill(gettext("No model has looked here yet. The picture moves more between frames %(begin)s and %(end)s than around them, most at frame %(peak)s; that is all."),
        { begin: count(one.begin), end: count(one.end - 1), peak: count(this.motion ? motionPeak(this.motion, one, this.table) : one.begin) })
      : gettext("This suggestion was made for practice; no network was asked.");
    write(this.parts.text, text);
  }

  async #ask(one) {
    let answer;
    try {
      answer = await post(`videos/${this.body.video.id}/suggestions/${one.id}/why/`);
    } catch (error) {
      answer = { state: "failed", message: error.message };
    }
    this.answers.set(one.id, answer);
    if (this.root.hidden || this.subject()?.id !== one.id) return;
    this.#answer(one, answer);
    if (answer.state === "working") this.#timer = globalThis.setTimeout(() => this.#ask(one), ASK_MS);
  }

  #answer(one, answer) {
    const { picture, text, bar, top } = this.parts;
    const working = !answer || answer.state === "working";
    bar.hidden = !working;
    if (answer?.progress) bar.value = answer.progress;
    else bar.removeAttribute("value");
    if (answer?.state !== "ready") {
      picture.replaceChildren();
      top.replaceChildren();
      return write(text, this.#words(answer));
    }
    const { seen } = answer;
    const name = fill(gettext("What the network saw, frames %(begin)s to %(end)s"), { begin: count(seen.begin), end: count(seen.end - 1) });
    if (picture.dataset.clip !== answer.clip || !picture.firstChild) {
      picture.dataset.clip = answer.clip;
      picture.replaceChildren(h("img", { src: calm() ? answer.still : answer.clip, alt: name }));
    }
    write(text, this.#seen(seen));
    top.replaceChildren(...seen.top.map(([move, p]) => h("li", {}, h("span", {}, this.tree.entry(move).label), meter(p), this.ui.figures ? h("span.number", {}, figure(p)) : null)));
  }

  #words(answer) {
    if (!answer || (answer.state === "working" && !answer.waiting)) return gettext("The clip that the network saw is being made …");
    return {
      working: gettext("Waiting for the worker; it makes the clip that the network saw."),
      failed: `${gettext("The clip could not be made.")} ${answer.message}`.trim(),
      not_prepared: gettext("The video is being prepared anew; ask again afterwards."),
      run_gone: gettext("The model that proposed this is no longer on this site."),
      motion: gettext("No model has looked here yet."),
    }[answer.state];
  }

  #seen(seen) {
    const rate = Math.round(seen.rate * 10) / 10;
    const words = [fill(gettext("Frames %(begin)s to %(end)s: %(n)s pictures, %(rate)s a second, cut to the player. Left the colour, right the motion as the network gets them."),
      { begin: count(seen.begin), end: count(seen.end - 1), n: seen.pictures, rate })];
    if (seen.looked.length) words.push(gettext("Below each, bright where it found what speaks for the class; the line says when."));
    return words.join(" ");
  }

  /** The curve under the timeline; for motion alone, the motion itself. */
  async #strip(one) {
    if (one.run === null) {
      if (!this.motion) return this.under.hide();
      const label = gettext("most motion");
      this.under.show(gettext("Motion"), (surface) => paintMotionPeak(surface, { motion: this.motion, one, scale: this.scale, table: this.table, label }), () => one.id);
      return this.invalidate();
    }
    try {
      this.curves ??= readCurves(await get(this.media("curves.json")));
    } catch {
      return this.under.hide(); // made before curves were kept: the clip says enough
    }
    if (this.root.hidden || this.subject()?.id !== one.id) return;
    const { curves, scale, table, tree } = this;
    this.under.show(gettext("Classes"), (surface) => paintCurve(surface, { curves, one, scale, table, tree, fillOf }), () => one.id);
    this.invalidate();
  }
}

function meter(p) {
  const filled = h("span.why-bar", { "aria-hidden": "true" }, h("span"));
  filled.firstChild.style.width = `${Math.round(100 * p)}%`;
  return filled;
}
