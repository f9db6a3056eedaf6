// The numbers that strokes have in the list: 1, 2, 3 ... in the order of the video.

import { inOrder } from "./order.js";

/** Map from a stroke's id to its number now. */
export function numbersOf(store) {
  if (store.numbered?.revision !== store.revision) {
    const ordered = inOrder(store.state.strokes, "stroke");
    store.numbered = { revision: store.revision, numbers: new Map(ordered.map((one, index) => [one.id, index + 1])) };
  }
  return store.numbered.numbers;
}
