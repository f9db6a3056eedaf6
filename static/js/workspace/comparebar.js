// The line over the lanes during a comparison: how far people agree, what is chosen in somebody's lane, what can be done with it.

import { find, write } from "./dom.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { count } from "./timecode.js";

export class CompareBar {
  #drawn = "";

  constructor(root, { compare, consensus, store, tree, ui, toggles }) {
    Object.assign(this, { root, compare, consensus, store, tree, ui, toggles });
    this.sum = find("[data-part=sum]", root);
    this.says = find("[data-part=says]", root);
    this.copy = find("[data-action=copy-into-mine]", root);
    this.put = find("[data-action=into-consensus]", root);
    this.takeOut = find("[data-action=out-of-consensus]", root);
    this.start = find("[data-part=start]", root);
    this.complete = find("[data-part=complete]", root);
    this.#prepareConsensus(find("#begin-consensus"));
    this.steps = root.querySelectorAll("[data-action$=disagreement]");
  }

  #prepareConsensus(dialog) {
    this.start.addEventListener("click", () => dialog.showModal());
    dialog.addEventListener("close", () => {
      if (dialog.returnValue === "begin") this.consensus.start();
      dialog.returnValue = "";
    });
    find("input", this.complete).addEventListener("change", (event) => this.consensus.setComplete(event.target.checked));
  }

  #drawConsensus() {
    const { compare, consensus } = this;
    this.start.hidden = !compare.admin || consensus.there || Boolean(compare.chosen());
    this.put.hidden = !consensus.candidate();
    this.takeOut.hidden = !consensus.chosen();
    this.complete.hidden = !compare.admin || !consensus.there || Boolean(compare.chosen());
    find("input", this.complete).checked = Boolean(compare.consensus?.complete);
  }

  draw() {
    const { compare, root, store, ui } = this;
    const chosen = compare.chosen();
    const key = `${compare.revision} ${compare.on} ${Boolean(compare.loading)} ${compare.on && store.revision} ${chosen?.kind} ${chosen?.id} ${ui.selected?.id}`;
    if (key === this.#drawn) return;
    this.#drawn = key;
    for (const toggle of this.toggles) {
      toggle.setAttribute("aria-pressed", String(compare.on));
      toggle.setAttribute("aria-busy", String(Boolean(compare.loading)));
    }
    root.hidden = !compare.on;
    if (!compare.on) return;
    const { open } = compare.agreement();
    write(this.sum, this.#sum());
    for (const step of this.steps) step.disabled = open.length === 0;
    this.copy.hidden = !chosen;
    this.#drawConsensus();
    write(this.says, chosen ? this.#says(chosen) : "");
    this.says.title = this.says.textContent;
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

  /** "bob: OF Loop 412–498 · begins 4 earlier, another class than yours". */
  #says(one) {
    const { compare, tree, store } = this;
    const move = one.move ? tree.entry(one.move).short : gettext("no class yet");
    const what = `${compare.lane(one.kind).name}: ${move} ${count(one.begin)}–${count(one.end - 1)}`;
    const mine = compare.counterpart(one);
    if (mine) return `${what} · ${difference(one, mine)}`;
    return store.state.strokes.size ? `${what} · ${gettext("you have none here")}` : what;
  }
}

/** How `one` differs from `mine`, in words. */
export function difference(one, mine) {
  const parts = [];
  const edge = (frames, earlier, later) => {
    if (frames) parts.push(fill(frames < 0 ? earlier : later, { n: count(Math.abs(frames)) }));
  };
  edge(one.begin - mine.begin, gettext("begins %(n)s earlier"), gettext("begins %(n)s later"));
  edge(one.end - mine.end, gettext("ends %(n)s earlier"), gettext("ends %(n)s later"));
  if (one.move !== mine.move) parts.push(gettext("another class than yours"));
  return parts.join(", ") || gettext("the same as yours");
}
