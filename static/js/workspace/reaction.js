// Reaction time: a mark made while playing comes late. How late is set by the person, or learned from what they
// correct afterwards: the median of (marked - corrected), in milliseconds of the clock on the wall.

const ENOUGH = 20;
const KEPT = 60;
const STEP_MS = 10;
const WORTH_MS = 40; // a smaller difference is not worth a question
const MOST_MS = 1000;

/** The frame that was on screen `ms` before `frame` came, playing at `speed`. */
export function earlier(table, frame, ms, speed) {
  return table.at(Math.max(0, table.begin(frame) - (ms / 1000) * speed));
}

/** How many milliseconds of the wall's clock after `right` the key for `pressed` came. */
export function lateness(table, pressed, right, speed) {
  return Math.round(((table.begin(pressed) - table.begin(right)) * 1000) / speed);
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** What the corrections say, to whole hundredths of a second: {ms, n}, or null while there are too few. */
export function learned(samples) {
  if (samples.length < ENOUGH) return null;
  const ms = Math.min(Math.max(0, Math.round(median(samples) / STEP_MS) * STEP_MS), MOST_MS);
  return { ms, n: samples.length };
}

/** A learned value worth asking about: far enough from the one in use and from one that was not wanted. */
export function proposal({ reaction_samples: samples, reaction_ms: used, reaction_declined_ms: declined }) {
  const found = learned(samples ?? []);
  if (!found || Math.abs(found.ms - (used ?? 0)) < WORTH_MS) return null;
  if (declined !== null && declined !== undefined && Math.abs(found.ms - declined) < WORTH_MS) return null;
  return found;
}

/** Remembers which edges were marked while playing, and how late each was once it is put right. */
export class Reaction {
  #live = new Map();

  constructor(table, preferences) {
    Object.assign(this, { table, preferences });
  }

  get ms() {
    return this.preferences.get("reaction_ms") ?? 0;
  }

  /** The frame that is meant by a key pressed now. */
  meant(player) {
    const live = player.direction === 1;
    return live && this.ms ? earlier(this.table, player.frame, this.ms, player.speed) : player.frame;
  }

  /** `pressed` is the picture on screen when `edge` of `stroke` was marked while playing at `speed`. */
  marked(stroke, edge, pressed, speed) {
    this.#live.set(`${stroke} ${edge}`, { pressed, speed });
  }

  /** The person moved an edge to `frame` (its last picture, for an end). The first correction counts, once. */
  corrected(stroke, edge, frame) {
    const key = `${stroke} ${edge}`;
    const live = this.#live.get(key);
    if (!live) return;
    this.#live.delete(key);
    const late = lateness(this.table, live.pressed, frame, live.speed);
    if (Math.abs(late) > 2 * MOST_MS) return; // moved to another stroke, not corrected
    const samples = [...this.preferences.get("reaction_samples"), late].slice(-KEPT);
    this.preferences.set({ reaction_samples: samples });
  }
}
