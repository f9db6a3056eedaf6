// What is pressed takes effect in the order in which it was pressed.

import assert from "node:assert/strict";
import test from "node:test";

import { Turns } from "../../static/js/workspace/turns.js";

const later = () => new Promise((resolve) => setTimeout(resolve));

test("what need not wait is done at once", () => {
  const turns = new Turns();
  const done = [];
  turns.take(() => done.push("a") && null);
  turns.take(() => done.push("b") && null);
  assert.deepEqual(done, ["a", "b"]);
  assert.equal(turns.busy, false);
});

test("what comes after a mark that waits for its picture waits, too", async () => {
  const turns = new Turns();
  const done = [];
  let proven;
  const picture = new Promise((resolve) => { proven = resolve; });
  turns.take(() => picture.then(() => done.push("end")));
  turns.take(() => done.push("group") && null);
  turns.take(() => done.push("class") && null);
  assert.deepEqual(done, []);
  assert.equal(turns.busy, true);
  proven();
  await later();
  assert.deepEqual(done, ["end", "group", "class"]);
  assert.equal(turns.busy, false);
});
