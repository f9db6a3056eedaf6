// What was done, in sentences: “you moved the end of #12 from 467 to 470”. Pure: names and numbers are given.

import { fill, gettext, ngettext } from "./i18n.js";

const last = (end) => end - 1; // people count the last picture that still belongs to it

/**
 * words: {nameOf(move) -> short name, numberOf(stroke id) -> its number in the list or undefined, strokeOf(id), suggestionOf(id)}.
 */
export function sentence(entry, words) {
  const tell = SENTENCES[entry.kind];
  return tell ? tell(entry, words) : entry.kind;
}

/** One step: its sentence, or how much of what. `step` comes from readSteps. */
export function stepSentence(step, words) {
  const n = step.entries.length;
  const told = () => [...new Set(step.entries.map((entry) => sentence(entry, words)))].slice(0, 3).join("; ");
  if (step.how === "revert") {
    const many = step.undoes.length;
    return fill(ngettext("you took back %(n)s step", "you took back %(n)s steps", many), { n: many });
  }
  if (step.how) {
    const what = step.undoes[0] ? stepSentence(step.undoes[0], words) : told();
    return fill(step.how === "undo" ? gettext("undone: %(what)s") : gettext("done again: %(what)s"), { what: bare(what) });
  }
  const imported = step.entries.filter((entry) => entry.data?.source === "imported").length;
  if (imported > 1) return fill(ngettext("you imported %(n)s stroke", "you imported %(n)s strokes", imported), { n: imported });
  return n > 3 ? `${told()} … (${n})` : told();
}

/** Without the “undone: ” of what is undone or done again once more. */
function bare(text) {
  for (const form of [gettext("undone: %(what)s"), gettext("done again: %(what)s")]) {
    const before = form.split("%(what)s")[0];
    if (text.startsWith(before)) return bare(text.slice(before.length));
  }
  return text;
}

const span = ({ begin, end }) => `${begin}–${last(end)}`;
const named = (mark, { nameOf }) => `${mark.move ? nameOf(mark.move) : gettext("a stroke")} ${span(mark)}`;

/** “#12”, or what the stroke was where it has no number any more. */
function which(entry, words) {
  const number = words.numberOf(entry.stroke);
  if (number) return `#${number}`;
  const mark = words.strokeOf(entry.stroke);
  return mark ? named(mark, words) : gettext("a stroke");
}

function proposal(entry, words) {
  const one = words.suggestionOf(entry.suggestion);
  return one ? named(one, words) : gettext("a stroke");
}

const SENTENCES = {
  add(entry, words) {
    const values = { what: named(entry.data, words), which: which(entry, words) };
    if (entry.data.source === "imported") return fill(gettext("you imported %(what)s"), values);
    if (words.numberOf(entry.stroke)) return fill(gettext("you marked %(which)s: %(what)s"), values);
    return fill(gettext("you marked %(what)s"), values);
  },
  change: (entry, words) => changes(entry, words).join("; "),
  remove: (entry, words) => fill(gettext("you removed %(what)s"), { what: named(entry.before, words) }),
  restore: (entry, words) => fill(gettext("you brought back %(which)s"), { which: which(entry, words) }),
  accept: (entry, words) => fill(gettext("you accepted %(what)s"), { what: proposal(entry, words) }),
  reject: (entry, words) => fill(gettext("you rejected %(what)s"), { what: proposal(entry, words) }),
  reopen: (entry, words) => fill(gettext("you opened the suggestion %(what)s again"), { what: proposal(entry, words) }),
  complete: ({ data }) => (data.value ? gettext("you said that every stroke is marked") : gettext("you said that strokes are still missing")),
  roi: ({ data }) =>
    fill(data.remove ? gettext("you put the region at frame %(frame)s back") : gettext("you moved the region at frame %(frame)s"), { frame: data.frame }),
};

function changes(entry, words) {
  const { data, before = {} } = entry;
  const values = { which: which(entry, words) };
  const told = [];
  if ("begin" in data && "end" in data) {
    told.push(fill(gettext("you moved %(which)s from %(was)s to %(now)s"), { ...values, was: span(before), now: span(data) }));
  } else if ("begin" in data) {
    told.push(fill(gettext("you moved the begin of %(which)s from %(was)s to %(now)s"), { ...values, was: before.begin, now: data.begin }));
  } else if ("end" in data) {
    told.push(fill(gettext("you moved the end of %(which)s from %(was)s to %(now)s"), { ...values, was: last(before.end), now: last(data.end) }));
  }
  for (const field of ["move", "player", "note", "unsure"]) if (field in data) told.push(fill(change(field, data, before, words), values));
  return told;
}

function change(field, data, before, { nameOf }) {
  const value = data[field];
  if (field === "move") {
    const [now, was] = [value, before.move].map((move) => (move ? nameOf(move) : ""));
    if (!now) return gettext("you took the class off %(which)s");
    if (!was) return fill(gettext("you classed %(which)s as %(now)s"), { now });
    return fill(gettext("you changed the class of %(which)s from %(was)s to %(now)s"), { was, now });
  }
  if (field === "player") return value ? fill(gettext("you gave %(which)s to %(player)s"), { player: value }) : gettext("you took the player off %(which)s");
  if (field === "note") return value ? fill(gettext("you noted on %(which)s: “%(note)s”"), { note: value }) : gettext("you removed the note on %(which)s");
  return value ? gettext("you marked %(which)s as unsure") : gettext("you are sure of %(which)s again");
}
