// Editor: marking, deciding, moving edges, each with its undo.

import assert from "node:assert/strict";
import test from "node:test";

import { ClassTree } from "../../static/js/workspace/classtree.js";
import { Editor } from "../../static/js/workspace/editor.js";
import { Effort } from "../../static/js/workspace/effort.js";
import { newId } from "../../static/js/workspace/ids.js";
import { Scale, rulerStep } from "../../static/js/workspace/scale.js";
import { History } from "../../static/js/workspace/steps.js";
import { Store } from "../../static/js/workspace/store.js";
import { Ui } from "../../static/js/workspace/ui.js";
import { body, taxonomy } from "./fixtures.js";

function make(extra = {}) {
  const store = new Store(body(extra));
  const ui = new Ui();
  const said = [];
  const sent = [];
  const player = { frame: 0, shown: [], goTo(frame) { this.shown.push(frame); this.frame = frame; }, arrive(span) { this.goTo(span.begin); }, pause() {} };
  const timers = { setTimeout: () => 1, clearTimeout: () => {} };
  const editor = new Editor({ store, ui, player, timers, outbox: { push: (ops) => sent.push(...ops) }, history: new History(store), effort: new Effort(() => 0), tree: new ClassTree(taxonomy), table: { n: 1000 }, players: [{ pseudonym: "P" }], say: (text) => said.push(text) });
  return { editor, store, ui, player, said, sent };
}

test("marking: the picture at O belongs to the stroke; class after", () => {
  const { editor, ui, player, sent } = make();
  player.frame = 100;
  editor.markBegin();
  player.frame = 120;
  editor.markEnd();
  editor.classify("Offensive Forehand Loop");
  assert.deepEqual(sent.map((op) => op.kind), ["add", "change"]);
  const { begin, end, move, player: who } = editor.chosen();
  assert.deepEqual([begin, end, move, who], [100, 121, "Offensive Forehand Loop", "P"]);
  assert.equal(ui.draft, null);
});

test("class first, marks after; class in the middle", () => {
  const { editor, player, ui } = make();
  editor.classify("Negative");
  editor.markBegin();
  player.frame = 9;
  editor.markEnd();
  assert.equal(editor.chosen().move, "Negative");
  assert.equal(ui.armed, "");
  editor.markBegin();
  editor.classify("Serve Backhand Loop");
  player.frame = 30;
  editor.markEnd();
  assert.equal(editor.chosen().move, "Serve Backhand Loop");
});

test("an end before the begin is refused in words and keeps the mark", () => {
  const { editor, player, ui, said, sent } = make();
  player.frame = 50;
  editor.markBegin();
  player.frame = 50;
  editor.markEnd();
  assert.equal(sent.length, 0);
  assert.equal(said.length, 1);
  assert.equal(ui.draft.begin, 50);
});

test("accept takes the first class and goes to the next; reject too; undo opens again", () => {
  const { editor, ui, sent, store } = make();
  editor.select("suggestion", "s1");
  editor.accept();
  assert.deepEqual(sent[0].data, { begin: 25, end: 35, move: "Offensive Forehand Loop", player: "P" });
  assert.deepEqual(ui.selected, { kind: "suggestion", id: "s2" });
  editor.reject();
  assert.equal(store.state.suggestions.get("s2").verdict, "rejected");
  editor.undo();
  editor.undo();
  assert.equal(store.state.suggestions.get("s1").verdict, null);
  assert.equal(store.state.strokes.size, 2);
  editor.redo();
  assert.equal(store.state.strokes.size, 3);
});

test("moved edges of a suggestion wait for Enter and go with it", () => {
  const { editor, player, sent } = make();
  editor.select("suggestion", "s1");
  editor.nudge("begin", -5);
  editor.nudge("end", 1);
  assert.deepEqual(player.shown.slice(-2), [20, 35]);
  assert.equal(sent.length, 0);
  editor.top(1);
  assert.deepEqual(sent[0].data, { begin: 20, end: 36, move: "Offensive Forehand Hit", player: "P" });
});

test("several nudges of a stroke become one change", () => {
  const { editor, sent } = make();
  editor.select("stroke", "a");
  editor.nudge("end", 1);
  editor.nudge("end", 1);
  editor.nudge("end", 5);
  editor.settle();
  assert.deepEqual(sent.map(({ kind, data }) => [kind, data]), [["change", { end: 27 }]]);
});

test("a motion suggestion without class becomes a stroke that waits for its class", () => {
  const { editor, ui } = make();
  editor.select("suggestion", "s2");
  editor.accept();
  assert.equal(ui.selected.kind, "stroke");
  assert.equal(editor.chosen().move, "");
});

test("nothing chosen: every verb says what is missing and does nothing", () => {
  const { editor, said, sent } = make();
  editor.accept();
  editor.reject();
  editor.remove();
  editor.markEnd();
  editor.top(0);
  editor.change("unsure", true);
  editor.undo();
  assert.equal(said.length, 7);
  assert.equal(sent.length, 0);
});

test("next to decide goes on from here and comes round", () => {
  const { editor, ui } = make();
  editor.nextToDecide();
  assert.equal(ui.selected.id, "s1");
  editor.nextToDecide();
  assert.equal(ui.selected.id, "s2");
  editor.nextToDecide();
  assert.equal(ui.selected.id, "s1");
});

test("the scale: zoom keeps the frame under the pointer, stays inside, has an end", () => {
  const scale = new Scale(12000, 1000);
  const under = scale.frame(300);
  scale.zoom(0.5, 300);
  assert.ok(Math.abs(scale.frame(300) - under) < 1e-6);
  for (let i = 0; i < 40; i += 1) scale.zoom(0.5, 990);
  assert.ok(scale.to - scale.from >= 24 && scale.to <= 12000);
  for (let i = 0; i < 40; i += 1) scale.zoom(2, 10);
  assert.deepEqual([scale.from, scale.to], [0, 12000]);
  scale.show(100, 200);
  assert.equal(scale.follow(150), false);
  assert.equal(scale.follow(5000), true);
  assert.ok(scale.x(5000) > 0 && scale.x(5000) < 1000);
  assert.equal(rulerStep(1 / 100), 1);
});

test("ids of browsers on plain http look and differ like the others", () => {
  const old = { getRandomValues: (bytes) => globalThis.crypto.getRandomValues(bytes) };
  const ids = new Set(Array.from({ length: 200 }, () => newId(old)));
  assert.equal(ids.size, 200);
  for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("time spent leaves out the pauses", () => {
  let now = 0;
  const effort = new Effort(() => now);
  now = 5000;
  effort.active();
  now = 600_000;
  effort.active();
  now = 601_500;
  assert.equal(effort.take(), 6.5);
  assert.equal(effort.take(), 0);
});
