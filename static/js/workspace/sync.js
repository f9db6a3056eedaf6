// The workspace's side of the courier: the line that says what is saved, the drawer, the question when two disagree.

import { Courier } from "./courier.js";
import { find } from "./dom.js";
import { Drawer } from "./drawer.js";
import { fill, gettext } from "./i18n.js";
import { showLine } from "./saveline.js";
import { Which } from "./which.js";

const LOOK_AGAIN_MS = 15_000;

export class Sync {
  constructor({ video, user, language, say }) {
    Object.assign(this, { language, say });
    this.courier = new Courier({
      video,
      user,
      on: {
        state: () => this.show(),
        say,
        clash: () => this.which?.open(),
        aside: (ops, why, at) => this.drawer.add(ops, why, at),
        drawer: () => this.drawer.load().then(() => this.show()),
        fell: (error) => say(fill(gettext("Not saved, and set aside: %(why)s"), { why: error.message })),
        taken: (body) => this.onReload?.(body),
      },
    });
    this.outbox = this.courier.outbox;
  }

  older = () => this.courier.older();
  reload = () => this.courier.reload();

  /** Begin to work for `store`; `around`: what the server called all else it showed. `settle()` ends what is still being moved. */
  start(store, { tree, around = null, settle = () => {} }) {
    const { courier, outbox, language } = this;
    this.store = store;
    this.drawer = new Drawer(find("#unsent"), { courier, store, tree, language, say: this.say });
    this.which = new Which(find("#which"), { store, tree, choose: (choices) => courier.choose(choices) });
    courier.start(store, around);
    const again = () => outbox.flush();
    document.addEventListener("topspin:signed-in", again);
    for (const signal of ["online", "focus", "pageshow"]) window.addEventListener(signal, again);
    document.addEventListener("visibilitychange", () => (document.hidden ? settle() : again()));
    window.addEventListener("pagehide", settle);
    window.addEventListener("beforeunload", (event) => {
      settle();
      if (outbox.unkept) event.preventDefault();
    });
    window.setInterval(() => this.#lookAgain(), LOOK_AGAIN_MS);
    this.drawer.load().then(() => this.show());
  }

  /** New suggestions, a new region, or work from another place: taken in, with what is unsent on top. */
  async #lookAgain() {
    if (document.hidden) return;
    if (this.outbox.unsent && this.outbox.status !== "stale") this.outbox.flush();
    else await this.courier.look();
  }

  /** Say once what holds the work up; the line by the list keeps counting. */
  #explain() {
    const { status, problem, unsent } = this.outbox;
    if (status === "saved") this.explained = null;
    if (!["waiting", "shut"].includes(status) || !problem || problem === this.explained) return;
    this.explained = problem;
    const kept = gettext("What you did is kept in this browser; below the list you can copy or download it.");
    this.say(status === "shut" && unsent ? `${problem} ${kept}` : problem);
  }

  show() {
    if (!this.outbox) return;
    this.#explain();
    showLine(find("#outbox"), [this.outbox], this.language);
    this.drawer?.count();
    find("#choose").hidden = !this.store?.clashes.length;
  }
}
