// Which strokes share pictures, and how many.

/** The stroke that shares most pictures with `one`, as {other, frames}, or null; touching is not sharing. */
export function overlapOf(one, strokes) {
  let most = null;
  for (const other of strokes) {
    if (other.id === one.id) continue;
    const frames = Math.min(one.end, other.end) - Math.max(one.begin, other.begin);
    if (frames > 0 && frames > (most?.frames ?? 0)) most = { other, frames };
  }
  return most;
}
