// Store: what an operation does, and its inverse.

import assert from "node:assert/strict";
import test from "node:test";

import * as commands from "../../static/js/workspace/commands.js";
import { Inapplicable, Store, applyAll, applyOp, fromServer, statesBefore } from "../../static/js/workspace/store.js";
import { body } from "./fixtures.js";

const plain = (state) => JSON.stringify([[...state.strokes.values()].map(({ version, source, ...rest }) => rest).sort((a, b) => (a.id < b.id ? -1 : 1)), [...state.suggestions.values()].map((one) => [one.id, one.verdict]), state.complete, [...state.roi.values()]]);

test("an operation leaves the state it was applied to alone", () => {
  const before = fromServer(body());
  const was = plain(before);
  applyOp(before, commands.change("a", { begin: 12 }));
  applyOp(before, commands.remove("a"));
  applyOp(before, commands.accept("s1"));
  applyOp(before, commands.roi(3, 0.5, 0.5));
  assert.equal(plain(before), was);
});

const every = () => [
  commands.add({ begin: 1, end: 5, move: "" }),
  commands.change("a", { begin: 11, move: "Negative", note: "x", unsure: true, player: "A" }),
  commands.remove("b"),
  commands.accept("s1", { begin: 26, end: 35, move: "Offensive Forehand Hit" }),
  commands.reject("s2"),
  commands.complete(true),
  commands.roi(5, 0.2, 0.3),
];

test("every operation and its inverse come to nothing, and the inverse of the inverse does it again", () => {
  for (const op of every()) {
    const before = fromServer(body());
    const after = applyOp(before, op);
    assert.notEqual(plain(after), plain(before), op.kind);
    const back = commands.inverse(op, before);
    assert.equal(back.undoes, op.id);
    const undone = applyOp(after, back);
    assert.equal(plain(undone), plain(before), op.kind);
    const again = commands.inverse(back, after);
    assert.equal(plain(applyOp(undone, again)), plain(after), op.kind);
  }
});

test("a moved region goes back to where it was, not away", () => {
  const before = fromServer(body({ roi: [{ frame: 5, x: 0.1, y: 0.1 }] }));
  const op = commands.roi(5, 0.7, 0.7);
  assert.deepEqual(applyOp(applyOp(before, op), commands.inverse(op, before)).roi.get(5), { frame: 5, x: 0.1, y: 0.1 });
});

test("undo and redo in order over many steps", () => {
  const history = new commands.History();
  let state = fromServer(body());
  const seen = [plain(state)];
  for (const op of every()) {
    history.did([op], statesBefore(state, [op]));
    state = applyOp(state, op);
    seen.push(plain(state));
  }
  for (const direction of ["undo", "redo", "undo"]) {
    for (let i = 1; i < seen.length; i += 1) {
      const ops = history.step(direction, (planned) => statesBefore(state, planned));
      state = ops.reduce(applyOp, state);
      assert.equal(plain(state), direction === "undo" ? seen.at(-1 - i) : seen[i]);
    }
    assert.equal(history.step(direction, () => []), null);
  }
});

test("undone and redone operations have ids of their own", () => {
  const history = new commands.History();
  let state = fromServer(body());
  const op = commands.remove("a");
  history.did([op], [state]);
  state = applyOp(state, op);
  const ids = new Set([op.id]);
  for (const direction of ["undo", "redo", "undo", "redo"]) {
    const ops = history.step(direction, (planned) => statesBefore(state, planned));
    state = ops.reduce(applyOp, state);
    ids.add(ops[0].id);
  }
  assert.equal(ids.size, 5);
});

test("what does not fit is refused and named", () => {
  const state = fromServer(body());
  for (const op of [commands.change("zz", { begin: 1 }), commands.reject("zz"), commands.add({ begin: 5, end: 5 }), commands.change("a", { end: 3 }), { id: "1", kind: "dance" }]) {
    assert.throws(() => applyOp(state, op), Inapplicable);
  }
  const once = applyOp(state, commands.reject("s1"));
  assert.throws(() => applyOp(once, commands.accept("s1")), Inapplicable);
  assert.equal(applyAll(state, [commands.remove("zz"), commands.remove("a")]).left.length, 1);
});

