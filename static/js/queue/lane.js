// One video's lane as the queue needs it: the workspace's store, history and outbox, without its page.

import { get, post } from "../api.js";
import { ClassTree } from "../workspace/classtree.js";
import { History, inverse } from "../workspace/commands.js";
import { fill, gettext } from "../workspace/i18n.js";
import { Outbox } from "../workspace/outbox.js";
import { shelf } from "../workspace/storage.js";
import { Store, statesBefore } from "../workspace/store.js";

export class Lane {
  /** on: {state(), say(text), changed(lane)}. */
  constructor({ video, user, language, on }) {
    Object.assign(this, { video, language, on });
    this.history = new History();
    this.outbox = new Outbox({
      storage: shelf(user.id, video),
      send: (ops, version) => post(`videos/${video}/decisions/`, { ops }, { "If-Match": `"${version}"` }),
      version: () => this.store.base.version,
      on: {
        sent: (ops, reply) => this.store.confirm(ops, reply),
        stale: (body) => this.#stale(body.state ?? body),
        refused: (op, error) => this.#refused(op, error),
        state: () => on.state(),
      },
    });
  }

  /** The lane as the server has it, with what an earlier visit could not send on top. */
  async open() {
    const [body, unsent] = await Promise.all([get(`videos/${this.video}/workspace/`), this.outbox.open()]);
    this.store = new Store(body, unsent);
    this.tree = new ClassTree(body.taxonomy, this.language);
    this.classes = `${body.taxonomy.name} ${body.taxonomy.revision}`;
    this.players = body.players;
    if (this.store.unfit.length) {
      this.on.say(gettext("Some earlier unsent work no longer fits this video and was set aside."));
      this.outbox.resume(this.store.pending);
    } else if (this.outbox.unsent) this.outbox.flush();
    return this;
  }

  /** Whether the suggestion can still be decided here. */
  isOpen(id) {
    const one = this.store.state.suggestions.get(id);
    return Boolean(one) && !one.verdict;
  }

  commit(ops, seconds) {
    this.history.did(ops, statesBefore(this.store.state, ops));
    this.#send(ops, seconds);
  }

  #send(ops, seconds) {
    const at = new Date().toISOString();
    const stamped = ops.map((op, index) => ({ ...op, seconds: index ? 0 : seconds, at }));
    this.store.commit(stamped);
    this.outbox.push(stamped);
  }

  /** Undo (or redo) the last step taken here; its operations, or null. Throws Inapplicable. */
  step(direction, seconds) {
    const ops = this.history.step(direction, (planned) => statesBefore(this.store.state, planned));
    if (ops) this.#send(ops, seconds);
    return ops;
  }

  /** Take one decision back, however long ago. Throws Inapplicable. */
  takeBack(op, seconds) {
    this.commit([inverse(op, this.store.state)], seconds);
  }

  async #stale(body) {
    const { ops } = this.store.rebase(body);
    this.history.forget();
    this.on.say(ops.length
      ? gettext("This video was changed in another tab. What no longer fits was set aside.")
      : gettext("This video was changed in another tab; your work was put on top of it."));
    this.on.changed(this);
    await this.outbox.resume(this.store.pending);
  }

  #refused(op, error) {
    const fell = this.store.drop(op);
    this.history.forget();
    this.on.say(fill(gettext("Not saved: %(why)s"), { why: error.message }));
    this.on.changed(this);
    return fell;
  }
}

/** All lanes of one visit, opened as their videos come up. */
export class Lanes {
  #opening = new Map();

  constructor(options) {
    this.options = options;
    this.opened = new Map();
  }

  get(video) {
    if (!this.#opening.has(video)) {
      const lane = new Lane({ video, ...this.options });
      const opening = lane.open().then(() => this.opened.set(video, lane).get(video));
      opening.catch(() => this.#opening.delete(video));
      this.#opening.set(video, opening);
    }
    return this.#opening.get(video);
  }

  get outboxes() {
    return [...this.opened.values()].map((lane) => lane.outbox);
  }
}
