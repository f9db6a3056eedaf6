// One video's lane as the queue needs it: the workspace's store, history and outbox, without its page.

import { get } from "../api.js";
import { ClassTree } from "../workspace/classtree.js";
import { Courier } from "../workspace/courier.js";
import { fill, gettext } from "../workspace/i18n.js";
import { Store } from "../workspace/store.js";
import { Past } from "./past.js";

export class Lane {
  /** on: {state(), say(text), changed(lane)}. */
  constructor({ video, user, language, on }) {
    Object.assign(this, { video, language, on });
    this.vias = new Map(); // suggestion -> the share of the queue it came from
    this.courier = new Courier({
      video,
      user,
      on: {
        state: () => on.state(),
        say: on.say,
        clash: () => this.#lost(gettext("A stroke was changed in two places. Open the video to choose which version holds; both are kept until then.")),
        fell: (error) => this.#lost(fill(gettext("Not saved, and set aside: %(why)s"), { why: error.message })),
      },
    });
    this.outbox = this.courier.outbox;
  }

  /** The lane as the server has it, with what an earlier visit could not send on top. */
  async open() {
    const [body, unsent] = await Promise.all([get(`videos/${this.video}/workspace/`), this.outbox.open()]);
    this.store = new Store(body, unsent);
    this.past = new Past(this.store, (ops, seconds) => this.#send(ops, seconds));
    this.tree = new ClassTree(body.taxonomy, this.language);
    this.classes = `${body.taxonomy.name} ${body.taxonomy.revision}`;
    this.players = body.players;
    this.courier.start(this.store);
    return this;
  }

  /** Whether the suggestion can still be decided here. */
  isOpen(id) {
    const one = this.store.state.suggestions.get(id);
    return Boolean(one) && !one.verdict;
  }

  commit = (ops, seconds) => this.past.commit(ops, seconds);
  step = (direction, seconds) => this.past.step(direction, seconds);
  takeBack = (op, seconds) => this.past.takeBack(op, seconds);

  #send(ops, seconds) {
    const at = new Date().toISOString();
    for (const { suggestion, via } of ops) if (via) this.vias.set(suggestion, via);
    // Undone and done again it still came from the queue.
    const stamped = ops.map((op, index) => ({ ...op, via: this.vias.get(op.suggestion), seconds: index ? 0 : seconds, at }));
    this.outbox.push(this.store.commit(stamped));
  }

  #lost(text) {
    this.past?.forget();
    this.on.say(text);
    this.on.changed(this);
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
