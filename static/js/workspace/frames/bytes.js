// Bytes of one file on the server: fetched by Range once, kept (bounded), given out as often as wanted.

const FIRST = 256 * 1024; // usually holds the whole index of a short video
const LEAST = 32 * 1024; // no request is worth less

export class NetworkError extends Error {
  constructor(status, message) {
    super(message);
    this.name = "NetworkError";
    this.status = status; // 0: the server could not be reached
  }
}

/** The file is not the one that was opened: it was made anew meanwhile. */
export class ChangedError extends Error {}

export class ByteStore {
  #parts = []; // {start, bytes}, sorted, not overlapping
  #running = []; // {start, end, done}
  #etag = null;

  /** `load(url, headers)` is fetch; `told({bytes, ms})` hears of every answer. */
  constructor(url, { load = (...all) => fetch(...all), limit = 96 * 2 ** 20, told = () => {} } = {}) {
    Object.assign(this, { url, load, limit, told });
    this.size = null;
    this.kept = 0;
  }

  /** Fetch the beginning and learn the size. */
  async open() {
    await this.#fetch(0, FIRST);
  }

  has(start, end) {
    return this.#gap(start, end) === null;
  }

  /** The bytes [start, end), in one request if any of them is missing. */
  async read(start, end) {
    for (;;) {
      const gap = this.#gap(start, end);
      if (gap === null) return this.#cut(start, end);
      const running = this.#running.find((one) => one.start <= gap.start && gap.start < one.end);
      if (running) await running.done;
      else await this.#fetch(gap.start, Math.min(Math.max(gap.end, gap.start + LEAST), this.size));
    }
  }

  /** Where the first missing byte after `from` is, and how many follow it (up to `most`); null if all are here. */
  missing(from, most) {
    for (const [begin, end] of [[from, this.size], [0, from]]) {
      const gap = this.#gap(begin, end);
      if (gap) return { start: gap.start, end: Math.min(gap.start + most, this.#nextPart(gap.start) ?? end, end) };
    }
    return null;
  }

  #nextPart(after) {
    return this.#parts.find((part) => part.start > after)?.start ?? null;
  }

  /** The span from the first to the last missing byte of [start, end). */
  #gap(start, end) {
    let first = start;
    let last = end;
    for (const { start: from, bytes } of this.#parts) {
      const to = from + bytes.length;
      if (from <= first && first < to) first = to;
      if (from < last && last <= to && from > first) last = from;
    }
    return first >= end ? null : { start: first, end: last };
  }

  #cut(start, end) {
    const over = this.#parts.filter((part) => part.start < end && start < part.start + part.bytes.length);
    if (over.length === 1) return over[0].bytes.subarray(start - over[0].start, end - over[0].start);
    const out = new Uint8Array(end - start);
    for (const part of over) {
      const from = Math.max(start, part.start);
      const to = Math.min(end, part.start + part.bytes.length);
      out.set(part.bytes.subarray(from - part.start, to - part.start), from - start);
    }
    return out;
  }

  #fetch(start, end) {
    const one = { start, end, done: null };
    one.done = this.#answer(start, end).finally(() => this.#running.splice(this.#running.indexOf(one), 1));
    this.#running.push(one);
    return one.done;
  }

  async #answer(start, end) {
    const began = performance.now();
    let answer;
    let body;
    try {
      answer = await this.load(this.url, { headers: { Range: `bytes=${start}-${end - 1}` }, credentials: "same-origin" });
      body = new Uint8Array(await answer.arrayBuffer());
    } catch (error) {
      throw new NetworkError(0, String(error.message ?? error));
    }
    if (answer.status !== 206) throw new NetworkError(answer.status, `${answer.status} instead of a part`);
    const etag = answer.headers.get("ETag");
    if (this.#etag !== null && etag !== this.#etag) throw new ChangedError("the file was made anew");
    this.#etag = etag;
    const [, from, size] = answer.headers.get("Content-Range").match(/bytes (\d+)-\d+\/(\d+)/);
    this.size = Number(size);
    this.#keep(Number(from), body);
    this.told({ bytes: body.length, ms: performance.now() - began });
  }

  #keep(start, bytes) {
    const end = start + bytes.length;
    const apart = this.#parts.filter((part) => part.start + part.bytes.length <= start || part.start >= end);
    const under = this.#parts.filter((part) => !apart.includes(part));
    for (const part of under) {
      // What was here stays where it is; only what is new is taken.
      const head = part.start < start ? part.bytes.slice(0, start - part.start) : null;
      const tail = part.start + part.bytes.length > end ? part.bytes.slice(end - part.start) : null;
      if (head) apart.push({ start: part.start, bytes: head });
      if (tail) apart.push({ start: end, bytes: tail });
    }
    apart.push({ start, bytes });
    this.kept = apart.reduce((sum, part) => sum + part.bytes.length, 0);
    // The beginning holds the index and stays; of the rest what lies farthest from the newest goes first.
    const far = apart.filter((part) => part.start > 0 && part.start !== start);
    far.sort((a, b) => Math.abs(b.start - start) - Math.abs(a.start - start));
    while (this.kept > this.limit && far.length) {
      const gone = far.shift();
      apart.splice(apart.indexOf(gone), 1);
      this.kept -= gone.bytes.length;
    }
    this.#parts = apart.sort((a, b) => a.start - b.start);
  }
}
