// The numbers that strokes have in the list: 1, 2, 3 ... in the order of the video.

import { byBegin } from "./spans.js";

/** Map from a stroke's id to its number now. */
export function numbersOf(store) {
  if (store.numbered?.revision !== store.revision) {
    const ordered = [...store.state.strokes.values()].sort(byBegin);
    store.numbered = { revision: store.revision, numbers: new Map(ordered.map((one, index) => [one.id, index + 1])) };
  }
  return store.numbered.numbers;
}
