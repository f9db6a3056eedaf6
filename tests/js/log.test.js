// Log: what was done, in sentences that a person would say.

import assert from "node:assert/strict";
import test from "node:test";

import { sentence, stepSentence } from "../../static/js/workspace/log.js";
import { readSteps } from "../../static/js/workspace/steps.js";

const loop = { begin: 3, end: 9, move: "Loop" };
const words = {
  nameOf: (move) => move.toUpperCase(),
  numberOf: (id) => (id === "a" ? 12 : undefined),
  strokeOf: (id) => (id === "gone" ? loop : undefined),
  suggestionOf: (id) => (id === "s" ? loop : undefined),
};

const CASES = [
  [{ kind: "add", stroke: "a", data: loop }, "you marked #12: LOOP 3–8"],
  [{ kind: "add", stroke: "gone", data: { ...loop, move: "" } }, "you marked a stroke 3–8"],
  [{ kind: "change", stroke: "a", data: { end: 471 }, before: { end: 468 } }, "you moved the end of #12 from 467 to 470"],
  [{ kind: "change", stroke: "a", data: { begin: 5 }, before: { begin: 3 } }, "you moved the begin of #12 from 3 to 5"],
  [{ kind: "change", stroke: "a", data: { begin: 5, end: 11 }, before: { begin: 3, end: 9 } }, "you moved #12 from 3–8 to 5–10"],
  [{ kind: "change", stroke: "a", data: { move: "Hit" }, before: { move: "" } }, "you classed #12 as HIT"],
  [{ kind: "change", stroke: "gone", data: { move: "Hit" }, before: { move: "Loop" } }, "you changed the class of LOOP 3–8 from LOOP to HIT"],
  [{ kind: "change", stroke: "a", data: { note: "left?" }, before: { note: "" } }, "you noted on #12: “left?”"],
  [{ kind: "change", stroke: "a", data: { unsure: true }, before: { unsure: false } }, "you marked #12 as unsure"],
  [{ kind: "change", stroke: "a", data: { player: "P1" }, before: { player: null } }, "you gave #12 to P1"],
  [{ kind: "remove", stroke: "gone", before: loop }, "you removed LOOP 3–8"],
  [{ kind: "restore", stroke: "a" }, "you brought back #12"],
  [{ kind: "accept", suggestion: "s", stroke: "a", data: {} }, "you accepted LOOP 3–8"],
  [{ kind: "reject", suggestion: "s" }, "you rejected LOOP 3–8"],
  [{ kind: "reopen", suggestion: "nobody knows" }, "you opened the suggestion a stroke again"],
  [{ kind: "complete", data: { value: true } }, "you said that every stroke is marked"],
  [{ kind: "roi", data: { frame: 7, x: 0.5, y: 0.5 } }, "you moved the region at frame 7"],
];

for (const [entry, text] of CASES) test(text, () => assert.equal(sentence(entry, words), text));

test("steps: undone, done again, taken back together, imported", () => {
  const log = [
    { id: "1", kind: "complete", data: { value: true }, before: { value: false } },
    { id: "2", kind: "complete", data: { value: false }, before: { value: true }, undoes: "1" },
    { id: "3", kind: "complete", data: { value: true }, before: { value: false }, undoes: "2" },
    ...["x", "y"].map((id) => ({ id, step: "i", kind: "add", stroke: id, data: { ...loop, source: "imported" }, before: {} })),
    { id: "4", step: "r", kind: "remove", stroke: "x", before: loop, undoes: "x" },
    { id: "5", step: "r", kind: "complete", data: { value: false }, before: { value: true }, undoes: "3" },
  ];
  assert.deepEqual(readSteps(log).steps.map((step) => stepSentence(step, words)), [
    "you said that every stroke is marked",
    "undone: you said that every stroke is marked",
    "done again: you said that every stroke is marked",
    "you imported 2 strokes",
    "you took back 2 steps",
  ]);
});
