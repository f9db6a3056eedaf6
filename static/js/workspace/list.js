// Strokes and suggestions as a real list: what screen readers read instead of the canvas. Only visible rows exist.

import { h, swatch } from "./dom.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { fromMotion, scoreText, stepMeaning, stepOf } from "./scores.js";
import { count, timecode } from "./timecode.js";

const ROW = 32;
const SPARE = 6;

const FILTERS = {
  all: () => true,
  undecided: (one) => one.kind === "suggestion",
  mine: (one) => one.kind === "stroke",
  unclassed: (one) => one.kind === "stroke" && !one.move,
  unsure: (one) => one.kind === "stroke" && (one.unsure || Boolean(one.note)),
};

/** What a screen reader hears after the name. */
function spoken(one) {
  const n = one.end - one.begin;
  const where = ngettext("from frame %(begin)s, %(n)s frame long", "from frame %(begin)s, %(n)s frames long", n);
  const text = fill(where, { begin: count(one.begin), n });
  return one.kind === "suggestion" ? `${text}, ${gettext("suggestion to decide")}` : text;
}

const scoreTitle = (one) => (fromMotion(one) ? gettext("how much moves there") : stepMeaning(stepOf(one.score)));

export class StrokeList {
  #drawn = "";
  #rows = [];

  constructor(root, { editor, ui, store, tree, table }) {
    Object.assign(this, { root, editor, ui, store, tree, table });
    this.space = h("div.list-space");
    this.empty = h("p.list-empty.quiet");
    root.append(this.space, this.empty);
    root.addEventListener("scroll", () => this.#draw(true));
    new ResizeObserver(() => this.#draw(true)).observe(root);
    root.addEventListener("click", (event) => {
      const row = event.target.closest("[data-id]");
      if (row) editor.select(row.dataset.kind, row.dataset.id);
    });
  }

  render() {
    const key = `${this.store.revision} ${this.ui.filter} ${this.ui.figures}`;
    if (key !== this.key) {
      this.key = key;
      const keep = FILTERS[this.ui.filter];
      this.#rows = this.editor.all().filter(keep);
    }
    const id = this.ui.selected?.id;
    if (id !== this.selectedId) {
      this.selectedId = id;
      this.#reveal(this.#rows.findIndex((one) => one.id === id));
    }
    this.#draw();
  }

  #reveal(index) {
    if (index < 0) return;
    const { scrollTop, clientHeight } = this.root;
    if (index * ROW < scrollTop) this.root.scrollTop = index * ROW - ROW;
    else if ((index + 1) * ROW > scrollTop + clientHeight) this.root.scrollTop = (index + 2) * ROW - clientHeight;
  }

  #draw(scrolled = false) {
    const from = Math.max(0, Math.floor(this.root.scrollTop / ROW) - SPARE);
    const to = Math.min(this.#rows.length, Math.ceil((this.root.scrollTop + this.root.clientHeight) / ROW) + SPARE);
    const drawn = `${this.key} ${this.selectedId} ${from} ${to}`;
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.space.style.height = `${this.#rows.length * ROW}px`;
    this.space.replaceChildren(...this.#rows.slice(from, to).map((one, at) => this.#row(one, from + at)));
    const chosen = this.space.querySelector("[aria-selected=true]");
    if (chosen) this.root.setAttribute("aria-activedescendant", chosen.id);
    else this.root.removeAttribute("aria-activedescendant");
    if (scrolled) return;
    this.empty.hidden = this.#rows.length > 0;
    this.empty.textContent = this.ui.filter === "all"
      ? gettext("No strokes yet. Play, press I where one begins and O where it ends.")
      : gettext("Nothing here for this filter.");
  }

  #row(one, index) {
    const entry = this.tree.entry(one.move);
    const suggestion = one.kind === "suggestion";
    const name = one.move ? entry.label : suggestion ? gettext("motion, no class") : gettext("no class yet");
    const row = h(`div.row${suggestion ? ".row-suggestion" : ""}`, {
      role: "option",
      id: `row-${one.id}`,
      "data-id": one.id,
      "data-kind": one.kind,
      "aria-selected": String(one.id === this.selectedId),
      "aria-setsize": this.#rows.length,
      "aria-posinset": index + 1,
    },
      h("span", { class: `${swatch(entry.look)}${suggestion ? " swatch-open" : ""}` }),
      h("span.row-name", {}, name),
      one.unsure ? h("span.row-mark", { title: gettext("unsure") }, "?") : null,
      suggestion ? h("span.row-score", { title: scoreTitle(one) }, scoreText(one, this.ui.figures)) : null,
      h("span.row-time", {}, timecode(this.table.begin(one.begin), 1)),
      h("span.only-read", {}, spoken(one)));
    row.style.top = `${index * ROW}px`;
    return row;
  }
}
