// What a lane says, and what an operation makes of it. Pure: a state is never changed, a new one shares what stayed.

import { PersistentMap } from "./persistent.js";

export const FIELDS = ["begin", "end", "move", "player", "note", "unsure"];

/** An operation does not fit the state (its stroke is gone, its suggestion decided). */
export class Inapplicable extends Error {
  constructor(op, reason) {
    super(`${op.kind}: ${reason}`);
    this.op = op;
    this.reason = reason;
  }
}

const byId = (list, make = (one) => one) => new PersistentMap(list.map((one) => [one.id, make(one)]));

/** State from the body of GET videos/<id>/workspace/. Its log is oldest first. */
export function fromServer(body) {
  const log = [...(body.history ?? [])].reverse();
  const strokes = byId(body.strokes);
  const open = body.suggestions.map((one) => ({ verdict: null, ...one }));
  return {
    version: body.lane.version,
    complete: body.lane.complete,
    strokes,
    removed: removedIn(log, strokes),
    suggestions: byId([...(body.decided ?? []), ...open]),
    roi: new Map(body.roi.map((point) => [point.frame, point])),
    log,
    more: Boolean(body.more),
  };
}

/** What the log's removals took away and nothing brought back: what undo can restore. */
export function removedIn(log, strokes) {
  const gone = new Map();
  for (const { kind, stroke, suggestion, before } of log) {
    if (kind === "remove") gone.set(stroke, { ...before, id: stroke });
    if (kind === "reopen") for (const [id, one] of gone) if (one.suggestion === suggestion) gone.delete(id);
  }
  return new PersistentMap([...gone].filter(([id]) => !strokes.has(id)));
}

function need(found, op, reason) {
  if (!found) throw new Inapplicable(op, reason);
  return found;
}

function checkSpan(stroke, op) {
  if (!(Number.isInteger(stroke.begin) && Number.isInteger(stroke.end) && stroke.begin < stroke.end)) {
    throw new Inapplicable(op, "end before begin");
  }
  return stroke;
}

const blank = { move: "", player: null, note: "", unsure: false, source: "blind", suggestion: null, version: 1 };

/** Accepted while it is exactly the suggestion, else edited. A suggestion that is not known here leaves it as it was. */
function sourceOf(stroke, suggestion, was) {
  if (!suggestion) return was;
  return ["begin", "end", "move"].every((field) => stroke[field] === suggestion[field]) ? "accepted" : "edited";
}

const pick = (record, fields) => Object.fromEntries(fields.map((field) => [field, record[field]]));
const changedFields = (op) => Object.keys(op.data).filter((field) => FIELDS.includes(field));
const strokeOf = (state, suggestion) => [...state.strokes.values()].find((one) => one.suggestion === suggestion);

/** Each gives what the operation changes, and `before`: what was there, as the server's log keeps it. */
const APPLY = {
  add(state, op) {
    if (state.strokes.has(op.stroke)) throw new Inapplicable(op, "exists");
    const stroke = checkSpan({ ...blank, ...op.data, id: op.stroke }, op);
    return { before: {}, strokes: state.strokes.with(op.stroke, stroke) };
  },
  change(state, op) {
    const stroke = need(state.strokes.get(op.stroke), op, "gone");
    const fields = changedFields(op);
    const next = { ...stroke, ...pick(op.data, fields), version: stroke.version + 1 };
    next.source = sourceOf(next, state.suggestions.get(stroke.suggestion), stroke.source);
    return { before: pick(stroke, fields), strokes: state.strokes.with(op.stroke, checkSpan(next, op)) };
  },
  remove(state, op) {
    const stroke = need(state.strokes.get(op.stroke), op, "gone");
    return { before: stroke, strokes: state.strokes.without(op.stroke), removed: state.removed.with(op.stroke, stroke) };
  },
  restore(state, op) {
    const stroke = need(state.removed.get(op.stroke), op, "never removed");
    return { before: {}, strokes: state.strokes.with(op.stroke, stroke), removed: state.removed.without(op.stroke) };
  },
  accept(state, op) {
    const one = open(state, op);
    const { begin, end, move } = { ...one, ...op.data };
    const stroke = { ...blank, ...op.data, begin, end, move, id: op.stroke, suggestion: one.id };
    stroke.source = sourceOf(stroke, one, "accepted");
    const strokes = state.strokes.with(op.stroke, checkSpan(stroke, op));
    return { before: { accepted: null }, strokes, suggestions: judged(state, one, "accepted") };
  },
  reject: (state, op) => ({ before: { accepted: null }, suggestions: judged(state, open(state, op), "rejected") }),
  reopen(state, op) {
    const one = need(state.suggestions.get(op.suggestion), op, "unknown suggestion");
    need(one.verdict, op, "not decided");
    const stroke = strokeOf(state, one.id);
    const before = { accepted: one.verdict === "accepted", ...(stroke && { id: stroke.id, stroke }) };
    const strokes = stroke ? state.strokes.without(stroke.id) : state.strokes;
    return { before, strokes, suggestions: judged(state, one, null) };
  },
  complete: (state, op) => ({ before: { value: state.complete }, complete: Boolean(op.data.value) }),
  roi(state, op) {
    const old = state.roi.get(op.data.frame);
    const roi = new Map(state.roi);
    roi.delete(op.data.frame);
    if (!op.data.remove) roi.set(op.data.frame, pick(op.data, ["frame", "x", "y"]));
    return { before: old ? pick(old, ["x", "y"]) : {}, roi };
  },
};

function open(state, op) {
  const one = need(state.suggestions.get(op.suggestion), op, "unknown suggestion");
  if (one.verdict) throw new Inapplicable(op, "decided");
  return one;
}

const judged = (state, one, verdict) => state.suggestions.with(one.id, { ...one, verdict });

/** {state, before} after `op`; the given state is left as it was. Throws Inapplicable. */
export function done(state, op) {
  const act = APPLY[op.kind];
  if (!act) throw new Inapplicable(op, "unknown kind");
  const { before, ...changes } = act(state, op);
  return { state: { ...state, ...changes }, before };
}

/** The state after `op`. Throws Inapplicable. */
export const applyOp = (state, op) => done(state, op).state;

/** `ops` applied in order; each that fits comes back in `taken` with its `before`, the others in `left`. */
export function applyAll(state, ops) {
  const taken = [];
  const left = [];
  for (const op of ops) {
    try {
      const result = done(state, op);
      state = result.state;
      taken.push({ ...op, before: result.before });
    } catch (error) {
      if (!(error instanceof Inapplicable)) throw error;
      left.push(op);
    }
  }
  return { state, taken, left };
}
