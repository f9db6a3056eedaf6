// The workspace's state: what the server has confirmed, plus the operations it has not seen yet, applied on top.

/** An operation does not fit the state (its stroke is gone, its suggestion decided). */
export class Inapplicable extends Error {
  constructor(op, reason) {
    super(`${op.kind}: ${reason}`);
    this.op = op;
    this.reason = reason;
  }
}

/** State from the body of GET videos/<id>/workspace/. */
export function fromServer(body) {
  return {
    version: body.lane.version,
    complete: body.lane.complete,
    strokes: new Map(body.strokes.map((stroke) => [stroke.id, stroke])),
    removed: new Map(),
    suggestions: new Map(body.suggestions.map((one) => [one.id, { verdict: null, ...one }])),
    roi: new Map(body.roi.map((point) => [point.frame, point])),
    history: body.history ?? [],
  };
}

const FIELDS = ["begin", "end", "move", "player", "note", "unsure"];

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

/** Accepted while it is exactly the suggestion, else edited. Suggestions of earlier visits are not here: then as it was. */
function sourceOf(stroke, suggestion, was) {
  if (!suggestion) return was;
  return ["begin", "end", "move"].every((field) => stroke[field] === suggestion[field]) ? "accepted" : "edited";
}

const APPLY = {
  add(state, op) {
    if (state.strokes.has(op.stroke)) throw new Inapplicable(op, "exists");
    return { strokes: state.strokes.set(op.stroke, checkSpan({ ...blank, ...op.data, id: op.stroke }, op)) };
  },
  change(state, op) {
    const stroke = need(state.strokes.get(op.stroke), op, "gone");
    const changed = Object.fromEntries(Object.entries(op.data).filter(([field]) => FIELDS.includes(field)));
    const next = { ...stroke, ...changed, version: stroke.version + 1 };
    next.source = sourceOf(next, state.suggestions.get(stroke.suggestion), stroke.source);
    return { strokes: state.strokes.set(op.stroke, checkSpan(next, op)) };
  },
  remove(state, op) {
    const stroke = need(state.strokes.get(op.stroke), op, "gone");
    state.strokes.delete(op.stroke);
    return { strokes: state.strokes, removed: new Map(state.removed).set(op.stroke, stroke) };
  },
  restore(state, op) {
    const stroke = need(state.removed.get(op.stroke), op, "never removed");
    const removed = new Map(state.removed);
    removed.delete(op.stroke);
    return { strokes: state.strokes.set(op.stroke, stroke), removed };
  },
  accept(state, op) {
    const one = open(state, op);
    const { begin, end, move } = { ...one, ...op.data };
    const stroke = { ...blank, ...op.data, begin, end, move, id: op.stroke, suggestion: one.id };
    stroke.source = sourceOf(stroke, one, "accepted");
    return {
      strokes: state.strokes.set(op.stroke, checkSpan(stroke, op)),
      suggestions: decide(state, one, "accepted", op.stroke),
    };
  },
  reject: (state, op) => ({ suggestions: decide(state, open(state, op), "rejected", null) }),
  reopen(state, op) {
    const one = need(state.suggestions.get(op.suggestion), op, "unknown suggestion");
    need(one.verdict, op, "not decided");
    const strokes = state.strokes;
    for (const [id, stroke] of strokes) if (stroke.suggestion === one.id) strokes.delete(id);
    return { strokes, suggestions: decide(state, one, null, null) };
  },
  complete: (state, op) => ({ complete: Boolean(op.data.value) }),
  roi(state, op) {
    const roi = new Map(state.roi);
    if (op.data.remove) roi.delete(op.data.frame);
    else roi.set(op.data.frame, { frame: op.data.frame, x: op.data.x, y: op.data.y });
    return { roi };
  },
};

function open(state, op) {
  const one = need(state.suggestions.get(op.suggestion), op, "unknown suggestion");
  if (one.verdict) throw new Inapplicable(op, "decided");
  return one;
}

const decide = (state, one, verdict, stroke) => new Map(state.suggestions).set(one.id, { ...one, verdict, stroke });

