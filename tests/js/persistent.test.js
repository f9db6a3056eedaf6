// The map that never changes: like a Map that is copied at every change, without the copying.

import assert from "node:assert/strict";
import test from "node:test";

import { PersistentMap } from "../../static/js/workspace/persistent.js";

test("old versions stay as they were", () => {
  let map = new PersistentMap();
  let plain = new Map();
  const versions = [];
  for (let n = 0; n < 3000; n += 1) {
    const key = `key-${(n * 7919) % 500}`;
    versions.push([map, plain]);
    plain = new Map(plain);
    if (n % 3 === 2) {
      map = map.without(key);
      plain.delete(key);
    } else {
      map = map.with(key, n);
      plain.set(key, n);
    }
  }
  for (const [one, other] of [...versions.filter((_, n) => n % 100 === 0), [map, plain]]) {
    assert.equal(one.size, other.size);
    assert.deepEqual([...one].sort(), [...other].sort());
    assert.deepEqual([...one.keys()].sort(), [...other.keys()].sort());
    assert.equal(one.get("nobody"), undefined);
  }
});

test("tells what differs between two versions", () => {
  const old = new PersistentMap([["a", 1], ["b", 2], ["c", 3]]);
  const now = old.with("b", 20).without("c").with("d", 4);
  assert.deepEqual(now.changed(old).sort(), ["b", "c", "d"]);
  assert.deepEqual(old.changed(old), []);
  assert.equal(old.without("x"), old);
});

test("one change among 10,000 copies a small part", () => {
  const map = new PersistentMap(Array.from({ length: 10_000 }, (_, n) => [`id-${n}`, n]));
  const part = [...map.with("id-5", -1)].length;
  assert.equal(part, 10_000);
  let copied = 0;
  const { set } = Map.prototype;
  Map.prototype.set = function (...entry) {
    copied += 1;
    return set.apply(this, entry);
  };
  map.with("id-5", -1);
  Map.prototype.set = set;
  assert.ok(copied < 200, `${copied} entries were set anew`);
});
