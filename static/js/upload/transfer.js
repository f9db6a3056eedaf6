// Transfer: one file to the server by tus, over any number of breaks. Tells `on` what happens; knows nothing of the page.

import { csrfToken, del, errorFrom, get, offline, post } from "../api.js";
import { same } from "./flow.js";

export const CHUNK = 8 * 1024 * 1024; // so much is at most sent again after a crash of the server
const RETRY_MS = [200, 500, 1000, 2000, 3000, 5000, 5000, 10_000, 10_000, 20_000];
const SILENCE_MS = 30_000; // no byte for so long: the connection is dead, whatever the system thinks
const AGAIN_MS = 20_000;
const GONE = new Set([404, 410]);

const statusOf = (failure) => failure.originalResponse?.getStatus() ?? 0;
const transient = (status) => status === 0 || (status >= 500 && status !== 507) || [409, 423, 460].includes(status);
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const word = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));

/** What is on the way to the server, by its own list. */
export function underWay() {
  return get("uploads/");
}

export function giveUp(url) {
  return del(url, { "Tus-Resumable": "1.0.0" });
}

/** The upload this file was begun with, or a new one. `about`: {players, taxonomy}. */
export async function begin(file, about) {
  const known = (await underWay()).find((upload) => upload.state === "open" && same(upload, file));
  if (known) return known;
  const said = { filename: file.name, modified: String(file.lastModified || 0), players: JSON.stringify(about.players) };
  if (about.taxonomy) said.taxonomy = about.taxonomy;
  const metadata = Object.entries(said).map(([key, value]) => `${key} ${word(value)}`).join(",");
  return post("uploads/", "", { "Tus-Resumable": "1.0.0", "Upload-Length": String(file.size), "Upload-Metadata": metadata });
}

/** Ask until the server has taken the whole file in; what became of it. */
export async function settle(url) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await post(url);
    } catch (failure) {
      if (!transient(failure.status) || failure.code === "wrong_offset" || tries > 600) throw failure;
      await wait(1000);
    }
  }
}

export class Transfer {
  #upload;
  #heard = 0;
  #watch = null;
  #again = null;
  #paused = true;

  /** `on`: {sent(bytes), trouble(), ended(shown), failed(ApiError), gone()}. */
  constructor(file, url, on) {
    this.url = url;
    this.on = on;
    this.#upload = new globalThis.tus.Upload(file, {
      uploadUrl: url,
      chunkSize: CHUNK,
      retryDelays: RETRY_MS,
      storeFingerprintForResuming: false, // the server's own list says what is on the way
      onBeforeRequest: (request) => request.setHeader("X-CSRFToken", csrfToken()),
      onShouldRetry: (failure) => this.#retry(failure),
      onProgress: (sent) => this.#progress(sent),
      onSuccess: () => this.#arrived(),
      onError: (failure) => this.#failed(failure),
    });
  }

  start() {
    this.#paused = false;
    this.#heard = Date.now();
    this.#watch ??= setInterval(() => this.#listen(), 5000);
    this.#upload.start();
  }

  pause() {
    this.#stop();
    return this.#upload.abort();
  }

  async cancel() {
    await this.pause();
    for (let tries = 0; ; tries += 1) {
      try {
        return await giveUp(this.url);
      } catch (failure) {
        if (GONE.has(failure.status)) return null;
        if (failure.status !== 423 || tries > 25) throw failure; // the request that was broken off still holds it
        await wait(1000);
      }
    }
  }

  #stop() {
    this.#paused = true;
    clearInterval(this.#watch);
    clearTimeout(this.#again);
    this.#watch = null;
  }

  #progress(sent) {
    this.#heard = Date.now();
    this.on.sent(sent);
  }

  async #listen() {
    if (this.#paused || Date.now() - this.#heard < SILENCE_MS) return;
    this.#heard = Date.now();
    await this.#upload.abort();
    if (!this.#paused) this.#upload.start();
  }

  #retry(failure) {
    const again = transient(statusOf(failure));
    if (again) this.on.trouble();
    this.#heard = Date.now();
    return again;
  }

  async #arrived() {
    this.#stop();
    try {
      this.on.ended(await settle(this.url));
    } catch (failure) {
      this.on.failed(failure);
    }
  }

  #failed(failure) {
    const status = statusOf(failure);
    if (transient(status)) {
      this.#again = setTimeout(() => this.#upload.start(), AGAIN_MS); // for as long as the page is open
      return;
    }
    this.#stop();
    if (GONE.has(status)) this.on.gone();
    else this.on.failed(status ? errorFrom(status, failure.originalResponse.getBody()) : offline());
  }
}
