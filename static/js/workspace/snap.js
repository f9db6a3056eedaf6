// Where an edge wants to be: near evidence it jumps there, unless Alt is held.

import { firstAbove } from "./spans.js";

/** Local maxima of the motion strip as frames. `motion`: a topspin-motion body; `at(seconds)` -> frame. */
export function motionPeaks(motion, at, threshold = 0.15) {
  if (!motion) return [];
  const { values, rate } = motion;
  const peaks = [];
  for (let i = 1; i < values.length - 1; i += 1) {
    if (values[i] >= threshold && values[i] > values[i - 1] && values[i] >= values[i + 1]) peaks.push(at(i / rate));
  }
  return peaks;
}

/** Edges of spans that an edge of `own` may snap to. */
export function edgesOf(spans, own) {
  const edges = [];
  for (const span of spans) if (span.id !== own) edges.push(span.begin, span.end);
  return edges;
}

/** What an edge may snap to, in order: `sources` is [[what, frames], ...]; where two say the same frame the first counts. */
export function magnets(sources) {
  const found = new Map();
  for (const [what, frames] of sources) for (const frame of frames) if (!found.has(frame)) found.set(frame, what);
  const frames = [...found.keys()].sort((a, b) => a - b);
  return { frames, what: frames.map((frame) => found.get(frame)) };
}

/** {frame, what} of the magnet nearest to `frame` within `reach` frames, else {frame, what: null}. */
export function snap(frame, { frames, what }, reach) {
  const after = firstAbove(frames, frame);
  let best = -1;
  for (const at of [after - 1, after]) {
    if (at < 0 || at >= frames.length) continue;
    if (best < 0 || Math.abs(frames[at] - frame) < Math.abs(frames[best] - frame)) best = at;
  }
  if (best < 0 || Math.abs(frames[best] - frame) > reach) return { frame, what: null };
  return { frame: frames[best], what: what[best] };
}
