// Marking beyond begin and end: reaction time, whole strokes by one press, split, merge, duplicate, extend.

import assert from "node:assert/strict";
import test from "node:test";

import { ClassTree } from "../../static/js/workspace/classtree.js";
import { History } from "../../static/js/workspace/steps.js";
import { Editor } from "../../static/js/workspace/editor.js";
import { Effort } from "../../static/js/workspace/effort.js";
import { FrameTable } from "../../static/js/workspace/frametable.js";
import { Preferences } from "../../static/js/workspace/preferences.js";
import { earlier, lateness, learned, median, proposal } from "../../static/js/workspace/reaction.js";
import { Store } from "../../static/js/workspace/store.js";
import { Ui } from "../../static/js/workspace/ui.js";
import { body, taxonomy } from "./fixtures.js";

const table = new FrameTable({ time_base: [1, 100], pts: Array.from({ length: 1000 }, (_, k) => k) });
const timers = { setTimeout: () => 1, clearTimeout: () => {} };

function make(chosen = {}, extra = {}) {
  const store = new Store(body(extra));
  const said = [];
  const sent = [];
  const ui = new Ui();
  const preferences = new Preferences(chosen, { send: async () => ({}), timers });
  const player = {
    frame: 0, direction: 0, speed: 1, looping: null, get playing() { return this.direction !== 0; },
    goTo(frame) { this.frame = frame; }, arrive(span) { this.frame = span.begin; }, pause() { this.direction = 0; },
  };
  const editor = new Editor({
    store, ui, player, timers, preferences, table, history: new History(store), effort: new Effort(() => 0),
    outbox: { push: (ops) => sent.push(...ops) }, tree: new ClassTree(taxonomy), players: [], say: (text) => said.push(text),
  });
  const at = (frame, direction = player.direction) => Object.assign(player, { frame, direction });
  const strokes = () => [...store.state.strokes.values()].map(({ begin, end, move }) => [begin, end, move]).sort((a, b) => a[0] - b[0]);
  return { editor, store, ui, player, said, sent, at, strokes, preferences };
}

test("reaction: a mark made while playing moves earlier by reaction × speed, a paused one stays", () => {
  const { editor, at, player, strokes } = make({ reaction_ms: 200 });
  player.speed = 0.5;
  at(110, 1);
  editor.markBegin();
  assert.equal(editor.ui.draft.begin, 100);
  at(160);
  editor.markEnd();
  at(200, 0);
  editor.markBegin();
  at(220);
  editor.markEnd();
  assert.deepEqual(strokes().slice(2), [[100, 151, ""], [200, 221, ""]]);
});

test("reaction is off until somebody sets it", () => {
  const { editor, at } = make();
  at(110, 1);
  editor.markBegin();
  assert.equal(editor.ui.draft.begin, 110);
});

test("how late: from the first correction of a live mark, in wall time, also when a reaction time was on", () => {
  const { editor, at, player, preferences } = make({ reaction_ms: 100 });
  player.speed = 0.5;
  at(110, 1);
  editor.markBegin();
  at(160);
  editor.markEnd();
  editor.nudge("begin", -5); // 105 -> 100: pressed at 110, so 10 pictures of 10 ms at half speed: 200 ms late
  editor.settle();
  editor.nudge("begin", -5);
  editor.settle();
  at(152, 0);
  editor.setEdge("end"); // the last picture is 152, pressed at 160
  assert.deepEqual(preferences.get("reaction_samples"), [200, 160]);
  editor.select("stroke", "a");
  editor.nudge("end", 3);
  editor.settle();
  assert.equal(preferences.get("reaction_samples").length, 2, "a stroke marked in peace teaches nothing");
});

