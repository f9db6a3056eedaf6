// Every edit is an operation with an id of its own; undoing is one more operation, the inverse of what was done.

import { newId } from "./ids.js";

const op = (kind, rest) => ({ id: newId(), kind, ...rest });

export const add = (data) => op("add", { stroke: newId(), data });
export const change = (stroke, data) => op("change", { stroke, data });
export const remove = (stroke) => op("remove", { stroke });
export const accept = (suggestion, data = {}) => op("accept", { suggestion, stroke: newId(), data });
export const reject = (suggestion) => op("reject", { suggestion });
export const complete = (value) => op("complete", { data: { value } });
export const roi = (frame, x, y) => op("roi", { data: { frame, x, y } });

const pick = (record, fields) => Object.fromEntries(fields.map((field) => [field, record[field]]));

/** The operation that takes `done` back; `before` is the state that `done` was applied to. */
export function inverse(done, before) {
  const undoes = done.id;
  const { stroke, suggestion } = done;
  switch (done.kind) {
    case "add":
    case "restore":
      return op("remove", { stroke, undoes });
    case "remove":
      return op("restore", { stroke, undoes });
    case "change":
      return op("change", { stroke, data: pick(before.strokes.get(stroke), Object.keys(done.data)), undoes });
    case "accept":
    case "reject":
      return op("reopen", { suggestion, undoes });
    case "reopen":
      return reDecide(before, suggestion, undoes);
    case "complete":
      return op("complete", { data: { value: before.complete }, undoes });
    case "roi": {
      const old = before.roi.get(done.data.frame);
      return op("roi", { data: old ? { ...old } : { frame: done.data.frame, remove: true }, undoes });
    }
    default:
      throw new TypeError(`no inverse of ${done.kind}`);
  }
}

function reDecide(before, suggestion, undoes) {
  const was = before.suggestions.get(suggestion);
  if (was.verdict === "rejected") return op("reject", { suggestion, undoes });
  const stroke = before.strokes.get(was.stroke);
  const data = pick(stroke, ["begin", "end", "move", "player", "note", "unsure"]);
  return op("accept", { suggestion, stroke: stroke.id, data, undoes });
}

/** What was done in this page, to undo and redo. An entry is a list of operations that belong together. */
export class History {
  constructor() {
    this.undoable = [];
    this.redoable = [];
  }

  /** Remember `ops`, just about to be applied to `before` in order; `states[i]` is the state before ops[i]. */
  did(ops, states) {
    this.undoable.push(ops.map((one, index) => inverse(one, states[index])).reverse());
    this.redoable = [];
  }

  /** Operations that undo (or redo) the last entry, with `states(ops)` telling the state before each. */
  step(direction, statesOf) {
    const [from, to] = direction === "undo" ? [this.undoable, this.redoable] : [this.redoable, this.undoable];
    const planned = from.pop();
    if (!planned) return null;
    const ops = planned.map((one) => ({ ...one, id: newId() }));
    const states = statesOf(ops);
    to.push(ops.map((one, index) => inverse(one, states[index])).reverse());
    return ops;
  }

  /** Forget entries that speak of something that fell out of the state. */
  forget() {
    this.undoable = [];
    this.redoable = [];
  }
}

/** Operations that put `mine` (null: removed) in the place of `theirs` (null: removed there). */
export function mineOver(stroke, mine, theirs) {
  if (!mine) return theirs ? [remove(stroke)] : [];
  const data = pick(mine, ["begin", "end", "move", "player", "note", "unsure"]);
  if (!theirs) return [add(data)];
  return [change(stroke, data)];
}
