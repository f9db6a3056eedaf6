// The code window: what a class does on its press (name a stroke, begin one, make a whole one), and for whole ones how
// much before and after the press belongs to it. The class tree itself is the window: its leaves grow to buttons.

import { find, h, write } from "./dom.js";
import { fill, gettext, language } from "./i18n.js";

const STEP_MS = 100;
const MOST_MS = 5000;

const modes = () => [
  ["name", gettext("names"), gettext("A class names the chosen stroke, or the next one")],
  ["begin", gettext("begins"), gettext("A class begins a stroke at the picture on screen; O ends it, or letting go of a held group key")],
  ["whole", gettext("marks"), gettext("A class makes a whole stroke around the picture on screen")],
];

export class CodeWindow {
  constructor(root, { editor, ui, preferences }) {
    Object.assign(this, { root, editor, ui, preferences });
    this.choice = h("div.code-modes", { role: "group", "aria-label": gettext("What a class does") },
      ...modes().map(([name, text, title]) => this.#mode(name, text, title)));
    this.before = this.#amount("code_lead_ms", gettext("before"), gettext("the press"));
    this.after = this.#amount("code_lag_ms", gettext("after"), gettext("the press"));
    this.spans = h("div.code-span", {}, this.before.element, this.after.element);
    const foot = find(".classes-foot", root);
    foot.insertBefore(this.choice, foot.lastElementChild);
    foot.append(this.spans);
    preferences.subscribe(() => this.render());
  }

  #mode(name, text, title) {
    const button = h("button.code-mode", { type: "button", "data-mode": name, title }, text);
    button.addEventListener("click", () => this.editor.setClassKeys(name));
    return button;
  }

  #amount(name, text, of) {
    const shown = h("span.code-amount.number", { role: "status" });
    const step = (sign, by) => {
      const label = fill(by < 0 ? gettext("Less %(text)s %(of)s") : gettext("More %(text)s %(of)s"), { text, of });
      const button = h("button.button.code-step", { type: "button", "aria-label": label }, sign);
      button.addEventListener("click", () => {
        const ms = Math.min(MOST_MS, Math.max(0, this.preferences.get(name) + by));
        this.preferences.set({ [name]: ms });
      });
      return button;
    };
    return { name, text, shown, element: h("div.code-part", {}, step("−", -STEP_MS), shown, step("+", STEP_MS)) };
  }

  render() {
    const { classKeys } = this.ui;
    this.root.classList.toggle("is-code", classKeys === "whole");
    this.spans.hidden = classKeys !== "whole";
    for (const button of this.choice.children) button.setAttribute("aria-pressed", String(button.dataset.mode === classKeys));
    const seconds = new Intl.NumberFormat(language(), { minimumFractionDigits: 1 });
    for (const { name, text, shown } of [this.before, this.after]) {
      write(shown, `${seconds.format(this.preferences.get(name) / 1000)} s ${text}`);
    }
  }
}
