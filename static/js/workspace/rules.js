// The written rule and an example loop, one key away: of the group that waits, of what is chosen, or of all strokes.

import { get, post, del } from "../api.js";
import { find, h, write } from "./dom.js";
import { fill, gettext } from "./i18n.js";

const calm = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

/** The text of a rule in the page's language, in the other one where it is not written in this. */
export const ruleText = (rules, about, language) => {
  const texts = rules[about] ?? {};
  return texts[language] ?? texts.en ?? texts.fr ?? "";
};

/** A looping film of an example; [begin_s, end_s) of a longer one. Who wants nothing to move gets the controls instead. */
export function loopOf(example, name) {
  const film = h("video.example-film", { muted: true, playsinline: true, preload: "metadata", "aria-label": fill(gettext("Example: %(name)s"), { name }) });
  film.muted = true;
  if (calm()) film.controls = true;
  else film.autoplay = true;
  film.loop = true;
  const { begin_s: begin, end_s: end } = example;
  film.src = end === null ? example.url : `${example.url}#t=${begin},${end}`;
  if (end !== null) {
    film.loop = false;
    film.addEventListener("timeupdate", () => {
      if (film.currentTime < end - 0.01) return;
      film.currentTime = begin;
      film.play().catch(() => {}); // a browser may want a press first; the controls are there then
    });
  }
  return film;
}

/** What the panel is about: {group, move} from what waits or is chosen. */
export function subject({ group, move }, tree) {
  if (group) return { kind: "group", group };
  const entry = move ? tree.entry(move) : null;
  if (entry?.partial) return { kind: "group", group: entry.group };
  if (entry?.group?.leaves && entry.digit) return { kind: "move", entry, group: entry.group };
  return { kind: "all" };
}

export class RulePanel {
  constructor(root, { tree, ui, editor, body, say, language }) {
    Object.assign(this, { root, tree, ui, editor, say, language });
    this.video = body.video;
    this.path = `taxonomies/${body.video.taxonomy.id}/`;
    this.parts = Object.fromEntries([...root.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
    find("[data-rule-close]", root).addEventListener("click", () => this.toggle(false));
    this.parts.choose.addEventListener("click", () => this.#choose());
    this.parts.drawn.addEventListener("click", () => this.#drawnAgain());
  }

  async toggle(open = this.root.hidden) {
    this.root.hidden = !open;
    if (!open) return this.parts.loops.replaceChildren();
    this.shown = "";
    try {
      this.classes ??= await get(`${this.path}classes/`);
    } catch (error) {
      this.root.hidden = true;
      return this.say(error.message);
    }
    this.render();
  }

  /** Whether there was something to close. */
  close() {
    const shown = !this.root.hidden;
    if (shown) this.toggle(false);
    return shown;
  }

  render() {
    if (this.root.hidden || !this.classes) return;
    const chosen = this.editor.chosen();
    const move = this.ui.draft?.move || chosen?.move || chosen?.top?.[0]?.[0] || this.ui.armed;
    const about = subject({ group: this.ui.group, move }, this.tree);
    const key = `${about.kind} ${about.group?.name ?? ""} ${about.entry?.name ?? ""}`;
    this.#own(about, chosen);
    if (key === this.shown) return;
    this.shown = key;
    this.#show(about);
  }

  #show(about) {
    const { parts, classes } = this;
    const text = (name) => ruleText(classes.rules, name, this.language);
    write(parts.general, text("") || gettext("No rule is written yet; an administrator can write one on the Classes page."));
    write(parts.title, about.entry?.label ?? about.group?.label ?? gettext("Where a stroke begins and ends"));
    write(parts.group, about.group ? text(about.group.name) : gettext("Press a group key, or choose a stroke, to see what tells its class."));
    write(parts.move, about.entry ? text(about.entry.name) : "");
    const moves = about.kind === "group" ? about.group.leaves : about.entry ? [about.entry] : [];
    parts.loops.dataset.n = moves.length;
    parts.loops.replaceChildren(...moves.map((entry) => this.#loop(entry, moves.length > 1)));
  }

  #loop(entry, many) {
    const example = this.classes.examples[entry.name];
    const film = example ? loopOf(example, entry.label) : h("p.quiet.small", {}, gettext("No example yet"));
    const caption = many ? h("figcaption", {}, h("kbd", {}, String(entry.digit)), entry.leaf) : h("figcaption.quiet", {}, this.#origin(example));
    const rule = many ? h("p.small.quiet", {}, ruleText(this.classes.rules, entry.name, this.language)) : null;
    return h("figure.example", {}, film, caption, rule);
  }

  #origin(example) {
    if (!example) return "";
    return example.drawn ? gettext("drawn; the bar fills while the stroke lasts") : fill(gettext("from “%(title)s”"), { title: example.title });
  }

  /** A stroke of one's own may become the example of its class; a chosen one may give way to the drawn one. */
  #own(about, chosen) {
    const { choose, drawn } = this.parts;
    choose.hidden = this.video.blind || this.video.practice || chosen?.kind !== "stroke" || about.kind !== "move";
    drawn.hidden = about.kind !== "move" || (this.classes.examples[about.entry?.name]?.drawn ?? true);
  }

  #choose() {
    const { begin, end, move } = this.editor.chosen();
    return this.#change(() => post(`${this.path}examples/`, { video: this.video.id, begin, end, move }), gettext("This stroke is now the example of its class, for everybody."));
  }

  #drawnAgain() {
    const { move } = this.editor.chosen();
    return this.#change(() => del(`${this.path}examples/`, {}, { move }), gettext("The drawn example is shown again."));
  }

  async #change(ask, said) {
    try {
      this.classes = await ask();
    } catch (error) {
      return this.say(error.message);
    }
    this.shown = "";
    this.render();
    this.say(said);
  }
}
