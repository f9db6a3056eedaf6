// The upper right: what is chosen, what the model thinks, and what can be done with it.

import { h, swatch, write } from "./dom.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { inOrder } from "./order.js";
import { overlapOf } from "./overlaps.js";
import { figure, fromMotion, scoreText, stepMeaning, stepOf } from "./scores.js";
import { count, timecode } from "./timecode.js";

export class Detail {
  constructor(root, { editor, ui, store, tree, table, player, players, compare }) {
    Object.assign(this, { root, editor, ui, store, tree, table, player, players, compare });
    this.parts = Object.fromEntries([...root.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
    this.#playerChoice();
    const { note } = this.parts;
    note.addEventListener("change", () => editor.change("note", note.value.trim()));
    note.addEventListener("keydown", (event) => {
      if (event.key === "Enter") note.blur();
    });
  }

  #playerChoice() {
    const { player } = this.parts;
    player.append(h("option", { value: "" }, gettext("player not said")));
    for (const { pseudonym, side } of this.players) {
      player.append(h("option", { value: pseudonym }, side && side !== "unknown" ? `${pseudonym} (${sideName(side)})` : pseudonym));
    }
    player.parentElement.hidden = this.players.length < 2;
    player.addEventListener("change", () => {
      this.ui.set({ player: player.value || null });
      if (this.editor.chosen()?.kind === "stroke") this.editor.change("player", player.value || null);
      player.blur();
    });
  }

  render() {
    const { parts, ui } = this;
    const other = ui.draft ? null : this.compare.chosen();
    const chosen = this.editor.chosen() ?? other;
    const kind = ui.draft ? "draft" : other ? "other" : (chosen?.kind ?? "none");
    this.root.dataset.kind = kind;
    const move = ui.draft ? ui.draft.move : chosen ? chosen.move : ui.armed;
    const entry = this.tree.entry(move);
    parts.swatch.className = `${swatch(entry.look)}${kind === "suggestion" ? " swatch-open" : ""}`;
    write(parts.title, this.#title(kind, chosen));
    write(parts.span, this.#span(chosen));
    write(parts.move, this.#moveText(kind, move, entry));
    parts.move.classList.toggle("is-empty", !move);
    write(parts.source, this.#source(chosen));
    this.#score(chosen);
    this.#top(chosen);
    for (const button of this.root.querySelectorAll("[data-for]")) button.hidden = button.dataset.for !== kind;
    parts.unsure.setAttribute("aria-pressed", String(Boolean(chosen?.unsure)));
    if (document.activeElement !== parts.note) parts.note.value = chosen?.note ?? "";
    const writing = document.activeElement === parts.note || this.noteWanted;
    parts["note-field"].hidden = kind !== "stroke" || !(chosen.note || writing);
    parts.player.value = (kind === "stroke" ? chosen.player : ui.player) ?? "";
  }

  openNote() {
    if (this.editor.chosen()?.kind !== "stroke") return this.editor.change("note", "");
    this.noteWanted = true;
    this.render();
    this.parts.note.focus();
    this.noteWanted = false;
  }

  #title(kind, chosen) {
    if (kind === "draft") return gettext("New stroke");
    if (kind === "none") return gettext("Nothing chosen");
    if (kind === "other") return this.compare.lane(chosen.kind).name;
    if (kind === "suggestion" && this.ui.adjust) return gettext("Moved: Enter accepts");
    if (kind === "suggestion") return chosen.verdict === "rejected" ? gettext("Rejected suggestion") : gettext("Suggestion");
    return fill(gettext("Stroke %(number)s"), { number: this.#number(chosen.id) });
  }

  /** "#12": its place in the list. */
  #number(id) {
    return `#${inOrder(this.store.state.strokes, "stroke").findIndex((one) => one.id === id) + 1}`;
  }

  #span(chosen) {
    if (this.ui.draft) return `${fill(gettext("from %(begin)s"), { begin: count(this.ui.draft.begin) })}${reactionText(this.ui.draft.reactionMs)}`;
    if (!chosen) return "";
    const seconds = this.table.begin(chosen.end) - this.table.begin(chosen.begin);
    return `${count(chosen.begin)}–${count(chosen.end - 1)} · ${timecode(seconds, 2).replace(/^0:0?/, "")} s`;
  }

  #moveText(kind, move, entry) {
    if (move) return kind === "none" ? fill(gettext("Next stroke: %(name)s"), { name: entry.label }) : entry.label;
    if (kind === "draft") return gettext("Press O where it ends. The class can come now or after.");
    if (kind === "none") return this.#next();
    if (kind === "suggestion") return gettext("Something moves here; no class yet");
    return gettext("No class yet: press a group key, then a number");
  }

  #source(chosen) {
    this.parts.source.title = "";
    if (!chosen) return "";
    if (chosen.kind === "suggestion") {
      const from = fromMotion(chosen) ? gettext("from motion alone") : chosen.run === null ? "" : fill(gettext("model %(number)s"), { number: chosen.run });
      this.parts.source.title = from;
      return this.ui.adjust ? "" : from;
    }
    const source = {
      blind: gettext("marked by hand"),
      accepted: gettext("suggestion, untouched"),
      edited: gettext("suggestion, edited"),
      imported: gettext("imported"),
    }[chosen.source];
    if (this.ui.reviewed) return chosen.note ? `${source} · “${chosen.note}”` : source;
    return this.#overlap(chosen) || source;
  }

  /** With nothing chosen: what there is to do. */
  #next() {
    const { complete, strokes, suggestions } = this.store.state;
    if (complete) return gettext("Every stroke is marked. Shift+N goes to the next video.");
    if (!strokes.size || !suggestions.size || this.editor.undecided().length) return gettext("Press I where a stroke begins, O where it ends.");
    return gettext("All is decided. Mark what is missing (I, O), then say that every stroke is marked.");
  }

  /** "overlaps #13 by 12 frames", or nothing. */
  #overlap(chosen) {
    const found = overlapOf(chosen, this.store.state.strokes.values());
    if (!found) return "";
    const values = { number: this.#number(found.other.id), n: found.frames };
    this.parts.source.title = fill(ngettext("overlaps %(number)s by %(n)s frame", "overlaps %(number)s by %(n)s frames", found.frames), values);
    return fill(gettext("overlaps %(number)s by %(n)s"), values);
  }

  /** How sure the model is, in a word; pressing it shows figures instead, everywhere. */
  #score(chosen) {
    const { score } = this.parts;
    const shown = chosen?.kind === "suggestion" && !this.ui.adjust;
    score.hidden = !shown;
    if (!shown) return;
    const meaning = fromMotion(chosen) ? gettext("how much moves there") : stepMeaning(stepOf(chosen.score));
    write(score, scoreText(chosen, this.ui.figures) || gettext("no score"));
    score.title = `${meaning}. ${this.ui.figures ? gettext("Press for words") : gettext("Press for figures")}`;
    score.setAttribute("aria-pressed", String(this.ui.figures));
    score.dataset.step = fromMotion(chosen) ? "motion" : stepOf(chosen.score);
  }

