// Sharper or lighter picture: what the person wishes, or what the line carries. Pure.

export const WISHES = ["auto", "sharp", "light"];

const SLOW = ["slow-2g", "2g", "3g"];
const ENOUGH_MBPS = 6; // a line below this cannot play the usual proxy in time
const SURE = 3; // answers before a measurement is believed

/** Whether to begin with the lighter file. `line`: {saveData, effectiveType} of the browser, or nothing; `mbps`: as measured last time. */
export function beginLight({ wish, line, mbps }) {
  if (wish !== "auto") return wish === "light";
  if (line?.saveData || SLOW.includes(line?.effectiveType)) return true;
  return mbps !== null && mbps < ENOUGH_MBPS;
}

/** What the line carries, from the answers that were long enough to say. */
export class Line {
  #rates = [];

  constructor(mbps = null) {
    this.before = mbps; // as measured on an earlier page
  }

  add({ bytes, ms }) {
    if (bytes < 64 * 1024 || ms <= 0) return;
    this.#rates.push((bytes * 8) / ms / 1000);
    if (this.#rates.length > 15) this.#rates.shift();
  }

  /** Megabits a second (the middle of the latest answers), or null while too few came. */
  get mbps() {
    if (this.#rates.length < SURE) return this.before;
    const sorted = [...this.#rates].sort((a, b) => a - b);
    return sorted[sorted.length >> 1];
  }

  /** Whether this page has seen that the line cannot carry `need` Mbit/s. */
  tooSlowFor(need) {
    return this.#rates.length >= SURE && this.mbps < need * 0.8;
  }
}
