// The score of the practice video: the whole in words, each stroke as a card that loops it beside its truth.

import { post } from "../api.js";
import { h } from "./dom.js";
import { fill, gettext } from "./i18n.js";
import { offWords, strokeWords, wholeWords, wellDone } from "./scorewords.js";

export class ScorePanel {
  constructor(root, { body, editor, player, store, sync, tree, under, scale, say, again, close, invalidate }) {
    Object.assign(this, { root, body, editor, player, store, sync, tree, under, scale, say, again, close, invalidate });
    this.shown = false;
  }

  async ask() {
    if (this.sync.outbox.unsent) return this.say(gettext("Something is still being saved. Try again in a moment."));
    try {
      this.found = await post(`videos/${this.body.video.id}/score/`);
    } catch (error) {
      return this.say(error.message);
    }
    this.shown = true;
    this.drawn = null;
    this.under.show(gettext("Truth"), (surface) => this.#lane(surface), () => `${this.found.summary.right} ${this.looped}`);
    this.invalidate();
  }

  hide() {
    this.shown = false;
    this.under.hide();
  }

  render() {
    if (this.drawn === this.found) return;
    this.drawn = this.found;
    const { summary, strokes } = this.found;
    const figure = fill(gettext("%(right)s of %(of)s right"), summary);
    this.root.replaceChildren(
      h("p.tour-figure", {}, figure),
      h("div.tour-text", { role: "status" }, [...wholeWords(summary), offWords(strokes)].join(" "), h("span.quiet.small", {}, ` ${gettext("Right means: the class, and edges that share at least 75 % of the time with the truth.")}`)),
      h("div.tour-buttons.is-score", {}, this.#button(gettext("Score me again"), () => this.ask(), wellDone(summary) ? "button-quiet" : "button-main"),
        this.#button(gettext("Practise from the start"), this.again, "button-quiet"), this.#button(gettext("Close"), this.close, "button-quiet")),
      h("ol.score-strokes", {}, ...strokes.map((one, index) => h("li", {}, this.#card(one, index)))),
    );
  }

  #button(text, act, kind) {
    const button = h(`button.button.button-small.${kind}`, { type: "button" }, text);
    button.addEventListener("click", act);
    return button;
  }

  #card(one, index) {
    const short = (move) => this.tree.entry(move).short;
    const words = strokeWords(one, short).map(({ text, right }) => h(`span.${right ? "is-right" : "is-off"}`, {}, `${right ? "✓" : "△"} ${text}`));
    const card = h("button.score-stroke", { type: "button", title: this.tree.entry(one.move).label }, h("strong", {}, `${index + 1} · ${short(one.move)}`), ...words);
    card.addEventListener("click", () => this.#loop(one, index));
    return card;
  }

  /** Show the stroke and its truth, near and over and over. */
  async #loop(one, index) {
    this.looped = index;
    const mark = this.store.state.strokes.get(one.stroke);
    if (mark) this.editor.select("stroke", one.stroke, { go: false });
    const begin = Math.min(one.begin, mark?.begin ?? one.begin);
    const end = Math.max(one.end, mark?.end ?? one.end);
    const room = end - begin;
    this.scale.show(begin - room, end + room);
    if (this.player.looping) await this.player.pause();
    this.player.loop({ begin, end });
    this.invalidate();
  }

  /** The true strokes as a lane under the others. */
  #lane({ context, width, height, palette, paint }) {
    for (const one of this.found.strokes) {
      const x = this.scale.x(one.begin);
      const right = this.scale.x(one.end);
      if (right < 0 || x > width) continue;
      paint({ x: Math.max(x, -8), y: 3, width: Math.max(2, Math.min(right, width + 8) - Math.max(x, -8)), height: height - 6 }, { ...one, kind: "stroke" });
      if (one.right) continue;
      context.fillStyle = palette.warning;
      context.fillRect(Math.max(x, 0), height - 3, right - Math.max(x, 0), 3);
    }
  }
}
