// The comparison with other experts: their lanes, what agrees, what is chosen in them. Touches no document.

import { compareLanes, match, overlapOf, SAME } from "./agreement.js";
import * as commands from "./commands.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { inOrder } from "./order.js";
import { arrange, indexOf } from "./spans.js";

export const CONSENSUS = "consensus";
const NONE = { marks: new Map(), open: [], agreed: 0 };

export class Compare {
  #agreement = { key: "", found: NONE };
  #all = [];

  constructor({ load, store, ui, editor, player, say }) {
    Object.assign(this, { load, store, ui, editor, player, say });
    this.on = false;
    this.loading = null; // a promise while the lanes are on their way
    this.revision = 0;
    this.admin = false;
    this.consensus = null; // {version, complete, log: what I decided in it} once one was begun
    this.listeners = new Set();
    // What is chosen elsewhere is no longer chosen here.
    ui.subscribe(() => {
      if (ui.selected && ui.reviewed) ui.reviewed = null;
    });
  }

  #changed() {
    this.revision += 1;
    this.ui.set({});
  }

  /** Show the others, or put them away. A refusal is said in words. */
  async toggle() {
    if (this.loading) return this.loading;
    if (this.on) {
      this.on = false;
      this.ui.reviewed = null;
      return this.#changed();
    }
    this.loading = this.#open();
    await this.loading;
  }

  async #open() {
    try {
      this.take(await this.load());
      this.on = true;
    } catch (error) {
      this.say(error.message);
    }
    this.loading = null;
    this.#changed();
  }

  /** Take in a later state of the lanes, and tell the page. */
  renew(body) {
    this.take(body);
    this.#changed();
  }

  /** Take in what the server says of the others. */
  take({ lanes, consensus, admin }) {
    this.admin = admin;
    this.consensus = consensus && { version: consensus.version, complete: consensus.complete, log: consensus.log ?? [] };
    this.#all = lanes.map((lane) => ({ ...lane, key: `expert-${lane.expert.id}`, kind: "expert", name: lane.expert.name }));
    if (consensus) this.#all.push({ ...consensus, key: CONSENSUS, kind: CONSENSUS, name: gettext("Consensus") });
    for (const lane of this.#all) {
      const kind = lane.key;
      lane.arranged = arrange(lane.strokes.map((stroke) => ({ ...stroke, kind })));
      lane.strokes = null;
      lane.title = this.#title(lane);
    }
    this.revision += 1;
  }

  #title({ name, arranged, complete }) {
    const n = arranged.sorted.length;
    const strokes = fill(ngettext("%(n)s stroke", "%(n)s strokes", n), { n });
    return `${name} · ${strokes} · ${complete ? gettext("every stroke is marked") : gettext("not finished yet")}`;
  }

  /** The lanes of the others in order, the consensus last. */
  lanes() {
    return this.on ? this.#all : [];
  }

  lane(key) {
    return this.lanes().find((lane) => lane.key === key) ?? null;
  }

  // -- agreement ---------------------------------------------------------------------------------------------------

  #mine() {
    const { strokes, complete } = this.store.state;
    return { key: "stroke", complete, arranged: arrange(inOrder(strokes, "stroke"), { inOrder: true }) };
  }

  agreement() {
    if (!this.on) return NONE;
    const key = `${this.store.revision} ${this.revision}`;
    if (this.#agreement.key !== key) {
      const experts = this.#all.filter((lane) => lane.kind === "expert");
      const mine = this.#mine();
      const lanes = mine.arranged.sorted.length || mine.complete ? [mine, ...experts] : experts;
      const found = compareLanes(lanes);
      this.#agreement = { key, found: { ...found, open: found.open.filter((one) => !this.#settled(one)) } };
    }
    return this.#agreement.found;
  }

  /** A disagreement is over once the consensus holds a stroke there. */
  #settled(one) {
    const decided = this.lane(CONSENSUS)?.arranged.sorted ?? [];
    return decided.some((stroke) => overlapOf(stroke, one) >= SAME);
  }

  markOf(key, id) {
    return this.agreement().marks.get(key)?.get(id) ?? null;
  }

  // -- choosing ----------------------------------------------------------------------------------------------------

  /** The chosen stroke of somebody else, or null. */
  chosen() {
    const { reviewed } = this.ui;
    const arranged = reviewed && this.lane(reviewed.key)?.arranged;
    return (arranged && arranged.sorted[indexOf(arranged, reviewed.id)]) ?? null;
  }

  chosenIn(key) {
    return this.ui.reviewed?.key === key ? this.ui.reviewed.id : null;
  }

  choose(key, id, { go = true } = {}) {
    this.editor.settle();
    this.ui.set({ selected: null, adjust: null, reviewed: { key, id } });
    const chosen = this.chosen();
    if (chosen && go) this.player.arrive(chosen);
  }

  /** Choose a stroke of any lane. */
  pick(key, id) {
    if (key === "stroke" || key === "suggestion") this.editor.select(key, id);
    else this.choose(key, id);
  }

  drop() {
    if (!this.ui.reviewed) return false;
    this.ui.set({ reviewed: null });
    return true;
  }

  /** Go to the next (or previous) disagreement and play it over and over. */
  async disagreement(direction = 1) {
    if (!this.on) {
      await this.toggle();
      if (!this.on) return;
    }
    const { open } = this.agreement();
    if (!open.length) return this.say(gettext("Nothing is disagreed about."));
    const at = this.at();
    const here = this.player.looping ? this.player.looping.begin : this.player.target;
    const next = at >= 0 ? at + direction : direction > 0 ? open.findIndex((one) => one.begin > here) : open.findLastIndex((one) => one.begin < here);
    const one = open[(next + open.length) % open.length];
    this.looped = one;
    this.pick(one.key, one.id);
    if (!this.player.looping) await this.player.loop(one);
  }

  /** Index of the disagreement that what is chosen belongs to, or -1. */
  at() {
    const { selected, reviewed } = this.ui;
    const [key, id] = reviewed ? [reviewed.key, reviewed.id] : [selected?.kind, selected?.id];
    const same = (one) => one.key === key && one.id === id;
    return this.agreement().open.findIndex((one) => same(one) || one.partners.some(same));
  }

  // -- copying -----------------------------------------------------------------------------------------------------

  /** My stroke that the chosen one of somebody else stands for, or null. */
  counterpart(one = this.chosen()) {
    if (!one) return null;
    return match(arrange([one]), this.#mine().arranged).there.get(one.id) ?? null;
  }

  /** The chosen stroke becomes mine: as a new one, or as edges and class of the one I have there. */
  copy() {
    const one = this.chosen();
    if (!one) return this.say(gettext("Choose a stroke of somebody else first."));
    const mine = this.counterpart(one);
    const { name } = this.lane(one.kind);
    if (!mine) {
      const { begin, end, move, player } = one;
      const note = fill(gettext("copied from %(name)s"), { name });
      if (this.editor.commit([commands.add({ begin, end, move, player, note })])) this.say(gettext("Copied into your lane."), { undo: true });
      return;
    }
    const data = {};
    for (const field of ["begin", "end", "move"]) if (mine[field] !== one[field]) data[field] = one[field];
    if (!Object.keys(data).length) return this.say(gettext("Yours says the same already."));
    if (this.editor.commit([commands.change(mine.id, data)])) {
      this.say(fill(gettext("Your stroke now has the edges and the class of %(name)s."), { name }), { undo: true });
    }
  }
}
