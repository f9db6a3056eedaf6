// Strokes and suggestions as a real list: what screen readers read instead of the canvas. Only visible rows exist, and they are
// used again while one scrolls.

import { h, write } from "./dom.js";
import { gettext } from "./i18n.js";
import { attachListKeys } from "./listkeys.js";
import { ListRow, nameOf, rowTime, spoken } from "./listrow.js";
import { byBegin } from "./spans.js";

const ROW = 32;
const SPARE = 6;

const FILTERS = {
  all: () => true,
  undecided: (one) => one.kind === "suggestion",
  mine: (one) => one.kind === "stroke",
  unclassed: (one) => one.kind === "stroke" && !one.move,
  unsure: (one) => one.kind === "stroke" && (one.unsure || Boolean(one.note)),
  everyone: (one) => one.kind !== "suggestion",
  disagreed: (one, compare) => ["class", "alone"].includes(compare.markOf(one.kind, one.id)),
};
const OTHERS = ["everyone", "disagreed"];

export class StrokeList {
  #drawn = "";
  #rows = [];
  #pool = [];

  constructor(root, { editor, ui, store, tree, table, compare, choose, announce, overlapping }) {
    Object.assign(this, { root, editor, ui, store, tree, table, compare, choose, announce, overlapping });
    this.space = h("div.list-space", { role: "presentation" });
    this.empty = h("p.list-empty.quiet");
    root.append(this.space);
    root.after(this.empty);
    root.addEventListener("scroll", () => this.#draw(), { passive: true });
    new ResizeObserver(() => {
      const seen = this.#inView(this.at);
      this.height = root.clientHeight;
      if (seen) this.#reveal(this.at);
      this.#draw();
    }).observe(root);
    this.height = root.clientHeight;
    root.addEventListener("click", (event) => {
      const row = event.target.closest("[data-id]");
      if (row) this.choose(row.dataset.kind, row.dataset.id);
    });
    attachListKeys(root, this);
  }

  get rows() {
    return this.#rows;
  }

  /** Index of the chosen row, or -1. */
  get at() {
    return this.#rows.findIndex((one) => one.id === this.selectedId && one.kind === this.selectedKind);
  }

  pick(index) {
    const one = this.#rows[Math.min(Math.max(0, index), this.#rows.length - 1)];
    if (one) this.choose(one.kind, one.id);
  }

  render() {
    const { ui, compare, store } = this;
    const key = `${store.revision} ${compare.revision} ${ui.filter} ${ui.figures}`;
    if (key !== this.key) {
      this.key = key;
      const keep = FILTERS[ui.filter];
      this.#rows = this.#all().filter((one) => keep(one, compare));
    }
    const chosen = ui.reviewed ? { kind: ui.reviewed.key, id: ui.reviewed.id } : ui.selected;
    if (chosen?.id !== this.selectedId || chosen?.kind !== this.selectedKind) {
      this.selectedId = chosen?.id;
      this.selectedKind = chosen?.kind;
      this.#reveal(this.at);
      this.#tell();
    }
    this.#draw();
  }

  #all() {
    if (!OTHERS.includes(this.ui.filter)) return this.editor.all();
    const others = this.compare.lanes().flatMap((lane) => lane.arranged.sorted);
    return [...this.editor.all(), ...others].sort(byBegin);
  }

  #more(one) {
    const lane = this.compare.lane(one.kind);
    return {
      owner: lane?.name ?? (OTHERS.includes(this.ui.filter) ? gettext("me") : undefined),
      mark: this.compare.on ? this.compare.markOf(one.kind, one.id) : null,
      overlaps: one.kind === "stroke" && this.overlapping().has(one.id),
    };
  }

  #inView(index) {
    const { scrollTop } = this.root;
    return (index + 1) * ROW > scrollTop && index * ROW < scrollTop + this.height;
  }

  #reveal(index) {
    if (index < 0) return;
    this.space.style.height = `${this.#rows.length * ROW}px`; // a row that is new can be scrolled to
    const { scrollTop } = this.root;
    if (index * ROW < scrollTop) this.root.scrollTop = index * ROW - ROW;
    else if ((index + 1) * ROW > scrollTop + this.height) this.root.scrollTop = (index + 2) * ROW - this.height;
  }

  /** Whoever does not look at the list hears what was chosen; in the list the row itself is read. */
  #tell() {
    const one = this.#rows[this.at];
    if (!one || document.activeElement === this.root) return;
    this.announce(`${nameOf(one, this.tree)}, ${spoken(one, this.#more(one))}`);
  }

  #draw() {
    const { scrollTop } = this.root;
    const from = Math.max(0, Math.floor(scrollTop / ROW) - SPARE);
    const to = Math.min(this.#rows.length, Math.ceil((scrollTop + this.height) / ROW) + SPARE);
    const drawn = `${this.key} ${this.selectedKind} ${this.selectedId} ${from} ${to}`;
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.space.style.height = `${this.#rows.length * ROW}px`;
    const wanted = [...Array(Math.max(0, to - from)).keys()].map((at) => from + at);
    // The chosen row stays in the page even when it is scrolled away: a reader stands on it.
    const chosen = this.at;
    if (chosen >= 0 && (chosen < from || chosen >= to)) wanted.push(chosen);
    this.#show(wanted, chosen);
    if (chosen >= 0) this.root.setAttribute("aria-activedescendant", `row-${this.#rows[chosen].id}`);
    else this.root.removeAttribute("aria-activedescendant");
    this.root.setAttribute("role", this.#rows.length ? "listbox" : "group");
    this.#sayEmpty();
  }

  /** Row i lives in the same element while it is in view, so that scrolling by one changes one. */
  #show(wanted, chosen) {
    while (this.#pool.length < wanted.length) {
      const row = new ListRow();
      this.#pool.push(row);
      this.space.append(row.element);
    }
    const size = this.#pool.length;
    const used = new Map();
    const late = [];
    for (const index of wanted) {
      if (used.has(index % size)) late.push(index);
      else used.set(index % size, index);
    }
    for (const index of late) used.set([...Array(size).keys()].find((slot) => !used.has(slot)), index);
    this.#pool.forEach((row, slot) => {
      row.element.hidden = !used.has(slot);
      if (!used.has(slot)) return row.clear();
      const index = used.get(slot);
      const one = this.#rows[index];
      row.show(one, {
        index, total: this.#rows.length, selected: index === chosen, top: index * ROW, entry: this.tree.entry(one.move),
        name: nameOf(one, this.tree), begin: rowTime(one, this.table), more: this.#more(one), figures: this.ui.figures,
      });
    });
  }

  #sayEmpty() {
    const { filter } = this.ui;
    this.root.hidden = this.#rows.length === 0;
    this.empty.hidden = !this.root.hidden;
    if (this.#rows.length) return;
    const teach = gettext("No strokes yet. Play, press I where one begins and O where it ends.");
    write(this.empty, filter === "all" ? teach : filter === "disagreed" ? gettext("Nothing is disagreed about.") : gettext("Nothing here for this filter."));
  }
}

/** What the filter offers during a comparison and not else. */
export function offerOthers(select, compare, ui) {
  const there = Boolean(select.querySelector("[value=everyone]"));
  if (there === compare.on) return;
  if (compare.on) {
    const words = { everyone: gettext("everybody"), disagreed: gettext("disagreements") };
    for (const value of OTHERS) select.append(h("option", { value }, words[value]));
    return;
  }
  for (const value of OTHERS) select.querySelector(`[value=${value}]`).remove();
  if (OTHERS.includes(ui.filter)) {
    select.value = "all";
    ui.set({ filter: "all" });
  }
}
