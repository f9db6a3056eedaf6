// Bounded store of pictures, groups, the file's own index, bytes by Range, the clock of play.

import assert from "node:assert/strict";
import test from "node:test";

import { firstParts } from "../../static/js/workspace/frames/ahead.js";
import { ByteStore, ChangedError, NetworkError } from "../../static/js/workspace/frames/bytes.js";
import { roomFor } from "../../static/js/workspace/frames/cachedroad.js";
import { Clock } from "../../static/js/workspace/frames/clock.js";
import { around, groupEnd } from "../../static/js/workspace/frames/groups.js";
import { Lru } from "../../static/js/workspace/frames/lru.js";
import { Line, beginLight } from "../../static/js/workspace/frames/quality.js";
import { Stats } from "../../static/js/workspace/frames/stats.js";
import { FrameTable } from "../../static/js/workspace/frametable.js";

test("the store gives back what was not used for longest, and everything once", () => {
  const gone = [];
  const store = new Lru(3, (value) => gone.push(value));
  for (const key of [1, 2, 3]) store.put(key, `p${key}`);
  assert.equal(store.get(1), "p1");
  store.put(4, "p4");
  assert.deepEqual(gone, ["p2"]);
  store.put(1, "again");
  assert.deepEqual(gone, ["p2", "p1"]);
  store.put(3, "p3");
  assert.equal(gone.length, 2, "the same picture again is not given back");
  assert.equal(store.get(2), undefined);
  assert.ok(store.size === 3 && store.has(4));
  store.clear();
  assert.deepEqual(gone.sort(), ["again", "p1", "p2", "p3", "p4"]);
  assert.throws(() => new Lru(0), RangeError);
});

const keys = [0, 12, 24, 36];

test("every picture lies in the group from its key picture to the next", () => {
  for (let frame = 0; frame < 40; frame += 1) {
    const { begin, end } = groupEnd(keys, 40, frame);
    assert.ok(begin <= frame && frame < end && begin % 12 === 0 && (end - begin === 12 || end === 40));
  }
  assert.throws(() => groupEnd([3], 40, 2), RangeError);
});

test("groups ahead lie in the direction of travel and stay inside the video", () => {
  const begins = (frame, direction) => around(keys, 40, frame, { direction, pictures: 15 }).map(({ begin }) => begin);
  assert.deepEqual(begins(13, 1), [12, 24, 0]);
  assert.deepEqual(begins(25, 1), [24, 36, 12]);
  assert.deepEqual(begins(25, -1), [24, 12, 0, 36]);
  assert.deepEqual(begins(0, -1), [0, 12]);
  assert.deepEqual(begins(39, 1), [36, 24]);
});

/** A server with one file; remembers what was asked. */
function server(file, { fails = () => null } = {}) {
  const asked = [];
  let etag = '"1"';
  const load = async (url, { headers: { Range } }) => {
    const [, from, to] = Range.match(/bytes=(\d+)-(\d+)/).map(Number);
    asked.push([from, Math.min(to, file.length - 1)]);
    const failed = fails(asked.length);
    if (failed === 0) throw new TypeError("Failed to fetch");
    const body = file.slice(from, to + 1);
    const headers = new Headers({ ETag: etag, "Content-Range": `bytes ${from}-${from + body.length - 1}/${file.length}` });
    return new Response(body, { status: failed ?? 206, headers });
  };
  return { asked, load, renew: () => (etag = '"2"') };
}

const file = Uint8Array.from({ length: 2_000_000 }, (_, k) => (k * 7919) >> 3);

test("bytes are those of the file, each asked for once, in one request per read", async () => {
  const { asked, load } = server(file);
  const store = new ByteStore("/x", { load });
  await store.open();
  assert.equal(store.size, file.length);
  for (const [start, end] of [[10, 20], [300_000, 500_000], [250_000, 700_000], [1_999_990, 2_000_000], [0, 2_000_000]]) {
    const before = asked.length;
    assert.deepEqual(await store.read(start, end), file.slice(start, end));
    assert.ok(asked.length <= before + 1, `${asked.length - before} requests for one read`);
  }
  const count = asked.length;
  await store.read(123, 1_900_000);
  assert.equal(asked.length, count);
  assert.equal(store.missing(0, 10), null);
});

test("two readers of the same bytes share a request; the rest of the file is found piece by piece", async () => {
  const { asked, load } = server(file);
  const store = new ByteStore("/x", { load });
  await store.open();
  const [one, two] = await Promise.all([store.read(800_000, 900_000), store.read(810_000, 850_000)]);
  assert.deepEqual([one.length, two.length, asked.length], [100_000, 40_000, 2]);
  for (let gap; (gap = store.missing(700_000, 300_000)); ) {
    assert.ok(gap.end > gap.start && gap.end - gap.start <= 300_000);
    await store.read(gap.start, gap.end);
  }
  assert.deepEqual(await store.read(0, file.length), file);
});

test("no more is kept than allowed, and what is gone is fetched again", async () => {
  const { load } = server(file);
  const store = new ByteStore("/x", { load, limit: 600_000 });
  await store.open();
  for (let at = 0; at + 100_000 <= file.length; at += 100_000) await store.read(at, at + 100_000);
  assert.ok(store.kept <= 600_000, String(store.kept));
  assert.deepEqual(await store.read(300_000, 400_000), file.slice(300_000, 400_000));
});

