// Operations on their way to the server: kept in storage before they are sent, sent in order, retried until taken. Several
// tabs share one storage; `lock` lets one of them send at a time. Knows neither IndexedDB nor fetch: all is given.

const BATCH = 100;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
const LONGEST_ASKED_MS = 600_000;
const STALE_TRIES = 5;

const ids = (ops) => new Set(ops.map((op) => op.id));

/**
 * status: "saved" nothing waits; "sending"; "waiting" for the server or the network; "signed-out"; "shut" the video is gone
 * or closed to this person; "stale" two versions wait for a choice.
 */
export class Outbox {
  #sending = false;
  #again = false;
  #timer = null;
  #wait = FIRST_WAIT_MS;
  #keeping = Promise.resolve();
  #kept = new Set(); // ids on disk
  #gone = new Set(); // ids that are sent or set aside: never again, even if the disk would not forget them
  #singly = 0; // so many are sent one by one, to find the one that the server means
  #stale = 0;
  #notBefore = 0; // the server asked to wait until then

  /**
   * storage: {load() -> ops, put(ops, dropIds), drop(ids), setAside(entries)}, all promises. send(ops, version) -> reply, or
   * throws {status, code, retryAfter, body}. held() -> ids that wait for a choice. version() -> the lane's, to build on.
   * on: {kept(ops), adopted(ops), sent(ops, reply), stale(body), refused(op, error) -> ops that fall, state()}.
   */
  constructor({ storage, send, version, on, held = () => new Set(), lock = (work) => work(), timers = globalThis, now = Date.now }) {
    Object.assign(this, { storage, send, version, on, held, lock, timers, now });
    this.queue = [];
    this.status = "saved";
    this.problem = null;
    this.savedAt = null;
    this.durable = true;
  }

  /** What an earlier visit, or another tab, has not sent yet. */
  async open() {
    try {
      this.queue = await this.storage.load();
      this.#kept = ids(this.queue);
    } catch {
      this.durable = false;
    }
    return [...this.queue];
  }

  get unsent() {
    return this.queue.length;
  }

