// Operations on their way to the server: kept in storage before they are sent, sent in order, retried until taken.
// Knows neither IndexedDB nor fetch: `storage` and `send` are given.

const BATCH = 100;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;

/**
 * states: "saved" nothing waits; "sending"; "waiting" the server could not be reached; "signed-out"; "stale" the lane
 * changed elsewhere and the page is being asked.
 */
export class Outbox {
  #sending = false;
  #timer = null;
  #wait = FIRST_WAIT_MS;

  /**
   * storage: {load() -> ops, put(ops), drop(ids)}, all promises. send(ops, version) -> reply, or throws {status, body}.
   * on: {sent(ops, reply), stale(body) , refused(op, error), state()}. `version()` is the lane's version to build on.
   */
  constructor({ storage, send, version, on, timers = globalThis }) {
    Object.assign(this, { storage, send, version, on, timers });
    this.queue = [];
    this.status = "saved";
    this.savedAt = null;
    this.durable = true;
    this.unkept = 0; // operations on their way to the disk: the only ones that a crash could take
  }

  /** What an earlier visit could not send. */
  async open() {
    try {
      this.queue = await this.storage.load();
    } catch {
      this.durable = false;
    }
    return [...this.queue];
  }

  get unsent() {
    return this.queue.length;
  }

  /** Keep, then send. Resolves when the operations are in storage. */
  async push(ops) {
    this.queue.push(...ops);
    this.unkept += ops.length;
    this.#set(this.status === "saved" ? "sending" : this.status);
    try {
      await this.storage.put(ops);
    } catch {
      // A private window may refuse storage: what is typed still goes out, and the page says that it is not kept.
      this.durable = false;
    }
    this.unkept -= ops.length;
    this.on.state();
    this.flush();
  }

  /** Try now (on a signal that it may work again, or when something was pushed). */
  async flush() {
    if (this.#sending || this.status === "stale") return;
    this.timers.clearTimeout(this.#timer);
    this.#sending = true;
    let size = BATCH;
    while (this.queue.length) {
      const batch = this.queue.slice(0, size);
      this.#set("sending");
      try {
        const reply = await this.send(batch, this.version());
        await this.#done(batch);
        this.savedAt = reply.saved_at ?? new Date().toISOString();
        this.on.sent(batch, reply);
        this.#wait = FIRST_WAIT_MS;
        size = BATCH;
      } catch (error) {
        const go = await this.#failed(error, batch);
        if (go === "stop") break;
        size = go === "one" ? 1 : BATCH;
      }
    }
    this.#sending = false;
    if (!this.queue.length) this.#set("saved");
    else if (this.status === "sending") this.flush();
  }

  async #failed(error, batch) {
    const status = error?.status;
    this.problem = error?.message ?? null;
    if (status === undefined) throw error;
    if (status === 401) return this.#stop("signed-out");
    if (status === 412) {
      this.#set("stale");
      this.on.stale(error.body);
      return "stop";
    }
    const lasting = status >= 400 && status < 500 && ![403, 408, 425, 429].includes(status);
    if (!lasting) {
      this.#stop("waiting");
      this.#timer = this.timers.setTimeout(() => this.flush(), this.#wait);
      this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
      return "stop";
    }
    // The server takes a batch whole or not at all: find the one it means by sending them singly.
    if (batch.length > 1) return "one";
    const fell = this.on.refused(batch[0], error) ?? batch;
    await this.#done(fell.length ? fell : batch);
    return "on";
  }

  /** Go on after "stale": the page has rebuilt its state; `keep` are the operations still to be sent. */
  async resume(keep) {
    const kept = new Set(keep.map((op) => op.id));
    const gone = this.queue.filter((op) => !kept.has(op.id));
    await this.#done(gone);
    const known = new Set(this.queue.map((op) => op.id));
    const added = keep.filter((op) => !known.has(op.id));
    this.status = "sending";
    if (added.length) return this.push(added);
    return this.flush();
  }

  #stop(status) {
    this.#set(status);
    return "stop";
  }

  async #done(ops) {
    const ids = new Set(ops.map((op) => op.id));
    this.queue = this.queue.filter((op) => !ids.has(op.id));
    try {
      await this.storage.drop([...ids]);
    } catch {
      this.durable = false;
    }
  }

  #set(status) {
    this.status = status;
    this.on.state();
  }
}
