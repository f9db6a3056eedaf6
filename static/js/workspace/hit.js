// What lies under a pointer: an edge of what is chosen, an edge of another block, a block, or nothing. Very short blocks can be
// taken too: their neighbourhood counts as theirs, and once chosen their handles stand outside.

import { NARROW } from "./blocks.js";
import { boxOf } from "./lanepaint.js";
import { indexOf, visible } from "./spans.js";

/** How far from an edge its handle reaches, in pixels: a finger is thicker than a pointer. */
export const REACH = { mouse: 6, pen: 10, touch: 16 };

/**
 * The best of `lane`'s spans at (x, y), or null. `view`: {scale, chosen, moved(span), fixed: no edge can be taken,
 * reach: pixels}.
 */
export function hitLane(lane, arranged, x, y, view) {
  const { scale, reach } = view;
  const frames = 2 * reach * scale.perPixel;
  const [from, to] = visible(arranged, scale.frame(x) - frames, scale.frame(x) + frames + 1);
  const range = [...Array(Math.max(0, to - from)).keys()].map((at) => from + at);
  // What is being moved may have come here from elsewhere.
  const chosen = indexOf(arranged, view.chosen);
  if (chosen >= 0 && (chosen < from || chosen >= to)) range.push(chosen);
  let best = null;
  for (const i of range) {
    const found = weigh(arranged, i, lane, x, y, view);
    if (found && (!best || found.weight > best.weight)) best = found;
  }
  return best && { zone: best.zone, edge: best.edge, kind: best.kind, id: best.id };
}

function weigh(arranged, i, lane, x, y, { scale, chosen, moved, fixed, reach }) {
  const one = moved(arranged.sorted[i]);
  const box = boxOf(arranged, i, one, lane, scale);
  const selected = one.id === chosen;
  if (!selected && (y < box.y - 1 || y > box.y + box.height + 1)) return null;
  const [begin, end] = [scale.x(one.begin), scale.x(one.end)];
  const away = Math.max(begin - x, x - end, 0);
  const narrow = end - begin < Math.max(NARROW, 3 * reach);
  const inside = away === 0;
  const found = { kind: one.kind, id: one.id };
  const edge = Math.abs(begin - x) <= Math.abs(end - x) ? "begin" : "end";
  const distance = Math.min(Math.abs(begin - x), Math.abs(end - x));
  // The handles of a narrow chosen block lie outside, its inside still is the block.
  const handle = selected && narrow ? !inside && away <= 2 * reach : distance <= reach && (!narrow || selected);
  if (handle && !fixed) return { ...found, zone: "edge", edge, weight: (selected ? 400 : 200) - distance };
  if (inside || (narrow && away <= reach)) return { ...found, zone: "block", edge, weight: (selected ? 300 : 100) - away - (end - begin) / 1e4 };
  return null;
}
