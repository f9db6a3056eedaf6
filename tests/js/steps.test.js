// Steps: undo and redo read from the log alone give what a stack in memory would, over reloads, windows and tabs.

import assert from "node:assert/strict";
import test from "node:test";

import * as commands from "../../static/js/workspace/commands.js";
import { History, asStep, readSteps, takeBack } from "../../static/js/workspace/steps.js";
import { Store } from "../../static/js/workspace/store.js";
import { body } from "./fixtures.js";

const plain = ({ strokes, suggestions, complete, roi }) => JSON.stringify([[...strokes.values()].map(({ id, begin, end, move, note }) => [id, begin, end, move, note]).sort(), [...suggestions.values()].map((one) => [one.id, one.verdict]).sort(), complete, [...roi.values()].sort((a, b) => a.frame - b.frame)]);

/** A small generator with a seed, so that a failure can be seen again. */
function chance(seed) {
  let state = seed;
  return (n) => {
    state = (state * 1664525 + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

function someStep(state, random) {
  const strokes = [...state.strokes.values()];
  const one = strokes[random(strokes.length)];
  const open = [...state.suggestions.values()].filter((each) => !each.verdict);
  const ops = [
    () => [commands.add({ begin: random(50), end: 60 + random(9), move: "" })],
    () => one && [commands.change(one.id, { end: one.end + 1 })],
    () => one && [commands.remove(one.id)],
    () => one && [commands.change(one.id, { end: one.begin + 1 }), commands.add({ begin: one.begin, end: one.end, move: "Negative" })],
    () => open[0] && [commands.accept(open[0].id, { begin: open[0].begin, end: open[0].end + 1 })],
    () => open.at(-1) && [commands.reject(open.at(-1).id)],
    () => [commands.complete(!state.complete)],
    () => [commands.roi(random(3), random(9) / 10, 0.5)],
  ][random(8)]();
  return ops || someStep(state, random);
}

/** As the server does it: `size` entries of a list (newest first), and the rest of the step that the last belongs to. */
function cut(list, size) {
  let n = Math.min(size, list.length);
  while (n && n < list.length && list[n].step && list[n].step === list[n - 1].step) n += 1;
  return list.slice(0, n);
}

/** What the server would show after all this: the log's newest `size` entries, the rest by page. */
function reload(store, size, log) {
  const { state } = store;
  const known = new Set(log.map((entry) => entry.id));
  log.push(...store.log.filter((entry) => !known.has(entry.id)));
  const history = log.map((entry, at) => ({ ...entry, number: at + 1 })).reverse();
  const decided = [...state.suggestions.values()].filter((one) => one.verdict);
  const shown = { lane: { version: log.length, complete: state.complete }, strokes: [...state.strokes.values()], roi: [...state.roi.values()] };
  const open = [...state.suggestions.values()].filter((one) => !one.verdict);
  const newest = cut(history, size);
  const fresh = new Store({ ...shown, suggestions: open, decided, history: newest, more: history.length > newest.length });
  const older = async () => {
    const first = fresh.base.log[0].number;
    const page = cut(history.filter((entry) => entry.number < first), size);
    fresh.prepend({ history: page, decided, more: page.length > 0 && page.at(-1).number > 1 });
    return page.length > 0;
  };
  return [fresh, new History(fresh, older)];
}

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  test(`like a stack in memory, whatever is done, with reloads in between (seed ${seed})`, async () => {
    const random = chance(seed);
    let store = new Store(body());
    let history = new History(store);
    const log = [];
    const past = [];
    const future = [];
    for (let turn = 0; turn < 120; turn += 1) {
      const what = random(6);
      if (what < 3) {
        past.push(plain(store.state));
        future.length = 0;
        store.commit(asStep(someStep(store.state, random)));
      } else if (what === 5) {
        [store, history] = reload(store, 7 + random(20), log);
      } else {
        const direction = what === 3 ? "undo" : "redo";
        while (history.lacks(direction)) await history.older();
        const ops = history.plan(direction);
        const [from, to] = direction === "undo" ? [past, future] : [future, past];
        assert.equal(Boolean(ops), from.length > 0, `turn ${turn}: ${direction}`);
        if (!ops) continue;
        to.push(plain(store.state));
        store.commit(ops);
        assert.equal(plain(store.state), from.pop(), `turn ${turn}: ${direction}`);
      }
    }
    while (history.lacks("undo") || history.plan("undo")) {
      if (history.lacks("undo")) await history.older();
      else store.commit(history.plan("undo"));
    }
    assert.equal(plain(store.state), plain(new Store(body()).state), "all the way back");
  });
}

for (const seed of [1, 2, 3, 4]) {
  test(`a log that is cut now and then says the same as a whole one (seed ${seed})`, () => {
    const random = chance(seed);
    const [whole, short] = [new Store(body()), new Store(body(), [], { kept: 12, slack: 6 })];
    const [all, some] = [new History(whole), new History(short)];
    const undoes = (ops) => ops?.map((op) => op.undoes);
    const page = (store, before) => {
      const newest = store.base.log.filter((entry) => entry.number < before).reverse();
      const history = cut(newest, 10);
      return { history, decided: [...store.state.suggestions.values()].filter((one) => one.verdict), more: history.length < newest.length };
    };
    let longest = 0;
    let cuts = 0;
    for (let turn = 0; turn < 400; turn += 1) {
      const direction = ["undo", "redo", "undo"][random(9)];
      const ops = direction ? all.plan(direction) : asStep(someStep(whole.state, random));
      while (direction && some.lacks(direction)) short.prepend(page(whole, short.base.log[0].number));
      if (direction) assert.deepEqual(undoes(some.plan(direction)), undoes(ops), `turn ${turn}`);
      if (!ops) continue;
      for (const store of [whole, short]) {
        const { length } = store.base.log;
        const entries = store.commit(ops);
        store.confirm(entries, { version: store.base.version + ops.length });
        if (store.base.log.length < length) cuts += 1;
      }
      longest = Math.max(longest, short.base.log.length);
      assert.equal(plain(short.state), plain(whole.state));
    }
    assert.ok(cuts > 5 && longest < 60 && whole.base.log.length > 300, `${cuts} cuts, ${longest} at most`);
  });
}

test("250 steps back after a reload, in pages", async () => {
  let store = new Store(body());
  for (let n = 0; n < 250; n += 1) store.commit([commands.change("a", { end: 100 + n })]);
  let history;
  [store, history] = reload(store, 50, []);
  for (let n = 0; n < 250; n += 1) {
    while (history.lacks("undo")) await history.older();
    store.commit(history.plan("undo"));
  }
  assert.equal(store.state.strokes.get("a").end, 20);
});

test("back to here is one step, which can be undone", () => {
  const store = new Store(body());
  const history = new History(store);
  const states = [];
  for (const op of [commands.change("a", { end: 30 }), commands.remove("b"), commands.complete(true)]) {
    states.push(plain(store.state));
    store.commit([op]);
  }
  const whole = plain(store.state);
  store.commit(takeBack(history.from(history.steps[1].id)));
  assert.equal(plain(store.state), states[1]);
  assert.equal(history.steps.at(-1).how, "revert");
  store.commit(history.plan("undo"));
  assert.equal(plain(store.state), whole);
  store.commit(history.plan("redo"));
  assert.equal(plain(store.state), states[1]);
  store.commit(history.plan("undo"));
  store.commit(history.plan("undo"));
  assert.equal(plain(store.state), states[2], "and the steps before it are there as ever");
});

test("what was imported goes as one", () => {
  const ops = asStep([1, 2, 3].map((n) => commands.add({ begin: n, end: n + 1, source: "imported" })));
  const store = new Store(body({ strokes: [] }));
  store.commit(ops);
  assert.equal(new Set(ops.map((op) => op.step)).size, 1);
  store.commit(new History(store).plan("undo"));
  assert.equal(store.state.strokes.size, 0);
});

test("a step of its own needs no mark", () => {
  const [op] = asStep([commands.remove("a")]);
  assert.equal("step" in op, false);
  assert.equal(readSteps([{ ...op, before: {} }]).undoable[0].id, op.id);
});
