// The queue: what a swipe means, the line of what waits, decisions over several videos, undo, and the loop's pictures.

import assert from "node:assert/strict";
import { test } from "node:test";

import { around, part } from "../../static/js/loops/span.js";
import { Decider, progressText } from "../../static/js/queue/decider.js";
import { Line } from "../../static/js/queue/line.js";
import { Past } from "../../static/js/queue/past.js";
import { meaning } from "../../static/js/queue/swipe.js";
import { FrameTable } from "../../static/js/workspace/frametable.js";
import { Store } from "../../static/js/workspace/store.js";

const SIZE = { width: 800, height: 450 };

test("a swipe counts from a fifth of the picture on, in the direction it mainly goes", () => {
  assert.deepEqual(meaning(3, 2, SIZE), { name: null, part: 0 });
  assert.equal(meaning(100, 10, SIZE).name, "accept");
  assert.ok(meaning(100, 10, SIZE).part < 1);
  assert.ok(meaning(180, 40, SIZE).part >= 1);
  assert.equal(meaning(-200, -20, SIZE).name, "reject");
  assert.equal(meaning(20, -150, SIZE).name, "later");
  assert.equal(meaning(20, 150, SIZE).name, null, "down means nothing");
});

const one = (id, video = "v1") => ({
  id, begin: 100, end: 150, move: "Loop", score: 0.5, top: [["Loop", 0.5], ["Flip", 0.3]], run: 1, share: "random",
  video: { id: video, title: video, n_frames: 1000 },
});

test("what was seen in this visit does not come again", () => {
  const line = new Line();
  assert.equal(line.take([one("a"), one("b")]), 2);
  assert.equal(line.take([one("b"), one("c")]), 1);
  line.putOff();
  assert.equal(line.take([one("a")]), 0);
  assert.equal(line.current.id, "b");
  assert.equal(line.known, 3);
  line.resume();
  assert.deepEqual(line.waiting.map((each) => each.id), ["b", "c", "a"]);
});

test("the ten latest decisions stay, newest first, and come back on screen", () => {
  const line = new Line();
  line.take(Array.from({ length: 14 }, (_, k) => one(`s${k}`)));
  for (let k = 0; k < 12; k += 1) line.decide({ verdict: "accepted" }, 2);
  assert.equal(line.recent.length, 10);
  assert.equal(line.recent[0].one.id, "s11");
  assert.equal(line.back("s1"), null, "too long ago");
  assert.equal(line.back("s5").id, "s5");
  assert.equal(line.current.id, "s5");
  assert.equal(line.decided, 11);
});

test("progress counts rounds of fifty, and time from the pace so far", () => {
  const line = new Line();
  line.take(Array.from({ length: 100 }, (_, k) => one(`s${k}`)));
  line.open = 100;
  assert.deepEqual(line.progress(), { decided: 0, goal: 50, minutes: null });
  for (let k = 0; k < 14; k += 1) line.decide({ verdict: "accepted" }, 5);
  assert.deepEqual(line.progress(), { decided: 14, goal: 50, minutes: 3 });
  assert.equal(progressText(line.progress()), "14 of 50 decided · about 3 min left");
  line.open = 16;
  line.waiting.length = 2;
  assert.equal(line.progress().goal, 16, "no more than there are");
});

/** A lane as queue/lane.js makes it, without a server. */
function lane(ids) {
  const body = {
    lane: { version: 0, complete: false }, strokes: [], roi: [], history: [],
    suggestions: ids.map((id) => ({ ...one(id), video: undefined })),
  };
  const made = { store: new Store(body), players: [{ pseudonym: "p1" }], sent: [] };
  made.past = new Past(made.store, (ops, seconds) => {
    made.store.commit(ops);
    made.sent.push(...ops.map((op) => ({ ...op, seconds })));
  });
  for (const name of ["commit", "step", "takeBack"]) made[name] = (...given) => made.past[name](...given);
  return made;
}

