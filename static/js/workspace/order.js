// The records of a map in the order of the video, each told its kind. Worked out from the order of an earlier version of the map and
// what differs, so that an edit among 10,000 strokes sorts one and not all.

import { byBegin } from "./spans.js";

const FEW = 200;
const KEPT = 4;

const known = new WeakMap(); // map -> its records in order
let recent = []; // the last maps that were put in order

/** Index where `span` stands, or would stand, in `sorted`. */
function place(sorted, span) {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (byBegin(sorted[middle], span) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The order of `map` from that of `old`, or null when too much differs. */
function fromOlder(map, old, kind) {
  const keys = map.changed(old);
  if (keys.length > FEW) return null;
  const sorted = [...known.get(old)];
  for (const key of keys) if (old.has(key)) sorted.splice(place(sorted, old.get(key)), 1);
  for (const key of keys) {
    if (!map.has(key)) continue;
    const one = { ...map.get(key), kind };
    sorted.splice(place(sorted, one), 0, one);
  }
  return sorted;
}

/** The values of `map` as {...value, kind} in the order of the video; the same array while the map is the same. */
export function inOrder(map, kind) {
  if (known.has(map)) return known.get(map);
  let sorted = null;
  for (const old of recent) if (!sorted && map.changed && old.kind === kind) sorted = fromOlder(map, old.map, kind);
  sorted ??= [...map.values()].map((one) => ({ ...one, kind })).sort(byBegin);
  known.set(map, sorted);
  recent = [{ map, kind }, ...recent].slice(0, KEPT);
  return sorted;
}

/** Two lists in order as one. */
export function merged(a, b) {
  const all = new Array(a.length + b.length);
  for (let i = 0, j = 0, k = 0; k < all.length; k += 1) {
    all[k] = j >= b.length || (i < a.length && byBegin(a[i], b[j]) <= 0) ? a[i++] : b[j++];
  }
  return all;
}
