// What the queue shows beside the loop: the suggestion in words, why it is here, the latest decisions, what is saved.

import { showClasses } from "../workspace/classes.js";
import { find, h, swatch, write } from "../workspace/dom.js";
import { fill, gettext, language } from "../workspace/i18n.js";
import { showLine } from "../workspace/saveline.js";
import { fromMotion, scoreText, stepMeaning, stepOf } from "../workspace/scores.js";
import { count } from "../workspace/timecode.js";
import { part } from "../loops/span.js";
import { progressText } from "./decider.js";

const RARE = 1.25;

/** Why this suggestion is in the queue, in a sentence or two. */
export function why(one, label) {
  const reason = {
    uncertain: gettext("Chosen because the model is torn here: your answer teaches it most."),
    diverse: gettext("Chosen because it is unlike the others: another class, video or player."),
    random: gettext("Drawn blindly, so that the queue also shows what nobody would have asked for."),
  }[one.share];
  const rare = one.share === "uncertain" && one.rarity >= RARE && label;
  return rare ? `${reason} ${fill(gettext("%(name)s is rare among what is labelled."), { name: label })}` : reason;
}

export class View {
  constructor({ line, decider, takeBack, topChosen }) {
    Object.assign(this, { line, decider, takeBack, topChosen });
    this.parts = Object.fromEntries([...document.querySelectorAll("[data-part]")].map((each) => [each.dataset.part, each]));
  }

  /** `lane` is the lane of the current suggestion's video, null until it is loaded. */
  render({ lane, group, classes }) {
    const one = this.decider.current;
    const { parts } = this;
    const entry = lane && one ? lane.tree.entry(one.move || one.top?.[0]?.[0] || "") : null;
    write(parts.video, one?.video.title ?? "");
    write(parts.move, entry ? (entry.name ? entry.label : gettext("Something moves here; no class yet")) : "");
    parts.swatch.className = entry ? `${swatch(entry.look)} swatch-open` : "swatch swatch-none";
    write(parts.score, one ? this.#score(one) : "");
    parts.score.title = one && !fromMotion(one) ? stepMeaning(stepOf(one.score)) : "";
    write(parts.why, one ? why(one, entry?.label) : "");
    this.#edges(one);
    this.#top(one, lane);
    if (lane && classes) showClasses(classes, { move: "", group, top: one?.top });
    this.#recent(lane);
    const progress = this.line.progress();
    write(parts.progress, progressText(progress));
    parts.bar.max = Math.max(1, progress.goal);
    parts.bar.value = progress.decided;
  }

  #score(one) {
    const from = one.run === null ? gettext("from motion alone") : fill(gettext("model %(number)s"), { number: one.run });
    return [from, scoreText(one, false)].filter(Boolean).join(" · ");
  }

  #edges(one) {
    for (const edge of ["begin", "end"]) {
      const button = find(`[data-edge=${edge}]`);
      button.setAttribute("aria-pressed", String(this.decider.edge === edge));
      write(find(".q-edge-frame", button), one ? count(edge === "begin" ? one.begin : one.end - 1) : "–");
      button.classList.toggle("is-moved", Boolean(one && this.decider.adjust && one[edge] !== this.line.current[edge]));
    }
  }

  #top(one, lane) {
    const { top } = this.parts;
    const choices = (lane && one?.top) || [];
    const key = `${one?.id} ${Boolean(lane)}`;
    if (key === this.topShown) return;
    this.topShown = key;
    top.replaceChildren(...choices.slice(0, 3).map(([name, share], index) => {
      const { label, short } = lane.tree.entry(name);
      const figure = fill(gettext("%(name)s, %(share)s of 100"), { name: label, share: Math.round(share * 100) });
      const button = h("button.top-choice", { type: "button", title: figure },
        h("kbd", {}, String(index + 1)), h("span.top-name", {}, short));
      button.addEventListener("click", () => this.topChosen(index));
      return button;
    }));
  }

  #recent(lane) {
    const { recent } = this.parts;
    const shown = this.line.recent;
    const key = `${shown.map((entry) => entry.op.id).join()} ${Boolean(lane)}`;
    if (key === this.recentShown) return;
    this.recentShown = key;
    recent.replaceChildren(...shown.map((entry) => this.#decision(entry, lane)));
    this.parts["recent-empty"].hidden = shown.length > 0;
  }

  #decision(entry, lane) {
    const rejected = entry.verdict === "rejected";
    const move = rejected ? entry.one.move : entry.move;
    const { label, short, look } = lane ? lane.tree.entry(move) : { label: move, short: move, look: { hue: "none" } };
    const said = rejected ? gettext("rejected: %(name)s. Press to take it back.") : gettext("accepted: %(name)s. Press to take it back.");
    const told = fill(said, { name: label || gettext("no class yet") });
    const button = h("button.q-done", { type: "button", "data-verdict": entry.verdict, "data-take-back": entry.one.id, title: told, "aria-label": told },
      h("span.q-verdict", { "aria-hidden": "true" }, rejected ? "×" : "✓"), h(`span.${swatch(look).replaceAll(" ", ".")}`),
      h("span.q-done-name", {}, short || "?"));
    button.addEventListener("click", () => this.takeBack(entry.one.id));
    return h("li", {}, button);
  }

  /** The line under the loop: lead, stroke, tail, and where the picture is. */
  track(clip, frame) {
    const { track } = this.parts;
    const one = this.decider.current;
    track.hidden = !clip || !one;
    if (track.hidden) return;
    const places = { from: part(clip.table, clip.loop, one.begin), to: part(clip.table, clip.loop, one.end), now: part(clip.table, clip.loop, frame ?? clip.loop.from) };
    for (const [name, value] of Object.entries(places)) track.style.setProperty(`--${name}`, String(value));
    this.parts.stage.classList.toggle("is-inside", frame !== null && frame >= one.begin && frame < one.end);
    write(this.parts.frame, frame === null ? "" : count(frame));
  }

  /** One line over all outboxes. */
  saved(outboxes) {
    showLine(this.parts.outbox, outboxes, language());
  }
}
