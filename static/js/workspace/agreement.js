// Who agrees with whom: strokes of several lanes matched by overlap, and what that says about each of them.

import { byBegin, visible } from "./spans.js";

export const SAME = 0.5; // the overlap from which two strokes are the same one

/** Intersection over union of two spans. */
export function overlapOf(a, b) {
  const shared = Math.min(a.end, b.end) - Math.max(a.begin, b.begin);
  return shared <= 0 ? 0 : shared / (Math.max(a.end, b.end) - Math.min(a.begin, b.begin));
}

/** One-to-one matches of two arranged lanes, best overlap first: Map id -> span of the other, both ways. */
export function match(a, b) {
  const pairs = [];
  for (const span of a.sorted) {
    const [from, to] = visible(b, span.begin, span.end);
    for (let i = from; i < to; i += 1) {
      const share = overlapOf(span, b.sorted[i]);
      if (share >= SAME) pairs.push([share, span, b.sorted[i]]);
    }
  }
  pairs.sort((x, y) => y[0] - x[0] || byBegin(x[1], y[1]));
  const [there, back] = [new Map(), new Map()];
  for (const [, one, other] of pairs) {
    if (there.has(one.id) || back.has(other.id)) continue;
    there.set(one.id, other);
    back.set(other.id, one);
  }
  return { there, back };
}

/**
 * What the lanes say about each other. `lanes`: [{key, arranged, complete}]; a lane that is not complete says nothing where it
 * has no stroke. Returns {marks: Map key -> Map id -> "agree" | "class" | "alone", open: disagreements in the order of the
 * video, [{key, id, begin, end, why, partners: [{key, id}]}], agreed: how many strokes all agree on}.
 */
export function compareLanes(lanes) {
  const marks = new Map(lanes.map(({ key }) => [key, new Map()]));
  const partners = new Map();
  const note = (lane, span, other, found) => {
    const id = `${lane.key} ${span.id}`;
    if (found) partners.set(id, [...(partners.get(id) ?? []), { key: other.key, id: found.id }]);
    const says = found ? (found.move === span.move ? "agree" : "class") : other.complete ? "alone" : null;
    const own = marks.get(lane.key);
    if (says && rank(says) > rank(own.get(span.id))) own.set(span.id, says);
  };
  lanes.forEach((lane, at) => {
    for (const other of lanes.slice(at + 1)) {
      const { there, back } = match(lane.arranged, other.arranged);
      for (const span of lane.arranged.sorted) note(lane, span, other, there.get(span.id));
      for (const span of other.arranged.sorted) note(other, span, lane, back.get(span.id));
    }
  });
  return { marks, ...disagreements(lanes, marks, partners) };
}

const rank = (says) => ["agree", "alone", "class"].indexOf(says);

function disagreements(lanes, marks, partners) {
  const open = [];
  const told = new Set();
  let agreed = 0;
  for (const { key, arranged } of lanes) {
    for (const span of arranged.sorted) {
      const id = `${key} ${span.id}`;
      const why = marks.get(key).get(span.id);
      if (!why || told.has(id)) continue;
      const others = partners.get(id) ?? [];
      for (const other of others) told.add(`${other.key} ${other.id}`);
      if (why === "agree") agreed += 1;
      else open.push({ key, id: span.id, begin: span.begin, end: span.end, why, partners: others });
    }
  }
  return { open: open.sort(byBegin), agreed };
}