  #top(chosen) {
    const top = (chosen?.kind === "stroke" ? this.store.state.suggestions.get(chosen.suggestion)?.top : chosen?.top) ?? [];
    const key = JSON.stringify([top, this.ui.figures]);
    if (key === this.topShown) return;
    this.topShown = key;
    const { top: root } = this.parts;
    root.hidden = top.length === 0;
    root.replaceChildren(...top.slice(0, 3).map(([name, p], index) => {
      const button = h("button.top-choice", { type: "button", "data-top": index }, h("kbd", {}, String(index + 1)),
        h("span.top-name", {}, this.tree.entry(name).short), this.ui.figures ? h("span.top-score", {}, figure(p)) : null, bar(p));
      button.title = `${this.tree.entry(name).label} · ${figure(p)}`;
      button.addEventListener("click", () => this.editor.top(index));
      return button;
    }));
  }
}

/** A probability as a length, where figures are not wanted. */
function bar(p) {
  const filled = h("span.top-bar", { "aria-hidden": "true" });
  filled.style.width = `${Math.round(100 * p)}%`;
  return filled;
}

/** " (−220 ms reaction)" behind a frame that was moved earlier. */
function reactionText(ms) {
  return ms ? ` (${fill(gettext("−%(ms)s ms reaction"), { ms })})` : "";
}

function sideName(side) {
  const names = { left: gettext("left"), right: gettext("right"), near: gettext("near"), far: gettext("far") };
  return names[side] ?? side;
}

