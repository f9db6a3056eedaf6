// Names and numbers for the sentences of the log, as the page knows them now.

import { numbersOf } from "./numbers.js";

export function wordsOf(store, tree) {
  const { state } = store;
  return {
    nameOf: (move) => tree.entry(move).label,
    numberOf: (id) => numbersOf(store).get(id),
    strokeOf: (id) => state.strokes.get(id) ?? state.removed.get(id),
    suggestionOf: (id) => state.suggestions.get(id),
  };
}

/** The same for a lane without numbers, from what its `log` says of each stroke, and its `strokes` as they are now. */
export function wordsOfLog(log, strokes, tree) {
  const known = new Map();
  for (const { stroke, before, data } of log) known.set(stroke, { ...known.get(stroke), ...before, ...data });
  for (const stroke of strokes) known.set(stroke.id, stroke);
  return {
    nameOf: (move) => tree.entry(move).label,
    numberOf: () => undefined,
    strokeOf: (id) => (known.get(id)?.end === undefined ? undefined : known.get(id)),
    suggestionOf: () => undefined,
  };
}
