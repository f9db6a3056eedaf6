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
      this.onUndo();
    });
  }

  say(text, { undo = false } = {}) {
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
