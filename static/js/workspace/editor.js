// The verbs of marking. Each edit goes: history remembers its inverse, the store shows it, the outbox keeps and sends it.
// Touches no document; `say(text, {undo})` tells the person.

import * as commands from "./commands.js";
import { fill, gettext } from "./i18n.js";
import { nextOpen } from "./scores.js";
import { byBegin, neighbour, withEdge } from "./spans.js";
import { Inapplicable, statesBefore } from "./store.js";

const SETTLE_MS = 500;

export class Editor {
  #settling = null;
  #listed = { revision: -1, all: [] };

  constructor({ store, outbox, history, effort, ui, player, tree, table, players, say, timers = globalThis }) {
    Object.assign(this, { store, outbox, history, effort, ui, player, tree, table, players, say, timers });
    ui.player = players.length === 1 ? players[0].pseudonym : null;
  }

  get state() {
    return this.store.state;
  }

  /** Do `ops` as one undoable step. */
  commit(ops) {
    try {
      const states = statesBefore(this.state, ops);
      this.history.did(ops, states);
      this.#send(ops);
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
    this.store.commit(stamped);
    this.outbox.push(stamped);
  }

  undo() {
    this.#step("undo", gettext("There is nothing to undo."));
  }

  redo() {
    this.#step("redo", gettext("There is nothing to redo."));
  }

  #step(direction, empty) {
    this.settle();
    try {
      const ops = this.history.step(direction, (planned) => statesBefore(this.state, planned));
      if (!ops) return this.say(empty);
      this.#send(ops);
      this.#showUndone(ops);
    } catch (error) {
      if (!(error instanceof Inapplicable)) throw error;
      this.history.forget();
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

  // -- marks ------------------------------------------------------------------------------------------------------

  markBegin() {
    if (this.#unproven()) return;
    this.settle();
    this.ui.set({ draft: { begin: this.player.frame, move: this.ui.armed }, selected: null, adjust: null });
  }

  /** The picture on screen is the stroke's last one, so its end (exclusive) is one further. */
  markEnd() {
    const { draft } = this.ui;
    if (this.#unproven()) return;
    if (!draft) return this.say(gettext("Mark the begin first (I), then the end (O)."));
    const end = this.player.frame + 1;
    if (end <= draft.begin + 1) {
      return this.say(gettext("The end must come after the begin. Move forward, then press O; Esc drops the mark."));
    }
    const op = commands.add({ begin: draft.begin, end, move: draft.move, player: this.ui.player });
    if (this.commit([op])) this.ui.set({ draft: null, armed: "", selected: { kind: "stroke", id: op.stroke } });
  }

  #unproven() {
    if (this.player.unproven === null || this.player.unproven === undefined) return false;
    this.say(gettext("Nothing was marked: it is not certain which frame is on screen. Step once and try again."));
    return true;
  }

  cancel() {
    if (this.ui.group) this.ui.set({ group: null });
    else if (this.ui.draft) this.ui.set({ draft: null });
    else if (this.ui.adjust) this.ui.set({ adjust: null });
    else if (this.ui.armed) this.ui.set({ armed: "" });
    else this.ui.set({ selected: null });
  }

  // -- edges ------------------------------------------------------------------------------------------------------

  setEdge(edge) {
    if (this.#unproven()) return;
    if (!this.chosen()) return this.say(gettext("Choose a stroke first."));
    this.moveEdge(edge, edge === "begin" ? this.player.frame : this.player.frame + 1, { show: false });
    this.settle();
  }

  nudge(edge, frames) {
    const chosen = this.chosen();
    if (!chosen) return this.say(gettext("Choose a stroke first."));
    this.player.pause();
    this.moveEdge(edge, chosen[edge] + frames);
    this.timers.clearTimeout(this.#settling);
    this.#settling = this.timers.setTimeout(() => this.settle(), SETTLE_MS);
  }

  /** Show the edge at `frame` and the picture there; `settle` makes it an operation. */
  moveEdge(edge, frame, { show = true } = {}) {
    const chosen = this.chosen();
    if (!chosen || (chosen.kind === "suggestion" && chosen.verdict)) return;
    const span = withEdge(chosen, edge, frame, this.table.n);
    this.ui.set({ adjust: { kind: chosen.kind, id: chosen.id, ...span } });
    if (show) this.player.goTo(edge === "begin" ? span.begin : span.end - 1);
  }

  /** Moved edges of a stroke become a change; those of a suggestion wait for Enter. */
  settle() {
    this.timers.clearTimeout(this.#settling);
    const { adjust } = this.ui;
    if (!adjust || adjust.kind !== "stroke") return;
    const stroke = this.state.strokes.get(adjust.id);
    const data = {};
    for (const edge of ["begin", "end"]) if (stroke && stroke[edge] !== adjust[edge]) data[edge] = adjust[edge];
    if (Object.keys(data).length) this.commit([commands.change(adjust.id, data)]);
    this.ui.set({ adjust: null });
  }

  // -- class and verdict --------------------------------------------------------------------------------------------

  classify(move) {
    const chosen = this.chosen();
    if (this.ui.draft) return this.ui.set({ draft: { ...this.ui.draft, move } });
    if (!chosen) return this.ui.set({ armed: move });
    if (chosen.kind === "suggestion") return this.accept(move);
    this.settle();
    if (chosen.move !== move) this.commit([commands.change(chosen.id, { move })]);
  }

  /** The model's first, second or third class for what is selected. */
  top(index) {
    const chosen = this.chosen();
    const top = chosen?.kind === "stroke" ? this.state.suggestions.get(chosen.suggestion)?.top : chosen?.top;
    if (top?.[index]) return this.classify(top[index][0]);
    this.say(gettext("The model has no class to offer here. Press a group key first, then a number."));
  }

  accept(move = null) {
    const chosen = this.chosen();
    if (chosen?.kind !== "suggestion") return this.say(gettext("Choose a suggestion first (N goes to the next)."));
    if (chosen.verdict) return this.say(gettext("This suggestion is decided already; Ctrl+Z takes it back."));
    const data = { begin: chosen.begin, end: chosen.end, move: move ?? (chosen.move || chosen.top?.[0]?.[0] || "") };
    if (this.ui.player) data.player = this.ui.player;
    const op = commands.accept(chosen.id, data);
    if (!this.commit([op])) return;
    this.ui.set({ adjust: null });
    if (data.move) this.nextToDecide({ quiet: true });
    else this.ui.set({ selected: { kind: "stroke", id: op.stroke } });
  }

  reject() {
    const chosen = this.chosen();
    if (chosen?.kind !== "suggestion") return this.say(gettext("Only suggestions are rejected; Delete removes a stroke."));
    if (chosen.verdict) return this.say(gettext("This suggestion is decided already; Ctrl+Z takes it back."));
    if (!this.commit([commands.reject(chosen.id)])) return;
    this.say(gettext("Suggestion rejected."), { undo: true });
    this.nextToDecide({ quiet: true });
  }

  remove() {
    const chosen = this.chosen();
    if (chosen?.kind === "suggestion") return this.reject();
    if (!chosen) return this.say(gettext("Choose a stroke first."));
    this.ui.set({ adjust: null });
    if (!this.commit([commands.remove(chosen.id)])) return;
    this.ui.set({ selected: null });
    const { short } = this.tree.entry(chosen.move);
    this.say(fill(gettext("%(name)s removed."), { name: `${short} ${chosen.begin}–${chosen.end}` }), { undo: true });
  }

  change(field, value) {
    const chosen = this.chosen();
    if (chosen?.kind !== "stroke") return this.say(gettext("Choose a stroke of yours first."));
    this.settle();
    if (chosen[field] !== value) this.commit([commands.change(chosen.id, { [field]: value })]);
  }

  setComplete(value) {
    if (this.state.complete !== value) this.commit([commands.complete(value)]);
  }

  correctRegion(frame, x, y) {
    this.commit([commands.roi(frame, x, y)]);
  }

  // -- going from one to the next --------------------------------------------------------------------------------------

  /** Everything in the list, in the order of the video. */
  all() {
    if (this.#listed.revision !== this.store.revision) this.#listed = { revision: this.store.revision, all: this.#list() };
    return this.#listed.all;
  }

  #list() {
    const undecided = [...this.state.suggestions.values()].filter((one) => !one.verdict);
    const strokes = [...this.state.strokes.values()];
    const all = [...strokes.map((one) => ({ ...one, kind: "stroke" })), ...undecided.map((one) => ({ ...one, kind: "suggestion" }))];
    return all.sort(byBegin);
  }

  undecided() {
    this.all();
    this.#listed.undecided ??= this.#listed.all.filter((one) => one.kind === "suggestion");
    return this.#listed.undecided;
  }

  go(direction) {
    const found = neighbour(this.all(), this.ui.selected?.id, this.player.frame, direction);
    if (found) this.select(found.kind, found.id);
  }

  nextToDecide({ quiet = false } = {}) {
    const open = this.undecided();
    const current = this.chosen();
    const from = current ? current.begin : this.player.frame;
    const found = nextOpen(open, { order: this.ui.order, from, current: current?.id });
    if (found) return this.select("suggestion", found.id);
    if (!quiet) this.say(this.nothingOpen?.() ?? gettext("Nothing is left to decide."));
    else this.ui.set({ selected: null });
  }
}
