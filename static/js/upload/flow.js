// Flow: which files are sent now, how far all of them are, and how long it still takes. No page, no network.

export const PARALLEL = 2;
const WINDOW_MS = 20_000;
const BUSY = new Set(["sending", "retrying", "checking"]);
const ENDED = new Set(["done", "failed"]);

/** The entries to start now: queued ones in their order, while fewer than PARALLEL are busy. */
export function startable(entries) {
  const room = PARALLEL - entries.filter((entry) => BUSY.has(entry.state)).length;
  return entries.filter((entry) => entry.state === "queued").slice(0, Math.max(0, room));
}

/** Files and bytes of all that was started, and how much of it has arrived. */
export function total(entries) {
  const counted = entries.filter((entry) => entry.state !== "chosen" && entry.state !== "failed");
  return {
    files: counted.length,
    done: counted.filter((entry) => ENDED.has(entry.state)).length,
    bytes: counted.reduce((sum, entry) => sum + entry.size, 0),
    sent: counted.reduce((sum, entry) => sum + entry.sent, 0),
    going: entries.some((entry) => BUSY.has(entry.state) || entry.state === "queued"),
  };
}

/** Whether `file` is the one that `upload` (of the server's list) was begun with. */
export function same(upload, file) {
  const dated = upload.modified && file.lastModified;
  return upload.name === file.name && upload.bytes === file.size && (!dated || upload.modified === file.lastModified);
}

/** Speed over the last seconds. `add(now, sent)` as bytes go out; `left(bytes)` in seconds, null while unknown. */
export class Pace {
  #samples = [];

  add(now, sent) {
    const last = this.#samples.at(-1);
    if (last && sent < last.sent) this.#samples = []; // something began anew
    this.#samples.push({ now, sent });
    while (this.#samples.length > 2 && this.#samples[0].now < now - WINDOW_MS) this.#samples.shift();
  }

  /** Bytes per second, 0 while unknown. */
  get speed() {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (!first || last.now - first.now < 1000) return 0;
    return ((last.sent - first.sent) * 1000) / (last.now - first.now);
  }

  left(bytes) {
    return this.speed > 0 ? bytes / this.speed : null;
  }
}
