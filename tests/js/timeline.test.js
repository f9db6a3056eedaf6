// The timeline without a page: what is painted, what lies under a pointer, where edges snap, how the view moves.

import assert from "node:assert/strict";
import test from "node:test";

import { ClassTree } from "../../static/js/workspace/classtree.js";
import { hitLane, REACH } from "../../static/js/workspace/hit.js";
import { layoutLanes } from "../../static/js/workspace/lanelayout.js";
import { paintLane } from "../../static/js/workspace/lanepaint.js";
import { typeAhead } from "../../static/js/workspace/listkeys.js";
import { largest, levels, paintMotion } from "../../static/js/workspace/motionstrip.js";
import { bars } from "../../static/js/workspace/overview.js";
import { grip } from "../../static/js/workspace/overviewdrag.js";
import { Scale } from "../../static/js/workspace/scale.js";
import { edgesOf, magnets, motionPeaks, snap } from "../../static/js/workspace/snap.js";
import { arrange } from "../../static/js/workspace/spans.js";
import { pinch } from "../../static/js/workspace/touch.js";
import { taxonomy } from "./fixtures.js";

const tree = new ClassTree(taxonomy);
const names = taxonomy.moves.map((move) => move.name);
const N = 600_000;
const pair = (hue) => [`${hue} light`, `${hue} dark`];
const palette = { fills: { serve: pair("green"), offensive: pair("orange"), defensive: pair("blue"), negative: pair("grey"), none: pair("none") } };

/** A context that counts what is painted and remembers rectangles. */
function counting() {
  const counts = { fillRect: 0, fill: 0, stroke: 0, fillText: 0, lineTo: 0 };
  const rects = [];
  const own = { measureText: (text) => ({ width: 6 * text.length }), fillRect: (...box) => rects.push(box) };
  const context = new Proxy({}, {
    get: (target, name) => (name in target ? target[name] : (...given) => {
      if (name in counts) counts[name] += 1;
      return own[name]?.(...given);
    }),
    set: (target, name, value) => Reflect.set(target, name, value),
  });
  return { context, counts, rects };
}

const thousands = (n) => Array.from({ length: n }, (_, i) => {
  const begin = Math.floor((i * N) / n);
  return { id: `s${i}`, kind: "stroke", begin, end: begin + 20 + (i % 30), move: names[i % names.length] };
});
const view = (scale, more = {}) => ({ scale, tree, palette, chosen: null, moved: (one) => one, reach: REACH.mouse, ...more });
const lane = { y: 40, height: 60 };

test("painting 10,000 strokes is bounded by the width, at every zoom", () => {
  const arranged = arrange(thousands(10_000));
  const width = 1000;
  for (let frames = N; frames > 24; frames /= 1.5) {
    const scale = new Scale(N, width);
    scale.show(N / 2 - frames / 2, N / 2 + frames / 2);
    const { context, counts } = counting();
    const painted = paintLane(context, lane, arranged, view(scale));
    const visible = arranged.sorted.filter((one) => one.begin < scale.to && one.end > scale.from).length;
    assert.ok(painted <= width + 2, `${painted} shapes at ${frames} frames`);
    assert.ok(painted >= Math.min(visible, 20) - 1, `${painted} shapes of ${visible} visible`);
    assert.ok(counts.fillRect + counts.fill + counts.stroke <= 3 * painted, JSON.stringify(counts));
  }
});

test("runs of pixels cover every stroke and no gap wider than a pixel", () => {
  const scale = new Scale(N, 1000);
  const spans = [{ begin: 0, end: 3000 }, { begin: 60_000, end: 60_030 }, { begin: 61_000, end: 61_020 }, { begin: 300_000, end: 300_010 }]
    .map((one, i) => ({ id: `${i}`, kind: "stroke", move: names[0], ...one }));
  const { context, rects } = counting();
  paintLane(context, lane, arrange(spans), view(scale));
  const covered = (x) => rects.some(([from, , wide]) => x >= from && x < from + wide);
  assert.deepEqual([0, 100, 101, 102, 500, 600].map(covered), [true, true, true, false, true, false]);
});

test("the overview has at most one bar a pixel", () => {
  const found = bars(arrange(thousands(10_000)).sorted, N, 900, (one) => one.move);
  assert.ok(found.length <= 900, String(found.length));
  found.forEach(({ x, to }, i) => assert.ok(to > x && (i === 0 || x >= found[i - 1].to)));
  assert.equal(bars([{ begin: 0, end: 10 }, { begin: 10, end: 20 }], 20, 100, () => "same").length, 1);
});

test("the motion strip costs the same for an hour as for a second, and shows its peaks", () => {
  const values = Array.from({ length: 108_000 }, (_, i) => (i === 54_321 ? 1 : 0.1));
  const strip = { rate: 30, levels: levels(values) };
  const peak = (from, to) => largest(strip.levels, from, to) === 1;
  assert.deepEqual([peak(0, 40_000), peak(54_321, 54_321), peak(54_000, 55_000), peak(0, 107_999), peak(54_322, 54_323)], [false, true, true, true, false]);
  const { context, counts } = counting();
  const scale = new Scale(108_000, 1000);
  const points = paintMotion(context, lane, strip, { scale, table: { begin: (frame) => frame / 30 }, palette });
  assert.ok(points <= 501 && counts.lineTo <= 502);
});

