// The <video> road: only a proven picture counts as shown.

import assert from "node:assert/strict";
import test from "node:test";

import { VideoRoad } from "../../static/js/workspace/frames/videoroad.js";
import { FrameTable } from "../../static/js/workspace/frametable.js";

// A browser's video element as the specification has it, with the faults that are known of real ones.
class Video extends EventTarget {
  #time = 0;
  #callbacks = new Map();
  #next = 1;
  duration = 4;
  seeks = [];
  running = 0;

  constructor(pictureAt, delay = 1) {
    super();
    Object.assign(this, { pictureAt, delay });
  }

  get currentTime() {
    return this.#time;
  }

  set currentTime(time) {
    assert.equal(this.running, 0, "a running seek was cancelled");
    this.running += 1;
    this.#time = time;
    this.seeks.push(time);
    setTimeout(() => {
      this.running -= 1;
      this.dispatchEvent(new Event("seeked"));
      const seen = this.pictureAt(time, this.seeks.length);
      if (seen === null) return;
      const callbacks = [...this.#callbacks.values()];
      this.#callbacks.clear();
      callbacks.forEach((callback) => callback(0, { mediaTime: seen }));
    }, this.delay);
  }

  requestVideoFrameCallback(callback) {
    this.#callbacks.set(this.#next, callback);
    return this.#next++;
  }

  cancelVideoFrameCallback(id) {
    this.#callbacks.delete(id);
  }
}

globalThis.document = Object.assign(new EventTarget(), { hidden: false });
globalThis.window = globalThis;
const table = new FrameTable({ time_base: [1, 120], pts: Array.from({ length: 480 }, (_, k) => k) });
const begin = (time) => table.begin(table.at(time));

function make(pictureAt) {
  const told = { frames: [], unproven: [], pending: null };
  const video = new Video(pictureAt);
  const source = new VideoRoad(video, table, {
    frame: (frame) => told.frames.push(frame),
    pending: (frame) => (told.pending = frame),
    unproven: (frame) => told.unproven.push(frame),
  });
  return { video, source, told };
}

test("a browser that dates the picture by the time asked for (Firefox) has shown the one that spans it", async () => {
  const { source, told, video } = make((time) => Math.round(time * 1e6) / 1e6);
  await source.show(100);
  assert.deepEqual(told.frames, [100]);
  assert.equal(video.seeks.length, 1);
});

test("a report next to the time asked for proves nothing", async () => {
  const { source, told } = make((time) => time + 1e-5 + 1 / 480);
  await source.show(100);
  assert.deepEqual(told.frames, []);
});

test("shows what is asked, also the last picture, also twice the same", async () => {
  const { source, told } = make(begin);
  for (const frame of [0, 0, 479, 13, 13, 478]) {
    await source.show(frame);
    assert.equal(source.shown, frame);
  }
  assert.deepEqual(told, { frames: [0, 479, 13, 478], unproven: [], pending: null });
});

test("of many wishes the newest counts, and no running seek is cancelled", async () => {
  const { source, told, video } = make(begin);
  for (let frame = 1; frame < 100; frame += 1) source.show(frame);
  await source.show(200);
  assert.equal(told.frames.at(-1), 200);
  assert.ok(video.seeks.length <= 3);
});

test("a neighbour's picture is not taken for the asked one: another point of the span is tried", async () => {
  const { source, told } = make((time, nth) => begin(time) + (nth === 1 ? 1 / 120 : 0));
  await source.show(50);
  assert.deepEqual(told.frames, [50]);
});

test("what can never be proven is said; nothing is claimed", async () => {
  const { source, told, video } = make((time) => begin(time) + 1 / 120);
  await source.show(50);
  assert.deepEqual([told.frames, told.unproven, source.shown, video.seeks.length], [[], [50], null, 5]);
});
