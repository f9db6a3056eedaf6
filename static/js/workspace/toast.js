// One short message at a time; what can be undone says so.

import { find, write } from "./dom.js";

const STAYS_MS = 6000;

export class Toast {
  #timer = null;

  constructor(element) {
    this.element = element;
    this.text = find(".toast-text", element);
    this.undo = find(".toast-undo", element);
    this.onUndo = () => {};
    this.undo.addEventListener("click", () => {
      this.hide();
      (this.act ?? this.onUndo)();
    });
  }

  /** `undo`: true for the last step of the lane, or a function that takes this very thing back. */
  say(text, { undo = false } = {}) {
    this.act = typeof undo === "function" ? undo : null;
    write(this.text, text);
    this.undo.hidden = !undo;
    this.element.classList.add("is-shown");
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.hide(), STAYS_MS);
  }

  hide() {
    this.element.classList.remove("is-shown");
  }
}