test("a very short stroke can be picked, and once chosen its handles stand outside", () => {
  const scale = new Scale(10_000, 1000);
  const arranged = arrange([{ id: "tiny", kind: "stroke", begin: 5000, end: 5003, move: "" }, { id: "long", kind: "stroke", begin: 6000, end: 8000, move: "" }]);
  const at = (x, more) => hitLane(lane, arranged, x, 70, view(scale, more));
  assert.deepEqual([at(496).zone, at(496).id], ["block", "tiny"]);
  assert.equal(at(480), null);
  assert.deepEqual([at(492, { chosen: "tiny" }).zone, at(492, { chosen: "tiny" }).edge], ["edge", "begin"]);
  assert.deepEqual([at(508, { chosen: "tiny" }).zone, at(508, { chosen: "tiny" }).edge], ["edge", "end"]);
  assert.equal(at(500.1, { chosen: "tiny" }).zone, "block");
  assert.deepEqual([at(601).zone, at(601).edge, at(700).zone], ["edge", "begin", "block"]);
  assert.equal(at(601, { fixed: true }).zone, "block", "nobody moves the edges of others");
});

test("handles are at least 24 pixels wide to a finger", () => {
  const scale = new Scale(10_000, 1000);
  const arranged = arrange([{ id: "one", kind: "stroke", begin: 4000, end: 6000, move: "" }]);
  for (const spot of [400, 600]) {
    const hits = Array.from({ length: 80 }, (_, i) => spot - 40 + i).filter((x) => hitLane(lane, arranged, x, 70, view(scale, { chosen: "one", reach: REACH.touch }))?.zone === "edge");
    assert.ok(hits.at(-1) - hits[0] >= 24, `${hits.length} pixels at ${spot}`);
  }
});

test("snapping: nearest within reach and what it is, else free", () => {
  const found = magnets([["playhead", [50]], ["stroke", edgesOf([{ id: "a", begin: 10, end: 20 }, { id: "b", begin: 50, end: 60 }], "a")], ["motion", [12, 60]]]);
  assert.deepEqual(snap(53, found, 4), { frame: 50, what: "playhead" });
  assert.deepEqual(snap(58, found, 4), { frame: 60, what: "stroke" });
  assert.deepEqual(snap(10, found, 4), { frame: 12, what: "motion" });
  assert.deepEqual(snap(30, found, 4), { frame: 30, what: null });
  assert.deepEqual(snap(30, magnets([]), 4), { frame: 30, what: null });
  const motion = { rate: 2, values: [0, 0.2, 0.6, 0.3, 0.05, 0.1, 0.4, 0.4, 0] };
  assert.deepEqual(motionPeaks(motion, (seconds) => seconds * 10), [10, 30]);
  assert.deepEqual(motionPeaks(null, () => 0), []);
});

test("lanes: four without a comparison, then one for each other person, scrolling when they are many", () => {
  const plain = layoutLanes(176);
  assert.ok(plain.stroke.y + plain.stroke.height <= 176 && plain.suggestion.height >= 40);
  const two = layoutLanes(280, ["a", "b"]);
  assert.ok(two.others.every((one) => !one.hidden && one.height >= 26 && one.y + one.height <= 280));
  const keys = Array.from({ length: 12 }, (_, i) => `e${i}`);
  const many = layoutLanes(280, keys);
  assert.ok(many.part.content > many.part.height && many.others.at(-1).hidden);
  const scrolled = layoutLanes(280, keys, 1e6);
  assert.ok(!scrolled.others.at(-1).hidden && scrolled.others[0].hidden);
});

test("the view: zooming keeps the pixel, borders keep each other, playing does not pull back who looks elsewhere", () => {
  const scale = new Scale(10_000, 1000);
  const frame = scale.frame(300);
  scale.zoom(0.1, 300);
  assert.ok(Math.abs(scale.frame(300) - frame) < 1e-6);
  scale.border("from", 3500);
  scale.border("to", 3000);
  assert.deepEqual([scale.from, scale.to], [3500, 3524]);
  scale.show(0, 1000);
  scale.pan(3000);
  assert.equal(scale.accompany(500), false, "panned away while playing");
  assert.equal(scale.from, 3000);
  scale.accompany(3200);
  assert.equal(scale.accompany(4001), true, "the playhead came into view: followed again, a page at a time");
  assert.ok(scale.from < 4001 && scale.to > 4700);
});

test("the overview: borders and middle of the window, the playhead elsewhere", () => {
  assert.deepEqual([98, 150, 203, 300].map((x) => grip(x, 100, 200, false, 6)), ["begin", "window", "end", "playhead"]);
  assert.deepEqual([1, 500, 999].map((x) => grip(x, 0, 1000, true, 6)), ["begin", "playhead", "end"]);
});

test("two fingers zoom around their middle and move at once", () => {
  assert.deepEqual(pinch([100, 200], [50, 250]), { factor: 0.5, centre: 150, pan: 0 });
  assert.deepEqual(pinch([100, 200], [140, 240]), { factor: 1, centre: 190, pan: -40 });
});

test("typing finds the next row that begins so, round the end, without accents", () => {
  const rows = ["Poussette revers", "Élan", "Poussette coup droit", "Bloc"];
  assert.equal(typeAhead(rows, 0, "p"), 2);
  assert.equal(typeAhead(rows, 2, "p"), 0);
  assert.equal(typeAhead(rows, 0, "el"), 1);
  assert.equal(typeAhead(rows, 0, "x"), -1);
});
