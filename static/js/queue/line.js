// What waits, what was decided and what was put off, in one visit. Knows neither page nor server.

const KEPT = 10;
const GOAL = 50;

export class Line {
  #known = new Set();

  constructor() {
    this.waiting = []; // the first is on screen
    this.later = []; // "not sure": comes again when nothing else waits
    this.recent = []; // the ten latest decisions, newest first: {one, verdict, move, begin, end}
    this.decided = 0;
    this.seconds = [];
    this.open = 0; // open on the server when last asked
  }

  get current() {
    return this.waiting[0] ?? null;
  }

  /** Suggestions from the server; those seen in this visit are left out. Returns how many were new. */
  take(list) {
    const fresh = list.filter((one) => !this.#known.has(one.id));
    fresh.forEach((one) => this.#known.add(one.id));
    this.waiting.push(...fresh);
    return fresh.length;
  }

  /** How many the server must send so that something new is among them. */
  get known() {
    return this.waiting.length + this.later.length;
  }

  /** The current one was decided (or, redone, the one with `id`). */
  decide(result, seconds, id = this.current?.id) {
    const one = this.#remove(id);
    if (!one) return;
    this.recent.unshift({ one, ...result });
    this.recent.length = Math.min(this.recent.length, KEPT);
    this.decided += 1;
    this.seconds.push(seconds);
  }

  #remove(id) {
    for (const list of [this.waiting, this.later]) {
      const at = list.findIndex((each) => each.id === id);
      if (at >= 0) return list.splice(at, 1)[0];
    }
    return null;
  }

  putOff() {
    const one = this.waiting.shift();
    if (one) this.later.push(one);
  }

  /** It cannot be decided any more (somebody did, or a new model took it away). */
  drop() {
    return this.waiting.shift();
  }

  /** A decision was taken back: its suggestion is on screen again. */
  back(id) {
    const at = this.recent.findIndex((entry) => entry.one.id === id);
    if (at < 0) return null;
    const [entry] = this.recent.splice(at, 1);
    this.waiting.unshift(entry.one);
    this.decided -= 1;
    return entry.one;
  }

  /** What was put off comes again. */
  resume() {
    this.waiting.push(...this.later.splice(0));
  }

  /** {decided, goal, minutes}: how far a round of fifty is; minutes is null until there is something to go by. */
  progress() {
    const left = Math.max(this.open - this.decided, this.known);
    const goal = Math.min(Math.ceil((this.decided + 1) / GOAL) * GOAL, this.decided + left);
    if (this.seconds.length < 3) return { decided: this.decided, goal, minutes: null };
    const sorted = this.seconds.slice(-30).sort((a, b) => a - b);
    const each = sorted[Math.floor(sorted.length / 2)];
    return { decided: this.decided, goal, minutes: Math.max(1, Math.round(((goal - this.decided) * each) / 60)) };
  }
}
