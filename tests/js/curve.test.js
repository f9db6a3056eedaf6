// The class curve: read, cut, ranked, placed.

import assert from "node:assert/strict";
import test from "node:test";

import { leading, motionPeak, peak, readCurves, spread, stretch, xOf } from "../../static/js/workspace/curve.js";
import { FrameTable } from "../../static/js/workspace/frametable.js";
import { Scale } from "../../static/js/workspace/scale.js";

// 4 positions at 10 a second, classes A B C Negative
const rows = [[10, 200, 0, 45], [250, 3, 0, 2], [100, 150, 3, 2], [0, 0, 0, 255]];
const file = { start: 1, rate: 10, classes: ["A", "B", "C", "Negative"], values: Buffer.from(rows.flat()).toString("base64") };
const curves = readCurves(file);

test("bytes become probabilities by position and class", () => {
  assert.equal(curves.n, 4);
  assert.equal(curves.p(1, 0), 250 / 255);
  assert.equal(curves.p(3, 3), 1);
});

test("a stretch holds every position that touches it", () => {
  assert.deepEqual(stretch(curves, 1.05, 1.2), [0, 3]);
  assert.deepEqual(stretch(curves, 0, 9), [0, 4]);
  assert.deepEqual(stretch(curves, 5, 6), [4, 4]);
});

test("the suggested class comes first, then by peak; background and what never shows are left out", () => {
  assert.deepEqual(leading(curves, [0, 4], "B"), [1, 0]);
  assert.deepEqual(leading(curves, [0, 4], "Nobody"), [0, 1]);
  assert.equal(peak(curves, 1, [0, 4]), 0);
  assert.equal(peak(curves, 1, [1, 4]), 2);
});

test("a moment between two pictures lies between them", () => {
  const table = new FrameTable({ time_base: [1, 10], pts: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], keyframes: [0] });
  const scale = new Scale(10, 100);
  assert.ok(Math.abs(xOf(0.25, table, scale) - 25) < 1e-6);
});

test("labels do not lie on each other", () => {
  const placed = spread([{ x: 0, y: 10, width: 40 }, { x: 20, y: 12, width: 40 }, { x: 200, y: 11, width: 40 }]);
  assert.deepEqual(placed.map(({ x, y }) => [x, y]).sort(), [[0, 10], [20, 26], [200, 11]].sort());
});

test("the peak of motion is named by its picture", () => {
  const table = new FrameTable({ time_base: [1, 10], pts: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], keyframes: [0] });
  assert.equal(motionPeak({ rate: 10, values: [0, 1, 0, 0.2, 0.9, 0.3, 1] }, { begin: 2, end: 6 }, table), 6);
  assert.equal(motionPeak({ rate: 10, values: [0, 1, 0, 0.2, 0.9, 0.3, 0] }, { begin: 2, end: 6 }, table), 4);
});
