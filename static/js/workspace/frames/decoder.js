// Runs in the worker: one VideoDecoder. A decoded picture is known by its packet's own time, never by the nearest one.

const IN_FLIGHT = 3; // packets given to the decoder before it has answered
const HELD = 4; // pictures before the wished one that wait open; more would dry up a decoder's pool

export class Decoder {
  #expected = new Map(); // time of a packet in µs -> its ordinal
  #job = null;
  #held = [];
  #failure = null;

  /** `give(ordinal, bitmap)` gets every picture. */
  constructor(config, give) {
    // In order and one for one where the decoder can, so that a wished picture is out as soon as its packet is in.
    this.config = { ...config, optimizeForLatency: true };
    this.give = give;
    this.renew();
  }

  /** A fresh decoder, after a failure. */
  renew() {
    if (this.decoder && this.decoder.state !== "closed") this.decoder.close();
    this.#release();
    this.#expected.clear();
    this.#failure = null;
    this.decoder = new VideoDecoder({
      output: (frame) => this.#out(frame),
      error: (error) => {
        this.#failure = error;
        this.#job?.stop();
      },
    });
    this.decoder.configure(this.config);
  }

  /**
   * Decode `packets`, the first of which is the key picture `begin`. Pictures in `skip` are thrown away. With a `target`,
   * that one is handed over first (and `found()` called) and `enough()` is asked only after it. Resolves when all are out.
   */
  async decode(packets, { begin, skip, target = null, found = () => {}, enough }) {
    const job = { skip: new Set(skip), target, found, stop: null, given: [] };
    this.#job = job;
    let stopped = false;
    const broken = new Promise((resolve, reject) => {
      job.stop = () => reject(this.#failure);
    });
    broken.catch(() => {});
    for (const [k, packet] of packets.entries()) {
      if (job.target === null && enough()) {
        stopped = true;
        break;
      }
      const chunk = packet.toEncodedVideoChunk();
      this.#expected.set(chunk.timestamp, begin + k);
      this.decoder.decode(chunk);
      while (this.decoder.decodeQueueSize >= IN_FLIGHT) await Promise.race([this.#dequeued(), broken]);
      if (this.#failure) throw this.#failure;
    }
    // A stopped group leaves its last pictures to come when they like: each still says which it is.
    if (!stopped) await Promise.race([this.decoder.flush(), broken]);
    await Promise.all(job.given);
    if (job.target !== null) throw new Error(`picture ${job.target} did not come out of the decoder`);
  }

  #dequeued() {
    return new Promise((resolve) => this.decoder.addEventListener("dequeue", resolve, { once: true }));
  }

  #out(frame) {
    const ordinal = this.#expected.get(frame.timestamp);
    this.#expected.delete(frame.timestamp);
    const job = this.#job;
    if (ordinal === undefined || job.skip.has(ordinal)) return frame.close();
    if (ordinal === job.target) {
      job.target = null;
      job.given.push(this.#hand(frame, ordinal).then(job.found));
      this.#held.splice(0).forEach(([held, of]) => job.given.push(this.#hand(held, of)));
    } else if (job.target !== null && ordinal < job.target) {
      this.#held.push([frame, ordinal]);
      if (this.#held.length > HELD) this.#held.shift()[0].close();
    } else job.given.push(this.#hand(frame, ordinal));
    return undefined;
  }

  async #hand(frame, ordinal) {
    try {
      this.give(ordinal, await createImageBitmap(frame));
    } finally {
      frame.close();
    }
  }

  #release() {
    this.#held.splice(0).forEach(([frame]) => frame.close());
  }
}
