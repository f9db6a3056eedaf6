// Two versions of the same stroke: both in words and as bars on one scale, one choice for each. Esc decides nothing.

import { find, h, swatch } from "./dom.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { numbersOf } from "./numbers.js";

export class Which {
  constructor(dialog, { store, tree, choose }) {
    Object.assign(this, { dialog, store, tree });
    this.list = find(".which-list", dialog);
    const form = find("form", dialog);
    form.addEventListener("submit", () => {
      const choices = new Map(this.shown.map(({ key }, at) => [key, form.elements[`which-${at}`].value]));
      this.done(choices);
    });
    find("#choose").addEventListener("click", () => this.open());
    this.done = choose;
  }

  open() {
    this.shown = this.store.clashes;
    if (!this.shown.length || this.dialog.open || document.querySelector("dialog[open]")) return;
    const numbers = numbersOf(this.store);
    this.list.replaceChildren(...this.shown.map((clash, at) => this.#question(clash, at, numbers)));
    this.dialog.showModal();
    find("input:checked", this.list).focus();
  }

  #question({ key, stroke, mine, theirs }, at, numbers) {
    const number = numbers.get(stroke) ?? numbers.get(theirs?.id);
    const title = number ? fill(gettext("Stroke %(number)s"), { number: `#${number}` }) : gettext("Stroke");
    const sides = [mine, theirs].filter((one) => one && !one.rejected);
    const scale = { from: Math.min(...sides.map((one) => one.begin)), to: Math.max(...sides.map((one) => one.end)) };
    return h("fieldset.which-stroke", { "data-clash": key },
      h("legend", {}, title),
      this.#side({ name: `which-${at}`, value: "mine", who: gettext("Here"), one: mine, other: theirs, scale, checked: true }),
      this.#side({ name: `which-${at}`, value: "theirs", who: gettext("In the other place"), one: theirs, other: mine, scale }));
  }

  #side({ name, value, who, one, other, scale, checked = false }) {
    const radio = h("input", { type: "radio", name, value, checked });
    const words = h("span.which-words", {}, h("strong", {}, who), h("span", {}, this.#words(one)), h("span.quiet.small", {}, this.#more(one, other)));
    return h("label.which-side", {}, radio, words, this.#bar(one, scale));
  }

  #words(one) {
    if (!one) return gettext("removed");
    if (one.rejected) return gettext("suggestion rejected");
    const name = one.move ? this.tree.entry(one.move).label : gettext("no class yet");
    const n = one.end - one.begin;
    const length = fill(ngettext("%(n)s frame", "%(n)s frames", n), { n });
    return `${name} · ${fill(gettext("frames %(begin)s–%(last)s"), { begin: one.begin, last: one.end - 1 })} (${length})`;
  }

  /** How it differs from the other one, and what else it carries. */
  #more(one, other) {
    if (!one || one.rejected) return "";
    const parts = [];
    if (other && !other.rejected) parts.push(this.#shift("begin", one, other), this.#shift("end", one, other));
    if (one.unsure) parts.push(gettext("unsure"));
    if (one.player) parts.push(one.player);
    if (one.note) parts.push(`“${one.note}”`);
    return parts.filter(Boolean).join(" · ");
  }

  #shift(edge, one, other) {
    const n = one[edge] - other[edge];
    if (!n) return "";
    const words = {
      begin: n < 0 ? ngettext("begins %(n)s frame earlier", "begins %(n)s frames earlier", -n) : ngettext("begins %(n)s frame later", "begins %(n)s frames later", n),
      end: n < 0 ? ngettext("ends %(n)s frame earlier", "ends %(n)s frames earlier", -n) : ngettext("ends %(n)s frame later", "ends %(n)s frames later", n),
    };
    return fill(words[edge], { n: Math.abs(n) });
  }

  #bar(one, { from, to }) {
    const lane = h("span.which-lane", { "aria-hidden": "true" });
    if (!one || one.rejected) return lane;
    const bar = h("span", { class: `which-bar ${swatch(this.tree.entry(one.move).look)}` });
    const share = (frame) => `${(100 * (frame - from)) / (to - from)}%`;
    bar.style.left = share(one.begin);
    bar.style.right = `${100 - (100 * (one.end - from)) / (to - from)}%`;
    lane.append(bar);
    return lane;
  }
}
