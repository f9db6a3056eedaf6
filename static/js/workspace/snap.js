// Where an edge wants to be: near evidence it jumps there, unless Alt is held.

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

/** The candidate nearest to `frame` within `reach` frames, else `frame` itself. */
export function snap(frame, candidates, reach) {
  let best = frame;
  let distance = reach + 1;
  for (const candidate of candidates) {
    const away = Math.abs(candidate - frame);
    if (away < distance) [best, distance] = [candidate, away];
  }
  return distance <= reach ? best : frame;
}