test("what is learned: the median of at least twenty; asked once, not again for nearly the same", () => {
  assert.equal(median([5, 1, 3]), 3);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  const samples = [...Array(10).fill(180), ...Array(10).fill(260), 220];
  assert.equal(learned(samples.slice(2)), null);
  assert.deepEqual(learned(samples), { ms: 220, n: 21 });
  const ask = (more) => proposal({ reaction_samples: samples, reaction_ms: null, reaction_declined_ms: null, ...more });
  assert.deepEqual(ask(), { ms: 220, n: 21 });
  assert.equal(ask({ reaction_ms: 200 }), null);
  assert.equal(ask({ reaction_declined_ms: 240 }), null);
  assert.deepEqual(ask({ reaction_ms: 100, reaction_declined_ms: 150 }), { ms: 220, n: 21 });
  assert.equal(learned(Array(30).fill(-80)).ms, 0, "nobody sees the future");
});

test("reaction arithmetic is in seconds of the table, also at a variable rate", () => {
  const uneven = new FrameTable({ time_base: [1, 1000], pts: [0, 10, 20, 100, 200, 210] });
  assert.equal(earlier(uneven, 4, 100, 1), 3);
  assert.equal(earlier(uneven, 4, 110, 1), 2);
  assert.equal(earlier(uneven, 1, 900, 1), 0);
  assert.equal(lateness(uneven, 4, 2, 0.5), 360);
});

test("code window: one press makes a whole stroke, lead before and lag behind, inside the video", () => {
  const { editor, at, strokes, ui } = make({ class_keys: "whole", code_lead_ms: 300, code_lag_ms: 200 });
  at(500, 1);
  editor.classify("Offensive Forehand Hit");
  assert.deepEqual(strokes().at(-1), [470, 521, "Offensive Forehand Hit"]);
  at(520); // still inside the one just made, and the video plays on: another stroke
  editor.classify("Negative");
  assert.deepEqual(strokes().at(-1), [490, 541, "Negative"]);
  editor.undo();
  at(990, 0);
  ui.set({ selected: null });
  editor.classify("Negative");
  assert.deepEqual(strokes().at(-1), [960, 1000, "Negative"]);
  editor.classify("Serve Backhand Loop"); // paused and chosen: its class
  assert.deepEqual(strokes().at(-1), [960, 1000, "Serve Backhand Loop"]);
});

test("class keys that begin: the group key marks, the number names, O ends: three keys", () => {
  const { editor, at, strokes, ui } = make({ class_keys: "begin" });
  at(100, 1);
  editor.pressGroup(editor.tree.group("KeyW"));
  at(104);
  ui.set({ group: null });
  editor.classify("Offensive Forehand Loop");
  at(150);
  editor.markEnd();
  at(160); // the one before is chosen, but the video plays on
  editor.pressGroup(editor.tree.group("KeyQ"));
  assert.equal(ui.draft.begin, 160);
  editor.cancel();
  assert.deepEqual([ui.draft, ui.group], [null, null]);
  assert.deepEqual(strokes().at(-1), [100, 151, "Offensive Forehand Loop"]);
});

test("held down, the group key lasts as long as the stroke: two keys", () => {
  const { editor, at, strokes, ui } = make({ class_keys: "begin" });
  at(100, 1);
  editor.pressGroup(editor.tree.group("KeyW"));
  at(103);
  editor.releaseGroup(30); // only a tap
  assert.equal(ui.draft.begin, 100);
  at(150);
  editor.releaseGroup(500);
  assert.equal(ui.group.key, "KeyW", "its number may come now");
  at(160);
  ui.set({ group: null });
  editor.classify("Offensive Forehand Flip");
  assert.deepEqual(strokes().at(-1), [100, 151, "Offensive Forehand Flip"]);
});

test("a stroke marked without class still takes its class afterwards, while playing too", () => {
  const { editor, at, strokes, ui } = make({ class_keys: "begin" });
  at(100, 1);
  editor.markBegin();
  at(150);
  editor.markEnd();
  at(170);
  editor.pressGroup(editor.tree.group("KeyS"));
  assert.equal(ui.draft, null);
  editor.classify("Offensive Backhand Hit");
  assert.deepEqual(strokes().at(-1), [100, 151, "Offensive Backhand Hit"]);
});

