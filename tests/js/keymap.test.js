// Key map: places and characters on QWERTY, AZERTY and QWERTZ.

import assert from "node:assert/strict";
import test from "node:test";

import { ClassTree, GROUP_KEYS } from "../../static/js/workspace/classtree.js";
import { BINDINGS, ClassChord, actionOf, isSingle } from "../../static/js/workspace/keymap.js";
import { LAYOUT_NAMES, guess, print } from "../../static/js/workspace/layouts.js";
import { taxonomy } from "./fixtures.js";

const press = (code, key, more = {}) => ({ code, key, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, ...more });

test("letters go by place: AZERTY's A lies on KeyQ", () => {
  const chord = new ClassChord(new ClassTree(taxonomy));
  assert.equal(chord.press(press("KeyQ", "a")).group.name, "Serve Forehand");
  assert.deepEqual(chord.press(press("Digit2", "é")), { move: "Serve Forehand Loop" });
});

test("combinations go by character: Ctrl+Z on AZERTY is KeyW, and physical Z is Ctrl+W there", () => {
  assert.equal(actionOf(press("KeyW", "z", { ctrlKey: true })), "undo");
  assert.equal(actionOf(press("KeyZ", "w", { ctrlKey: true })), null);
  assert.equal(actionOf(press("KeyW", "Z", { ctrlKey: true, shiftKey: true })), "redo");
  assert.equal(actionOf(press("KeyZ", "z", { metaKey: true })), "undo");
});

test("symbols go by character on every layout", () => {
  assert.equal(actionOf(press("Comma", ",")), "step-back");
  assert.equal(actionOf(press("KeyM", ",")), "step-back"); // AZERTY
  assert.equal(actionOf(press("Comma", ".", { shiftKey: true })), "step-forward"); // AZERTY
  assert.equal(actionOf(press("KeyM", "?", { shiftKey: true })), "sheet"); // AZERTY
  assert.equal(actionOf(press("Slash", "?", { shiftKey: true })), "sheet");
  assert.equal(actionOf(press("Minus", "?", { shiftKey: true })), "sheet"); // QWERTZ
  assert.equal(actionOf(press("Digit7", "/", { shiftKey: true })), "palette"); // QWERTZ
});

test("no two actions share a key, and none takes a class key", () => {
  const seen = new Map();
  for (const [action, binding] of BINDINGS) {
    const key = JSON.stringify([binding.code ?? "", binding.key ?? "", Boolean(binding.shift), Boolean(binding.ctrl)]);
    assert.ok(!seen.has(key), `${action} and ${seen.get(key)}`);
    seen.set(key, action);
    assert.ok(!GROUP_KEYS.includes(binding.code) && !/^(Digit|Numpad\d)/.test(binding.code ?? ""), action);
  }
});

test("no place key types a bound symbol on a known layout", () => {
  const symbols = new Set(BINDINGS.filter(([, binding]) => binding.key && !binding.ctrl).map(([, binding]) => binding.key));
  for (const layout of LAYOUT_NAMES) {
    for (const [action, { code }] of BINDINGS) if (code) assert.ok(!symbols.has(print(code, layout)) || layout === "qwertz", `${action} on ${layout}`);
    for (const code of GROUP_KEYS) assert.ok(!symbols.has(print(code, layout)), `${code} on ${layout}`);
  }
});

test("a chord: group then number; 0 is partial; a second press of the group, or Escape, drops it", () => {
  const chord = new ClassChord(new ClassTree(taxonomy));
  chord.press(press("KeyE", "e"));
  assert.deepEqual(chord.press(press("Numpad3", "3")), { move: "Defensive Forehand Backspin" });
  chord.press(press("KeyE", "e"));
  assert.deepEqual(chord.press(press("Digit0", "à")), { move: "Defensive Forehand" });
  chord.press(press("KeyE", "e"));
  assert.equal(chord.press(press("Digit4", "'")).refused.name, "Defensive Forehand");
  chord.press(press("KeyE", "e"));
  assert.deepEqual(chord.press(press("KeyE", "e")), { group: null });
  assert.deepEqual(chord.press(press("Digit1", "&")), { top: 0 });
});

test("without a group: 1 to 3 are the model's, 0 is Negative, others are nobody's", () => {
  const chord = new ClassChord(new ClassTree(taxonomy));
  assert.deepEqual(chord.press(press("Digit3", "3")), { top: 2 });
  assert.deepEqual(chord.press(press("Digit0", "0")), { move: "Negative" });
  assert.equal(chord.press(press("Digit4", "4")), null);
  assert.equal(chord.press(press("KeyQ", "q", { ctrlKey: true })), null);
});

test("switched off, single keys do nothing; the others stay", () => {
  assert.equal(actionOf(press("KeyX", "x"), false), null);
  assert.equal(actionOf(press("Comma", ","), false), null);
  assert.equal(actionOf(press("ArrowLeft", "ArrowLeft"), false), "step-back");
  assert.equal(actionOf(press("KeyZ", "z", { ctrlKey: true }), false), "undo");
  assert.equal(isSingle({ code: "BracketLeft" }), true);
});

test("caps print what the layout prints", () => {
  assert.deepEqual(["KeyQ", "KeyW", "KeyA", "Digit1", "Semicolon"].map((code) => print(code, "azerty")), ["A", "Z", "Q", "1", "M"]);
  assert.equal(print("KeyQ", new Map([["KeyQ", "a"]])), "A");
  assert.deepEqual(["fr-FR", "en", "de"].map(guess), ["azerty", "qwerty", "qwertz"]);
});
