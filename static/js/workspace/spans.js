// Half-open intervals [begin, end) of frame ordinals.

/** `span` with one edge at `frame`, kept inside the video of `n` pictures and at least one picture long. */
export function withEdge(span, edge, frame, n) {
  if (edge === "begin") return { begin: Math.min(Math.max(0, frame), span.end - 1), end: span.end };
  return { begin: span.begin, end: Math.max(Math.min(n, frame), span.begin + 1) };
}

export const byBegin = (a, b) => a.begin - b.begin || a.end - b.end || (a.id < b.id ? -1 : 1);

/** First index of the rising `values` whose value is greater than `value`. */
export function firstAbove(values, value) {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

const MOST_ROWS = 3;

/**
 * Spans in order, with the row each is drawn in and how many rows its heap of overlapping spans needs (`heaps`), what is
 * needed to find the visible ones without looking at all of them, and where spans overlap, as [begin, end) and by id.
 */
export function arrange(spans) {
  const sorted = [...spans].sort(byBegin);
  const n = sorted.length;
  const found = {
    sorted, rows: new Uint8Array(n), heaps: new Uint8Array(n), begins: new Array(n), reach: new Array(n),
    overlaps: [], overlapping: new Set(), index: new Map(),
  };
  let reach = 0;
  let first = 0;
  let free = [];
  sorted.forEach((span, i) => {
    if (span.begin >= reach) {
      found.heaps.fill(Math.max(1, free.length), first, i);
      [first, free] = [i, []];
    } else {
      overlap(found, i, first);
    }
    let row = free.findIndex((end) => end <= span.begin);
    if (row < 0) row = Math.min(free.length, MOST_ROWS - 1);
    free[row] = Math.max(free[row] ?? 0, span.end);
    reach = Math.max(reach, span.end);
    found.rows[i] = row;
    found.index.set(span.id, i);
    found.begins[i] = span.begin;
    found.reach[i] = reach;
  });
  found.heaps.fill(Math.max(1, free.length), first, n);
  return found;
}

/** Write down where span `i` overlaps those before it, back to the first of its heap. */
function overlap({ sorted, overlaps, overlapping }, i, first) {
  for (let j = first; j < i; j += 1) {
    if (sorted[j].end <= sorted[i].begin) continue;
    overlaps.push({ begin: sorted[i].begin, end: Math.min(sorted[i].end, sorted[j].end) });
    overlapping.add(sorted[j].id).add(sorted[i].id);
  }
}

/** Index range [from, to) of `arranged.sorted` that covers everything touching [begin, end). */
export function visible(arranged, begin, end) {
  return [firstAbove(arranged.reach, begin), firstAbove(arranged.begins, end - 1)];
}

/** The span nearest before (`direction` -1) or after (+1) the one with `id`, or the playhead when none is chosen. */
export function neighbour(sorted, id, frame, direction) {
  const at = sorted.findIndex((span) => span.id === id);
  if (at >= 0) return sorted[at + direction] ?? null;
  if (direction > 0) return sorted.find((span) => span.begin > frame) ?? null;
  return sorted.findLast((span) => span.begin < frame) ?? null;
}
