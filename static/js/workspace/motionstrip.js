// The motion strip: the largest motion under each pixel, from levels worked out once, so that an hour costs what a second does.

/** Levels of maxima: level k holds the largest of each 2^k values. */
export function levels(values) {
  const found = [Float32Array.from(values)];
  while (found.at(-1).length > 1) {
    const below = found.at(-1);
    const above = new Float32Array(Math.ceil(below.length / 2));
    for (let i = 0; i < above.length; i += 1) above[i] = Math.max(below[2 * i], below[2 * i + 1] ?? 0);
    found.push(above);
  }
  return found;
}

/** The largest value from index `from` to `to` inclusive, or a little beyond when many are asked for. */
export function largest(found, from, to) {
  const level = Math.min(found.length - 1, Math.max(0, Math.floor(Math.log2((to - from + 1) / 2))));
  const values = found[level];
  let most = 0;
  for (let i = from >> level; i <= to >> level && i < values.length; i += 1) most = Math.max(most, values[i]);
  return most;
}

const STEP = 2;

/** Paint the strip into lane {y, height}. `strip`: {rate, levels}. Returns how many points the curve has. */
export function paintMotion(context, { y, height }, strip, { scale, table, palette }) {
  const { width } = scale;
  const index = (x) => Math.floor(table.begin(Math.floor(scale.frame(x))) * strip.rate);
  context.fillStyle = palette.motion;
  context.beginPath();
  context.moveTo(0, y + height);
  let points = 0;
  let from = index(0);
  for (let x = 0; x <= width; x += STEP) {
    const next = index(x + STEP);
    context.lineTo(x, y + height - largest(strip.levels, from, Math.max(from, next)) * (height - 2));
    from = next;
    points += 1;
  }
  context.lineTo(width, y + height);
  context.fill();
  return points;
}
