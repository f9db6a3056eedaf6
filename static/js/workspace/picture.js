// The picture, the numbers under it, and the region over it.

import { find, write } from "./dom.js";
import { unproven } from "./frames/words.js";
import { gettext } from "./i18n.js";
import { attachRegion, regionAt, showRegion } from "./roibox.js";
import { count, speed, timecode } from "./timecode.js";

export class Picture {
  constructor({ video, table, player, ui, store, editor, roiTrack }) {
    Object.assign(this, { table, player, ui, store, roiTrack });
    this.frame = find("#frame");
    this.box = find("#region");
    this.number = find("#frame-number");
    this.time = find("#frame-time");
    this.rate = find("#speed");
    this.note = find("#frame-note");
    this.play = find("[data-action=play]");
    find("#workspace").style.setProperty("--ar", String(video.width / video.height || 16 / 9));
    write(find("#frame-count"), `/ ${count(table.n - 1)}`);
    this.gesture = attachRegion(this.box, this.frame, {
      regionNow: () => this.region(),
      moved: (x, y) => editor.correctRegion(player.frame, x, y),
    });
  }

  region() {
    return regionAt(this.player.frame, this.roiTrack, this.store.state.roi);
  }

  render() {
    const { player, table } = this;
    const known = player.proven && player.unproven === null;
    if (known) this.frame.dataset.frame = String(player.frame);
    else delete this.frame.dataset.frame;
    this.frame.classList.toggle("is-pending", player.pending !== null && !player.playing);
    write(this.number, known ? count(player.frame) : "?");
    this.number.classList.toggle("is-pending", player.pending !== null && !player.playing);
    write(this.time, timecode(table.begin(player.frame)));
    write(this.rate, `${player.direction < 0 ? "−" : ""}${speed(player.speed)}`);
    this.play.setAttribute("aria-pressed", String(player.playing));
    write(this.play.querySelector(".button-text"), player.playing ? gettext("Pause") : gettext("Play"));
    find("[data-action=loop]").setAttribute("aria-pressed", String(Boolean(player.looping)));
    find("[data-action=region]").setAttribute("aria-pressed", String(this.ui.region));
    this.#note();
    if (!this.gesture.dragging()) showRegion(this.box, this.ui.region ? this.region() : null);
  }

  #note() {
    const { player, table, note } = this;
    let text = "";
    if (player.unproven !== null) {
      text = unproven(player.unproven, player.reason);
    } else if (table.unreadable.has(player.frame)) {
      text = gettext("This frame cannot be decoded; the picture before it is shown.");
    } else if (this.ui.region && !this.roiTrack) {
      text = gettext("The region is not worked out yet; it comes with the optical flow.");
    }
    note.hidden = !text;
    write(note, text);
  }
}
