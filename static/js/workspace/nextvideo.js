// Next video: once everything here is decided and marked, where to go on, in the library's own order.

import { get } from "../api.js";
import { fill, gettext } from "./i18n.js";

export class NextVideo {
  #done = false;
  #address = "";

  /** `button` offers it; `id` is the video that is open. */
  constructor(button, { id, say }) {
    Object.assign(this, { button, id, say });
  }

  /** `done`: everything in this video is decided and said to be marked. Asked about each time it becomes so. */
  render(done) {
    if (done && !this.#done) this.#ask();
    this.#done = done;
    this.button.hidden = !done || !this.#address;
  }

  async #ask() {
    try {
      const { video } = await get(`videos/next/?after=${this.id}`);
      this.#address = video ? `${video.urls.workspace}${video.mine.to_decide ? "?decide" : ""}` : "/";
      const text = video ? fill(gettext("Next video: %(title)s"), { title: video.title }) : gettext("All yours is done. Back to the videos");
      this.button.querySelector("[data-part=title]").textContent = text;
      this.button.title = text;
      this.button.hidden = !this.#done;
    } catch {
      // Only an offer: the list of videos is one press away.
    }
  }

  go() {
    if (!this.button.hidden) window.location.assign(this.#address);
    else this.say(gettext("First decide what is left and say that every stroke is marked."));
  }
}
