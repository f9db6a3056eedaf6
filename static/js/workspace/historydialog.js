// The history: steps by day, newest first. A step leads to its stroke, and “undo back to here” shows first what it takes back.
// Where there is a consensus, an administrator also finds here what they decided in it.

import { CONSENSUS } from "./compare.js";
import { find, h, write } from "./dom.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { stepSentence } from "./log.js";
import { takeBack } from "./steps.js";
import { wordsOf } from "./words.js";

const SHOWN = 8;

export class HistoryDialog {
  constructor(dialog, { editor, store, sync, history, tree, player, language, compare, consensus }) {
    Object.assign(this, { dialog, editor, store, sync, tree, player, compare, consensus });
    this.sources = {
      mine: {
        history,
        words: () => wordsOf(store, tree),
        take: (steps, text) => editor.commit(takeBack(steps)) && editor.say(text, { undo: true }),
      },
      consensus: {
        history: consensus.history,
        words: () => consensus.words(tree),
        take: (steps, text) => consensus.takeBack(steps, text),
      },
    };
    this.whose = find(".log-whose", dialog);
    this.list = find(".log", dialog);
    this.only = find("[data-part=only]", dialog);
    this.preview = find(".log-preview", dialog);
    this.more = find("[data-part=older]", dialog);
    this.day = new Intl.DateTimeFormat(language, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
    this.clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    this.only.addEventListener("change", () => this.draw());
    this.whose.addEventListener("change", ({ target }) => this.#of(target.value));
    this.more.addEventListener("click", () => this.#older());
    this.list.addEventListener("click", (event) => this.#pressed(event));
    this.list.addEventListener("scroll", () => {
      const { scrollTop, scrollHeight, clientHeight } = this.list;
      if (scrollHeight - scrollTop - clientHeight < 80) this.#older();
    });
    find("[data-part=take]", dialog).addEventListener("click", () => this.#take());
    find("[data-part=keep]", dialog).addEventListener("click", () => this.#ask(null));
    store.subscribe(() => dialog.open && this.draw());
  }

  open() {
    this.editor.settle();
    const chosen = this.editor.chosen();
    this.stroke = chosen?.kind === "stroke" ? chosen : null;
    this.only.checked = false;
    const { consensus } = this;
    this.whose.hidden = !consensus.mine;
    this.#of(consensus.means("undo") || consensus.means("redo") ? "consensus" : "mine");
    this.dialog.showModal();
    this.list.scrollTop = 0;
    find(".log-go", this.list)?.focus();
    this.sync.reload();
  }

  /** Show what was done in "mine" or in the "consensus". */
  #of(name) {
    this.source = this.sources[name];
    find(`[value=${name}]`, this.whose).checked = true;
    this.only.closest("label").hidden = !this.stroke || name !== "mine";
    this.#ask(null);
    this.draw();
  }

  get #own() {
    return this.source === this.sources.mine;
  }

  draw() {
    const { history } = this.source;
    const words = this.source.words();
    const focused = document.activeElement?.closest?.("[data-step]")?.dataset.step;
    const standing = new Set(history.undoable);
    const unsent = new Set(this.store.pending.map((op) => op.id));
    const about = this.#own && this.only.checked && this.stroke;
    const steps = history.steps.filter((step) => !about || step.entries.some((entry) => concerns(entry, about)));
    const rows = [];
    let day = "";
    for (const step of steps.toReversed()) {
      const at = step.entries[0].at && new Date(step.entries[0].at);
      const today = at ? this.day.format(at) : day;
      if (today !== day) rows.push(h("li.log-day", {}, h("h3", {}, today)));
      day = today;
      rows.push(this.#row(step, { at, words, standing, unsent: step.entries.some((entry) => unsent.has(entry.id)) }));
    }
    this.list.replaceChildren(...rows);
    if (!rows.length) this.list.append(h("li.quiet", {}, gettext("Nothing was done here yet.")));
    if (focused) find(`[data-step="${focused}"] .log-go`, this.list)?.focus();
    this.more.hidden = !this.#own || !this.store.more;
  }

  #row(step, { at, words, standing, unsent }) {
    const open = standing.has(step);
    const go = h("button.log-go", { type: "button" },
      h("span.number.log-time", {}, at ? this.clock.format(at) : ""), h("span.log-text", {}, stepSentence(step, words)));
    const marks = [
      unsent && h("span.log-unsent.small", {}, gettext("not sent yet")),
      !open && !step.how && h("span.quiet.small", {}, gettext("taken back")),
      open && h("button.button.button-quiet.button-small", { type: "button", "data-do": "back" }, gettext("Undo back to here")),
    ];
    return h("li", { class: `log-row${open ? "" : step.how ? " is-quiet" : " is-undone"}`, "data-step": step.id }, go, ...marks.filter(Boolean));
  }

  #pressed(event) {
    const id = event.target.closest("[data-step]")?.dataset.step;
    const step = id && this.source.history.steps.find((one) => one.id === id);
    if (!step) return;
    if (event.target.closest("[data-do=back]")) this.#ask(id);
    else if (event.target.closest(".log-go")) this.#go(step);
  }

  /** To the stroke that the step was about, or to where it was. */
  #go({ entries, undoes }) {
    const all = [...entries, ...undoes.flatMap((step) => step.entries)];
    this.dialog.close();
    if (this.#own ? this.#choose(all) : this.#review(all)) return;
    const marks = all.flatMap(({ data, before }) => [data, before]).find((mark) => mark && ("begin" in mark || "frame" in mark));
    if (marks) this.player.goTo(marks.begin ?? marks.frame);
  }

  /** Choose what `entries` are about in my lane; whether it is still there. */
  #choose(entries) {
    const { strokes, suggestions } = this.store.state;
    const there = entries.find((entry) => strokes.has(entry.stroke));
    const judged = entries.find((entry) => suggestions.has(entry.suggestion));
    if (there) this.editor.select("stroke", there.stroke);
    else if (judged) this.editor.select("suggestion", judged.suggestion);
    return Boolean(there ?? judged);
  }

  /** The same in the consensus. */
  #review(entries) {
    const there = entries.find((entry) => this.consensus.has(entry.stroke));
    if (there) this.compare.pick(CONSENSUS, there.stroke);
    return Boolean(there);
  }

  /** Show what would be taken back; null hides it again. */
  #ask(id) {
    this.asked = id;
    const steps = id ? this.source.history.from(id) : [];
    this.preview.hidden = !steps.length;
    if (!steps.length) return;
    const words = this.source.words();
    const n = steps.length;
    write(find("[data-part=what]", this.preview), fill(ngettext("This takes back %(n)s step:", "This takes back %(n)s steps:", n), { n }));
    const shown = steps.toReversed().slice(0, SHOWN).map((step) => h("li", {}, stepSentence(step, words)));
    if (n > SHOWN) shown.push(h("li.quiet", {}, fill(gettext("and %(n)s more"), { n: n - SHOWN })));
    find("ul", this.preview).replaceChildren(...shown);
    write(find("[data-part=take]", this.preview), fill(ngettext("Take back %(n)s step", "Take back %(n)s steps", n), { n }));
    find("[data-part=take]", this.preview).focus();
  }

  async #take() {
    const steps = this.source.history.from(this.asked);
    this.#ask(null);
    if (!steps.length) return;
    const n = steps.length;
    await this.source.take(steps, fill(ngettext("%(n)s step taken back.", "%(n)s steps taken back.", n), { n }));
    this.draw();
  }

  async #older() {
    if (this.loading || !this.#own || !this.store.more) return;
    this.loading = true;
    await this.source.history.older();
    this.loading = false;
  }
}

function concerns(entry, { id, suggestion }) {
  return entry.stroke === id || (suggestion && entry.suggestion === suggestion);
}
