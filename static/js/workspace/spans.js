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
 * Spans in order (`sorted` already, or not), with the row each is drawn in and how many rows its heap of overlapping spans needs
 * (`heaps`), what is needed to find the visible ones without looking at all of them, and where spans overlap, as [begin, end)
 * and by id.
 */
export function arrange(spans, { inOrder = false } = {}) {
  const sorted = inOrder ? spans : [...spans].sort(byBegin);
  const n = sorted.length;
  const found = {
    sorted, rows: new Uint8Array(n), heaps: new Uint8Array(n), begins: new Float64Array(n), reach: new Float64Array(n),
    overlaps: [], overlapping: new Set(),
  };
  for (let first = 0; first < n; ) {
    let reach = sorted[first].end;
    let next = first + 1;
    while (next < n && sorted[next].begin < reach) {
      reach = Math.max(reach, sorted[next].end);
      next += 1;
    }
    heap(found, first, next);
    first = next;
  }
  return found;
}

/** Arrange the spans from `first` to before `next`, which hang together by overlaps; mostly it is one. */
function heap(found, first, next) {
  const { sorted, rows, heaps, begins, reach } = found;
  const free = [];
  for (let i = first; i < next; i += 1) {
    const span = sorted[i];
    begins[i] = span.begin;
    reach[i] = i > first ? Math.max(reach[i - 1], span.end) : span.end;
    if (next - first === 1) break;
    if (i > first) overlap(found, i, first);
    let row = free.findIndex((end) => end <= span.begin);
    if (row < 0) row = Math.min(free.length, MOST_ROWS - 1);
    free[row] = Math.max(free[row] ?? 0, span.end);
    rows[i] = row;
  }
  for (let i = first; i < next; i += 1) heaps[i] = Math.max(1, free.length);
}

/** Write down where span `i` overlaps those before it, back to the first of its heap. */
function overlap({ sorted, overlaps, overlapping }, i, first) {
  for (let j = first; j < i; j += 1) {
    if (sorted[j].end <= sorted[i].begin) continue;
    overlaps.push({ begin: sorted[i].begin, end: Math.min(sorted[i].end, sorted[j].end) });
    overlapping.add(sorted[j].id).add(sorted[i].id);
  }
}

/** Index of the span with `id`, or -1. */
export const indexOf = ({ sorted }, id) => (id ? sorted.findIndex((span) => span.id === id) : -1);

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