test("accepted untouched, accepted edited, and edited back", () => {
  const state = fromServer(body());
  const source = (next) => [...next.strokes.values()].find((one) => one.suggestion === "s1").source;
  const taken = applyOp(state, { ...commands.accept("s1", { begin: 25, end: 35, move: "Offensive Forehand Loop" }), stroke: "n" });
  assert.equal(source(taken), "accepted");
  const moved = applyOp(taken, commands.change("n", { begin: 26 }));
  assert.equal(source(moved), "edited");
  assert.equal(source(applyOp(moved, commands.change("n", { begin: 25 }))), "accepted");
  assert.equal(source(applyOp(taken, commands.change("n", { note: "x" }))), "accepted");
});

test("optimistic, then confirmed: the server's word wins, later operations stay on top", () => {
  const store = new Store(body());
  const first = commands.change("a", { begin: 12 });
  const second = commands.change("a", { end: 22 });
  store.commit([first]);
  store.commit([second]);
  assert.equal(store.state.strokes.get("a").end, 22);
  store.confirm([first], { version: 4, strokes: [{ ...body().strokes[0], begin: 12, note: "server" }] });
  assert.deepEqual([store.base.version, store.pending.length], [4, 1]);
  const stroke = store.state.strokes.get("a");
  assert.deepEqual([stroke.begin, stroke.end, stroke.note], [12, 22, "server"]);
});

test("work of an earlier visit lies on top from the start; what no longer fits is told", () => {
  const store = new Store(body(), [commands.change("a", { begin: 11 }), commands.change("zz", { begin: 1 })]);
  assert.equal(store.state.strokes.get("a").begin, 11);
  assert.equal(store.unfit.length, 1);
});

test("changed in another tab: what does not clash goes on top, what does is shown from both sides", () => {
  const store = new Store(body());
  store.commit([commands.change("a", { begin: 12 }), commands.change("b", { move: "Negative" })]);
  const theirs = body({ lane: { version: 9, complete: false } });
  theirs.strokes[0] = { ...theirs.strokes[0], begin: 15 };
  const { sides, ops } = store.rebase(theirs);
  assert.deepEqual(sides.map(({ stroke, mine, theirs: other }) => [stroke, mine.begin, other.begin]), [["a", 12, 15]]);
  assert.equal(ops.length, 1);
  assert.equal(store.state.strokes.get("a").begin, 15);
  assert.equal(store.state.strokes.get("b").move, "Negative");
  store.commit(commands.mineOver("a", sides[0].mine, sides[0].theirs));
  assert.equal(store.state.strokes.get("a").begin, 12);
});

test("a refused operation falls out together with what stood on it", () => {
  const store = new Store(body());
  const add = commands.add({ begin: 1, end: 2, move: "" });
  const change = commands.change(add.stroke, { begin: 0 });
  store.commit([add, change]);
  assert.deepEqual(store.drop(add).map((op) => op.id), [add.id, change.id]);
  assert.equal(store.state.strokes.has(add.stroke), false);
  assert.deepEqual(store.pending, []);
});

test("new suggestions come in without forgetting what was decided here", () => {
  const store = new Store(body());
  const op = commands.reject("s1");
  store.commit([op]);
  store.confirm([op], { version: 4, strokes: [] });
  store.refresh(body({ lane: { version: 4, complete: false }, suggestions: [{ id: "s3", begin: 1, end: 2, move: "", score: 0.1, top: [], run: null }] }));
  assert.equal(store.state.suggestions.get("s1").verdict, "rejected");
  assert.equal(store.state.suggestions.get("s3").verdict, null);
});
