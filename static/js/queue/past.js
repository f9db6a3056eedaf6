// What was decided here in one lane, to undo and redo it: in the lane's log there may be other work by the same person.

import { inverse } from "../workspace/commands.js";

export class Past {
  constructor(store, send) {
    Object.assign(this, { store, send });
    this.done = []; // ids of operations, the last one last
    this.undone = [];
  }

  /** Something new. Throws Inapplicable. */
  commit(ops, seconds) {
    this.send(ops, seconds);
    this.done.push(...ops.map((op) => op.id));
    this.undone = [];
  }

  /** Undo (or redo) the last step taken here; its operations, or null. Throws Inapplicable. */
  step(direction, seconds) {
    const [from, to] = direction === "undo" ? [this.done, this.undone] : [this.undone, this.done];
    const entry = this.store.log.find((one) => one.id === from.at(-1));
    if (!entry) return null;
    const ops = [inverse(entry)];
    this.send(ops, seconds);
    from.pop();
    to.push(ops[0].id);
    return ops;
  }

  /** Take one decision back, however long ago. Throws Inapplicable. */
  takeBack({ id }, seconds) {
    const entry = this.store.log.find((one) => one.id === id);
    if (entry) this.commit([inverse(entry)], seconds);
  }

  forget() {
    this.done = [];
    this.undone = [];
  }
}
