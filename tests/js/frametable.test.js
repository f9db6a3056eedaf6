// Frame table: ordinals to times and back.

import assert from "node:assert/strict";
import test from "node:test";

import { FrameTable } from "../../static/js/workspace/frametable.js";

const tables = {
  "120 fps": { time_base: [1, 15360], pts: Array.from({ length: 500 }, (_, k) => 1280 + k * 128) },
  "variable rate": { time_base: [1, 90000], pts: [900, 3900, 4000, 9000, 9001, 20000, 23000] },
  "one picture": { time_base: [1, 25], pts: [7] },
};

for (const [name, file] of Object.entries(tables)) {
  test(`${name}: every ordinal comes back from the middle of its span and from its reported begin`, () => {
    const table = new FrameTable(file);
    for (let frame = 0; frame < table.n; frame += 1) {
      assert.equal(table.at(table.inside(frame)), frame);
      assert.equal(table.at(table.begin(frame)), frame);
      assert.equal(table.beginningAt(table.begin(frame)), frame);
      // Browsers report whole microseconds.
      assert.equal(table.beginningAt(Math.floor(table.begin(frame) * 1e6) / 1e6), frame);
    }
  });
}

test("a time that is no picture's begin proves nothing", () => {
  const table = new FrameTable(tables["120 fps"]);
  assert.equal(table.beginningAt(table.inside(7)), null);
  assert.equal(table.beginningAt(table.begin(7) + 0.0025), null);
  assert.equal(table.beginningAt(-1), null);
  assert.equal(table.beginningAt(99), null);
});

test("pts start anywhere: the proxy starts at the first picture", () => {
  assert.equal(new FrameTable(tables["120 fps"]).begin(0), 0);
});

test("a table without frames is refused", () => {
  assert.throws(() => new FrameTable({ time_base: [1, 25], pts: [] }), RangeError);
});
