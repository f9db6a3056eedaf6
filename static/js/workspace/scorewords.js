// What the score of the practice video says, kindly: the whole in two sentences, each stroke in one.

import { fill, gettext, ngettext } from "./i18n.js";

const GOOD = 0.9;
const NEAR_MS = 50; // nearer than anybody marks

/** So near that real videos can begin. */
export const wellDone = ({ right, of }) => right >= GOOD * of;

/** [sentence, ...] about the whole. `summary` as the server gives it. */
export function wholeWords(summary) {
  const { right, of, found, extra } = summary;
  const words = [];
  if (wellDone(summary)) words.push(gettext("Well done: you can begin with real videos."));
  else if (right >= of / 2) words.push(gettext("A good start. Look at the amber ones below, mend them, and ask for your score again."));
  else words.push(gettext("Every expert began like this. Press a stroke below to see it beside its truth, mend it, and ask again."));
  words.push(...[lateWords(summary.begin_ms, "begin"), lateWords(summary.end_ms, "end")].filter(Boolean));
  const missed = of - found;
  if (missed) words.push(fill(ngettext("%(n)s stroke is not marked yet.", "%(n)s strokes are not marked yet.", missed), { n: missed }));
  if (extra) words.push(fill(ngettext("%(n)s mark is where no stroke is.", "%(n)s marks are where no stroke is.", extra), { n: extra }));
  return words;
}

function lateWords(ms, edge) {
  if (ms === null || Math.abs(ms) < NEAR_MS) return "";
  const n = Math.abs(ms);
  const late = ms > 0;
  const texts = {
    begin: late ? gettext("Your begins are on average %(n)s ms late.") : gettext("Your begins are on average %(n)s ms early."),
    end: late ? gettext("Your ends are on average %(n)s ms late.") : gettext("Your ends are on average %(n)s ms early."),
  };
  return fill(texts[edge], { n });
}

/** How far the edges are off on average, early or late; "" with nothing marked. */
export function offWords(strokes) {
  const found = strokes.filter((one) => one.stroke);
  if (!found.length) return "";
  const mean = (edge) => (found.reduce((sum, one) => sum + Math.abs(one[edge]), 0) / found.length).toFixed(1);
  return fill(gettext("On average your begins are %(begin)s frames off, your ends %(end)s."), { begin: mean("late_begin"), end: mean("late_end") });
}

/** [{text, right}] about one stroke; `name(move)` says a class. */
export function strokeWords(one, name) {
  if (!one.stroke) return [{ text: gettext("not marked"), right: false }];
  const words = [edgesWords(one)];
  if (one.class_right) words.push({ text: gettext("class right"), right: true });
  else if (!one.marked_move) words.push({ text: gettext("no class yet"), right: false });
  else words.push({ text: fill(gettext("you said %(name)s"), { name: name(one.marked_move) }), right: false });
  return words;
}

function edgesWords(one) {
  const begin = edgeWord(one.late_begin, "begin");
  const end = edgeWord(one.late_end, "end");
  const both = [begin, end].filter(Boolean).join(", ");
  if (!both) return { text: gettext("edges exact"), right: true };
  return { text: both, right: one.edges_right };
}

function edgeWord(late, edge) {
  if (!late) return "";
  const n = Math.abs(late);
  const texts = {
    begin: late > 0 ? ngettext("begin %(n)s frame late", "begin %(n)s frames late", n) : ngettext("begin %(n)s frame early", "begin %(n)s frames early", n),
    end: late > 0 ? ngettext("end %(n)s frame late", "end %(n)s frames late", n) : ngettext("end %(n)s frame early", "end %(n)s frames early", n),
  };
  return fill(texts[edge], { n });
}
