// Which pictures a loop shows: the stroke in the middle, with as much lead and tail as makes about two seconds.

const LOOP_S = 2;
const LEAST_S = 0.35;

/** [from, to) in frames around `span`, both ends inside the video. */
export function around(table, span, seconds = LOOP_S) {
  const begin = table.begin(span.begin);
  const end = table.begin(span.end);
  const margin = Math.max(LEAST_S, (seconds - (end - begin)) / 2);
  const from = table.at(Math.max(0, begin - margin));
  const to = Math.min(table.n, table.at(end + margin) + 1);
  return { from, to: Math.max(to, from + 1) };
}

/** Where `frame` lies in the loop, 0 to 1, by time. */
export function part(table, loop, frame) {
  const start = table.begin(loop.from);
  const length = table.begin(loop.to) - start;
  return length > 0 ? Math.min(1, Math.max(0, (table.begin(frame) - start) / length)) : 0;
}
