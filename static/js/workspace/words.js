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