test("a broken line and a file made anew are told apart", async () => {
  const broken = server(file, { fails: (nth) => ({ 2: 0, 3: 503 })[nth] ?? null });
  const store = new ByteStore("/x", { load: broken.load });
  await store.open();
  await assert.rejects(store.read(400_000, 400_010), (error) => error instanceof NetworkError && error.status === 0);
  await assert.rejects(store.read(400_000, 400_010), (error) => error instanceof NetworkError && error.status === 503);
  assert.equal((await store.read(400_000, 400_010)).length, 10);
  broken.renew();
  await assert.rejects(store.read(900_000, 900_010), ChangedError);
});

const table = new FrameTable({ time_base: [1, 120], pts: Array.from({ length: 480 }, (_, k) => k) });

function play(options, { ticks, ms = 1000 / 60, here = () => true }) {
  const clock = new Clock(table, options);
  const seen = [];
  for (let k = 0; k <= ticks; k += 1) {
    const frame = clock.tick(k * ms, here);
    if (frame !== null) seen.push(frame);
  }
  return { clock, seen };
}

const rising = (from, n, step = 1) => Array.from({ length: n }, (_, k) => from + (k + 1) * step);

test("at a quarter of the speed every picture comes, each for two frames of the screen, either way", () => {
  const forward = play({ from: 100, direction: 1, speed: 1 / 4, every: true }, { ticks: 120 });
  assert.deepEqual(forward.seen, rising(100, 60));
  const back = play({ from: 100, direction: -1, speed: 1 / 4, every: true }, { ticks: 120 });
  assert.deepEqual(back.seen, rising(100, 60, -1));
  assert.ok(forward.clock.late < 1e-9 && back.clock.late < 1e-9);
});

test("a picture that is late moves the clock; none is left out", () => {
  let asked = 0;
  const here = (frame) => frame !== 105 || (asked += 1) > 20;
  const { clock, seen } = play({ from: 100, direction: 1, speed: 1 / 4, every: true }, { ticks: 120, here });
  assert.deepEqual(seen, rising(100, seen.length));
  assert.ok(seen.length < 60 && clock.late > 0);
});

test("where the screen is too slow, pictures are left out and the pace is kept", () => {
  const { seen } = play({ from: 0, direction: 1, speed: 1, every: false }, { ticks: 60 });
  assert.deepEqual(seen, rising(0, 60, 2));
  const back = play({ from: 400, direction: -1, speed: 2, every: false }, { ticks: 30 });
  assert.deepEqual(back.seen, rising(400, 30, -4));
});

test("a page that slept goes on where it was", () => {
  const clock = new Clock(table, { from: 10, direction: 1, speed: 1, every: true });
  clock.tick(0, () => true);
  assert.equal(clock.tick(60_000, () => true), null);
  assert.equal(clock.tick(60_010, () => true), 11);
});

test("the lighter picture: by wish, by what the browser says of the line, by what was measured", () => {
  const light = (given) => beginLight({ wish: "auto", line: null, mbps: null, ...given });
  assert.equal(light({}), false);
  assert.equal(light({ line: { saveData: true } }), true);
  assert.equal(light({ line: { effectiveType: "3g" } }), true);
  assert.equal(light({ line: { effectiveType: "4g" }, mbps: 50 }), false);
  assert.equal(light({ mbps: 2 }), true);
  assert.equal(light({ mbps: 2, wish: "sharp" }), false);
  assert.equal(light({ line: { effectiveType: "4g" }, wish: "light" }), true);
});

test("a line is believed after three long answers, and the odd one does not count", () => {
  const line = new Line();
  line.add({ bytes: 1000, ms: 500 });
  for (const ms of [100, 100]) line.add({ bytes: 250_000, ms });
  assert.deepEqual([line.mbps, line.tooSlowFor(1000)], [null, false]);
  line.add({ bytes: 250_000, ms: 4000 });
  assert.equal(line.mbps, 20);
  assert.deepEqual([line.tooSlowFor(20), line.tooSlowFor(30)], [false, true]);
  assert.deepEqual([new Line(3).mbps, new Line(3).tooSlowFor(100)], [3, false]);
});

test("of the next video its index and two seconds are warmed", () => {
  assert.deepEqual(firstParts(30_000_000, 60), [[0, 262_144], [262_144, 1_262_144]]);
  assert.deepEqual(firstParts(100_000, 60), [[0, 262_144]]);
});

test("many pictures for a machine with much memory, fewer for a small one", () => {
  assert.deepEqual([8, 4, 2].map(roomFor), [200, 120, 60]);
});

test("figures: the latest count, and a quantile is one of them", () => {
  const stats = new Stats();
  for (let k = 1; k <= 5000; k += 1) stats.sought(k);
  assert.equal(stats.seeks.values.length, 4096);
  assert.deepEqual([stats.seeks.values[0], stats.seeks.values.at(-1)], [905, 5000]);
  assert.equal(stats.seeks.quantile(1), 5000);
  assert.equal(new Stats().seeks.quantile(0.5), null);
});
