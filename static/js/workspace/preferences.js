// What this person set for themselves: from the server, kept here for the next page, sent when changed.

const CACHE = "topspin.preferences";
const WAIT_MS = 800;

/** As long as the server has said nothing; the names are those of strokes/preferences.py. */
export const DEFAULTS = {
  layout: "", single_keys: true, keymap: {}, class_keys: "name", reaction_ms: null, reaction_declined_ms: null,
  reaction_samples: [], code_lead_ms: 600, code_lag_ms: 500, loop_lead_ms: 350, loop_tail_ms: 350, language: "",
};

export class Preferences {
  #listeners = new Set();
  #timer = null;

  /** `send(changes)` resolves to all preferences; `shelf` is localStorage or anything like it; both may fail. */
  constructor(fromServer, { send, shelf = null, timers = globalThis, user = "" }) {
    Object.assign(this, { send, shelf, timers, place: `${CACHE}.${user}` });
    this.unsent = this.#read();
    this.values = { ...DEFAULTS, ...fromServer, ...this.unsent };
    if (Object.keys(this.unsent).length) this.#later();
  }

  get(name) {
    return this.values[name];
  }

  /** Change some, at once here and soon on the server. */
  set(changes) {
    this.values = { ...this.values, ...changes };
    this.unsent = { ...this.unsent, ...changes };
    this.#keep();
    this.#later();
    this.#tell();
  }

  subscribe(listener) {
    this.#listeners.add(listener);
  }

  #tell() {
    this.#listeners.forEach((listener) => listener(this));
  }

  #later() {
    this.timers.clearTimeout(this.#timer);
    this.#timer = this.timers.setTimeout(() => this.flush(), WAIT_MS);
  }

  /** Send what is not sent. Offline it stays on the shelf for the next page; what the server refuses is dropped. */
  async flush() {
    this.timers.clearTimeout(this.#timer);
    const sent = this.unsent;
    if (!Object.keys(sent).length) return;
    try {
      const all = await this.send(sent);
      this.#sent(sent);
      this.values = { ...this.values, ...all, ...this.unsent };
    } catch (error) {
      if (!error.status || error.status === 401 || error.status >= 500) return;
      this.#sent(sent);
    }
    this.#tell();
  }

  #sent(sent) {
    this.unsent = Object.fromEntries(Object.entries(this.unsent).filter(([name, value]) => sent[name] !== value));
    this.#keep();
  }

  #read() {
    try {
      return JSON.parse(this.shelf?.getItem(this.place) ?? "{}") ?? {};
    } catch {
      return {}; // a private window, or a shelf somebody else wrote on
    }
  }

  #keep() {
    try {
      if (Object.keys(this.unsent).length) this.shelf?.setItem(this.place, JSON.stringify(this.unsent));
      else this.shelf?.removeItem(this.place);
    } catch {
      // A private window may forget the choice; the server keeps it.
    }
  }
}
