// Keyboard: physical keys to actions and to the class chord.

import { ClassChord, actionOf } from "./keymap.js";

/** Actions that go on while their key is held down. */
const REPEATS = /^(step|leap|begin|end|zoom|pan|previous$|next$|undo|redo)/;

const typing = (target) => target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");

export class Keyboard {
  #held = new Set();
  #group = null; // {code, at}: the group key that is down

  constructor({ tree, editor, ui, run, settings }) {
    Object.assign(this, { tree, editor, ui, run, settings });
    this.chord = new ClassChord(tree);
    document.addEventListener("keydown", (event) => this.#down(event));
    document.addEventListener("keyup", (event) => this.#up(event));
    window.addEventListener("blur", () => this.#held.clear());
    ui.subscribe(() => {
      if (!ui.group) this.chord.clear();
    });
  }

  #down(event) {
    if (event.isComposing || document.querySelector("dialog[open]")) return;
    if (typing(event.target)) {
      if (event.code === "Escape") event.target.blur();
      return;
    }
    const pressing = event.target.closest?.("button, a, summary, input");
    if (pressing && (event.code === "Enter" || event.code === "Space")) return;
    const { single, bindings } = this.settings;
    this.#held.add(event.code);
    if (single && !event.repeat && this.#chord(event)) return event.preventDefault();
    const action = this.#jog(event) ?? actionOf(event, single, bindings);
    if (!action) return;
    event.preventDefault();
    if (event.repeat && !REPEATS.test(action)) return;
    this.editor.effort.active();
    this.run(action);
  }

  #up(event) {
    this.#held.delete(event.code);
    if (this.#group?.code !== event.code) return;
    const { at } = this.#group;
    this.#group = null;
    this.editor.releaseGroup(event.timeStamp - at);
  }

  /** K held: J and L are one frame. */
  #jog(event) {
    if (!this.settings.single || !this.#held.has("KeyK") || event.shiftKey || event.ctrlKey || event.metaKey) return null;
    return { KeyJ: "step-back", KeyL: "step-forward" }[event.code] ?? null;
  }

  #chord(event) {
    const meaning = this.chord.press(event);
    if (!meaning) return false;
    this.editor.effort.active();
    if ("group" in meaning) {
      this.#group = meaning.group && { code: event.code, at: event.timeStamp };
      this.editor.pressGroup(meaning.group);
    }
    else this.ui.set({ group: null });
    if (meaning.move) this.editor.classify(meaning.move);
    else if (meaning.top !== undefined) this.editor.top(meaning.top);
    return true;
  }
}
