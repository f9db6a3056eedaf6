// The calibrated score of a suggestion in plain steps, its figure on demand, and which suggestion is best decided next.

import { gettext } from "./i18n.js";

/** Least score of each step, best first. A calibrated score says how often such a suggestion is right: 0.85 = 17 of 20. */
export const STEPS = [["sure", 0.85], ["likely", 0.6], ["unsure", 0]];

export const stepOf = (score) => STEPS.find(([, least]) => score >= least)[0];

export function stepName(step) {
  return { sure: gettext("sure"), likely: gettext("likely"), unsure: gettext("unsure") }[step];
}

/** What a step means, for a tooltip or a reader of screens. */
export function stepMeaning(step) {
  return {
    sure: gettext("sure: such suggestions are right at least 17 times of 20"),
    likely: gettext("likely: right more often than not"),
    unsure: gettext("unsure: look closely"),
  }[step];
}

export const figure = (value) => value.toFixed(2).replace(/^0/, "");

/** Motion has no class and no calibrated score: how much moves is not how sure anybody is. */
export const fromMotion = (one) => one.run === null && !one.move;

/** The score of a suggestion as text: a word, or with `figures` the number. Empty for motion without `figures`. */
export function scoreText(one, figures) {
  if (figures) return figure(one.score);
  return fromMotion(one) ? "" : stepName(stepOf(one.score));
}

/**
 * How much a decision here teaches: most where the model is torn, between stroke and no stroke or between two classes.
 * 0 (it is sure) to 1.
 */
export function usefulness(one) {
  if (fromMotion(one)) return one.score;
  const stroke = 1 - Math.abs(2 * one.score - 1);
  const [first = 0, second = 0] = (one.top ?? []).map(([, p]) => p);
  const torn = first > 0 ? 1 - (first - second) : 0;
  return Math.max(stroke, torn);
}

/**
 * The suggestion to decide after `current`, or undefined. `open`: undecided, in the order of the video. In that order:
 * the next one at or after `from`, then from the start; "useful": the most useful one wherever it lies.
 */
export function nextOpen(open, { order = "video", from = 0, current = null } = {}) {
  const others = open.filter((one) => one.id !== current);
  if (!others.length) return open[0];
  if (order !== "useful") return others.find((one) => one.begin >= from) ?? others[0];
  return others.reduce((best, one) => (usefulness(one) > usefulness(best) ? one : best));
}
