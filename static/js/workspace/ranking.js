// How likely each technique of a group is: the model's word where it has one, and what usually follows what.

const LONG_S = 5; // after so long without a stroke a new point begins, with a serve
const AGAIN = 0.1; // a serve straight after a serve is rare
const NEW_POINT = { serve: 3, other: 0.5 };

const isServe = (move) => (move?.type ?? move?.look?.hue ?? "").toLowerCase() === "serve" || /^serve\b/i.test(move?.name ?? "");

/** What comes before `frame`: {move, gap_s} of the stroke that began last; move null where there is none. */
export function contextOf(strokes, frame, table, tree) {
  let last = null;
  for (const one of strokes) if (one.begin < frame && (!last || one.begin > last.begin)) last = one;
  if (!last) return { move: null, gap_s: Infinity };
  return { move: tree.entry(last.move), gap_s: Math.max(0, table.begin(frame) - table.begin(last.end)) };
}

/** How much more or less often `move` follows in this context. */
export function usual(move, { move: before, gap_s }) {
  if (!before || gap_s >= LONG_S) return isServe(move) ? NEW_POINT.serve : NEW_POINT.other;
  return isServe(move) && isServe(before) ? AGAIN : 1;
}

/**
 * `moves` with their share among all `total` classes, most likely first: [{move, p}]. `top` is the model's
 * [[name, probability] ...]; what it leaves is dealt out evenly to the others.
 */
export function ranked(moves, { top = [], total, context }) {
  const said = new Map(top);
  const left = Math.max(0, 1 - [...said.values()].reduce((sum, p) => sum + p, 0));
  const share = left / Math.max(1, total - said.size);
  return moves
    .map((move, index) => ({ move, index, p: (said.get(move.name) ?? share) * usual(move, context) }))
    .sort((a, b) => b.p - a.p || a.index - b.index)
    .map(({ move, p }) => ({ move, p }));
}
