// Over the picture: the techniques of the group that waits, most likely first, each with its number; and the reaction time in
// use beside the marks.

import { find, h, write } from "./dom.js";
import { fill, gettext } from "./i18n.js";
import { contextOf, ranked } from "./ranking.js";

const LIKELY = 0.25;

export class Hints {
  #shown = null;

  constructor({ editor, ui, store, player, table, tree, preferences }) {
    Object.assign(this, { editor, ui, store, player, table, tree, preferences });
    this.root = find("#hints");
    this.reaction = find("#reaction");
  }

  render() {
    const ms = this.preferences.get("reaction_ms");
    this.reaction.hidden = !ms;
    write(this.reaction, ms ? fill(gettext("−%(ms)s ms"), { ms }) : "");
    const { group } = this.ui;
    const key = group ? `${group.name} ${this.store.revision} ${this.#frame()}` : "";
    if (key === this.#shown) return;
    this.#shown = key;
    this.root.hidden = !group;
    if (group) this.#draw(group);
  }

  /** Where the class is for: the begin of what is marked or chosen, else the picture on screen. */
  #frame() {
    return this.ui.draft?.begin ?? this.editor.chosen()?.begin ?? this.player.frame;
  }

  /** The model's classes there: of the suggestion chosen, accepted as this stroke, or lying over this picture. */
  #top(frame) {
    const chosen = this.editor.chosen();
    const { suggestions } = this.store.state;
    const own = chosen?.kind === "suggestion" ? chosen : suggestions.get(chosen?.suggestion);
    if (own) return own.top;
    return [...suggestions.values()].find((one) => one.begin <= frame && frame < one.end)?.top ?? [];
  }

  #draw(group) {
    const frame = this.#frame();
    const chosen = this.editor.chosen();
    const before = [...this.store.state.strokes.values()].filter((one) => one.id !== chosen?.id);
    const context = contextOf(before, frame, this.table, this.tree);
    const total = this.tree.groups.reduce((sum, one) => sum + one.leaves.length, 0);
    const moves = ranked(group.leaves, { top: this.#top(frame), total, context });
    const leaves = moves.map(({ move, p }) =>
      h(`span.hint${p >= LIKELY ? ".is-likely" : ""}`, {}, h("kbd", {}, String(move.digit)), ` ${move.leaf}`));
    const partial = group.partial ? h("span.hint", {}, h("kbd", {}, "0"), ` ${gettext("not sure which")}`) : null;
    this.root.replaceChildren(h("strong", {}, group.label), ...leaves, ...(partial ? [partial] : []));
  }
}
