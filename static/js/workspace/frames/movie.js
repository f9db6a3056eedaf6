// The index of an mp4 as the file itself has it: when each picture is shown, where its bytes lie, which are key pictures.

const CONTAINERS = ["moov", "trak", "mdia", "minf", "stbl", "edts"];

/** Boxes of `bytes` from `at` to `end`: {type, from, to} of their contents. */
function* boxes(view, at, end) {
  while (at + 8 <= end) {
    let size = view.getUint32(at);
    const type = String.fromCharCode(...[4, 5, 6, 7].map((k) => view.getUint8(at + k)));
    let head = 8;
    if (size === 1) {
      size = Number(view.getBigUint64(at + 8));
      head = 16;
    } else if (size === 0) size = end - at;
    if (size < head || at + size > end) throw new RangeError(`a broken box ${type}`);
    yield { type, from: at + head, to: at + size };
    at += size;
  }
}

/** Where the box `moov` lies in a file: [start, end). `read(start, end)` gives bytes. */
export async function findMovie(read, size) {
  for (let at = 0; at + 16 <= size; ) {
    const head = await read(at, at + 16);
    const view = new DataView(head.buffer, head.byteOffset, head.length);
    const type = String.fromCharCode(...head.subarray(4, 8));
    const long = view.getUint32(0);
    const length = long === 1 ? Number(view.getBigUint64(8)) : long || size - at;
    if (length < 8) break;
    if (type === "moov") return { start: at, end: at + length };
    at += length;
  }
  throw new RangeError("no index in the file");
}

function leaves(view, from, to, found = {}) {
  for (const box of boxes(view, from, to)) {
    if (CONTAINERS.includes(box.type)) leaves(view, box.from, box.to, found);
    else found[box.type] = box;
  }
  return found;
}

/** The picture track of `moov` (its bytes, header included): timescale, n, pts, offsets, sizes, keys (ordinals). */
export function readMovie(moov) {
  const view = new DataView(moov.buffer, moov.byteOffset, moov.length);
  const [outer] = boxes(view, 0, moov.length);
  for (const track of boxes(view, outer.from, outer.to)) {
    if (track.type !== "trak") continue;
    const found = leaves(view, track.from, track.to);
    if (String.fromCharCode(...moov.subarray(found.hdlr.from + 8, found.hdlr.from + 12)) === "vide") return readTrack(view, found);
  }
  throw new RangeError("no pictures in the file");
}

function readTrack(view, found) {
  const timescale = view.getUint32(found.mdhd.from + (view.getUint8(found.mdhd.from) === 1 ? 20 : 12));
  const sizes = readSizes(view, found.stsz);
  const pts = readTimes(view, found, sizes.length);
  const offsets = readOffsets(view, found, sizes);
  const keys = found.stss ? list(view, found.stss.from + 8, view.getUint32(found.stss.from + 4)).map((k) => k - 1) : null;
  return { timescale, n: sizes.length, pts, offsets, sizes, keys: keys ?? sizes.map((size, k) => k) };
}

const list = (view, at, n) => Array.from({ length: n }, (_, k) => view.getUint32(at + 4 * k));

function readSizes(view, { from }) {
  const same = view.getUint32(from + 4);
  const n = view.getUint32(from + 8);
  return same ? new Array(n).fill(same) : list(view, from + 12, n);
}

/** Times in the track's timescale, in the order of the file, which is that of showing where no picture is reordered. */
function readTimes(view, { stts, ctts }, n) {
  const pts = new Float64Array(n);
  let k = 0;
  let time = 0;
  for (let run = 0; run < view.getUint32(stts.from + 4); run += 1) {
    const length = view.getUint32(stts.from + 8 + 8 * run);
    const delta = view.getUint32(stts.from + 12 + 8 * run);
    for (let one = 0; one < length && k < n; one += 1, k += 1, time += delta) pts[k] = time;
  }
  if (k !== n) throw new RangeError("times and sizes differ in number");
  if (!ctts) return pts;
  k = 0;
  for (let run = 0; run < view.getUint32(ctts.from + 4); run += 1) {
    const length = view.getUint32(ctts.from + 8 + 8 * run);
    const shift = view.getInt32(ctts.from + 12 + 8 * run);
    for (let one = 0; one < length && k < n; one += 1, k += 1) pts[k] += shift;
  }
  return pts;
}

function readOffsets(view, { stsc, stco, co64 }, sizes) {
  const chunks = (stco ?? co64).from + 8;
  const place = (chunk) => (stco ? view.getUint32(chunks + 4 * chunk) : Number(view.getBigUint64(chunks + 8 * chunk)));
  const runs = view.getUint32(stsc.from + 4);
  const many = view.getUint32((stco ?? co64).from + 4);
  const offsets = new Float64Array(sizes.length);
  let k = 0;
  for (let run = 0; run < runs; run += 1) {
    const at = stsc.from + 8 + 12 * run;
    const last = run + 1 < runs ? view.getUint32(at + 12) - 1 : many;
    for (let chunk = view.getUint32(at) - 1; chunk < last; chunk += 1) {
      let here = place(chunk);
      for (let one = 0; one < view.getUint32(at + 4) && k < sizes.length; one += 1, k += 1) {
        offsets[k] = here;
        here += sizes[k];
      }
    }
  }
  return offsets;
}

/** The first ordinal at which the file is not as the server's frame table says; null if it is. */
export function differs(movie, { time_base: [numerator, denominator], pts }) {
  const n = Math.min(movie.n, pts.length);
  for (let k = 0; k < n; k += 1) {
    if ((movie.pts[k] - movie.pts[0]) * denominator !== (pts[k] - pts[0]) * numerator * movie.timescale) return k;
  }
  return movie.n === pts.length ? null : n;
}
