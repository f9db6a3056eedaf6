// Keyboard: physical keys to actions and to the class chord.

import { ClassChord, actionOf } from "./keymap.js";
import { hearPageKeys } from "./pagekeys.js";

/** Actions that go on while their key is held down. */
const REPEATS = /^(step|leap|begin|end|zoom|pan|previous$|next$|undo|redo)/;

export class Keyboard {
  #held = new Set();
  #group = null; // {code, at}: the group key that is down

  constructor({ tree, editor, ui, run, settings, turns }) {
    Object.assign(this, { tree, editor, ui, run, settings, turns });
    this.chord = new ClassChord(tree);
    hearPageKeys((event) => this.#down(event));
    document.addEventListener("keyup", (event) => this.#up(event));
    window.addEventListener("blur", () => this.#held.clear());
    ui.subscribe(() => {
      if (!ui.group) this.chord.clear();
    });
  }

  #down(event) {
    this.#held.add(event.code);
    if (this.turns.busy && this.#ours(event)) event.preventDefault();
    this.turns.take(() => this.#press(event));
  }

  /** Whether a key that has to wait its turn may mean something here, and so nothing to the browser. */
  #ours(event) {
    const { single, bindings } = this.settings;
    return actionOf(event, single, bindings) !== null || (single && event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey);
  }

  /** A promise where it waits for the picture. */
  #press(event) {
    const { single, bindings } = this.settings;
    const meaning = single && !event.repeat ? this.chord.press(event) : null;
    if (meaning) return this.#chord(event, meaning);
    const action = this.#jog(event) ?? actionOf(event, single, bindings);
    if (!action) return null;
    event.preventDefault();
    if (event.repeat && !REPEATS.test(action)) return null;
    this.editor.effort.active();
    return this.run(action);
  }

  #up(event) {
    this.#held.delete(event.code);
    this.turns.take(() => {
      if (this.#group?.code !== event.code) return null;
      const { at } = this.#group;
      this.#group = null;
      return this.editor.marking(() => this.editor.releaseGroup(event.timeStamp - at));
    });
  }

  /** K held: J and L are one frame. */
  #jog(event) {
    if (!this.settings.single || !this.#held.has("KeyK") || event.shiftKey || event.ctrlKey || event.metaKey) return null;
    return { KeyJ: "step-back", KeyL: "step-forward" }[event.code] ?? null;
  }

  #chord(event, meaning) {
    event.preventDefault();
    this.editor.effort.active();
    if ("group" in meaning) this.#group = meaning.group && { code: event.code, at: event.timeStamp };
    return this.editor.marking(() => {
      if ("group" in meaning) {
        this.chord.pending = meaning.group; // while it waited, what came before may have taken it back
        this.editor.pressGroup(meaning.group);
      } else this.ui.set({ group: null });
      if (meaning.move) this.editor.classify(meaning.move);
      else if (meaning.top !== undefined) this.editor.top(meaning.top);
    });
  }
}
