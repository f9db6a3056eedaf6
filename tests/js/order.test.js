// The order of records, kept up to date by what changed.

import assert from "node:assert/strict";
import test from "node:test";

import { inOrder, merged } from "../../static/js/workspace/order.js";
import { PersistentMap } from "../../static/js/workspace/persistent.js";
import { byBegin } from "../../static/js/workspace/spans.js";

const plain = (map, kind) => [...map.values()].map((one) => ({ ...one, kind })).sort(byBegin);

test("after any edits the order is what sorting all gives, and records that stayed are the same objects", () => {
  let seed = 11;
  const random = (n) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
  let map = new PersistentMap(Array.from({ length: 500 }, (_, i) => [`s${i}`, { id: `s${i}`, begin: random(9000), end: 9001 + random(50) }]));
  let next = 500;
  let before = inOrder(map, "stroke");
  for (let round = 0; round < 300; round += 1) {
    const id = `s${random(next)}`;
    const what = random(3);
    if (what === 0) map = map.without(id);
    else if (what === 1 && map.has(id)) map = map.with(id, { ...map.get(id), begin: random(9000) });
    else map = map.with(`s${next}`, { id: `s${next++}`, begin: random(9000), end: 9999 });
    const now = inOrder(map, "stroke");
    assert.deepEqual(now, plain(map, "stroke"));
    assert.ok(now.filter((one) => !before.includes(one)).length <= 1);
    before = now;
  }
  assert.equal(inOrder(map, "stroke"), before, "the same map, the same array");
});

test("another map is put in order by itself", () => {
  const one = new PersistentMap([["a", { id: "a", begin: 5, end: 9 }], ["b", { id: "b", begin: 1, end: 9 }]]);
  assert.deepEqual(inOrder(one, "stroke").map(({ id, kind }) => [id, kind]), [["b", "stroke"], ["a", "stroke"]]);
  const other = new PersistentMap([["a", { id: "a", begin: 0, end: 2 }]]);
  assert.deepEqual(inOrder(other, "suggestion"), [{ id: "a", begin: 0, end: 2, kind: "suggestion" }]);
  assert.deepEqual(merged(inOrder(one, "stroke"), inOrder(other, "suggestion")).map(({ begin }) => begin), [0, 1, 5]);
});