test("split and merge are one step each, and undone as one", () => {
  const { editor, at, strokes, said, sent } = make();
  const before = strokes();
  editor.select("stroke", "a");
  at(10);
  editor.split();
  assert.equal(said.length, 1, "nothing to split at the first picture");
  at(14);
  editor.split();
  assert.deepEqual(strokes().slice(0, 2), [[10, 14, "Serve Forehand Loop"], [14, 20, "Serve Forehand Loop"]]);
  editor.undo();
  assert.deepEqual(strokes(), before);
  editor.redo();
  editor.select("stroke", "a");
  editor.merge();
  assert.deepEqual(strokes(), before);
  assert.ok(sent.every((op) => ["add", "change", "remove", "restore"].includes(op.kind)), "the log needs nothing new");
  editor.merge(); // over the gap, with the one that has no class
  assert.deepEqual(strokes(), [[10, 60, "Serve Forehand Loop"]]);
  editor.undo();
  assert.deepEqual(strokes(), before);
});

test("merging different classes keeps the first and says so; a missing one is filled; notes are kept", () => {
  const own = { player: null, unsure: false, source: "blind", suggestion: null, version: 1 };
  const { editor, said, store } = make({}, { strokes: [
    { ...own, id: "a", begin: 10, end: 20, move: "", note: "low" },
    { ...own, id: "b", begin: 30, end: 40, move: "Negative", note: "high" },
    { ...own, id: "c", begin: 50, end: 60, move: "Serve Forehand Loop", note: "" },
  ] });
  editor.select("stroke", "a");
  editor.merge();
  assert.deepEqual([store.state.strokes.get("a").move, store.state.strokes.get("a").note], ["Negative", "low · high"]);
  editor.merge();
  assert.equal(store.state.strokes.get("a").move, "Negative");
  assert.match(said.at(-1), /Negative/);
  editor.merge();
  assert.match(said.at(-1), /no stroke after/);
});

test("duplicate: right behind, or from the picture on screen; never beyond the video", () => {
  const { editor, at, strokes } = make();
  editor.select("stroke", "a");
  at(12);
  editor.duplicate();
  assert.deepEqual(strokes()[1], [20, 30, "Serve Forehand Loop"]);
  at(995);
  editor.duplicate();
  assert.deepEqual(strokes().at(-1), [995, 1000, "Serve Forehand Loop"]);
});

test("extend to the neighbour, both ways; what cannot be is said", () => {
  const { editor, strokes, said } = make();
  editor.select("stroke", "a");
  editor.extend(1);
  assert.deepEqual(strokes()[0].slice(0, 2), [10, 40]);
  editor.extend(1);
  editor.extend(-1);
  assert.equal(said.length, 2);
  editor.undo();
  editor.select("stroke", "b");
  editor.extend(-1);
  assert.deepEqual(strokes()[1].slice(0, 2), [20, 60]);
});

test("preferences: at once here, soon on the server, kept while offline, dropped when refused", async () => {
  const shelf = new Map();
  const storage = { getItem: (name) => shelf.get(name) ?? null, setItem: (name, value) => shelf.set(name, value), removeItem: (name) => shelf.delete(name) };
  let answer = () => Promise.reject(Object.assign(new Error(), { status: 0 }));
  const send = (changes) => answer(changes);
  const one = new Preferences({ layout: "azerty" }, { send, shelf: storage, timers, user: 1 });
  one.set({ reaction_ms: 150 });
  await one.flush();
  assert.equal(shelf.size, 1);
  const two = new Preferences({ layout: "azerty", reaction_ms: null }, { send, shelf: storage, timers, user: 1 });
  assert.equal(two.get("reaction_ms"), 150);
  assert.equal(new Preferences({}, { send, shelf: storage, timers, user: 2 }).get("reaction_ms"), null, "not another person's");
  answer = async (changes) => ({ ...changes, layout: "qwertz" });
  await two.flush();
  assert.deepEqual([two.get("layout"), two.get("reaction_ms"), shelf.size], ["qwertz", 150, 0]);
  answer = () => Promise.reject(Object.assign(new Error(), { status: 400 }));
  two.set({ layout: "qwerty" });
  await two.flush();
  assert.deepEqual([two.unsent, shelf.size], [{}, 0]);
});
