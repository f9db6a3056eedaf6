// Every edit is an operation with an id of its own; undoing is one more operation, the inverse of what was done.

import { newId } from "./ids.js";

const op = (kind, rest) => ({ id: newId(), kind, ...rest });

export const add = (data) => op("add", { stroke: newId(), data });
export const change = (stroke, data) => op("change", { stroke, data });
export const remove = (stroke) => op("remove", { stroke });
export const accept = (suggestion, data = {}) => op("accept", { suggestion, stroke: newId(), data });
export const reject = (suggestion) => op("reject", { suggestion });
export const reopen = (suggestion) => op("reopen", { suggestion });
export const complete = (value) => op("complete", { data: { value } });
export const roi = (frame, x, y) => op("roi", { data: { frame, x, y } });

const MARK = ["begin", "end", "move", "player", "note", "unsure"];
const pick = (record, fields) => Object.fromEntries(fields.map((field) => [field, record[field]]));

/** The operation that takes `entry` back: an operation or a decision of the log, with what was there `before` it. */
export function inverse(entry) {
  const undoes = entry.id;
  const { stroke, suggestion, data, before } = entry;
  switch (entry.kind) {
    case "add":
    case "restore":
      return op("remove", { stroke, undoes });
    case "remove":
      return op("restore", { stroke, undoes });
    case "change":
      return op("change", { stroke, data: { ...before }, undoes });
    case "accept":
    case "reject":
      return op("reopen", { suggestion, undoes });
    case "reopen":
      if (!before.accepted) return op("reject", { suggestion, undoes });
      if (!before.stroke) return op("accept", { suggestion, stroke: newId(), data: {}, undoes }); // its stroke was gone
      return op("accept", { suggestion, stroke: before.id, data: pick(before.stroke, MARK), undoes });
    case "complete":
      return op("complete", { data: { ...before }, undoes });
    case "roi":
      return op("roi", { data: "x" in before ? { ...before, frame: data.frame } : { frame: data.frame, remove: true }, undoes });
    default:
      throw new TypeError(`no inverse of ${entry.kind}`);
  }
}

/** Operations that put `mine` (null: removed) in the place of `theirs` (null: removed there). */
export function mineOver(stroke, mine, theirs) {
  if (!mine) return theirs ? [remove(stroke)] : [];
  const data = pick(mine, MARK);
  return theirs ? [change(stroke, data)] : [add(data)];
}
