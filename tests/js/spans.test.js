// Spans: half-open intervals.

import assert from "node:assert/strict";
import test from "node:test";

import { arrange, firstAbove, neighbour, visible, withEdge } from "../../static/js/workspace/spans.js";

const overlap = (a, b) => Math.min(a.end, b.end) - Math.max(a.begin, b.begin);

test("an edge stays in the video and leaves at least one picture", () => {
  assert.deepEqual(withEdge({ begin: 5, end: 9 }, "begin", 12, 100), { begin: 8, end: 9 });
  assert.deepEqual(withEdge({ begin: 5, end: 9 }, "end", 2, 100), { begin: 5, end: 6 });
  assert.deepEqual(withEdge({ begin: 5, end: 9 }, "end", 900, 100), { begin: 5, end: 100 });
  assert.deepEqual(withEdge({ begin: 5, end: 9 }, "begin", -4, 100), { begin: 0, end: 9 });
});

test("firstAbove agrees with a plain search", () => {
  const values = [1, 2, 2, 5, 9];
  for (let value = 0; value < 11; value += 1) {
    const plain = values.findIndex((one) => one > value);
    assert.equal(firstAbove(values, value), plain < 0 ? values.length : plain);
  }
});

test("overlapping strokes lie in rows of their own, touching ones do not", () => {
  const { sorted, rows } = arrange([{ id: "c", begin: 20, end: 30 }, { id: "a", begin: 0, end: 20 }, { id: "b", begin: 15, end: 25 }]);
  assert.deepEqual(sorted.map((one) => one.id), ["a", "b", "c"]);
  assert.deepEqual([...rows], [0, 1, 0]);
});

test("only a heap of overlapping strokes shares its height, and says where it overlaps", () => {
  const spans = [{ id: "a", begin: 0, end: 20 }, { id: "b", begin: 15, end: 25 }, { id: "c", begin: 25, end: 30 }, { id: "d", begin: 26, end: 28 }, { id: "e", begin: 40, end: 50 }];
  const { heaps, overlaps, overlapping } = arrange(spans);
  assert.deepEqual([...heaps], [2, 2, 2, 2, 1]);
  assert.deepEqual(overlaps, [{ begin: 15, end: 20 }, { begin: 26, end: 28 }]);
  assert.deepEqual([...overlapping], ["a", "b", "c", "d"]);
});

test("visible finds exactly what a look at all of them finds", () => {
  let seed = 7;
  const random = (n) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
  const spans = Array.from({ length: 300 }, (_, id) => {
    const begin = random(5000);
    return { id, begin, end: begin + 1 + random(id % 50 === 0 ? 2000 : 60) };
  });
  const arranged = arrange(spans);
  for (let i = 0; i < 200; i += 1) {
    const begin = random(5000);
    const end = begin + 1 + random(300);
    const [from, to] = visible(arranged, begin, end);
    const shown = arranged.sorted.slice(from, to);
    const missing = arranged.sorted.filter((one) => overlap(one, { begin, end }) > 0 && !shown.includes(one));
    assert.deepEqual(missing, []);
  }
});

test("neighbours go by the list, or by the playhead when nothing is chosen", () => {
  const sorted = [{ id: "a", begin: 1 }, { id: "b", begin: 5 }, { id: "c", begin: 9 }];
  assert.equal(neighbour(sorted, "b", 0, 1).id, "c");
  assert.equal(neighbour(sorted, "c", 0, 1), null);
  assert.equal(neighbour(sorted, null, 6, 1).id, "c");
  assert.equal(neighbour(sorted, null, 6, -1).id, "b");
});
