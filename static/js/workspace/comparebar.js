// The line over the lanes during a comparison: how far people agree, what is chosen in somebody's lane, what can be done with it.

import { find, write } from "./dom.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { count } from "./timecode.js";

export class CompareBar {
  #drawn = "";

  constructor(root, { compare, store, tree, toggles }) {
    Object.assign(this, { root, compare, store, tree, toggles });
    this.sum = find("[data-part=sum]", root);
    this.says = find("[data-part=says]", root);
    this.copy = find("[data-action=copy-into-mine]", root);
    this.steps = root.querySelectorAll("[data-action$=disagreement]");
  }

  draw() {
    const { compare, root, store } = this;
    const chosen = compare.chosen();
    const key = `${compare.revision} ${compare.on} ${compare.loading} ${compare.on && store.revision} ${chosen?.kind} ${chosen?.id} ${compare.on && compare.at()}`;
    if (key === this.#drawn) return;
    this.#drawn = key;
    for (const toggle of this.toggles) {
      toggle.setAttribute("aria-pressed", String(compare.on));
      toggle.setAttribute("aria-busy", String(compare.loading));
    }
    root.hidden = !compare.on;
    if (!compare.on) return;
    const { open } = compare.agreement();
    write(this.sum, this.#sum());
    for (const step of this.steps) step.disabled = open.length === 0;
    this.copy.hidden = !chosen;
    write(this.says, chosen ? this.#says(chosen) : "");
  }

  #sum() {
    const { compare } = this;
    const { open, agreed } = compare.agreement();
    if (!compare.lanes().some((lane) => lane.kind === "expert")) return gettext("Nobody else has marked this video yet.");
    const at = compare.at();
    const place = at < 0 ? count(open.length) : `${count(at + 1)} / ${count(open.length)}`;
    const differ = fill(ngettext("%(n)s disagreement", "%(n)s disagreements", open.length), { n: place });
    return open.length ? `${differ} · ${fill(ngettext("%(n)s agreed", "%(n)s agreed", agreed), { n: count(agreed) })}` : fill(ngettext("%(n)s stroke, nothing disagreed about", "%(n)s strokes, nothing disagreed about", agreed), { n: count(agreed) });
  }

  /** "bob: Offensive Forehand Loop, 412–498; begins 4 frames earlier than yours, another class". */
  #says(one) {
    const { compare, tree } = this;
    const { name } = compare.lane(one.kind);
    const move = one.move ? tree.entry(one.move).label : gettext("no class yet");
    const mine = compare.counterpart(one);
    return `${name}: ${move}, ${count(one.begin)}–${count(one.end - 1)} · ${mine ? difference(one, mine) : gettext("you have none here")}`;
  }
}

/** How `one` differs from `mine`, in words. */
export function difference(one, mine) {
  const parts = [];
  const edge = (frames, earlier, later) => {
    if (frames) parts.push(fill(frames < 0 ? earlier : later, { n: count(Math.abs(frames)) }));
  };
  edge(one.begin - mine.begin, gettext("begins %(n)s earlier than yours"), gettext("begins %(n)s later than yours"));
  edge(one.end - mine.end, gettext("ends %(n)s earlier"), gettext("ends %(n)s later"));
  if (one.move !== mine.move) parts.push(gettext("another class than yours"));
  return parts.join(", ") || gettext("the same as yours");
}