function decider(plan) {
  const line = new Line();
  line.take(plan.map(([id, video]) => one(id, video)));
  const made = Object.fromEntries([...new Set(plan.map(([, video]) => video))].map((video) =>
    [video, lane(plan.filter(([, each]) => each === video).map(([id]) => id))]));
  const said = [];
  const shown = [];
  const verbs = new Decider({
    line, lanes: { get: async (video) => made[video] }, effort: { take: () => 1.5 }, ask: () => {},
    on: { changed: () => {}, say: (text) => said.push(text), edge: (frame) => shown.push(frame) },
  });
  return { line, verbs, lanes: made, said, shown };
}

test("each decision goes to the lane of its own video, with the time it took", async () => {
  const { line, verbs, lanes } = decider([["a", "v1"], ["b", "v2"], ["c", "v1"]]);
  await verbs.accept();
  await verbs.reject();
  await verbs.top(1);
  assert.deepEqual(lanes.v1.sent.map((op) => [op.kind, op.suggestion, op.data.move, op.data.player, op.seconds]),
    [["accept", "a", "Loop", "p1", 1.5], ["accept", "c", "Flip", "p1", 1.5]]);
  assert.deepEqual(lanes.v2.sent.map((op) => [op.kind, op.suggestion]), [["reject", "b"]]);
  assert.equal(line.current, null);
  assert.equal(line.decided, 3);
});

test("edges moved by key are what is accepted, and the picture at the edge is shown", async () => {
  const { verbs, lanes, shown } = decider([["a", "v1"], ["b", "v1"]]);
  verbs.nudge("begin", -1);
  verbs.nudge("end", 5);
  await verbs.accept();
  assert.deepEqual(shown, [99, 154]);
  assert.equal(lanes.v1.sent[0].data.begin, 99);
  assert.equal(lanes.v1.sent[0].data.end, 155);
  assert.equal(verbs.current.begin, 100, "the next one is untouched");
});

test("undo and redo go over all videos in the order of the decisions", async () => {
  const { line, verbs, lanes, said } = decider([["a", "v1"], ["b", "v2"]]);
  await verbs.accept();
  await verbs.reject();
  verbs.undo();
  assert.equal(line.current.id, "b");
  assert.equal(lanes.v2.sent.at(-1).kind, "reopen");
  verbs.undo();
  assert.equal(line.current.id, "a");
  verbs.redo();
  assert.equal(line.current.id, "b");
  assert.equal(lanes.v1.store.state.strokes.size, 1);
  verbs.undo();
  verbs.undo();
  assert.deepEqual(said, ["There is nothing to undo."]);
});

test("one of the latest decisions is taken back and decided anew", async () => {
  const { line, verbs, lanes } = decider([["a", "v1"], ["b", "v1"], ["c", "v1"]]);
  await verbs.accept();
  await verbs.accept();
  await verbs.takeBack("a");
  assert.equal(line.current.id, "a");
  assert.equal(lanes.v1.store.state.suggestions.get("a").verdict, null);
  await verbs.reject();
  assert.equal(lanes.v1.store.state.suggestions.get("a").verdict, "rejected");
  assert.equal(line.decided, 2);
  verbs.undo();
  verbs.undo();
  assert.equal(lanes.v1.store.state.suggestions.get("a").verdict, "accepted", "taking back is undone like anything");
  assert.deepEqual(line.recent.map((entry) => entry.one.id), ["a", "b"]);
  verbs.undo();
  assert.equal(line.current.id, "b");
});

test("what was decided elsewhere is passed over", async () => {
  const { line, verbs, lanes, said } = decider([["a", "v1"], ["b", "v1"]]);
  lanes.v1.commit([{ id: "x", kind: "reject", suggestion: "a" }], 0);
  await verbs.accept();
  assert.equal(line.current.id, "b");
  assert.equal(said.length, 1);
  assert.equal(line.decided, 0);
});

test("a loop has the stroke in its middle and lasts about two seconds, inside the video", () => {
  const table = new FrameTable({ time_base: [1, 100], pts: Array.from({ length: 1000 }, (_, k) => k) });
  assert.deepEqual(around(table, { begin: 400, end: 500 }), { from: 350, to: 551 });
  assert.deepEqual(around(table, { begin: 10, end: 30 }), { from: 0, to: 121 });
  const long = around(table, { begin: 400, end: 800 });
  assert.deepEqual(long, { from: 365, to: 836 }, "a long stroke keeps a little lead and tail");
  assert.equal(part(table, { from: 350, to: 550 }, 450), 0.5);
});