/** The state after `op`; `state` itself is left as it was. Throws Inapplicable. */
export function applyOp(state, op) {
  const act = APPLY[op.kind];
  if (!act) throw new Inapplicable(op, "unknown kind");
  return { ...state, ...act({ ...state, strokes: new Map(state.strokes) }, op) };
}

/** `ops` applied in order; those that do not fit come back in `left`. */
export function applyAll(state, ops) {
  const left = [];
  for (const op of ops) {
    try {
      state = applyOp(state, op);
    } catch (error) {
      if (!(error instanceof Inapplicable)) throw error;
      left.push(op);
    }
  }
  return { state, left };
}

export class Store {
  #listeners = new Set();

  constructor(body, unsent = []) {
    this.base = fromServer(body);
    this.pending = [];
    this.state = this.base;
    this.revision = 0;
    this.unfit = [];
    this.#fold(unsent);
  }

  #fold(ops) {
    const { state, left } = applyAll(this.base, ops);
    this.pending = ops.filter((op) => !left.includes(op));
    this.unfit = left;
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

  /** Take operations in at once; they stay pending until the server has confirmed them. */
  commit(ops) {
    const state = ops.reduce(applyOp, this.state);
    this.pending = [...this.pending, ...ops];
    this.#set(state);
  }

  /** The server has taken `ops`; `reply` is its answer and wins where the two differ. */
  confirm(ops, reply) {
    const sent = new Set(ops.map((op) => op.id));
    const { state } = applyAll(this.base, ops);
    const strokes = new Map(state.strokes);
    for (const stroke of reply.strokes ?? []) if (strokes.has(stroke.id)) strokes.set(stroke.id, stroke);
    this.base = { ...state, strokes, version: reply.version };
    this.#fold(this.pending.filter((op) => !sent.has(op.id)));
  }

  /** The server refused `op`: take it out again, with what depended on it. Returns the operations that fell out. */
  drop(op) {
    this.#fold(this.pending.filter((one) => one.id !== op.id));
    return [op, ...this.unfit];
  }

  /**
   * The lane was changed elsewhere: begin from the server's state, put what was not sent on top again. Returns what
   * cannot be simply put on top: {op, mine, theirs} for strokes both sides changed (theirs null: removed there).
   */
  rebase(body) {
    const old = this.base;
    const mine = this.state;
    const fresh = fromServer(body);
    for (const [id, one] of old.suggestions) if (!fresh.suggestions.has(id) && one.verdict) fresh.suggestions.set(id, one);
    fresh.removed = new Map([...old.removed].filter(([id]) => !fresh.strokes.has(id)));
    const touched = new Set(this.pending.filter((op) => op.stroke).map((op) => op.stroke));
    const fought = new Set([...touched].filter((id) => old.strokes.has(id) && differs(old.strokes.get(id), fresh.strokes.get(id))));
    const clashing = this.pending.filter((op) => fought.has(op.stroke));
    this.base = fresh;
    this.#fold(this.pending.filter((op) => !fought.has(op.stroke)));
    const sides = [...fought].map((id) => ({
      stroke: id,
      mine: mine.strokes.get(id) ?? null,
      theirs: fresh.strokes.get(id) ?? null,
    }));
    return { sides, ops: [...clashing, ...this.unfit] };
  }

  /** Later pictures of the server's work (new suggestions, region) without touching what is pending. */
  refresh(body) {
    const old = this.base;
    const fresh = fromServer(body);
    for (const [id, one] of old.suggestions) if (!fresh.suggestions.has(id) && one.verdict) fresh.suggestions.set(id, one);
    fresh.removed = old.removed;
    this.base = fresh;
    this.#fold(this.pending);
  }
}

function differs(a, b) {
  return !b || FIELDS.some((field) => (a[field] ?? null) !== (b[field] ?? null));
}

/** The state before each of `ops` when they are applied to `state` in order. Throws Inapplicable. */
export function statesBefore(state, ops) {
  return ops.map((op) => {
    const before = state;
    state = applyOp(state, op);
    return before;
  });
}
