// The workspace's state: what the server has confirmed, plus the operations it has not seen yet, applied on top.

import * as commands from "./commands.js";
import { findClashes } from "./clash.js";
import { applyAll, done, fromServer, removedIn } from "./state.js";

export { Inapplicable, applyAll, applyOp, fromServer } from "./state.js";

const KEPT = 300; // entries of the log that stay in the page's memory; older ones are fetched again when undo or the history asks
const SLACK = 200; // so many more before it is cut again

const ids = (ops) => new Set(ops.map((op) => op.id));
const without = (ops, gone) => ops.filter((op) => !gone.has(op.id));

export class Store {
  #listeners = new Set();
  #entries = []; // the pending operations with what was there before each, as they lie on the base now

  /** `unsent`: what an earlier visit or another tab has not sent yet; `room`: {kept, slack} of the log (shortened). */
  constructor(body, unsent = [], room = {}) {
    this.room = room;
    this.pending = [...unsent];
    this.clashes = [];
    this.revision = 0;
    this.base = fromServer(body);
    this.met = this.#meet();
  }

  /** What was done, oldest first: the server's entries, then the unsent ones. */
  get log() {
    return [...this.base.log, ...this.#entries];
  }

  /** Whether the server knows older entries than `log` has. */
  get more() {
    return this.base.more;
  }

  get held() {
    return ids(this.clashes.flatMap((clash) => clash.ops));
  }

  #fold() {
    const { state, taken } = applyAll(this.base, without(this.pending, this.held));
    this.#entries = taken;
    this.#set(state);
  }

  #set(state) {
    this.state = state;
    this.revision += 1;
    this.#listeners.forEach((listener) => listener(state));
  }

  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Take operations in at once, all or none; gives them back with `before`. Throws Inapplicable. */
  commit(ops) {
    let { state } = this;
    const entries = ops.map((op) => {
      const result = done(state, op);
      state = result.state;
      return { ...op, before: result.before };
    });
    this.pending = [...this.pending, ...entries];
    this.#entries = [...this.#entries, ...entries];
    this.#set(state);
    return entries;
  }

  /** Operations made in another tab, not sent yet. */
  adopt(ops) {
    const known = ids([...this.pending, ...this.base.log]);
    const fresh = ops.filter((op) => !known.has(op.id));
    if (!fresh.length) return;
    this.pending = [...this.pending, ...fresh];
    this.#fold();
  }

  /**
   * The server has taken `ops`; `reply` is its answer and wins where the two differ. False if a later answer came first
   * (another tab's): then only a fresh look tells what is there, and what the base does not know of stays on top until then.
   */
  confirm(ops, reply) {
    const late = reply.version <= this.base.version;
    const there = ids(this.base.log);
    if (!late) this.base = this.#after(ops, reply);
    const settled = ids(late ? ops.filter((op) => there.has(op.id)) : ops);
    this.pending = without(this.pending, settled);
    this.#fold();
    return settled.size === ops.length;
  }

  #after(ops, reply) {
    const { base } = this;
    const known = ids(base.log);
    const { state, taken } = applyAll(base, without(ops, known));
    const counted = base.version + ops.length === reply.version;
    const log = taken.map((entry, at) => ({ ...entry, number: counted ? base.version + at + 1 : undefined }));
    let { strokes } = state;
    for (const stroke of reply.strokes ?? []) strokes = strokes.with(stroke.id, stroke);
    for (const id of reply.removed ?? []) strokes = strokes.without(id);
    return shortened({ ...state, strokes, version: reply.version, log: [...base.log, ...log] }, this.room);
  }

  /** These will not be sent: the server refused them for good, or the person decided against them. */
  drop(ops) {
    const gone = ids(ops);
    this.pending = without(this.pending, gone);
    this.clashes = this.clashes.filter((clash) => clash.ops.some((op) => !gone.has(op.id)));
    this.#fold();
  }

  /** Operations that cannot stand without `op`: those on a stroke that only `op` makes. */
  dependents(op) {
    if (op.kind !== "add" && op.kind !== "accept") return [];
    return this.pending.filter((one) => one.stroke === op.stroke && one.id !== op.id);
  }

  /**
   * The server's present state, with what is unsent put on top. Gives {known, moot, clashes}: operations that it has
   * already, those that both sides did alike, and new disagreements, which wait to be decided. Null if `body` is older
   * than what is known here.
   */
  take(body) {
    if (body.lane.version < this.base.version) return null;
    if (body.lane.version === this.base.version && sameSuggestions(body, this.base)) return { known: [], moot: [], clashes: [] };
    this.base = joined(this.base, fromServer(body));
    return this.#meet();
  }

  #meet() {
    const there = ids(this.base.log);
    const known = this.pending.filter((op) => there.has(op.id));
    this.clashes = this.clashes.map((clash) => ({ ...clash, theirs: this.#theirs(clash) }));
    const held = this.held;
    const open = this.pending.filter((op) => !there.has(op.id) && !held.has(op.id));
    const { clashes, moot } = findClashes(open, this.base);
    this.clashes = [...this.clashes, ...clashes];
    this.pending = without(this.pending, ids([...known, ...moot]));
    this.#fold();
    return { known, moot, clashes };
  }

  #theirs({ stroke, suggestion, theirs }) {
    if (suggestion) return theirs;
    return this.base.strokes.get(stroke) ?? null;
  }

  /**
   * The person has chosen "mine" or "theirs" for each clash (by key). Gives {ops, aside}: new operations that put mine in
   * place, already applied here, and the operations that were not wanted; together they replace what was held.
   */
  resolve(choices) {
    const chosen = this.clashes.filter(({ key }) => choices.has(key));
    const mine = chosen.filter(({ key }) => choices.get(key) === "mine");
    const theirs = chosen.filter(({ key }) => choices.get(key) !== "mine");
    this.drop(chosen.flatMap((clash) => clash.ops));
    const ops = this.commit(mine.flatMap((clash) => mineOver(clash, this.state)));
    return { ops, aside: theirs.flatMap((clash) => clash.ops), replaced: mine.flatMap((clash) => clash.ops) };
  }

  /** An older page of the log: {history, decided, more}. */
  prepend(page) {
    const known = ids(this.base.log);
    const log = [...[...page.history].reverse().filter((entry) => !known.has(entry.id)), ...this.base.log];
    let { suggestions } = this.base;
    for (const one of page.decided) if (!suggestions.has(one.id)) suggestions = suggestions.with(one.id, one);
    this.base = { ...this.base, log, suggestions, more: page.more, removed: removedIn(log, this.base.strokes) };
    this.#fold();
  }
}