  /** Operations that are nowhere but in this page: what a crash could take. */
  get unkept() {
    return this.queue.filter((op) => !this.#kept.has(op.id)).length;
  }

  /** Keep, then send. Resolves when the operations are in storage. `replaced` are forgotten in the same breath. */
  async push(ops, replaced = []) {
    this.#forget(replaced);
    this.queue.push(...ops);
    this.#set(this.status === "saved" || this.status === "stale" ? "sending" : this.status);
    await this.#keep([...ids(replaced)]);
    this.on.kept(ops, replaced);
    this.on.state();
    this.flush();
  }

  /** Write what is not on disk yet, in order: what comes later must not stand there without what came before. */
  #keep(dropped = []) {
    this.#keeping = this.#keeping.then(async () => {
      const loose = this.queue.filter((op) => !this.#kept.has(op.id));
      if (!loose.length && !dropped.length) return;
      try {
        await this.storage.put(loose, dropped);
        for (const op of loose) this.#kept.add(op.id);
        this.durable = true;
      } catch {
        // A private window or a full disk: what is typed still goes out, and the page says that it is not kept.
        this.durable = false;
      }
    });
    return this.#keeping;
  }

  /** Another tab keeps these; they are in the shared storage. */
  adopt(ops) {
    const known = ids(this.queue);
    const fresh = ops.filter((op) => !known.has(op.id) && !this.#gone.has(op.id));
    this.queue.push(...fresh);
    for (const op of fresh) this.#kept.add(op.id);
    this.#rest();
    return fresh;
  }

  /** Another tab has sent these, or set them aside. */
  forget(ops, savedAt = null) {
    this.#forget(ops);
    this.savedAt = savedAt ?? this.savedAt;
    this.#rest();
  }

  #forget(ops) {
    for (const { id } of ops) this.#gone.add(id);
    this.queue = this.queue.filter((op) => !this.#gone.has(op.id));
  }

  /** Say how things stand when nothing is being sent from here. */
  #rest() {
    if (this.#sending) return;
    if (!this.queue.length) this.#set("saved");
    else if (!this.#sendable().length) this.#set("stale");
    else this.#set(["saved", "stale"].includes(this.status) ? "sending" : this.status);
  }

  #sendable() {
    const held = this.held();
    return this.queue.filter((op) => !held.has(op.id));
  }

  /** Try now (on a signal that it may work again, or when something was pushed). */
  async flush() {
    this.#again = true;
    if (this.#sending || this.now() < this.#notBefore) return;
    this.#sending = true;
    this.timers.clearTimeout(this.#timer);
    try {
      while (this.#again && this.queue.length) {
        this.#again = false;
        await this.lock(() => this.#sendAll());
      }
    } finally {
      this.#sending = false;
    }
    if (!this.queue.length) this.#set("saved");
    else if (!this.#sendable().length) this.#set("stale");
    else this.on.state();
  }

  async #sendAll() {
    await this.#catchUp();
    for (;;) {
      await this.#keep();
      const batch = this.#sendable().slice(0, this.#singly ? 1 : BATCH);
      if (!batch.length) return;
      this.#set("sending");
      try {
        const reply = await this.send(batch, this.version());
        this.on.sent(batch, reply);
        this.savedAt = reply.saved_at ?? new Date().toISOString();
        await this.#done(batch);
        this.#wait = FIRST_WAIT_MS;
        this.#stale = 0;
        this.#singly = Math.max(0, this.#singly - 1);
        this.problem = null;
      } catch (error) {
        if (!(await this.#failed(error, batch))) return;
      }
    }
  }

  /** Another tab may have kept operations that this one has not heard of. Storage says the order. */
  async #catchUp() {
    await this.#keeping;
    let rows;
    try {
      rows = await this.storage.load();
    } catch {
      return;
    }
    rows = rows.filter((op) => !this.#gone.has(op.id));
    const known = ids(this.queue);
    const stored = ids(rows);
    const fresh = rows.filter((op) => !known.has(op.id));
    this.queue = [...rows, ...this.queue.filter((op) => !stored.has(op.id))];
    this.#kept = stored;
    if (fresh.length) this.on.adopted(fresh);
  }

  /** Whether to go on after `error`. */
  async #failed(error, batch) {
    const { status, code } = error ?? {};
    if (status === undefined) throw error;
    this.problem = error.message ?? null;
    if (status === 401) return this.#stop("signed-out");
    if (status === 412) {
      this.#stale += 1;
      if (this.#stale > STALE_TRIES) return this.#later(error);
      await this.on.stale(error.body);
      return true;
    }
    if (code === "key_reused") return true;
    const passing = status === 0 || status >= 500 || [408, 425, 429].includes(status) || ["csrf_failed", "not_ready"].includes(code);
    if (passing) return this.#later(error);
    if ([403, 404, 410].includes(status)) return this.#later(error, "shut");
    // The server takes a batch whole or not at all: find the one it means by sending them singly.
    if (batch.length > 1) {
      this.#singly = batch.length;
      return true;
    }
    this.#singly = Math.max(0, this.#singly - 1);
    await this.setAside([batch[0], ...this.on.refused(batch[0], error)], { code, message: error.message });
    return true;
  }

  #later(error, status = "waiting") {
    const asked = Number.isFinite(error.retryAfter) ? Math.min(error.retryAfter * 1000, LONGEST_ASKED_MS) : 0;
    this.#notBefore = this.now() + asked;
    const wait = Math.max(asked, status === "shut" ? LONGEST_WAIT_MS : this.#wait);
    this.#timer = this.timers.setTimeout(() => this.flush(), wait);
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
    return this.#stop(status);
  }

  #stop(status) {
    this.#again = false;
    this.#set(status);
    return false;
  }

  /** Move operations out of the way without losing them; `why` is {code, message}. */
  async setAside(ops, why) {
    const at = new Date().toISOString();
    this.#forget(ops);
    try {
      await this.storage.setAside(ops.map((op) => ({ op, why, at })));
    } catch {
      this.durable = false;
    }
    this.on.aside?.(ops, why, at);
    this.on.state();
  }

  async #done(ops) {
    this.#forget(ops);
    try {
      await this.storage.drop([...ids(ops)]);
    } catch {
      this.durable = false;
    }
  }

  /** These need not be sent (the server has them, or both sides did the same). */
  async settle(ops) {
    if (ops.length) await this.#done(ops);
    this.on.state();
  }

  #set(status) {
    this.status = status;
    this.on.state();
  }
}

/**
 * The Idempotency-Key of a batch: what its ids and the version it builds on give together, so that the same batch has the
 * same key also after a reload, and another batch another one. `salt` makes a new one for the same batch.
 */
export function keyOf(ops, version, salt = 0) {
  const key = new Uint8Array(16);
  for (const { id } of ops) {
    const hex = id.replaceAll("-", "");
    for (let i = 0; i < 16; i += 1) key[i] ^= parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  }
  const view = new DataView(key.buffer);
  view.setUint32(0, view.getUint32(0) ^ version);
  view.setUint32(4, view.getUint32(4) ^ (salt * 0x9e3779b1));
  const hex = [...key].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
