// Groups of pictures: from one key picture to the next. Pure.

import { firstAbove } from "../spans.js";

/** The group [begin, end) that picture `frame` of `n` belongs to; `keys`: ordinals of the key pictures, sorted. */
export function groupEnd(keys, n, frame) {
  const after = firstAbove(keys, frame);
  if (after === 0) throw new RangeError(`no key picture before picture ${frame}`);
  return { begin: keys[after - 1], end: keys[after] ?? n };
}

/** Groups to decode beside the one on screen: `pictures` in the direction of travel, then one group behind. */
export function around(keys, n, frame, { direction, pictures }) {
  const here = groupEnd(keys, n, frame);
  const groups = [here];
  let { begin, end } = here;
  const forwards = () => {
    if (end >= n) return false;
    const next = groupEnd(keys, n, end);
    ({ end } = next);
    groups.push(next);
    return true;
  };
  const backwards = () => {
    if (begin <= 0) return false;
    const next = groupEnd(keys, n, begin - 1);
    ({ begin } = next);
    groups.push(next);
    return true;
  };
  if (direction >= 0) {
    while (end - frame < pictures && forwards());
    backwards();
  } else {
    while (frame - begin < pictures && backwards());
    forwards();
  }
  return groups;
}
