// While nothing else is to do: the next video that waits for this person is warmed, so that it opens at once.

import { get } from "../../api.js";

const QUIET_MS = 5000;
const FIRST_BYTES = 256 * 1024; // as frames/bytes.js asks first
const SECONDS = 2;

/** Bytes of the proxy's beginning: its index and about two seconds. */
export function firstParts(size, duration) {
  if (!size || !duration) return [[0, FIRST_BYTES]];
  const seconds = Math.ceil((size * SECONDS) / duration);
  return [[0, FIRST_BYTES], [FIRST_BYTES, FIRST_BYTES + seconds]].filter(([from]) => from < size);
}

export class Ahead {
  #timer = null;
  #done = false;

  /** `busy()`: whether the page is at work on its own pictures; `name()`: the file that this line is given. */
  constructor({ id, busy, name }) {
    Object.assign(this, { id, busy, name });
    this.#later();
  }

  /** The line was just used for this page's own pictures. */
  used() {
    if (!this.#done) this.#later();
  }

  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.busy() || document.hidden ? this.#later() : this.#warm()), QUIET_MS);
  }

  async #warm() {
    this.#done = true;
    try {
      if (navigator.connection?.saveData) return;
      const { video: next } = await get(`videos/next/?after=${this.id}`);
      if (!next) return;
      const media = (name) => `/media/${next.id}/${name}`;
      for (const name of ["frames.json", "thumbs.json"]) await low(media(name));
      const head = await fetch(media(this.name()), { method: "HEAD", priority: "low", credentials: "same-origin" });
      if (!head.ok) return;
      const size = Number(head.headers.get("Content-Length"));
      for (const [from, to] of firstParts(size, next.duration_s)) await low(media(this.name()), `bytes=${from}-${to - 1}`);
      document.body.dataset.warmed = next.id;
    } catch {
      // Only a help: the next video opens without it too.
    }
  }
}

async function low(url, range = null) {
  const answer = await fetch(url, { priority: "low", credentials: "same-origin", headers: range ? { Range: range } : {} });
  await answer.arrayBuffer();
}
