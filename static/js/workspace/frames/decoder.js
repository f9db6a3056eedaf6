// Runs in the worker: one VideoDecoder. A decoded picture is known by its packet's own time, never by the nearest one.

const OPEN = 4; // pictures that wait to be copied; more would dry up a decoder's pool
const AT_ONCE = 2; // packets in the decoder while nobody waits: a new wish comes after them
const REST_MS = 20; // after a wished picture: time for the next wish, before its neighbours are copied
const STALL_MS = 8; // a decoder that gives nothing for so long wants more packets

const channel = new MessageChannel();

/** Let messages in: copying a picture takes milliseconds, and a new wish must not wait for twelve of them. */
const beat = () =>
  new Promise((resolve) => {
    channel.port1.onmessage = resolve;
    channel.port2.postMessage(null);
  });
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Decoder {
  #expected = new Map(); // time of a packet in µs -> {ordinal, job}
  #job = null;
  #open = []; // {frame, ordinal}: decoded, not yet copied
  #failure = null;
  #news = () => {};

  /** `give(ordinal, bitmap)` gets every picture; `see(ordinal, frame)` the wished one before, which it must close. */
  constructor(config, { give, see }) {
    // In order and one for one where the decoder can, so that a wished picture is out as soon as its packet is in.
    this.config = { ...config, optimizeForLatency: true };
    Object.assign(this, { give, see });
    this.renew();
  }

  /** A fresh decoder, after a failure. */
  renew() {
    if (this.decoder && this.decoder.state !== "closed") this.decoder.close();
    this.#drop();
    this.#expected.clear();
    this.#failure = null;
    this.decoder = new VideoDecoder({
      output: (frame) => this.#out(frame),
      error: (error) => {
        this.#failure = error;
        this.#news();
      },
    });
    this.decoder.configure(this.config);
    this.decoder.addEventListener("dequeue", () => this.#news());
  }

  /**
   * Decode the packets of `group`, the first of which is the key picture `begin`. Pictures in `skip` are thrown away. A
   * `target` is shown first, and only then `enough()` is asked, which ends the work. Resolves to whether all was done.
   */
  async decode(group, { begin, skip, target = null, enough }) {
    this.#drop();
    const { length } = group;
    const job = { skip: new Set(skip), target, left: length, nearest: target !== null };
    this.#job = job;
    let fed = 0;
    const feed = async () => {
      const chunk = (await group.next()).toEncodedVideoChunk();
      this.#expected.set(chunk.timestamp, { ordinal: begin + fed, job });
      fed += 1;
      this.decoder.decode(chunk);
    };
    if (target !== null) {
      while (fed <= target - begin) await feed();
      await this.#seek(job, () => (fed < length ? feed() : false));
      await sleep(REST_MS);
    }
    for (;;) {
      if (enough()) return this.#drop();
      if (this.#failure) throw this.#failure;
      if (this.#open.length) await this.#copy();
      else if (fed < length && this.decoder.decodeQueueSize < AT_ONCE) await feed();
      else if (job.left > length - fed) await this.#wait(fed === length);
      if (job.left === 0 && !this.#open.length) return true;
      await beat();
    }
  }

  /** Until the wished picture is out. `more()` gives the decoder another packet; false when there is none. */
  async #seek(job, more) {
    while (job.target !== null) {
      if (this.#failure) throw this.#failure;
      const silent = await Promise.race([this.#something().then(() => false), sleep(STALL_MS).then(() => true)]);
      if (!silent || job.target === null || this.decoder.decodeQueueSize > 0) continue;
      if ((await more()) === false) await this.#flush();
      if (job.left === 0 && job.target !== null) throw new Error(`picture ${job.target} did not come out of the decoder`);
    }
  }

  /** Until the decoder says something; when it has all packets and keeps silent, it is asked for what it holds. */
  async #wait(all) {
    const silent = await Promise.race([this.#something().then(() => false), sleep(STALL_MS).then(() => true)]);
    if (silent && all && this.decoder.decodeQueueSize === 0) await this.#flush();
  }

  async #flush() {
    const job = this.#job;
    await Promise.race([this.decoder.flush(), this.#broken()]);
    // What did not come now never comes: those pictures stay unknown here and are asked for again.
    job.left = 0;
  }

  #broken() {
    return new Promise((resolve, reject) => {
      const before = this.#news;
      this.#news = () => {
        before();
        if (this.#failure) reject(this.#failure);
      };
    });
  }

  #something() {
    return new Promise((resolve) => {
      this.#news = resolve;
    });
  }

  #out(frame) {
    const { ordinal, job } = this.#expected.get(frame.timestamp) ?? {};
    this.#expected.delete(frame.timestamp);
    if (!job || job !== this.#job) return frame.close();
    job.left -= 1;
    if (ordinal === job.target) {
      job.target = null;
      this.see(ordinal, frame.clone());
    }
    if (job.skip.has(ordinal)) frame.close();
    else this.#open.push({ frame, ordinal });
    // On the way to the wished picture only the last few stay open.
    if (job.target !== null && this.#open.length > OPEN) this.#open.shift().frame.close();
    return this.#news();
  }

  /** Keep one open picture: of a wished group the wished one and what is near it first. */
  async #copy() {
    const { frame, ordinal } = this.#job.nearest ? this.#open.pop() : this.#open.shift();
    try {
      this.give(ordinal, await createImageBitmap(frame));
    } finally {
      frame.close();
    }
  }

  #drop() {
    this.#open.splice(0).forEach(({ frame }) => frame.close());
    return false;
  }
}
