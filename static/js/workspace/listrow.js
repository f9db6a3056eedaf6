// One row of the list: built once, then told what it shows; what a screen reader hears of a stroke.

import { h, swatch, write } from "./dom.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { fromMotion, scoreText, stepMeaning, stepOf } from "./scores.js";
import { count, timecode } from "./timecode.js";

const SOURCES = () => ({
  blind: gettext("marked by hand"),
  accepted: gettext("suggestion, untouched"),
  edited: gettext("suggestion, edited"),
  imported: gettext("imported"),
});

const MARKS = () => ({
  agree: gettext("agreed"),
  class: gettext("another class elsewhere"),
  alone: gettext("missing elsewhere"),
});

const scoreTitle = (one) => (fromMotion(one) ? gettext("how much moves there") : stepMeaning(stepOf(one.score)));

/** The name of a row: its class, or that it has none. */
export function nameOf(one, tree) {
  if (one.move) return tree.entry(one.move).label;
  return one.kind === "suggestion" ? gettext("motion, no class") : gettext("no class yet");
}

/** What a screen reader hears after the name: where, whose, in which state. `more`: {owner, mark, overlaps}. */
export function spoken(one, { owner, mark, overlaps } = {}) {
  const n = one.end - one.begin;
  const where = ngettext("frames %(begin)s to %(last)s, %(n)s frame", "frames %(begin)s to %(last)s, %(n)s frames", n);
  const state = one.kind === "suggestion" ? gettext("suggestion to decide") : SOURCES()[one.source];
  return [owner, fill(where, { begin: count(one.begin), last: count(one.end - 1), n: count(n) }), state, one.unsure && gettext("unsure"),
    overlaps && gettext("overlaps another stroke"), mark && MARKS()[mark]].filter(Boolean).join(", ");
}

export class ListRow {
  #shown = null;

  constructor() {
    this.swatch = h("span");
    this.name = h("span.row-name");
    this.owner = h("span.row-owner.quiet");
    this.mark = h("span.row-mark");
    this.score = h("span.row-score");
    this.time = h("span.row-time");
    this.read = h("span.only-read");
    this.element = h("div.row", { role: "option" }, this.swatch, this.name, this.owner, this.mark, this.score, this.time, this.read);
  }

  /** Not needed now: nobody must find it by its old id. */
  clear() {
    if (this.#shown === null) return;
    this.#shown = null;
    this.element.removeAttribute("id");
    this.element.setAttribute("aria-selected", "false");
  }

  /** Show `one` as row `index` of `total`. Nothing is touched that stays as it was. */
  show(one, { index, total, selected, top, entry, name, begin, more, figures }) {
    const key = `${one.id} ${one.kind} ${one.begin} ${one.end} ${name} ${one.unsure} ${one.source} ${index} ${total} ${selected} ${more.mark} ${more.overlaps} ${figures}`;
    if (key === this.#shown) return;
    this.#shown = key;
    const { element } = this;
    const suggestion = one.kind === "suggestion";
    element.className = `row${suggestion ? " row-suggestion" : ""}${more.mark && more.mark !== "agree" ? " row-disagreed" : ""}`;
    const attributes = { id: `row-${one.id}`, "data-id": one.id, "data-kind": one.kind, "aria-selected": String(selected), "aria-setsize": total, "aria-posinset": index + 1 };
    for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
    element.style.top = `${top}px`;
    this.swatch.className = `${swatch(entry.look)}${suggestion ? " swatch-open" : ""}`;
    write(this.name, name);
    write(this.owner, more.owner ?? "");
    write(this.mark, [one.unsure && "?", more.overlaps && "∩", { class: "≠", alone: "!", agree: "✓" }[more.mark]].filter(Boolean).join(" "));
    this.mark.classList.toggle("is-agreed", more.mark === "agree" && !one.unsure && !more.overlaps);
    this.mark.title = [one.unsure && gettext("unsure"), more.overlaps && gettext("overlaps another stroke"), MARKS()[more.mark]].filter(Boolean).join(", ");
    write(this.score, suggestion ? scoreText(one, figures) : "");
    this.score.title = suggestion ? scoreTitle(one) : "";
    write(this.time, begin);
    write(this.read, spoken(one, more));
  }
}

/** The time that a row shows. */
export const rowTime = (one, table) => timecode(table.begin(one.begin), 1);
