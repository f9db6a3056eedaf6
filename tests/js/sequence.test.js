// The reel's order: pages fetched once each, as they come up; and which thumbnail stands for a moment.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Sequence } from "../../static/js/strokes/sequence.js";

function sequence(count, size = 3) {
  const asked = [];
  const all = Array.from({ length: count }, (_, k) => ({ id: `s${k}` }));
  const fetchPage = async (number) => {
    asked.push(number);
    return all.slice((number - 1) * size, number * size);
  };
  return { asked, made: new Sequence({ count, size, fetchPage }) };
}

test("pages come as they are needed, each once", async () => {
  const { asked, made } = sequence(8);
  assert.equal((await made.at(0)).id, "s0");
  assert.equal((await made.at(2)).id, "s2");
  assert.deepEqual(asked, [1]);
  assert.deepEqual((await made.from(2, 2)).map((one) => one.id), ["s2", "s3", "s4"]);
  assert.deepEqual(asked, [1, 2]);
  assert.deepEqual((await made.from(6, 5)).map((one) => one.id), ["s6", "s7"]);
});

test("there is nothing before the first and after the last", async () => {
  const { asked, made } = sequence(4);
  assert.equal(await made.at(-1), null);
  assert.equal(await made.at(4), null);
  assert.deepEqual(asked, []);
});

test("coming back finds the stroke on its page, or begins that page", async () => {
  const { made } = sequence(8);
  assert.equal(await made.find("s4", 2), 4);
  assert.equal(await made.find("gone", 2), 3);
});

test("a page that could not be fetched is asked for again", async () => {
  let broken = true;
  const made = new Sequence({ count: 2, size: 2, fetchPage: async () => {
    if (broken) throw new Error("offline");
    return [{ id: "a" }, { id: "b" }];
  } });
  await assert.rejects(made.at(0));
  broken = false;
  assert.equal((await made.at(1)).id, "b");
});
