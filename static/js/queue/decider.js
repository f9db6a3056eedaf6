// The verbs of the queue. Each decision goes to its own video's lane: history, store, outbox. Touches no document.

import * as commands from "../workspace/commands.js";
import { fill, gettext } from "../workspace/i18n.js";
import { withEdge } from "../workspace/spans.js";
import { Inapplicable } from "../workspace/store.js";

export class Decider {
  /** on: {changed(), say(text, options), edge(frame)}; `ask()` brings more suggestions into the line. */
  constructor({ line, lanes, effort, on, ask }) {
    Object.assign(this, { line, lanes, effort, on, ask });
    this.adjust = null; // {begin, end} of the current one where its edges were moved
    this.edge = "begin"; // which edge the arrows move
    this.done = []; // lanes in the order of decisions, for undo
    this.undone = [];
  }

  /** The suggestion on screen with its moved edges. */
  get current() {
    const one = this.line.current;
    return one && { ...one, ...this.adjust };
  }

  choose(edge) {
    this.edge = edge;
    this.on.changed();
  }

  nudge(edge, frames) {
    const one = this.current;
    if (!one) return;
    this.edge = edge;
    this.adjust = withEdge(one, edge, one[edge] + frames, one.video.n_frames);
    this.on.changed();
    this.on.edge(edge === "begin" ? this.adjust.begin : this.adjust.end - 1);
  }

  /** Accept with the model's class, or with `move`. */
  async accept(move = null) {
    const one = this.current;
    if (!one) return;
    const data = { begin: one.begin, end: one.end, move: move ?? (one.move || one.top?.[0]?.[0] || "") };
    await this.#decide(one, (lane) => {
      if (lane.players.length === 1) data.player = lane.players[0].pseudonym;
      return commands.accept(one.id, data);
    }, { verdict: "accepted", ...data });
  }

  async reject() {
    const one = this.current;
    if (one) await this.#decide(one, () => commands.reject(one.id), { verdict: "rejected", begin: one.begin, end: one.end });
  }

  /** The model's first, second or third class. */
  async top(index) {
    const choice = this.current?.top?.[index];
    if (choice) await this.accept(choice[0]);
    else this.on.say(gettext("The model has no class to offer here. Press a group key first, then a number."));
  }

  async #decide(one, make, result) {
    if (this.busy) return;
    this.busy = true;
    try {
      const lane = await this.lanes.get(one.video.id);
      if (this.line.current?.id !== one.id) return;
      const seconds = this.effort.take();
      const op = { ...make(lane), via: `queue-${one.share}` };
      lane.commit([op], seconds);
      this.done.push({ lane, id: one.id });
      this.undone = [];
      this.line.decide({ ...result, op }, seconds);
      this.#onward();
    } catch (error) {
      if (!(error instanceof Inapplicable)) return this.on.say(error.message);
      this.line.drop();
      this.on.say(gettext("This one was decided elsewhere meanwhile; here is the next."));
      this.#onward();
    } finally {
      this.busy = false;
    }
  }

  later() {
    if (!this.line.current) return;
    this.line.putOff();
    this.effort.take();
    this.#onward();
  }

  #onward() {
    this.adjust = null;
    this.edge = "begin";
    this.ask();
    this.on.changed();
  }

  undo() {
    const last = this.done.pop();
    if (!last) return this.on.say(gettext("There is nothing to undo."));
    this.#step(last, "undo", () => this.undone.push(last));
  }

  redo() {
    const last = this.undone.pop();
    if (!last) return this.on.say(gettext("There is nothing to redo."));
    this.#step(last, "redo", () => this.done.push(last));
  }

  #step(entry, direction, moved) {
    try {
      const ops = entry.lane.step(direction, this.effort.take());
      if (!ops) return this.#lost();
      moved();
      const undone = ops.some((op) => op.kind === "reopen");
      if (undone) this.line.back(entry.id);
      else this.#again(entry, ops[0]);
      this.adjust = null;
      this.on.changed();
    } catch (error) {
      if (!(error instanceof Inapplicable)) throw error;
      this.#lost();
    }
  }

  #lost() {
    this.on.say(gettext("This can no longer be undone: it was changed elsewhere."));
  }

  /** A decision that was undone is done again. */
  #again({ id }, op) {
    const verdict = op.kind === "accept" ? "accepted" : "rejected";
    this.line.decide({ verdict, ...op.data, op }, 0, id);
  }

  /** Take back one of the latest decisions, to decide it anew. */
  async takeBack(id) {
    const entry = this.line.recent.find((each) => each.one.id === id);
    if (!entry) return;
    const lane = await this.lanes.get(entry.one.video.id);
    try {
      lane.takeBack(entry.op, this.effort.take());
    } catch (error) {
      if (!(error instanceof Inapplicable)) throw error;
      return this.#lost();
    }
    this.done.push({ lane, id });
    this.undone = [];
    this.line.back(id);
    this.adjust = null;
    this.on.changed();
  }

  /** Something fell out of a lane: what depended on its history can no longer be undone here. */
  forget(lane) {
    this.done = this.done.filter((each) => each.lane !== lane);
    this.undone = this.undone.filter((each) => each.lane !== lane);
    this.on.changed();
  }
}

/** "14 of 50 decided, about 3 min left" */
export function progressText({ decided, goal, minutes }) {
  const counted = fill(gettext("%(n)s of %(goal)s decided"), { n: decided, goal });
  if (minutes === null || decided >= goal) return counted;
  return `${counted} · ${fill(gettext("about %(n)s min left"), { n: minutes })}`;
}
