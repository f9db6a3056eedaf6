// Timecode: frames and times as people write them.

import assert from "node:assert/strict";
import test from "node:test";

import { parseTarget, speed, timecode } from "../../static/js/workspace/timecode.js";

test("times are written as people read them and never round up to the next frame", () => {
  assert.equal(timecode(3.4333), "0:03.433");
  assert.equal(timecode(59.9999), "0:59.999");
  assert.equal(timecode(3661.5, 1), "1:01:01.5");
  assert.equal(timecode(0.1 + 0.2, 1), "0:00.3");
});

test("a whole number is a frame, everything with a mark of time is a time", () => {
  assert.deepEqual(parseTarget("412"), { frame: 412 });
  assert.deepEqual(parseTarget(" 21 640 "), { frame: 21640 });
  assert.deepEqual(parseTarget("1:02.5"), { seconds: 62.5 });
  assert.deepEqual(parseTarget("1:02,5"), { seconds: 62.5 });
  assert.deepEqual(parseTarget("3,4s"), { seconds: 3.4 });
  assert.deepEqual(parseTarget("1:00:01"), { seconds: 3601 });
  for (const wrong of ["", "soon", "-3", "1:2:3:4"]) assert.equal(parseTarget(wrong), null);
});

test("speeds", () => {
  assert.deepEqual([0.125, 1, -2].map(speed), ["1/8×", "1×", "−2×"]);
});
