// Carries one person's work on one video between store, outbox, other tabs and server, and takes in what others did.
// Used by the workspace and the queue; touches no document. `on` is told what people should know.

import { get, post } from "../api.js";
import { gettext } from "./i18n.js";
import { Outbox, keyOf } from "./outbox.js";
import { shelf } from "./storage.js";
import { connect, lockOf } from "./tabs.js";

const LONGEST_REQUEST_MS = 30_000;

/** What is sent of an operation: `before` stays here. */
const sendable = ({ before, ...op }) => op;

export class Courier {
  #salt = 0;

  /** on: {state(), say(text), clash(), aside(entries), drawer(), fell(), taken(body)}; those that nobody needs may be left out. */
  constructor({ video, user, on }) {
    Object.assign(this, { video, user, on });
    const name = `topspin:${user.id}/${video}`;
    this.storage = shelf(user.id, video);
    this.store = null;
    this.tell = connect(name, (kind, data) => this.store && this.#hear(kind, data));
    this.outbox = new Outbox({
      storage: this.storage,
      lock: lockOf(name),
      send: (ops, version) => this.#send(ops, version),
      version: () => this.store.base.version,
      held: () => this.store?.held ?? new Set(),
      on: {
        kept: (ops, replaced) => this.tell("kept", { ops, replaced }),
        adopted: (ops) => this.store.adopt(ops),
        sent: (ops, reply) => this.#sent(ops, reply),
        stale: (body) => this.take(body.state ?? body),
        refused: (op, error) => this.#refused(op, error),
        aside: (ops, why, at) => this.#aside(ops, why, at),
        state: () => on.state(),
      },
    });
  }

  /** Begin to work for `store`, which was made with what `outbox.open()` gave; that is sent at once. */
  start(store, around = null) {
    Object.assign(this, { store, around });
    this.#met(store.met);
    if (this.outbox.unsent) this.outbox.flush();
  }

  async #send(ops, version) {
    const headers = { "If-Match": `"${version}"`, "Idempotency-Key": keyOf(ops, version, this.#salt) };
    const body = { user: this.user.id, ops: ops.map(sendable) };
    try {
      return await post(`videos/${this.video}/decisions/`, body, headers, AbortSignal.timeout(LONGEST_REQUEST_MS));
    } catch (error) {
      if (error.code === "key_reused") this.#salt += 1;
      throw error;
    }
  }

  #sent(ops, reply) {
    this.store.confirm(ops, reply);
    this.tell("sent", { ops, reply });
  }

  #hear(kind, { ops, replaced = [], reply, why, at }) {
    if (kind === "kept") {
      this.outbox.forget(replaced);
      this.store.drop(replaced);
      this.outbox.adopt(ops);
      this.store.adopt(ops);
    } else if (kind === "sent") {
      this.outbox.forget(ops, reply.saved_at);
      if (!this.store.confirm(ops, reply)) this.reload().then((body) => body && this.store.drop(ops));
    } else if (kind === "aside") {
      this.outbox.forget(ops);
      this.store.drop(ops);
      this.on.aside?.(ops, why, at);
    } else if (kind === "drawer") {
      this.on.drawer?.();
    }
    this.on.state();
  }

  /** Take in what has changed on the server since the last look, if anything has. */
  look() {
    const { version } = this.store.base;
    return this.reload(this.around ? { "If-None-Match": `"${version}-${this.around}"` } : {});
  }

  /** The server's present state; null when it cannot be had, is as it was, or somebody else is signed in now. */
  async reload(headers = {}) {
    try {
      const body = await get(`videos/${this.video}/workspace/`, headers);
      if (!body) return null;
      if (body.user.id !== this.user.id) return null; // the next save will say so
      await this.take(body);
      this.on.taken?.(body);
      return body;
    } catch {
      return null; // the next look, or the next operation, will say what is wrong
    }
  }

  /** An older page of the log; false when there is none, or it cannot be had. */
  async older() {
    const first = this.store.base.log.find((entry) => entry.number)?.number;
    if (!this.store.more || !first) return false;
    try {
      this.store.prepend(await get(`videos/${this.video}/history/?before=${first}`));
      return true;
    } catch (error) {
      this.on.say(error.message);
      return false;
    }
  }

  /** The server's state, with what is unsent put on top. */
  async take(body) {
    const { version } = this.store.base;
    const met = this.store.take(body);
    if (!met) return; // older than what is here: the next look must not count it as seen
    this.around = body.around;
    await this.#met(met, body.lane.version > version);
  }

  async #met({ known, moot, clashes }, elsewhere = false) {
    await this.outbox.settle([...known, ...moot]);
    if (clashes.length) this.on.clash();
    else if (elsewhere && this.outbox.unsent) this.on.say(gettext("This video was changed in another place; your work was put on top of it."));
  }

  /** The person has chosen for these strokes: Map of key -> "mine" or "theirs". */
  async choose(choices) {
    const { ops, aside, replaced } = this.store.resolve(choices);
    if (aside.length) await this.outbox.setAside(aside, { code: "not_chosen", message: gettext("You took the other version.") });
    await this.outbox.push(ops, replaced);
  }

  #refused(op, error) {
    this.on.fell?.(error);
    return this.store.dependents(op);
  }

  #aside(ops, why, at) {
    this.store.drop(ops);
    this.on.aside?.(ops, why, at);
    this.tell("aside", { ops, why, at });
  }
}
