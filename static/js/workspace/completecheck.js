// "Every stroke is marked": what it means, and what still looks open, each thing a way there. The person decides.

import { find, h } from "./dom.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { Seen, Watching } from "./seen.js";
import { timecode } from "./timecode.js";

const SHOWN = 5;
const LEAST_S = 1;
const KEEP_MS = 3000;

const shelf = (user, video) => `topspin.seen.${user}.${video}`;

function remembered(place) {
  try {
    return JSON.parse(window.localStorage.getItem(place) ?? "[]");
  } catch {
    return [];
  }
}

export class CompleteCheck {
  #kept = 0;

  constructor({ editor, store, player, table, ui, body, video }) {
    Object.assign(this, { editor, store, player, table, ui, place: shelf(body.user.id, video) });
    this.box = find("#complete");
    this.dialog = find("#complete-check");
    this.seen = new Seen(remembered(this.place));
    this.watching = new Watching(this.seen, table);
    player.subscribe(() => this.#watch());
    window.addEventListener("pagehide", () => this.#keep());
    this.box.addEventListener("change", () => this.ask(this.box.checked));
    find("[data-part=yes]", this.dialog).addEventListener("click", () => {
      this.dialog.close();
      this.editor.setComplete(true);
    });
  }

  #watch() {
    const { player } = this;
    if (!player.proven || player.unproven !== null) return;
    const fresh = this.watching.at(player.frame, { playing: player.playing, speed: player.speed });
    if (fresh && Date.now() - this.#kept > KEEP_MS) this.#keep();
  }

  #keep() {
    this.#kept = Date.now();
    try {
      window.localStorage.setItem(this.place, JSON.stringify(this.seen.ranges));
    } catch {
      // A full or private shelf: the next visit asks about more than was missed.
    }
  }

  /** Taking it back needs no question; saying it with nothing open neither. */
  ask(wanted) {
    this.box.checked = this.store.state.complete;
    if (!wanted) return this.editor.setComplete(false);
    const open = this.#open();
    if (!open.length) return this.editor.setComplete(true);
    find("ul", this.dialog).replaceChildren(...open.map((one) => this.#line(one)));
    this.dialog.showModal();
  }

  #time(frame) {
    return timecode(this.table.begin(frame), 1);
  }

  /** What looks open: {text, ways: [{text, go}]}. */
  #open() {
    const all = this.editor.all();
    const way = (one) => ({ text: this.#time(one.begin), go: () => this.editor.select(one.kind, one.id) });
    const unclassed = all.filter((one) => one.kind === "stroke" && !one.move);
    const undecided = this.editor.undecided();
    const unseen = this.seen.missing(this.table.n, Math.ceil(LEAST_S * this.table.fps));
    const n = (many) => ({ n: many.length });
    return [
      [unclassed, () => fill(ngettext("%(n)s stroke has no class yet", "%(n)s strokes have no class yet", unclassed.length), n(unclassed)), way],
      [undecided, () => fill(ngettext("%(n)s suggestion is not decided", "%(n)s suggestions are not decided", undecided.length), n(undecided)), way],
      [unseen, () => fill(ngettext("%(n)s stretch was never on this screen", "%(n)s stretches were never on this screen", unseen.length), n(unseen)),
        ([begin, end]) => ({ text: `${this.#time(begin)}–${this.#time(end)}`, go: () => this.player.goTo(begin) })],
    ].filter(([found]) => found.length).map(([found, text, to]) => ({ text: text(), ways: found.slice(0, SHOWN).map(to), more: found.length - SHOWN }));
  }

  #line({ text, ways, more }) {
    const buttons = ways.map(({ text: name, go }) => {
      const button = h("button.button.button-quiet.button-small", { type: "button" }, name);
      button.addEventListener("click", () => {
        this.dialog.close();
        go();
      });
      return button;
    });
    const rest = more > 0 ? h("span.quiet.small", {}, fill(gettext("and %(n)s more"), { n: more })) : null;
    return h("li", {}, h("span.check-text", {}, text), h("span.check-ways", {}, ...buttons, rest));
  }
}
