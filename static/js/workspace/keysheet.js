// The sheet of keys: every action with its keys, found by typing, changed by pressing the new key, printed on paper.

import { sheetSections } from "./actions.js";
import { find, h, write } from "./dom.js";
import { fill, gettext } from "./i18n.js";
import { inWords } from "./keyconflicts.js";
import { bindingFrom } from "./keymap.js";

const fold = (text) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase();

export class KeySheet {
  #waiting = null;

  /** `root` holds [data-part=keys], and may hold search, said, single, layout, reset-keys and print. */
  constructor(root, settings) {
    Object.assign(this, { root, settings });
    this.names = new Map(sheetSections().flatMap(([, actions]) => actions));
    this.#build();
    this.#options();
    settings.subscribe(() => this.draw());
    root.addEventListener("keydown", (event) => this.#pressed(event), true);
    root.addEventListener("close", () => this.#stop());
  }

  #part(name) {
    return find(`[data-part=${name}]`, this.root);
  }

  #build() {
    const row = ([action, text]) => {
      const button = h("button.sheet-key", { type: "button", "data-remap": action });
      button.addEventListener("click", () => this.#wait(action));
      return h("div.sheet-row", { "data-row": action }, h("dt", {}, button), h("dd", {}, text));
    };
    this.#part("keys").append(...sheetSections().map(([heading, actions]) =>
      h("section", {}, h("h3", {}, heading), h("dl", {}, ...actions.map(row)))));
  }

  #options() {
    const { settings } = this;
    const [single, layout, search] = ["single", "layout", "search"].map((name) => this.#part(name));
    single.addEventListener("change", () => settings.setSingle(single.checked));
    layout.addEventListener("change", () => settings.setLayout(layout.value));
    search.addEventListener("input", () => this.#filter(search.value));
    this.#part("reset-keys").addEventListener("click", () => settings.resetAll());
    this.#part("print").addEventListener("click", () => window.print());
    for (const name of ["usual", "none"]) this.#part(name).addEventListener("click", () => this.#give(name === "none" ? [] : null));
    this.#part("keep").addEventListener("click", () => this.#stop());
  }

  draw() {
    const { settings } = this;
    this.#part("single").checked = settings.single;
    this.#part("layout").value = settings.layout;
    for (const button of this.root.querySelectorAll("[data-remap]")) {
      const action = button.dataset.remap;
      const caps = settings.caps(action);
      const shown = caps.length ? caps.flatMap((cap) => [h("kbd", {}, cap), " "]) : [h("span.quiet", {}, gettext("no key")), " "];
      button.replaceChildren(...shown, h("span.only-read", {}, fill(gettext("%(what)s: change the key"), { what: this.names.get(action) })));
      button.classList.toggle("is-own", settings.isOwn(action));
      button.title = gettext("Change the key");
    }
    this.#part("reset-keys").hidden = Object.keys(settings.preferences.get("keymap")).length === 0;
  }

  /** Only the actions whose words or keys answer to `text`. */
  #filter(text) {
    const wanted = fold(text.trim());
    for (const section of this.root.querySelectorAll("[data-part=keys] section")) {
      let any = false;
      for (const row of section.querySelectorAll("[data-row]")) {
        const action = row.dataset.row;
        const heard = [this.names.get(action), ...this.settings.caps(action)].map(fold);
        row.hidden = !heard.some((one, index) => (index ? one === wanted : one.includes(wanted))) && Boolean(wanted);
        any ||= !row.hidden;
      }
      section.hidden = !any;
    }
  }

  // -- a new key ------------------------------------------------------------------------------------------------------

  #wait(action) {
    this.#stop();
    this.#waiting = action;
    const row = find(`[data-row="${action}"]`, this.root);
    row.classList.add("is-waiting");
    this.#say(fill(gettext("Press the new key for “%(what)s”. Esc keeps the old one."), { what: this.names.get(action) }));
    this.#part("waiting").hidden = false;
    row.append(this.#part("waiting"));
    find("button", row).focus();
  }

  #stop() {
    if (!this.#waiting) return;
    find(`[data-row="${this.#waiting}"]`, this.root).classList.remove("is-waiting");
    this.#waiting = null;
    this.#part("waiting").hidden = true;
    this.#say("");
  }

  #pressed(event) {
    if (!this.#waiting || event.target.closest("[data-part=waiting]")) return;
    if (event.code === "Tab") return this.#stop();
    event.preventDefault();
    event.stopPropagation();
    if (event.code === "Escape") return this.#stop();
    const binding = bindingFrom(event);
    if (binding) this.#give([binding]);
  }

  #give(bindings) {
    const action = this.#waiting;
    const clash = this.settings.setKeys(action, bindings);
    if (clash) {
      const { names, settings } = this;
      return this.#say(inWords(clash, { nameOf: (one) => names.get(one.replace(/-5$/, "")) ?? one, cap: (binding) => settings.name(binding) }), true);
    }
    this.#stop();
    find(`[data-remap="${action}"]`, this.root).focus();
  }

  #say(text, wrong = false) {
    const line = this.#part("said");
    write(line, text);
    line.classList.toggle("is-wrong", wrong);
  }
}
