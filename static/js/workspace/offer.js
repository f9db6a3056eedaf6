// Offers once, kindly, the reaction time that one's own corrections show; never while the video plays.

import { find, write } from "./dom.js";
import { fill, gettext } from "./i18n.js";
import { proposal } from "./reaction.js";

export class ReactionOffer {
  #asked = null;

  constructor({ preferences, player }) {
    Object.assign(this, { preferences, player });
    this.root = find("#offer");
    find("[data-part=yes]", this.root).addEventListener("click", () => this.#answer({ reaction_ms: this.#asked.ms }));
    find("[data-part=no]", this.root).addEventListener("click", () => this.#answer({ reaction_declined_ms: this.#asked.ms }));
  }

  render() {
    const found = this.player.playing ? null : proposal(this.preferences.values);
    this.root.hidden = !found;
    this.#asked = found;
    if (!found) return;
    const text = gettext("Marks you make while playing come about %(ms)s ms late, by your last %(n)s corrections. Shall new ones be moved earlier by that?");
    write(find("p", this.root), fill(text, found));
  }

  #answer(changes) {
    this.preferences.set(changes);
    this.render();
  }
}
