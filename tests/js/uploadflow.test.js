// Flow and kinds of uploads: whose turn it is, how far all are, how long it takes, what is no video.

import assert from "node:assert/strict";
import test from "node:test";

globalThis.gettext = (text) => text;
globalThis.interpolate = (text, values) => values.reduce((said, value) => said.replace("%s", value), text);
const { PARALLEL, Pace, same, startable, total } = await import("../../static/js/upload/flow.js");
const { container, looksLikeVideo, objection } = await import("../../static/js/upload/kinds.js");

const entry = (state, size = 100, sent = 0) => ({ state, size, sent });

test("two at a time, in their order", () => {
  const entries = [entry("done"), entry("queued", 1), entry("paused"), entry("queued", 2), entry("queued", 3)];
  assert.equal(PARALLEL, 2);
  assert.deepEqual(startable(entries).map((each) => each.size), [1, 2]);
  assert.deepEqual(startable([entry("sending"), ...entries]).map((each) => each.size), [1]);
  assert.deepEqual(startable([entry("retrying"), entry("checking"), ...entries]), []);
});

test("how far all of them are", () => {
  const all = total([entry("sending", 100, 50), entry("done", 300, 300), entry("failed", 900), entry("chosen", 7), entry("paused", 100, 10)]);
  assert.deepEqual(all, { files: 3, done: 1, bytes: 500, sent: 360, going: true });
  assert.equal(total([entry("paused"), entry("waiting"), entry("chosen")]).going, false);
});

test("the same file by name, size and time; without a time by name and size", () => {
  const upload = { name: "a.mp4", bytes: 5, modified: 77 };
  assert.ok(same(upload, { name: "a.mp4", size: 5, lastModified: 77 }));
  assert.ok(same({ ...upload, modified: 0 }, { name: "a.mp4", size: 5, lastModified: 77 }));
  for (const change of [{ name: "b.mp4" }, { size: 6 }, { lastModified: 78 }]) {
    assert.ok(!same(upload, { name: "a.mp4", size: 5, lastModified: 77, ...change }));
  }
});

test("speed over the last seconds, unknown at first and after something began anew", () => {
  const pace = new Pace();
  pace.add(0, 0);
  assert.equal(pace.left(100), null);
  pace.add(2000, 200);
  assert.equal(pace.speed, 100);
  assert.equal(pace.left(500), 5);
  for (let second = 3; second <= 40; second += 1) pace.add(second * 1000, 200 + (second - 2) * 10);
  assert.equal(pace.speed, 10, "the fast beginning is forgotten");
  pace.add(41_000, 0);
  assert.equal(pace.left(100), null);
});

const bytes = (text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const limits = { limit: 1000, say: (size) => `${size} bytes` };

test("containers that are read", () => {
  assert.equal(container(bytes("\0\0\0\x14ftypisom")), "mp4");
  assert.equal(container(bytes("\0\0\0\x08wide")), "mp4");
  assert.equal(container(bytes("\x1a\x45\xdf\xa3")), "matroska");
  assert.equal(container(bytes("RIFF....AVI LIST")), "avi");
  assert.equal(container(bytes("RIFF....WAVEfmt ")), null);
  assert.equal(objection(10, bytes("\0\0\0\x14ftypisom"), limits), "");
});

test("what speaks against a file", () => {
  assert.match(objection(0, bytes(""), limits), /empty/);
  assert.match(objection(1001, bytes("\0\0\0\x14ftyp"), limits), /larger than this site takes \(1000 bytes\)/);
  assert.match(objection(9, bytes("GIF89a"), limits), /This is a picture/);
  assert.match(objection(9, bytes("G@.."), limits), /transport stream/);
  assert.match(objection(9, bytes("PK\x03\x04"), limits), /archive/);
  assert.match(objection(9, bytes("hello"), limits), /not a video file/);
});

test("what is offered of a folder", () => {
  assert.deepEqual(["a.MP4", "b.mov", "notes.txt", ".DS_Store", "c.mp4.part"].filter(looksLikeVideo), ["a.MP4", "b.mov"]);
});
