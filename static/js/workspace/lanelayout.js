// Where each lane lies: motion, model, mine; in a comparison the others below, in a part of their own that scrolls.

export const RULER = 20;
export const GAP = 4;
const LEAST = 26;
const MOTION = { share: 0.26, compared: 30 };

/**
 * {motion, suggestion, stroke: {y, height}, others: [{key, y, height, hidden}], part: {y, height, content}} for a canvas of
 * `height`. `others` are the keys of the lanes of other people in order; `scroll` is how far their part is scrolled.
 */
export function layoutLanes(height, others = [], scroll = 0) {
  const room = height - RULER - 3 * GAP;
  if (!others.length) {
    const motion = Math.round(room * MOTION.share);
    return { ...stacked(motion, Math.floor((room - motion) / 2)), others: [], part: { y: height, height: 0, content: 0 } };
  }
  const rest = room - MOTION.compared;
  const own = Math.max(LEAST, Math.min(44, Math.floor(rest / (others.length + 2)) - GAP));
  const top = stacked(MOTION.compared, own);
  const y = top.stroke.y + own + GAP;
  const part = { y, height: Math.max(0, height - y) };
  const each = Math.max(LEAST, Math.floor((part.height - (others.length - 1) * GAP) / others.length));
  part.content = others.length * (each + GAP) - GAP;
  const at = Math.min(Math.max(0, scroll), Math.max(0, part.content - part.height));
  const lanes = others.map((key, index) => {
    const from = y + index * (each + GAP) - at;
    return { key, y: from, height: each, hidden: from + each <= y || from >= height };
  });
  return { ...top, others: lanes, part };
}

function stacked(motion, lane) {
  return {
    motion: { y: RULER, height: motion },
    suggestion: { y: RULER + motion + GAP, height: lane },
    stroke: { y: RULER + motion + 2 * GAP + lane, height: lane },
  };
}
