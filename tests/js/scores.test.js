// Scores in steps, and which suggestion is decided next.

import assert from "node:assert/strict";
import test from "node:test";

import { choices, remember } from "../../static/js/workspace/remembered.js";
import { nextOpen, scoreText, stepOf, usefulness } from "../../static/js/workspace/scores.js";

const one = (id, begin, score, top = []) => ({ id, begin, score, top, run: 7, move: "Serve Forehand Loop" });

test("each step begins at its threshold", () => {
  assert.deepEqual([1, 0.85, 0.8499, 0.6, 0.5999, 0].map(stepOf), ["sure", "sure", "likely", "likely", "unsure", "unsure"]);
});

test("words, or figures on demand; motion alone has no step", () => {
  assert.equal(scoreText(one("a", 0, 0.81), false), "likely");
  assert.equal(scoreText(one("a", 0, 0.81), true), ".81");
  const motion = { ...one("m", 0, 0.7), run: null, move: "" };
  assert.equal(scoreText(motion, false), "");
  assert.equal(scoreText(motion, true), ".70");
});

test("most useful: torn between stroke and none, or between two classes", () => {
  const sure = one("sure", 10, 0.97, [["A", 0.95], ["B", 0.02]]);
  const torn = one("torn", 20, 0.95, [["A", 0.5], ["B", 0.48]]);
  const half = one("half", 30, 0.55, [["A", 0.9], ["B", 0.05]]);
  assert.ok(usefulness(torn) > usefulness(sure) && usefulness(half) > usefulness(sure));
  const open = [sure, torn, half];
  assert.equal(nextOpen(open, { order: "useful", from: 25 }).id, "torn");
  assert.equal(nextOpen(open, { order: "useful", current: "torn" }).id, "half");
  assert.equal(nextOpen(open, { from: 15 }).id, "torn");
  assert.equal(nextOpen(open, { from: 15, current: "torn" }).id, "half");
  assert.equal(nextOpen(open, { from: 99 }).id, "sure", "after the last one comes the first");
  assert.equal(nextOpen([sure], { current: "sure" }).id, "sure");
  assert.equal(nextOpen([], {}), undefined);
});

test("choices are remembered, and a browser that refuses storage is no trouble", () => {
  const kept = new Map();
  const storage = { getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => kept.set(name, value) };
  assert.deepEqual(choices(storage), { figures: false, order: "video" });
  remember(storage, { figures: true, order: "useful" });
  assert.deepEqual(choices(storage), { figures: true, order: "useful" });
  const closed = { getItem() { throw new Error("closed"); }, setItem() { throw new Error("closed"); } };
  remember(closed, { figures: true, order: "useful" });
  assert.deepEqual(choices(closed), { figures: false, order: "video" });
});
