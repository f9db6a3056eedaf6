// What is not on the server: unsent operations, and those that were set aside. They can be seen, tried again, copied and
// downloaded; nothing leaves this browser's storage unless the person says so.

import { find, h, write } from "./dom.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { newId } from "./ids.js";
import { sentence } from "./log.js";
import { wordsOf } from "./words.js";

export class Drawer {
  constructor(dialog, { courier, store, tree, say, language }) {
    const { storage, outbox, tell, video, user } = courier;
    Object.assign(this, { dialog, storage, outbox, store, tree, tell, say, video, user });
    this.entries = [];
    this.clock = new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "short" });
    this.button = find("#unsent-open");
    this.button.addEventListener("click", () => this.open());
    const on = (name, work) => find(`[data-part=${name}]`, dialog).addEventListener("click", work);
    on("copy", () => this.#copy());
    on("download", () => this.#download());
    on("again", () => this.outbox.flush());
    find(".aside-list", dialog).addEventListener("click", (event) => this.#pressed(event));
  }

  async load() {
    try {
      this.entries = await this.storage.asides();
    } catch {
      // No storage: what falls out during this visit is still here.
    }
  }

  add(ops, why, at) {
    const known = new Set(this.entries.map(({ op }) => op.id));
    this.entries.push(...ops.filter((op) => !known.has(op.id)).map((op) => ({ op, why, at })));
    this.count();
  }

  /** The button that opens this says how much was set aside; it is there while anything is stuck. */
  count() {
    const n = this.entries.length;
    const stuck = n || ["waiting", "shut", "signed-out"].includes(this.outbox.status);
    this.button.hidden = !stuck;
    write(this.button, n ? fill(ngettext("%(n)s set aside", "%(n)s set aside", n), { n }) : gettext("Show"));
    if (this.dialog.open) this.#draw();
  }

  open() {
    this.#draw();
    if (!this.dialog.open) this.dialog.showModal();
  }

  #draw() {
    const words = wordsOf(this.store, this.tree);
    const { queue } = this.outbox;
    const when = (at) => (at ? this.clock.format(new Date(at)) : "");
    const row = (op, ...rest) => h("li", { "data-id": op.id }, h("span.log-text", {}, sentence(op, words), ...rest), h("span.quiet.small.number", {}, when(op.at)));
    find(".unsent-list", this.dialog).replaceChildren(...queue.slice(0, 200).map((op) => row(op)));
    find("[data-part=unsent]", this.dialog).hidden = !queue.length;
    find("[data-part=aside]", this.dialog).hidden = !this.entries.length;
    find("[data-part=nothing]", this.dialog).hidden = queue.length + this.entries.length > 0;
    find(".aside-list", this.dialog).replaceChildren(...this.entries.map(({ op, why }) => {
      const line = row(op, h("span.quiet.small.aside-why", {}, why?.message ?? ""));
      line.append(h("button.button.button-small", { type: "button", "data-do": "retry" }, gettext("Try again")),
        h("button.button.button-small.button-danger", { type: "button", "data-do": "discard" }, gettext("Discard")));
      return line;
    }));
  }

  async #pressed(event) {
    const what = event.target.closest("[data-do]")?.dataset.do;
    const id = event.target.closest("[data-id]")?.dataset.id;
    const entry = this.entries.find(({ op }) => op.id === id);
    if (!what || !entry) return;
    if (what === "retry" && !this.#retry(entry.op)) return;
    this.entries = this.entries.filter((one) => one !== entry);
    await this.storage.dropAside([id]).catch(() => {});
    this.tell("drawer", {});
    this.count();
  }

  /** Once more, as a new operation on what is there now. */
  #retry({ before, ...op }) {
    try {
      this.outbox.push(this.store.commit([{ ...op, id: newId() }]));
      return true;
    } catch {
      this.say(gettext("That does not fit what is there any more; nothing was changed."));
      return false;
    }
  }

  #text() {
    const { entries, outbox, video, user } = this;
    return JSON.stringify({ format: "topspin-unsent", version: 1, video, user: user.name, unsent: outbox.queue, aside: entries }, null, 2);
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(this.#text());
      this.say(gettext("Copied."));
    } catch {
      this.#download(); // plain http has no clipboard
    }
  }

  #download() {
    const link = h("a", { href: URL.createObjectURL(new Blob([this.#text()], { type: "application/json" })), download: `topspin-unsent-${this.video}.json` });
    link.click();
    window.setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }
}
