// The class curve of a suggestion as a picture: probability of the first classes over time, on the timeline's scale, each
// named at its peak. Pure: what to draw; `paintCurve` draws it on a canvas.

const BYTE = 255;

/** topspin-curves as {start, rate, classes, n, p(position, class)}. */
export function readCurves(file) {
  const bytes = Uint8Array.from(atob(file.values), (letter) => letter.charCodeAt(0));
  const k = file.classes.length;
  return { ...file, n: bytes.length / k, p: (at, c) => bytes[at * k + c] / BYTE };
}

/** Positions [from, to) of the curve that touch the seconds [begin, end). */
export function stretch(curves, begin, end) {
  const from = Math.min(curves.n, Math.max(0, Math.floor((begin - curves.start) * curves.rate)));
  const to = Math.min(curves.n, Math.ceil((end - curves.start) * curves.rate) + 1);
  return [from, Math.max(from, to)];
}

/** Indices of the classes to draw: the suggested one, then those with the highest peaks inside; background is not a class. */
export function leading(curves, [from, to], move, most = 3) {
  const negative = curves.classes.length - 1;
  const peaks = curves.classes.map((name, c) => {
    let best = 0;
    for (let at = from; at < to; at += 1) best = Math.max(best, curves.p(at, c));
    return { c, best: name === move ? 2 : c === negative ? -1 : best };
  });
  return peaks.sort((a, b) => b.best - a.best).slice(0, most).filter((one) => one.best > 0.02).map((one) => one.c);
}

/** Where the curve of class `c` is highest in [from, to). */
export function peak(curves, c, [from, to]) {
  let best = from;
  for (let at = from; at < to; at += 1) if (curves.p(at, c) > curves.p(best, c)) best = at;
  return best;
}

/** Pixels of a moment: seconds to frames to the scale, fractions kept. */
export function xOf(seconds, table, scale) {
  const frame = table.at(Math.max(0, seconds));
  return scale.x(frame + Math.min(1, Math.max(0, (seconds - table.begin(frame)) / table.span(frame))));
}

/** Labels moved down until none lies on another. [{x, y, text, width}] in, the same with free places out. */
export function spread(labels, line = 14) {
  const placed = [];
  for (const label of [...labels].sort((a, b) => a.y - b.y)) {
    const hits = (one) => Math.abs(one.y - label.y) < line && one.x < label.x + label.width && label.x < one.x + one.width;
    while (placed.some(hits)) label.y += line;
    placed.push(label);
  }
  return placed;
}

const DASHES = [[], [6, 3], [2, 3]];

/** Paint the curves around a suggestion. */
export function paintCurve({ context, width, height, palette }, { curves, one, scale, table, tree, fillOf }) {
  const floor = height - 2;
  const rise = height - 18;
  const y = (p) => floor - p * rise;
  const [left, right] = [scale.x(one.begin), scale.x(one.end)];
  context.fillStyle = palette.border;
  context.globalAlpha = 0.5;
  context.fillRect(left, 0, right - left, height);
  context.globalAlpha = 1;
  for (const p of [0.5, 1]) context.fillRect(0, Math.round(y(p)), width, 1);
  const visible = stretch(curves, table.begin(Math.max(0, Math.floor(scale.from))), table.begin(Math.min(table.n - 1, Math.ceil(scale.to))) + 1);
  const inside = stretch(curves, table.begin(one.begin), table.begin(one.end));
  const labels = [];
  leading(curves, inside, one.move).forEach((c, rank) => {
    const entry = tree.entry(curves.classes[c]);
    context.strokeStyle = fillOf(palette, entry.look);
    context.lineWidth = rank ? 1.5 : 2.5;
    context.setLineDash(DASHES[rank] ?? []);
    context.beginPath();
    for (let at = visible[0]; at < visible[1]; at += 1) context.lineTo(xOf(curves.start + at / curves.rate, table, scale), y(curves.p(at, c)));
    context.stroke();
    const top = peak(curves, c, inside);
    const x = xOf(curves.start + top / curves.rate, table, scale);
    labels.push({ x: Math.min(width - 70, Math.max(2, x + 4)), y: Math.max(8, y(curves.p(top, c)) - 7), text: entry.short, width: context.measureText(entry.short).width });
  });
  context.setLineDash([]);
  context.fillStyle = palette.text;
  for (const label of spread(labels)) if (label.y < height - 4) context.fillText(label.text, label.x, label.y);
}

/** Motion alone: the same stretch of the motion strip, its peak marked. Returns the peak's frame. */
export function motionPeak(motion, one, table) {
  let best = null;
  const [from, to] = [table.begin(one.begin), table.begin(one.end)].map((seconds) => Math.floor(seconds * motion.rate));
  for (let at = from; at <= Math.min(to, motion.values.length - 1); at += 1) if (best === null || motion.values[at] > motion.values[best]) best = at;
  return best === null ? one.begin : table.at(best / motion.rate);
}

export function paintMotionPeak({ context, width, height, palette }, { motion, one, scale, table, label }) {
  const floor = height - 2;
  const [left, right] = [scale.x(one.begin), scale.x(one.end)];
  context.fillStyle = palette.border;
  context.globalAlpha = 0.5;
  context.fillRect(left, 0, right - left, height);
  context.globalAlpha = 1;
  context.strokeStyle = palette.text;
  context.lineWidth = 1.5;
  context.beginPath();
  for (let x = 0; x <= width; x += 2) {
    const frame = Math.min(table.n - 1, Math.max(0, Math.floor(scale.frame(x))));
    context.lineTo(x, floor - (motion.values[Math.floor(table.begin(frame) * motion.rate)] ?? 0) * (height - 18));
  }
  context.stroke();
  const x = scale.x(motionPeak(motion, one, table));
  context.fillStyle = palette.playhead;
  context.beginPath();
  context.arc(x, 8, 4, 0, 2 * Math.PI);
  context.fill();
  context.fillText(label, Math.min(width - 90, x + 8), 9);
}
