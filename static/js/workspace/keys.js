// Keyboard: physical keys to actions, the class chord, and what is printed on the caps.

import { ClassChord, actionOf, bindingOf } from "./keymap.js";
import { detect, print } from "./layouts.js";

const LAYOUT = "topspin.keyboard";
const SINGLE = "topspin.single-keys";

/** Actions that go on while their key is held down. */
const REPEATS = /^(step|leap|begin|end|zoom|previous|next$|undo|redo)/;

const typing = (target) => target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");

function remembered(name) {
  try {
    return window.localStorage.getItem(name);
  } catch {
    return null;
  }
}

function remember(name, value) {
  try {
    window.localStorage.setItem(name, value);
  } catch {
    // A private window may forget the choice; the page works the same.
  }
}

export class Keyboard {
  #held = new Set();

  constructor({ tree, editor, ui, run, language }) {
    Object.assign(this, { tree, editor, ui, run, language });
    this.chord = new ClassChord(tree);
    this.single = remembered(SINGLE) !== "off";
    this.layout = remembered(LAYOUT) ?? "";
    this.printed = "qwerty";
    document.addEventListener("keydown", (event) => this.#down(event));
    document.addEventListener("keyup", (event) => this.#held.delete(event.code));
    window.addEventListener("blur", () => this.#held.clear());
    ui.subscribe(() => {
      if (!ui.group) this.chord.clear();
    });
  }

  /** Find out what the keys are called and print it wherever a cap stands. */
  async label() {
    this.printed = this.layout || (await detect(this.language));
    document.querySelectorAll("[data-key]").forEach((cap) => {
      cap.textContent = this.cap(cap.dataset.key);
    });
    document.querySelectorAll("[data-code]").forEach((cap) => {
      cap.textContent = print(cap.dataset.code, this.printed);
    });
  }

  /** "Shift I" for an action's first binding. */
  cap(action) {
    const binding = bindingOf(action);
    if (!binding) return "";
    const key = binding.code ? print(binding.code, this.printed) : binding.key.toUpperCase();
    return [binding.ctrl && "Ctrl", binding.shift && "⇧", key].filter(Boolean).join(" ");
  }

  setSingle(on) {
    this.single = on;
    remember(SINGLE, on ? "on" : "off");
    document.body.classList.toggle("single-keys-off", !on);
  }

  setLayout(name) {
    this.layout = name;
    remember(LAYOUT, name);
    return this.label();
  }

  #down(event) {
    if (event.isComposing || document.querySelector("dialog[open]")) return;
    if (typing(event.target)) {
      if (event.code === "Escape") event.target.blur();
      return;
    }
    const pressing = event.target.closest?.("button, a, summary, input");
    if (pressing && (event.code === "Enter" || event.code === "Space")) return;
    this.#held.add(event.code);
    if (this.single && !event.repeat && this.#chord(event)) return event.preventDefault();
    const action = this.#jog(event) ?? actionOf(event, this.single);
    if (!action) return;
    event.preventDefault();
    if (event.repeat && !REPEATS.test(action)) return;
    this.editor.effort.active();
    this.run(action);
  }

  /** K held: J and L are one frame. */
  #jog(event) {
    if (!this.single || !this.#held.has("KeyK") || event.shiftKey || event.ctrlKey || event.metaKey) return null;
    return { KeyJ: "step-back", KeyL: "step-forward" }[event.code] ?? null;
  }

  #chord(event) {
    const meaning = this.chord.press(event);
    if (!meaning) return false;
    this.editor.effort.active();
    if ("group" in meaning) this.ui.set({ group: meaning.group });
    else this.ui.set({ group: null });
    if (meaning.move) this.editor.classify(meaning.move);
    else if (meaning.top !== undefined) this.editor.top(meaning.top);
    return true;
  }
}
