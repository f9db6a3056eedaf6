// The editor: every edit goes one way. History remembers its inverse, the store shows it, the outbox keeps and sends it.
// Its verbs lie in marks.js, nudges.js, verdicts.js, structure.js and going.js. Touches no document;
// `say(text, {undo})` tells the person.

import * as commands from "./commands.js";
import * as going from "./going.js";
import { gettext } from "./i18n.js";
import * as marks from "./marks.js";
import * as nudges from "./nudges.js";
import { Preferences } from "./preferences.js";
import { Reaction } from "./reaction.js";
import { asStep } from "./steps.js";
import { Inapplicable } from "./store.js";
import * as structure from "./structure.js";
import * as verdicts from "./verdicts.js";

const SETTLE_MS = 500;

export class Editor {
  #settling = null;
  #listed = { revision: -1, all: [] };

  constructor({ store, outbox, history, effort, ui, player, tree, table, players, say, timers = globalThis,
    preferences = new Preferences({}, { send: async () => ({}), timers }) }) {
    Object.assign(this, { store, outbox, history, effort, ui, player, tree, table, players, say, timers, preferences });
    this.reaction = new Reaction(table, preferences);
    this.touched = 0; // when something was done in this lane, in this visit
    ui.player = players.length === 1 ? players[0].pseudonym : null;
    ui.classKeys = preferences.get("class_keys");
  }

  get state() {
    return this.store.state;
  }

  /** Do `ops` as one undoable step. */
  commit(ops) {
    try {
      this.#send(asStep(ops));
      return true;
    } catch (error) {
      if (!(error instanceof Inapplicable)) throw error;
      this.say(gettext("That does not fit what is there any more; nothing was changed."));
      return false;
    }
  }

  #send(ops) {
    const seconds = this.effort.take();
    const stamped = ops.map((op, index) => ({ ...op, seconds: index ? 0 : seconds, at: new Date().toISOString() }));
    this.outbox.push(this.store.commit(stamped));
    this.touched = Date.now();
  }

  undo() {
    this.#step("undo", gettext("There is nothing to undo."));
  }

  redo() {
    this.#step("redo", gettext("There is nothing to redo."));
  }

  /** What comes next may lie in an older page of the log: then that is fetched first. */
  #step(direction, empty) {
    this.settle();
    if (this.history.lacks(direction)) return this.history.older().then((found) => found && this.#step(direction, empty));
    try {
      const ops = this.history.plan(direction);
      if (!ops) return this.say(empty);
      this.#send(ops);
      this.#showUndone(ops);
    } catch (error) {
      if (!(error instanceof Inapplicable)) throw error;
      this.say(gettext("This can no longer be undone: it was changed elsewhere."));
    }
  }

  #showUndone(ops) {
    const { stroke, suggestion } = ops.at(-1);
    const [kind, id] = stroke && this.state.strokes.has(stroke) ? ["stroke", stroke] : ["suggestion", suggestion];
    if (id) this.select(kind, id, { go: !this.ui.isSelected(kind, id) });
    else if (stroke) this.ui.set({ selected: null });
  }

  /** The selected stroke or suggestion with its moved edges, as {kind, id, begin, end, move ...}, or null. */
  chosen() {
    const { selected, adjust } = this.ui;
    if (!selected) return null;
    const source = selected.kind === "stroke" ? this.state.strokes : this.state.suggestions;
    const record = source.get(selected.id);
    if (!record) return null;
    const moved = adjust && adjust.id === selected.id ? { begin: adjust.begin, end: adjust.end } : {};
    return { ...record, ...moved, kind: selected.kind };
  }

  select(kind, id, { go = true } = {}) {
    this.settle();
    this.ui.set({ selected: id ? { kind, id } : null, adjust: null });
    const chosen = this.chosen();
    if (chosen && go) this.player.arrive(chosen);
  }

  // -- the verbs ----------------------------------------------------------------------------------------------------

  markBegin = () => marks.begin(this);
  markEnd = () => marks.end(this);
  markWhole = (move) => marks.whole(this, move);
  pressGroup = (group) => marks.group(this, group);
  releaseGroup = (heldMs) => marks.release(this, heldMs);
  cancel = () => marks.cancel(this);

  /** Nothing is open that waits for another key. */
  get resting() {
    const { group, draft, adjust, armed } = this.ui;
    return !(group || draft || adjust || armed);
  }


  setEdge = (edge) => nudges.setEdge(this, edge);
  nudge = (edge, frames) => nudges.nudge(this, edge, frames);
  moveEdge = (edge, frame, options) => nudges.moveEdge(this, edge, frame, options);

  /** Do `work()` that a class is pressed for. Where a class also marks, it waits (a promise) for a picture on its way. */
  marking = (work) => (this.ui.classKeys === "name" ? work() : this.player.onceProven(work));

  classify = (move) => verdicts.classify(this, move);
  top = (index) => verdicts.top(this, index);
  accept = (move = null) => verdicts.accept(this, move);
  reject = () => verdicts.reject(this);
  remove = () => verdicts.remove(this);

  split = () => structure.split(this);
  merge = () => structure.merge(this);
  duplicate = () => structure.duplicate(this);
  extend = (direction) => structure.extend(this, direction);

  go = (direction) => going.go(this, direction);
  nextToDecide = (options) => going.nextToDecide(this, options);

  settle() {
    this.timers.clearTimeout(this.#settling);
    nudges.settle(this);
  }

  settleSoon() {
    this.timers.clearTimeout(this.#settling);
    this.#settling = this.timers.setTimeout(() => this.settle(), SETTLE_MS);
  }

  change(field, value) {
    const chosen = this.chosen();
    if (chosen?.kind !== "stroke") return this.say(gettext("Choose a stroke of yours first."));
    this.settle();
    if (chosen[field] !== value) this.commit([commands.change(chosen.id, { [field]: value })]);
  }

  /** What a class does on its press: "name" a stroke, "begin" one, make a "whole" one; kept for the next visit. */
  setClassKeys(classKeys) {
    this.ui.set({ classKeys });
    this.preferences.set({ class_keys: classKeys });
  }

  nextClassKeys() {
    this.setClassKeys({ name: "begin", begin: "whole", whole: "name" }[this.ui.classKeys]);
  }

  setComplete(value) {
    if (this.state.complete !== value) this.commit([commands.complete(value)]);
  }

  correctRegion(frame, x, y) {
    this.commit([commands.roi(frame, x, y)]);
  }

  /** Everything in the list, in the order of the video. */
  all() {
    if (this.#listed.revision !== this.store.revision) this.#listed = { revision: this.store.revision, all: going.listed(this.state) };
    return this.#listed.all;
  }

  undecided() {
    this.all();
    this.#listed.undecided ??= this.#listed.all.filter((one) => one.kind === "suggestion");
    return this.#listed.undecided;
  }
}
