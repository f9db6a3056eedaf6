// Class tree: groups and keys for any taxonomy of up to 54 classes.

import assert from "node:assert/strict";
import test from "node:test";

import { ClassTree, GROUP_KEYS } from "../../static/js/workspace/classtree.js";
import { flat, taxonomy } from "./fixtures.js";

test("TTStroke-21: types across, hands down, techniques numbered from 1", () => {
  const tree = new ClassTree(taxonomy);
  const keys = Object.fromEntries(tree.groups.map((group) => [group.key, group.name]));
  assert.deepEqual(keys, {
    KeyQ: "Serve Forehand", KeyW: "Offensive Forehand", KeyE: "Defensive Forehand",
    KeyA: "Serve Backhand", KeyS: "Offensive Backhand", KeyD: "Defensive Backhand",
  });
  assert.equal(tree.group("KeyW").leaves[1].name, "Offensive Forehand Loop");
});

test("every taxonomy of up to 54 classes is reached by two different keys each", () => {
  for (let n = 1; n <= 54; n += 1) {
    const tree = new ClassTree(flat(n));
    const chords = tree.groups.flatMap((group) => group.leaves.map((leaf) => `${group.key} ${leaf.digit}`));
    assert.equal(new Set(chords).size, n, `${n} classes`);
    assert.ok(tree.groups.every((group) => GROUP_KEYS.includes(group.key) && group.leaves.length <= 9), `${n} classes`);
  }
});

test("colours: the type gives the hue, the hand the lightness, groups of other taxonomies differ", () => {
  const tree = new ClassTree(taxonomy);
  assert.deepEqual(tree.entry("Defensive Backhand Push").look, { hue: "defensive", dark: true });
  assert.deepEqual(tree.entry("Negative").look, { hue: "negative", dark: false });
  const looks = new ClassTree(flat(24)).groups.map((group) => JSON.stringify(group.look));
  assert.equal(new Set(looks).size, 6);
});

test("texts shorten: OF Loop, OFL", () => {
  const entry = new ClassTree(taxonomy).entry("Offensive Forehand Loop");
  assert.deepEqual([entry.short, entry.acronym], ["OF Loop", "OFL"]);
});

test("French names, the short ones stay", () => {
  const entry = new ClassTree(taxonomy, "fr").entry("Defensive Backhand Push");
  assert.deepEqual([entry.label, entry.leaf, entry.short], ["poussette revers", "poussette", "DB Push"]);
});

test("a group is a partial label; groups of a flat taxonomy are not", () => {
  assert.equal(new ClassTree(taxonomy).entry("Serve Forehand").partial, true);
  assert.ok(new ClassTree(flat(20)).groups.every((group) => !group.partial));
});

test("the palette finds by initials, by words of either language, by pieces; best first", () => {
  const tree = new ClassTree(taxonomy, "fr");
  assert.equal(tree.search("ofl")[0].acronym, "OFL");
  assert.equal(tree.search("poussette rev")[0].name, "Defensive Backhand Push");
  assert.equal(tree.search("def back block")[0].name, "Defensive Backhand Block");
  assert.equal(tree.search("latéral").length >= 2, true);
  assert.deepEqual(tree.search("zzz"), []);
});

test("a class that the taxonomy does not know is shown as it is", () => {
  assert.equal(new ClassTree(taxonomy).entry("Lob").label, "Lob");
});
