// Steps of work: what was done as one is undone as one. Undo and redo are read from the log alone, so that they reach over
// reloads and into what was done in another tab.

import { inverse } from "./commands.js";
import { newId } from "./ids.js";

/** The log's entries (oldest first) as steps, oldest first: {id, entries, undoes, how}; `how` is set by readSteps. */
export function stepsOf(log) {
  const steps = new Map();
  for (const entry of log) {
    const id = entry.step ?? entry.id;
    if (!steps.has(id)) steps.set(id, { id, entries: [] });
    steps.get(id).entries.push(entry);
  }
  return [...steps.values()];
}

/**
 * What can be undone and redone after `log`: {steps, undoable, redoable, lacking}, the last of each list comes first.
 * A step that takes back one step is an undo (of an undo: a redo); one that takes back several is work of its own.
 * `lacking`: something was undone that lies further back than the log goes.
 */
export function readSteps(log) {
  const steps = stepsOf(log);
  const owner = new Map(steps.flatMap((step) => step.entries.map((entry) => [entry.id, step])));
  const stacks = { steps, undoable: [], redoable: [], lacking: false };
  for (const step of steps) take(stacks, step, owner);
  return stacks;
}

function take(stacks, step, owner) {
  const undone = step.entries.map((entry) => entry.undoes).filter(Boolean);
  const targets = new Set(undone.map((id) => owner.get(id)));
  const [target] = targets;
  const one = targets.size === 1;
  step.undoes = [...targets].filter(Boolean);
  step.how = null;
  if (one && !target) {
    stacks.lacking = true;
    stacks.redoable.push(step);
    step.how = "undo";
  } else if (one && drop(stacks.undoable, target)) {
    stacks.redoable.push(step);
    step.how = "undo";
  } else if (one && drop(stacks.redoable, target)) {
    stacks.undoable.push(step);
    step.how = "redo";
  } else {
    if (targets.size) step.how = "revert";
    stacks.undoable.push(step);
    stacks.redoable = [];
  }
}

function drop(list, step) {
  const at = list.lastIndexOf(step);
  if (at >= 0) list.splice(at, 1);
  return at >= 0;
}

/** `ops` marked as one step; a single operation needs no mark. */
export function asStep(ops) {
  if (ops.length < 2 || ops.every((op) => op.step)) return ops;
  const step = newId();
  return ops.map((op) => ({ ...op, step }));
}

/** The operations that take `steps` (oldest first) back, as one step. */
export const takeBack = (steps) => asStep(steps.flatMap((step) => step.entries).reverse().map(inverse));

/** Undo and redo over a store whose log is `store.log` and whose older pages `older()` brings (false: there are none). */
export class History {
  constructor(store, older = async () => false) {
    Object.assign(this, { store, older });
  }

  #read() {
    if (this.revision !== this.store.revision) {
      this.revision = this.store.revision;
      this.read = readSteps(this.store.log);
    }
    return this.read;
  }

  get steps() {
    return this.#read().steps;
  }

  get undoable() {
    return this.#read().undoable;
  }

  /** Whether what comes next in `direction` may lie further back than what is known here. */
  lacks(direction) {
    const { undoable, lacking } = this.#read();
    return this.store.more && (lacking || (direction === "undo" && !undoable.length));
  }

  /** The operations of one undo or redo; null when there is nothing. */
  plan(direction) {
    const { undoable, redoable } = this.#read();
    const step = (direction === "undo" ? undoable : redoable).at(-1);
    return step ? takeBack([step]) : null;
  }

  /** The steps that “undo back to here” takes back, oldest first: this one and all later ones that still stand. */
  from(id) {
    const { undoable } = this.#read();
    const at = undoable.findIndex((step) => step.id === id);
    return at < 0 ? [] : undoable.slice(at);
  }
}
