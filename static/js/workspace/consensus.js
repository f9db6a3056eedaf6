// The consensus, for whoever looks after the site: begun from what all agree on, then decided stroke by stroke. It is nobody's lane,
// so it does not go through the editor: each step is sent at once and says what became of it; it is undone from the log like all
// else. Touches no document.

import { overlapOf, SAME } from "./agreement.js";
import { add, complete, remove } from "./commands.js";
import { CONSENSUS } from "./compare.js";
import { fill, gettext } from "./i18n.js";
import { asStep, History, takeBack } from "./steps.js";
import { wordsOfLog } from "./words.js";

const FIELDS = ["begin", "end", "move", "player", "unsure"];

export class Consensus {
  #busy = false;

  /** `send(ops, version)` and `begin()` answer with all lanes as they now are. */
  constructor({ compare, editor, send, begin, say }) {
    Object.assign(this, { compare, editor, send, begin, say });
    // Undo and redo are read from the server's log, as in one's own lane.
    this.history = new History({
      more: false,
      get log() { return compare.consensus?.log ?? []; },
      get revision() { return compare.revision; },
    });
    this.touched = 0; // when something was done here in this visit
  }

  get there() {
    return this.compare.on && this.compare.consensus !== null;
  }

  /** Whether this person decides here, and so has steps to look back at. */
  get mine() {
    return this.there && this.compare.admin;
  }

  /** Whether stroke `id` stands in it now. */
  has(id) {
    return this.#lane.arranged.sorted.some((one) => one.id === id);
  }

  get #lane() {
    return this.compare.lane(CONSENSUS);
  }

  /** What can be put into the consensus: the chosen stroke of an expert or of mine. */
  candidate() {
    if (!this.mine) return null;
    const chosen = this.compare.chosen() ?? this.editor.chosen();
    return chosen && chosen.kind !== CONSENSUS && chosen.kind !== "suggestion" ? chosen : null;
  }

  /** The chosen stroke of the consensus itself, or null. */
  chosen() {
    const chosen = this.compare.admin ? this.compare.chosen() : null;
    return chosen?.kind === CONSENSUS ? chosen : null;
  }

  async #work(work) {
    if (this.#busy) return false;
    this.#busy = true;
    try {
      this.compare.renew(await work());
      return true;
    } catch (error) {
      if (error.body?.state) this.compare.renew(error.body.state);
      this.say(error.message);
      return false;
    } finally {
      this.#busy = false;
    }
  }

  /** From now on the truth of the video is what all agree on. */
  async start() {
    if (!(await this.#work(() => this.begin()))) return;
    const n = this.#lane.arranged.sorted.length;
    this.say(fill(gettext("The consensus holds what all agree on: %(n)s. Go through the disagreements to decide the rest."), { n }));
  }

  async #commit(ops, text) {
    const { version } = this.compare.consensus;
    if (!(await this.#work(() => this.send(asStep(ops), version)))) return false;
    this.touched = Date.now();
    this.say(text, { undo: () => this.step("undo") });
    return true;
  }

  /** Whether "undo" or "redo" is meant for the consensus: it is in view, and what was done last was done here. */
  means(direction) {
    if (!this.mine || !this.history.plan(direction)) return false;
    return this.#at(this) > this.#at(this.editor);
  }

  #at({ touched, history }) {
    return touched || Date.parse(history.steps.at(-1)?.entries.at(-1).at ?? 0);
  }

  /** Take back what I decided last, or do it again. */
  async step(direction) {
    const ops = this.history.plan(direction);
    if (!ops || !(await this.#work(() => this.send(ops, this.compare.consensus.version)))) return;
    this.touched = Date.now();
    this.say(direction === "undo" ? gettext("Undone in the consensus.") : gettext("Done again in the consensus."));
  }

  /** Take back what I decided in `steps` (oldest first), as one step; whether it was done. */
  takeBack(steps, text) {
    return this.#commit(takeBack(steps), text);
  }

  /** Names for the sentences of what I decided here. */
  words(tree) {
    return wordsOfLog(this.compare.consensus.log, this.#lane.arranged.sorted, tree);
  }

  /** The chosen stroke is what the consensus says there; what it said there before goes. Then the next disagreement. */
  async put() {
    const one = this.candidate();
    if (!one) return this.say(gettext("Choose the stroke that is right first."));
    const open = this.compare.at() >= 0;
    const old = this.#lane.arranged.sorted.filter((stroke) => overlapOf(stroke, one) >= SAME);
    if (old.length === 1 && FIELDS.every((field) => (old[0][field] ?? null) === (one[field] ?? null))) {
      return this.say(gettext("The consensus says so already."));
    }
    const data = Object.fromEntries(FIELDS.filter((field) => one[field] !== null).map((field) => [field, one[field]]));
    const done = await this.#commit([...old.map((stroke) => remove(stroke.id)), add(data)], gettext("Decided: this is what the consensus says here."));
    if (done && open && this.compare.agreement().open.length) await this.compare.disagreement(1);
  }

  async takeOut() {
    const one = this.chosen();
    if (!one) return this.say(gettext("Choose a stroke of the consensus first."));
    await this.#commit([remove(one.id)], gettext("Taken out of the consensus."));
    this.compare.drop();
  }

  setComplete(value) {
    return this.#commit([complete(value)], value
      ? gettext("The consensus is complete: the gaps in it now count as no stroke.")
      : gettext("The consensus is open again."));
  }
}
