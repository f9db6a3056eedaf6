// The tour's ticks, and what the score says.

import assert from "node:assert/strict";
import test from "node:test";

import { offWords, strokeWords, wellDone, wholeWords } from "../../static/js/workspace/scorewords.js";
import { STEPS, currentStep, merge, ticksOf } from "../../static/js/workspace/tourstate.js";

const nothing = { played: false, stepped: false, strokes: [], open: { left: 7, rejected: false }, whole: (move) => move === "A", complete: false };

test("each tick comes from what was done", () => {
  assert.deepEqual(ticksOf(nothing), []);
  assert.deepEqual(ticksOf({ ...nothing, played: true, stepped: true }), ["play", "step"]);
  assert.deepEqual(ticksOf({ ...nothing, strokes: [{ source: "blind", move: "" }] }), ["mark"]);
  assert.deepEqual(ticksOf({ ...nothing, strokes: [{ source: "blind", move: "A" }] }), ["mark", "class"]);
  const accepted = [{ source: "accepted", move: "A", suggestion: "s" }];
  assert.deepEqual(ticksOf({ ...nothing, strokes: accepted }), [], "one is not all");
  assert.deepEqual(ticksOf({ ...nothing, strokes: accepted, open: { left: 0 } }), ["decide"]);
  assert.deepEqual(ticksOf({ ...nothing, open: { left: 0, rejected: false } }), [], "nothing was decided");
  assert.deepEqual(ticksOf({ ...nothing, open: { left: 0, rejected: true }, complete: true }), ["decide", "complete"]);
});

test("what was learned stays learned; complete is as it is now", () => {
  assert.deepEqual(merge(["play", "mark", "complete"], ["step"]), ["play", "mark", "step"]);
  assert.equal(currentStep([]), 0);
  assert.equal(currentStep(["play", "step", "class"]), 1);
  assert.equal(currentStep(STEPS.flatMap((step) => step.ticks)), STEPS.length);
});

const summary = { right: 14, of: 15, found: 15, extra: 0, begin_ms: 40, end_ms: null };

test("the whole is told kindly and exactly", () => {
  assert.deepEqual(wholeWords(summary), ["Well done: you can begin with real videos."]);
  const late = wholeWords({ ...summary, right: 9, begin_ms: 120, end_ms: -80, found: 13, extra: 1 });
  assert.equal(late.length, 5);
  assert.ok(late[1].includes("120 ms late") && late[2].includes("80 ms early") && late[3].includes("2 strokes") && late[4].includes("1 mark"));
  assert.ok(wholeWords({ ...summary, right: 2 })[0].startsWith("Every expert began like this"));
});

test("how far the edges are off, early and late alike, of what was marked", () => {
  const one = (begin, end) => ({ stroke: "x", late_begin: begin, late_end: end });
  assert.equal(offWords([one(-2, 0), one(1, 4), { stroke: null }]), "On average your begins are 1.5 frames off, your ends 2.0.");
  assert.equal(offWords([{ stroke: null }]), "");
  assert.ok(wellDone({ right: 14, of: 15 }) && !wellDone({ right: 13, of: 15 }));
});

test("each stroke is told by its edges and its class", () => {
  const one = { stroke: "x", late_begin: 3, late_end: 0, edges_right: true, class_right: true, marked_move: "A", move: "A" };
  const name = (move) => `<${move}>`;
  assert.deepEqual(strokeWords(one, name), [{ text: "begin 3 frames late", right: true }, { text: "class right", right: true }]);
  const wrong = { ...one, late_begin: -1, late_end: 12, edges_right: false, class_right: false, marked_move: "B" };
  assert.deepEqual(strokeWords(wrong, name), [{ text: "begin 1 frame early, end 12 frames late", right: false }, { text: "you said <B>", right: false }]);
  assert.deepEqual(strokeWords({ ...one, late_begin: 0, class_right: false, marked_move: "" }, name).map((each) => each.text), ["edges exact", "no class yet"]);
  assert.deepEqual(strokeWords({ stroke: null }, name), [{ text: "not marked", right: false }]);
});
