// Store: what an operation does, and its inverse.

import assert from "node:assert/strict";
import test from "node:test";

import * as commands from "../../static/js/workspace/commands.js";
import { done } from "../../static/js/workspace/state.js";
import { Inapplicable, Store, applyAll, applyOp, fromServer } from "../../static/js/workspace/store.js";
import { body } from "./fixtures.js";

const plain = (state) => JSON.stringify([[...state.strokes.values()].map(({ version, source, ...rest }) => rest).sort((a, b) => (a.id < b.id ? -1 : 1)), [...state.suggestions.values()].map((one) => [one.id, one.verdict]).sort(), state.complete, [...state.roi.values()]]);

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
    const forth = done(before, op);
    assert.notEqual(plain(forth.state), plain(before), op.kind);
    const back = commands.inverse({ ...op, before: forth.before });
    assert.equal(back.undoes, op.id);
    const undone = done(forth.state, back);
    assert.equal(plain(undone.state), plain(before), op.kind);
    const again = commands.inverse({ ...back, before: undone.before });
    assert.equal(plain(applyOp(undone.state, again)), plain(forth.state), op.kind);
  }
});

test("a moved region goes back to where it was, not away", () => {
  const before = fromServer(body({ roi: [{ frame: 5, x: 0.1, y: 0.1 }] }));
  const op = commands.roi(5, 0.7, 0.7);
  const moved = done(before, op);
  assert.deepEqual(applyOp(moved.state, commands.inverse({ ...op, before: moved.before })).roi.get(5), { x: 0.1, y: 0.1, frame: 5 });
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

test("work of an earlier visit lies on top from the start; what fits no more waits for the server's word", () => {
  const store = new Store(body(), [made(commands.change("a", { begin: 11 })), commands.change("zz", { begin: 1 })]);
  assert.equal(store.state.strokes.get("a").begin, 11);
  assert.equal(store.pending.length, 2);
});

/** An operation as it lies in the outbox: with what was there when it was made. */
const made = (op, state = fromServer(body())) => ({ ...op, before: done(state, op).before });

const elsewhere = (change, extra = {}) => {
  const theirs = body({ lane: { version: 9, complete: false }, ...extra });
  theirs.strokes = theirs.strokes.map((one) => (one.id === "a" ? { ...one, ...change, version: 2 } : one));
  return theirs;
};

test("changed elsewhere: what does not clash goes on top, what does is shown from both sides and waits", () => {
  const store = new Store(body());
  store.commit([commands.change("a", { begin: 12 }), commands.change("b", { move: "Negative" })]);
  const { clashes } = store.take(elsewhere({ begin: 15 }));
  assert.deepEqual(clashes.map(({ key, mine, theirs }) => [key, mine.begin, theirs.begin]), [["a", 12, 15]]);
  assert.equal(store.state.strokes.get("a").begin, 15);
  assert.equal(store.state.strokes.get("b").move, "Negative");
  assert.deepEqual([store.pending.length, store.held.size], [2, 1]);
  const { ops, aside, replaced } = store.resolve(new Map([["a", "mine"]]));
  assert.deepEqual([store.state.strokes.get("a").begin, ops.length, aside.length, replaced.length], [12, 1, 0, 1]);
  assert.equal(store.held.size, 0);
});

test("the same is seen after a reload, by what the operation was based on", () => {
  const unsent = [made(commands.change("a", { begin: 12 })), made(commands.change("b", { note: "x" }))];
  const store = new Store(elsewhere({ begin: 15 }), unsent);
  assert.deepEqual(store.met.clashes.map(({ key }) => key), ["a"]);
  const { ops, aside } = store.resolve(new Map([["a", "theirs"]]));
  assert.deepEqual([ops.length, aside.length, store.state.strokes.get("a").begin, store.pending.length], [0, 1, 15, 1]);
});

test("one moved the end, the other classed it: both hold, nobody is asked", () => {
  const store = new Store(body());
  store.commit([commands.change("a", { end: 25 })]);
  assert.deepEqual(store.take(elsewhere({ move: "Negative" })).clashes, []);
  const { end, move } = store.state.strokes.get("a");
  assert.deepEqual([end, move], [25, "Negative"]);
});

test("removed there, changed here: mine is whole, also when it is put back", () => {
  const store = new Store(body());
  store.commit([commands.change("a", { end: 25 })]);
  const gone = body({ lane: { version: 4, complete: false } });
  const [a] = gone.strokes.splice(0, 1);
  gone.history = [{ id: "x", number: 4, kind: "remove", stroke: "a", suggestion: null, data: {}, before: a, undoes: null, step: null }];
  const { clashes } = store.take(gone);
  assert.deepEqual([clashes[0].mine.end, clashes[0].mine.begin, clashes[0].theirs], [25, 10, null]);
  const { ops } = store.resolve(new Map([["a", "mine"]]));
  assert.deepEqual([ops[0].kind, ops[0].data.begin, ops[0].data.end], ["add", 10, 25]);
});

test("changed there, removed here; and both removed", () => {
  const store = new Store(body());
  store.commit([commands.remove("a"), commands.remove("b")]);
  const theirs = elsewhere({ end: 30 });
  theirs.strokes = theirs.strokes.filter((one) => one.id !== "b");
  const { clashes, moot } = store.take(theirs);
  assert.deepEqual([clashes.length, clashes[0].mine, clashes[0].theirs.end], [1, null, 30]);
  assert.deepEqual(moot.map((op) => op.stroke), ["b"]);
  assert.deepEqual(store.resolve(new Map([["a", "mine"]])).ops.map((op) => op.kind), ["remove"]);
});

test("a suggestion decided in both places", () => {
  const store = new Store(body());
  store.commit([commands.reject("s1"), commands.reject("s2")]);
  const [s1, s2] = body().suggestions;
  const stroke = { id: "t", begin: 25, end: 36, move: "Offensive Forehand Hit", player: null, note: "", unsure: false, source: "edited", suggestion: "s1", version: 1 };
  const theirs = body({ lane: { version: 9, complete: false }, suggestions: [], decided: [{ ...s1, verdict: "accepted" }, { ...s2, verdict: "rejected" }] });
  theirs.strokes.push(stroke);
  const { clashes, moot } = store.take(theirs);
  assert.deepEqual([clashes.length, moot.length, clashes[0].theirs.end, clashes[0].mine.rejected], [1, 1, 36, true]);
  assert.deepEqual(store.resolve(new Map([["s1", "mine"]])).ops.map((op) => op.kind), ["reopen", "reject"]);
  assert.equal(store.state.strokes.has("t"), false);
});

test("what the server has already is not unsent any more", () => {
  const store = new Store(body());
  const [add] = store.commit([commands.add({ begin: 1, end: 5, move: "" })]);
  const fresh = body({ lane: { version: 4, complete: false }, history: [{ ...add, number: 4 }] });
  fresh.strokes.push({ ...store.state.strokes.get(add.stroke) });
  const { known } = store.take(fresh);
  assert.deepEqual([known.map((op) => op.id), store.pending, store.log.length], [[add.id], [], 1]);
});

test("an answer that comes late does not turn the state back", () => {
  const store = new Store(body());
  const first = store.commit([commands.change("a", { begin: 12 })]);
  const second = store.commit([commands.change("a", { begin: 13 })]);
  const row = { ...body().strokes[0], version: 3, begin: 13 };
  store.confirm([...first, ...second], { version: 5, strokes: [row] });
  assert.equal(store.confirm(first, { version: 4, strokes: [{ ...row, version: 2, begin: 12 }] }), true);
  assert.deepEqual([store.state.strokes.get("a").begin, store.base.version, store.pending.length], [13, 5, 0]);
  assert.equal(store.take(body()), null, "an older state is not taken");
});

test("an answer to another tab that comes late: its work stays until a fresh look has it", () => {
  const store = new Store(body());
  const theirs = made(commands.add({ begin: 1, end: 5, move: "" }));
  store.adopt([theirs]);
  const mine = store.commit([commands.change("a", { begin: 12 })]);
  store.confirm(mine, { version: 5, strokes: [] });
  assert.equal(store.confirm([theirs], { version: 4, strokes: [] }), false);
  assert.equal(store.state.strokes.has(theirs.stroke), true);
});

test("a refused operation falls out together with what stood on it", () => {
  const store = new Store(body());
  const add = commands.add({ begin: 1, end: 2, move: "" });
  const change = commands.change(add.stroke, { begin: 0 });
  const [one] = store.commit([add, change]);
  const fell = store.dependents(one);
  assert.deepEqual(fell.map((op) => op.id), [change.id]);
  store.drop([one, ...fell]);
  assert.equal(store.state.strokes.has(add.stroke), false);
  assert.deepEqual(store.pending, []);
});

test("another tab's operations are taken in once", () => {
  const store = new Store(body());
  const theirs = made(commands.change("a", { begin: 11 }));
  store.adopt([theirs]);
  store.adopt([theirs]);
  assert.deepEqual([store.state.strokes.get("a").begin, store.pending.length], [11, 1]);
  store.confirm([theirs], { version: 4, strokes: [] });
  store.adopt([theirs]);
  assert.equal(store.pending.length, 0);
});

test("new suggestions come in without forgetting what was decided here", () => {
  const store = new Store(body());
  const op = commands.reject("s1");
  store.commit([op]);
  store.confirm([op], { version: 4, strokes: [] });
  store.take(body({ lane: { version: 4, complete: false }, suggestions: [{ id: "s3", begin: 1, end: 2, move: "", score: 0.1, top: [], run: null }] }));
  assert.equal(store.state.suggestions.get("s1").verdict, "rejected");
  assert.equal(store.state.suggestions.get("s3").verdict, null);
});

test("a look that finds nothing new changes nothing", () => {
  const store = new Store(body());
  const { revision, state } = store;
  store.take(body());
  assert.deepEqual([store.revision, store.state === state], [revision, true]);
  store.take(body({ suggestions: [] }));
  assert.notEqual(store.revision, revision);
});
