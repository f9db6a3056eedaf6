// Help while marking: what was seen, what overlaps, what is likely next.

import assert from "node:assert/strict";
import test from "node:test";

import { ClassTree } from "../../static/js/workspace/classtree.js";
import { FrameTable } from "../../static/js/workspace/frametable.js";
import { overlapOf } from "../../static/js/workspace/overlaps.js";
import { contextOf, ranked, usual } from "../../static/js/workspace/ranking.js";
import { Seen, Watching } from "../../static/js/workspace/seen.js";
import { taxonomy } from "./fixtures.js";

const table = new FrameTable({ time_base: [1, 100], pts: Array.from({ length: 1000 }, (_, k) => k) });
const tree = new ClassTree(taxonomy);

test("seen: ranges join where they touch; what is missing is said from a length on", () => {
  const seen = new Seen();
  seen.add(100, 200);
  seen.add(300, 400);
  seen.add(200, 250);
  assert.deepEqual(seen.ranges, [[100, 250], [300, 400]]);
  assert.deepEqual(seen.missing(1000, 60), [[0, 100], [400, 1000]]);
  seen.add(90, 310);
  assert.deepEqual(seen.ranges, [[90, 400]]);
  assert.deepEqual(new Seen(JSON.parse(JSON.stringify(seen.ranges))).ranges, seen.ranges);
  assert.deepEqual(new Seen([["a", 3], null, [5, 2], 7]).ranges, []);
  assert.deepEqual(new Seen({}).missing(10, 5), [[0, 10]]);
});

test("watching: playing fills what lies between two pictures, a jump does not", () => {
  const seen = new Seen();
  const watching = new Watching(seen, table);
  for (const frame of [10, 14, 20]) watching.at(frame, { playing: true, speed: 1 });
  watching.at(500, { playing: true, speed: 1 });
  watching.at(503, { playing: true, speed: 1 });
  watching.at(700, { playing: false, speed: 1 });
  watching.at(720, { playing: false, speed: 1 });
  assert.deepEqual(seen.ranges, [[10, 21], [500, 504], [700, 701], [720, 721]]);
  watching.at(718, { playing: true, speed: 1 });
  watching.at(710, { playing: true, speed: 1 });
  assert.deepEqual(seen.ranges.slice(2), [[700, 701], [710, 719], [720, 721]]);
});

test("overlap: by how many frames, with whom most; touching is none", () => {
  const one = { id: "a", begin: 10, end: 30 };
  assert.equal(overlapOf(one, [one, { id: "b", begin: 30, end: 40 }, { id: "c", begin: 0, end: 10 }]), null);
  const found = overlapOf(one, [{ id: "b", begin: 28, end: 40 }, { id: "c", begin: 0, end: 22 }]);
  assert.deepEqual([found.other.id, found.frames], ["c", 12]);
});

test("hints: the model's word first, then the order of the keys", () => {
  const { leaves } = tree.group("KeyW");
  const rally = { move: tree.entry("Offensive Forehand Hit"), gap_s: 0.5 };
  const names = (found) => found.map(({ move }) => move.leaf);
  assert.deepEqual(names(ranked(leaves, { total: 20, context: rally })), ["Hit", "Loop", "Flip"]);
  const top = [["Offensive Forehand Flip", 0.6], ["Defensive Backhand Push", 0.3]];
  const found = ranked(leaves, { top, total: 20, context: rally });
  assert.deepEqual(names(found), ["Flip", "Hit", "Loop"]);
  assert.equal(found[0].p, 0.6);
  assert.ok(Math.abs(found[1].p - 0.1 / 18) < 1e-9);
});

test("context: a serve straight after a serve is rare, after a long pause a serve is likely", () => {
  const serve = tree.entry("Serve Forehand Loop");
  const hit = tree.entry("Offensive Forehand Hit");
  const strokes = [{ begin: 100, end: 150, move: serve.name }, { begin: 300, end: 350, move: hit.name }];
  assert.equal(usual(serve, contextOf(strokes, 200, table, tree)), 0.1);
  assert.equal(usual(hit, contextOf(strokes, 200, table, tree)), 1);
  assert.equal(usual(serve, contextOf(strokes, 400, table, tree)), 1);
  assert.ok(usual(serve, contextOf(strokes, 950, table, tree)) > usual(hit, contextOf(strokes, 950, table, tree)));
  assert.ok(usual(serve, contextOf([], 0, table, tree)) > 1, "a video begins with a serve");
});