/**
 * `base` with about the latest `kept` entries of its log once it has `slack` more: a page open all day does not grow. What is left
 * stands by itself: no step is cut in two, and nothing in it takes back something before it.
 */
export function shortened(base, { kept = KEPT, slack = SLACK } = {}) {
  const { log } = base;
  if (log.length <= kept + slack) return base;
  const at = new Map(log.map((entry, index) => [entry.id, index]));
  let first = log.length; // the earliest entry that the ones from `cut` on reach back to
  let cut = log.length - 1;
  for (; cut > 0; cut -= 1) {
    const { undoes, step, number } = log[cut];
    if (undoes) first = Math.min(first, at.get(undoes) ?? -1);
    const whole = first >= cut && (!step || log[cut - 1].step !== step);
    if (cut <= log.length - kept && whole && number) break;
  }
  if (cut <= 0) return base;
  const rest = log.slice(cut);
  return { ...base, log: rest, more: true, removed: removedIn(rest, base.strokes) };
}

/** A lane's version stands for all that was decided in it; only what is proposed may change beside it. */
function sameSuggestions(body, base) {
  const open = [...base.suggestions.values()].filter((one) => !one.verdict);
  return open.length === body.suggestions.length && body.suggestions.every((one) => base.suggestions.has(one.id));
}

/** `fresh` with what only `old` knows: older log entries, suggestions decided in them. */
function joined(old, fresh) {
  const first = fresh.log[0]?.number ?? 1;
  const older = old.log.filter((entry) => entry.number < first);
  const whole = first === 1 || older.at(-1)?.number === first - 1;
  const log = whole ? [...older, ...fresh.log] : fresh.log;
  const named = new Set(fresh.log.map((entry) => entry.suggestion));
  let { suggestions } = fresh;
  for (const [id, one] of old.suggestions) {
    if (one.verdict && !suggestions.has(id) && !named.has(id)) suggestions = suggestions.with(id, one);
  }
  const more = whole && older.length ? old.more : fresh.more;
  return { ...fresh, log, suggestions, more, removed: removedIn(log, fresh.strokes) };
}

function mineOver({ stroke, suggestion, mine, theirs }, state) {
  if (!suggestion) return commands.mineOver(stroke, mine, theirs);
  if (mine.rejected) return [commands.reopen(suggestion), commands.reject(suggestion)];
  if (!theirs?.rejected) return theirs ? commands.mineOver(theirs.id, mine, theirs) : commands.mineOver(stroke, mine, null);
  const { begin, end, move, player, note, unsure } = mine;
  return state.suggestions.get(suggestion)?.verdict
    ? [commands.reopen(suggestion), commands.accept(suggestion, { begin, end, move, player, note, unsure })]
    : [];
}
