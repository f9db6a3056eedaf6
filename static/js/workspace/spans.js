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

/**
 * Spans in order, with the row each is drawn in (overlapping ones get rows of their own) and what is needed to
 * find the visible ones without looking at all of them.
 */
export function arrange(spans) {
  const sorted = [...spans].sort(byBegin);
  const reach = [];
  const rows = [];
  const free = [];
  for (const span of sorted) {
    reach.push(Math.max(span.end, reach.at(-1) ?? 0));
    let row = free.findIndex((end) => end <= span.begin);
    if (row < 0) row = free.length < 3 ? free.length : 2;
    free[row] = Math.max(free[row] ?? 0, span.end);
    rows.push(row);
  }
  return { sorted, rows, reach, begins: sorted.map((span) => span.begin), rowCount: Math.max(1, free.length) };
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
