// Between store, outbox and server: sending, the line that says what is saved, and what happens when tabs disagree.

import { get, post } from "../api.js";
import { mineOver } from "./commands.js";
import { askWhich } from "./dialogs.js";
import { find, write } from "./dom.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { Outbox } from "./outbox.js";
import { shelf } from "./storage.js";

const LOOK_AGAIN_MS = 15_000;

export class Sync {
  constructor({ video, user, language, say }) {
    Object.assign(this, { video, language, say });
    this.line = find("#outbox");
    this.store = null;
    this.outbox = new Outbox({
      storage: shelf(user.id, video),
      send: (ops, version) => post(`videos/${video}/decisions/`, { ops }, { "If-Match": `"${version}"` }),
      version: () => this.store.base.version,
      on: {
        sent: (ops, reply) => this.store.confirm(ops, reply),
        stale: (body) => this.#stale(body.state ?? body),
        refused: (op, error) => this.#refused(op, error),
        state: () => this.show(),
      },
    });
  }

  /** Begin to work for `store`; what an earlier visit left is sent at once. */
  start(store, { tree, history }) {
    Object.assign(this, { store, tree, history });
    if (store.unfit.length) {
      this.say(gettext("Some earlier unsent work no longer fits this video and was set aside."));
      this.outbox.resume(store.pending);
    }
    if (this.outbox.unsent) this.outbox.flush();
    const again = () => this.outbox.flush();
    document.addEventListener("topspin:signed-in", again);
    window.addEventListener("online", again);
    window.addEventListener("focus", again);
    window.addEventListener("beforeunload", (event) => {
      const { unsent, unkept, durable } = this.outbox;
      if (unkept || (unsent && !durable)) event.preventDefault();
    });
    window.setInterval(() => this.#lookAgain(), LOOK_AGAIN_MS);
    this.show();
  }

  /** New suggestions, a new region, or another tab's work: taken in while nothing of ours is on its way. */
  async #lookAgain() {
    if (document.hidden || this.outbox.unsent) return;
    await this.reload();
  }

  async reload() {
    try {
      const body = await get(`videos/${this.video}/workspace/`);
      if (this.outbox.unsent) return null;
      this.store.refresh(body);
      this.onReload?.(body);
      return body;
    } catch {
      return null; // the next look, or the next operation, will say what is wrong
    }
  }

  async #stale(body) {
    const { sides, ops } = this.store.rebase(body);
    let keep = this.store.pending;
    if (sides.length && (await askWhich(find("#which"), sides, this.tree)) === "mine") {
      keep = [...keep, ...this.#again(sides)];
    } else if (!sides.length) {
      this.say(ops.length
        ? gettext("This video was changed in another tab. What no longer fits was set aside.")
        : gettext("This video was changed in another tab; your work was put on top of it."));
    }
    this.history.forget();
    await this.outbox.resume(keep);
  }

  /** My version of each stroke both sides changed, as operations on top of theirs. */
  #again(sides) {
    const ops = sides.flatMap(({ stroke, mine, theirs }) => mineOver(stroke, mine, theirs));
    this.store.commit(ops);
    return ops;
  }

  #refused(op, error) {
    const fell = this.store.drop(op);
    this.history.forget();
    this.say(fill(gettext("Not saved: %(why)s"), { why: error.message }));
    return fell;
  }

  /** Say once what holds the work up; the line by the list keeps counting. */
  #explain() {
    const { status, problem } = this.outbox;
    if (status === "saved") this.explained = null;
    if (status !== "waiting" || !problem || problem === this.explained) return;
    this.explained = problem;
    this.say(problem);
  }

  show() {
    this.#explain();
    const { outbox, line } = this;
    const n = outbox.unsent;
    line.dataset.unsent = String(n);
    line.dataset.unkept = String(outbox.unkept);
    line.dataset.status = outbox.status;
    line.title = outbox.status === "saved" ? "" : (outbox.problem ?? "");
    const unsent = fill(ngettext("%(n)s unsent", "%(n)s unsent", n), { n });
    const digits = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
    const clock = new Intl.DateTimeFormat(this.language, digits);
    const time = outbox.savedAt && clock.format(new Date(outbox.savedAt));
    const saved = time ? fill(gettext("saved %(time)s"), { time }) : gettext("all saved");
    const text = {
      saved,
      sending: unsent,
      waiting: fill(gettext("%(unsent)s · trying again"), { unsent }),
      "signed-out": fill(gettext("%(unsent)s · sign in again to send"), { unsent }),
      stale: fill(gettext("%(unsent)s · changed in another tab"), { unsent }),
    }[outbox.status];
    write(line, outbox.durable || !n ? text : `${text} · ${gettext("this browser keeps nothing: leave the page open")}`);
  }
}
