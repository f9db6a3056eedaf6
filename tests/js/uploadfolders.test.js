// Folders of uploads: what a drop holds, walked, by either of the two ways that browsers offer.

import assert from "node:assert/strict";
import test from "node:test";

globalThis.gettext = (text) => text;
const { dropped } = await import("../../static/js/upload/folders.js");

const fileHandle = (name) => ({ kind: "file", name, getFile: async () => ({ name }) });
const folderHandle = (name, inside) => ({ kind: "directory", name, async *values() { yield* inside; } });
const fileEntry = (name) => ({ isFile: true, name, file: (take) => take({ name }) });
const folderEntry = (name, ...batches) => {
  const left = [...batches, []];
  return { isFile: false, name, createReader: () => ({ readEntries: (take) => take(left.shift()) }) };
};
const names = (found) => found.map(({ file }) => file.name);

test("with lasting handles: folders walked, inside them only videos, a file as it is", async () => {
  const set = folderHandle("set", [fileHandle("2.MOV"), fileHandle("notes.txt"), folderHandle("deep", [fileHandle("3.mkv")])]);
  const items = [fileHandle("1.bin"), set].map((handle) => ({ kind: "file", getAsFileSystemHandle: async () => handle }));
  const found = await dropped({ items, files: [] });
  assert.deepEqual(names(found), ["1.bin", "2.MOV", "3.mkv"]);
  assert.ok(found.every(({ handle }) => handle));
});

test("without them: entries, read until a folder gives no more", async () => {
  const set = folderEntry("set", [fileEntry("1.mp4")], [fileEntry("2.mp4"), fileEntry("Thumbs.db")]);
  const items = [set, fileEntry("0.mp4")].map((entry) => ({ kind: "file", webkitGetAsEntry: () => entry }));
  const found = await dropped({ items, files: [] });
  assert.deepEqual(names(found), ["1.mp4", "2.mp4", "0.mp4"]);
  assert.ok(found.every(({ handle }) => handle === null));
});

test("neither, or a handle that is refused: the files themselves", async () => {
  const refused = { kind: "file", getAsFileSystemHandle: () => Promise.reject(new Error("no")), webkitGetAsEntry: () => null };
  assert.deepEqual(names(await dropped({ items: [refused], files: [{ name: "a.mp4" }] })), ["a.mp4"]);
  assert.deepEqual(names(await dropped({ items: [], files: [{ name: "b.mp4" }] })), ["b.mp4"]);
  assert.deepEqual(names(await dropped({ items: [{ kind: "string" }], files: [] })), []);
});
