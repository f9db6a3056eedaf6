// The button that names the road to the pictures, and the panel behind it that explains.

import { find, h, write } from "../dom.js";
import { fill, gettext } from "../i18n.js";
import { reasonSentence, roadName, roadSentence, screenSentence } from "./words.js";

export class RoadPanel {
  constructor({ player, table, refresh, lightness }) {
    Object.assign(this, { player, table, refresh, lightness });
    this.button = find("#road");
    this.panel = find("#road-panel");
    this.part = (name) => find(`[data-part=${name}]`, this.panel);
    lightness.attach(this.part("wish"), () => {
      this.part("wish").disabled = true;
      this.part("no-light").hidden = false;
    });
  }

  show(source) {
    const { light, offered } = this.lightness;
    const name = light ? fill(gettext("%(road)s, lighter"), { road: roadName(source.road) }) : roadName(source.road);
    write(find(".road-name", this.button), name);
    document.body.dataset.picture = light ? "light" : "sharp";
    this.part("wish").disabled = !offered || source.road === "server";
    this.button.classList.toggle("is-second", source.road !== "webcodecs");
    write(this.part("road"), roadSentence(source.road));
    const reasons = this.part("reasons");
    reasons.hidden = source.reasons.length === 0;
    reasons.replaceChildren(...source.reasons.map((one) => h("li", {}, reasonSentence(one))));
  }

  /** What to say when another road took over. */
  changed(source) {
    const why = reasonSentence(source.reasons.at(-1));
    return fill(gettext("%(why)s The pictures now come another way: %(road)s."), { why, road: roadName(source.road) });
  }

  /** The screen's limit at the chosen speed: while playing on the button, always in the panel. */
  play() {
    const { player, refresh } = this;
    const due = this.table.fps * player.speed;
    const text = screenSentence(due, refresh.rate);
    const screen = this.part("screen");
    screen.hidden = !text;
    write(screen, text);
    const rate = find(".road-rate", this.button);
    rate.hidden = !text || !player.playing;
    write(rate, fill(gettext("screen shows about %(rate)s of %(due)s pictures per second"), { rate: Math.round(refresh.rate), due: Math.round(due) }));
  }
}
