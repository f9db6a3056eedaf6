// A person's keyboard: its layout, its key map, the single-key switch; prints keys wherever a cap stands on the page.

import { conflictsOf } from "./keyconflicts.js";
import { bindingOf, bindingsOf } from "./keymap.js";
import { detect, print } from "./layouts.js";

export class KeySettings {
  #listeners = new Set();

  constructor({ preferences, language }) {
    Object.assign(this, { preferences, language });
    this.printed = "qwerty";
    this.bindings = bindingsOf(preferences.get("keymap"));
    preferences.subscribe(() => this.#follow());
  }

  subscribe(listener) {
    this.#listeners.add(listener);
  }

  #follow() {
    const now = JSON.stringify([this.layout, this.single, this.preferences.get("keymap")]);
    if (now === this.shown) return;
    this.shown = now;
    this.bindings = bindingsOf(this.preferences.get("keymap"));
    this.label();
  }

  get single() {
    return this.preferences.get("single_keys");
  }

  get layout() {
    return this.preferences.get("layout");
  }

  setSingle(on) {
    this.preferences.set({ single_keys: on });
  }

  setLayout(layout) {
    this.preferences.set({ layout });
  }

  /** Give `action` the keys `bindings` (null: the ones it came with) unless that makes a conflict; returns that. */
  setKeys(action, bindings) {
    const keymap = { ...this.preferences.get("keymap") };
    if (bindings) keymap[action] = bindings;
    else delete keymap[action];
    const clash = ({ action: one, other }) => one === action || other === action;
    const found = conflictsOf(bindingsOf(keymap), this.printed).find(clash);
    if (!found) this.preferences.set({ keymap });
    return found ? { ...found, other: found.other === action ? found.action : found.other } : null;
  }

  isOwn(action) {
    return Object.hasOwn(this.preferences.get("keymap"), action);
  }

  resetAll() {
    this.preferences.set({ keymap: {} });
  }

  /** Find out what the keys are called and print it wherever a cap stands. */
  async label() {
    this.printed = this.layout || (await detect(this.language));
    document.body.classList.toggle("single-keys-off", !this.single);
    document.querySelectorAll("[data-key]").forEach((cap) => {
      cap.textContent = this.cap(cap.dataset.key);
    });
    document.querySelectorAll("[data-code]").forEach((cap) => {
      cap.textContent = print(cap.dataset.code, this.printed);
    });
    this.#listeners.forEach((listener) => listener(this));
  }

  /** "⇧ I" for an action's first key; nothing where it has none. */
  cap(action) {
    const binding = bindingOf(action, this.bindings);
    return binding ? this.name(binding) : "";
  }

  /** Every key of an action. */
  caps(action) {
    return this.bindings.filter(([name]) => name === action).map(([, binding]) => this.name(binding));
  }

  /** What a binding's keys are called on this keyboard. */
  name(binding) {
    const key = binding.code ? print(binding.code, this.printed) : binding.key.toUpperCase();
    return [binding.ctrl && "Ctrl", binding.shift && "⇧", key].filter(Boolean).join(" ");
  }
}
