// Key map: places and characters on QWERTY, AZERTY and QWERTZ.

import assert from "node:assert/strict";
import test from "node:test";

import { ClassTree } from "../../static/js/workspace/classtree.js";
import { conflictsOf, inWords } from "../../static/js/workspace/keyconflicts.js";
import { BINDINGS, ClassChord, actionOf, bindingFrom, bindingsOf, isSingle } from "../../static/js/workspace/keymap.js";
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

test("Enter decides one suggestion, with Ctrl the whole video", () => {
  assert.equal(actionOf(press("Enter", "Enter")), "accept");
  assert.equal(actionOf(press("Enter", "Enter", { ctrlKey: true })), "complete");
  assert.equal(actionOf(press("Enter", "Enter", { ctrlKey: true }), false), "complete");
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

test("the default map has no conflict on QWERTY, AZERTY and QWERTZ", () => {
  for (const layout of LAYOUT_NAMES) assert.deepEqual(conflictsOf(BINDINGS, layout), [], layout);
});

test("each kind of conflict is found", () => {
  const kinds = (keymap, layout) => conflictsOf(bindingsOf(keymap), layout).map(({ kind, action, other }) => [kind, action, other]);
  assert.deepEqual(kinds({ region: [{ code: "KeyP" }] }), [["shared", "region", "loop"]]);
  assert.deepEqual(kinds({ region: [{ code: "KeyW" }] }), [["class", "region", null]]);
  assert.deepEqual(kinds({ region: [{ code: "Digit4" }] }), [["class", "region", null]]);
  assert.deepEqual(kinds({ region: [{ code: "KeyW", shift: true }] }), []);
  assert.deepEqual(kinds({ region: [{ key: "w", ctrl: true }] }), [["kept", "region", null]]);
  assert.deepEqual(kinds({ region: [{ code: "F5" }] }), [["kept", "region", null]]);
  assert.deepEqual(kinds({ region: [{ code: "KeyM" }] }, "qwerty"), []);
  // On AZERTY KeyM types ",": stepping still has its arrow, so only a map without it is in trouble.
  assert.deepEqual(kinds({ region: [{ code: "KeyM" }] }, "azerty"), []);
  assert.deepEqual(kinds({ region: [{ code: "KeyM" }], "step-back": [{ key: "," }] }, "azerty"), [["hidden", "step-back", "region"]]);
  assert.deepEqual(kinds({ region: [{ code: "KeyM", shift: true }] }, "azerty"), [["hidden", "sheet", "region"]]);
});

test("a conflict speaks in words", () => {
  const [one] = conflictsOf(bindingsOf({ region: [{ code: "KeyP" }] }));
  assert.equal(inWords(one, { nameOf: (action) => action.toUpperCase(), cap: () => "P" }), "P is taken: “LOOP”. Give that another key first.");
});

test("remapping: the new key acts, the old one does not, others stay, unknown actions do nothing", () => {
  const bindings = bindingsOf({ loop: [{ code: "KeyM" }], region: [], "no-such-action": [{ code: "F2" }] });
  assert.equal(actionOf(press("KeyM", ";"), true, bindings), "loop");
  assert.equal(actionOf(press("KeyP", "p"), true, bindings), null);
  assert.equal(actionOf(press("KeyR", "r"), true, bindings), null);
  assert.equal(actionOf(press("KeyI", "i"), true, bindings), "mark-begin");
  assert.equal(actionOf(press("F2", "F2"), true, bindings), null);
});

test("a pressed key as a binding: letters and digits by place, signs and combinations by character", () => {
  assert.deepEqual(bindingFrom(press("KeyQ", "a")), { code: "KeyQ" });
  assert.deepEqual(bindingFrom(press("Semicolon", "m", { shiftKey: true })), { code: "Semicolon", shift: true });
  assert.deepEqual(bindingFrom(press("Digit1", "&")), { code: "Digit1" });
  assert.deepEqual(bindingFrom(press("KeyM", ",")), { key: "," });
  assert.deepEqual(bindingFrom(press("Comma", ";")), { key: ";" });
  assert.deepEqual(bindingFrom(press("KeyW", "z", { ctrlKey: true })), { key: "z", ctrl: true });
  assert.deepEqual(bindingFrom(press("ArrowUp", "ArrowUp", { ctrlKey: true })), { code: "ArrowUp", ctrl: true });
  assert.deepEqual(bindingFrom(press("BracketLeft", "Dead")), { code: "BracketLeft" });
  assert.equal(bindingFrom(press("ShiftLeft", "Shift", { shiftKey: true })), null);
  assert.equal(bindingFrom(press("KeyE", "€", { altKey: true })), null);
});

test("QWERTZ types + beside Ü: there the place moves the edge, and Ctrl with the arrow zooms", () => {
  assert.equal(actionOf(press("BracketRight", "+")), "begin-later");
  assert.equal(actionOf(press("NumpadAdd", "+")), "zoom-in");
  assert.equal(actionOf(press("ArrowUp", "ArrowUp", { ctrlKey: true })), "zoom-in");
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
