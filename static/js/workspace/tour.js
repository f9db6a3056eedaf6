// The tour on the practice video: a strip above the picture that says what to do now; keys go to the workspace as always.

import { get, patch, post } from "../api.js";
import { find, h } from "./dom.js";
import { gettext } from "./i18n.js";
import { ScorePanel } from "./score.js";
import { STEPS, currentStep, merge, ticksOf } from "./tourstate.js";

/** A translated text with "%(name)s" places as nodes, the places filled with key caps of that action. */
export function withCaps(text) {
  return text.split(/(%\([\w-]+\)s)/).filter(Boolean).map((part) => {
    const name = /^%\(([\w-]+)\)s$/.exec(part)?.[1];
    return name ? h("kbd", { "data-key": name }) : part;
  });
}

const WORDS = () => ({
  watch: {
    title: gettext("Watch and step"),
    text: gettext("Play the video with %(play)s, and stop it. Then go picture by picture with %(step-back)s and %(step-forward)s. A stroke begins with the first picture in which the racket leaves its rest and ends when it is back; in the first two, the bar under the picture fills while the stroke lasts."),
  },
  mark: {
    title: gettext("Mark and class"),
    text: gettext("Press %(mark-begin)s at the first picture of a stroke and %(mark-end)s at its last one. Then its class: a group key, then a number. %(rule)s shows the rule and an example of each class. Begin with the first stroke; the others come next."),
  },
  decide: {
    title: gettext("Decide and finish"),
    text: gettext("Mark the other strokes like this, up to the first dashed block: a suggestion. %(next-to-decide)s goes there. %(accept)s accepts it, a class accepts it as that class, %(reject)s rejects it; %(set-begin)s and %(set-end)s move an edge first. Some are wrong on purpose, and one stroke is missed. At the end say “Every stroke is marked” (%(complete)s)."),
  },
  score: { title: gettext("All done"), text: gettext("See how near you were: every stroke beside its truth.") },
});

const TICKS = () => ({
  play: gettext("played"), step: gettext("stepped"), mark: gettext("a stroke marked"), class: gettext("its class given"),
  decide: gettext("all suggestions decided"), complete: gettext("said to be complete"),
});

export class Tour {
  constructor(root, parts) {
    Object.assign(this, { root, ...parts });
    this.played = this.stepped = this.rejected = false;
    this.done = [];
    this.state = { steps: [], skipped: false };
    this.score = new ScorePanel(root, { ...parts, again: () => this.restart(), close: () => this.skip() });
    this.player.subscribe((player) => {
      if (player.playing) this.played = true;
    });
  }

  async open() {
    try {
      this.state = await get("practice/");
    } catch {
      return; // the tour is a help; without it the video can be practised all the same
    }
    this.done = this.state.steps;
    this.root.hidden = false;
    this.render();
  }

  /** Told of every action by its name: a step is a step, whatever key or button made it. */
  did(action) {
    if (/^(step|leap)-/.test(action)) this.stepped = true;
    if (action === "reject") this.rejected = true;
  }

  render() {
    if (this.root.hidden) return;
    if (this.score.shown) return this.score.render();
    this.#tick();
    const at = this.state.skipped ? -1 : currentStep(this.done);
    const key = `${at} ${this.done}`;
    if (key === this.shown) return;
    this.shown = key;
    this.root.replaceChildren(...(at < 0 ? this.#small() : this.#step(at)));
    this.settings.label();
  }

  #tick() {
    const { strokes, suggestions, complete } = this.store.state;
    const open = { left: this.editor.undecided().length, rejected: this.rejected || [...suggestions.values()].some((one) => one.verdict === "rejected") };
    const whole = (move) => Boolean(move) && !this.tree.entry(move).partial;
    const now = ticksOf({ played: this.played, stepped: this.stepped, strokes: strokes.values(), open, whole, complete });
    const done = merge(this.done, now);
    const fresh = done.filter((tick) => !this.state.steps.includes(tick));
    this.done = done;
    if (fresh.length) this.#keep({ steps: fresh });
  }

  async #keep(change) {
    this.state = { ...this.state, steps: [...this.state.steps, ...(change.steps ?? [])], skipped: change.skipped ?? this.state.skipped };
    try {
      await patch("practice/", change);
    } catch {
      // It is kept with the next tick, or done again at the next visit.
    }
  }

  #step(at) {
    const words = WORDS()[STEPS[at]?.name ?? "score"];
    const names = TICKS();
    const pill = (step, index) => h("li", { class: index < at ? "is-done" : "", "aria-current": index === at ? "step" : null },
      index < at ? "✓" : String(index + 1), h("span.only-read", {}, WORDS()[step.name].title));
    const tick = (name) => h("li", { class: this.done.includes(name) ? "is-done" : "" }, `${this.done.includes(name) ? "✓" : "○"} ${names[name]}`);
    return [
      h("ol.tour-steps", { "aria-label": gettext("Steps of the tour") }, ...STEPS.map(pill)),
      h("div.tour-text", { role: "status" }, h("strong", {}, words.title), ...withCaps(words.text),
        STEPS[at] ? h("ul.tour-ticks", {}, ...STEPS[at].ticks.map(tick)) : null),
      h("div.tour-buttons", {},
        this.#button(gettext("Score me"), () => this.score.ask(), at < STEPS.length ? "button-quiet" : "button-main"),
        this.#button(at < STEPS.length ? gettext("Skip the tour") : gettext("Close"), () => this.skip(), "button-quiet")),
    ];
  }

  /** The tour was skipped: one line, to take it up again. */
  #small() {
    return [
      h("span.quiet", {}, gettext("Practice")),
      h("span.quiet.small", {}, gettext("Nothing you do here counts anywhere.")),
      h("div.practice-buttons", {},
        this.#button(gettext("Show the tour"), () => this.skip(false), "button-quiet"),
        this.#button(gettext("Score me"), () => this.score.ask(), "button-quiet")),
    ];
  }

  #button(text, act, kind) {
    const button = h(`button.button.button-small.${kind}`, { type: "button" }, text);
    button.addEventListener("click", act);
    return button;
  }

  skip(skipped = true) {
    this.score.hide();
    this.#keep({ skipped });
    this.shown = "";
    this.render();
  }

  /** Empty the lane on the server, then open the page anew. */
  async restart() {
    if (this.sync.outbox.unsent) return this.say(gettext("Something is still being saved. Try again in a moment."));
    try {
      await post(`videos/${this.body.video.id}/restart/`);
    } catch (error) {
      return this.say(error.message);
    }
    window.location.reload();
  }
}

/** The tour where this video is the practice video, else null. */
export function openTour(parts) {
  if (!parts.body.video.practice) return null;
  const tour = new Tour(find("#tour"), parts);
  tour.open();
  return tour;
}

