// The worker of the WebCodecs road: decodes whole groups of pictures and hands each over as a bitmap with its ordinal.
//
// In:  {open: {url, table}}                      once
//      {want: {frame, skip}}                     the newest wish; an older one that has not begun is dropped
//      {ahead: [{begin, skip}]}                  groups to decode while nobody wishes; replaces what was said before
// Out: {opened: {keys, n, width, height, bytes}}  {refused: {reason, detail}}  {trouble: {frame, reason, detail}}
//      {seen: {frame, image, fetch, decode}}       the wished picture as it left the decoder; to be closed
//      {picture: {frame, bitmap}}                  any picture, to keep            {line: {bytes, ms}}

import { ByteStore, ChangedError, NetworkError } from "./bytes.js";
import { Decoder } from "./decoder.js";
import { Demuxer, TableError } from "./demux.js";
import { groupEnd } from "./groups.js";

const READ_ALL = 64 * 2 ** 20; // a file up to this size is read to its end while nothing else is to do
const REST_MS = 100; // after a wish and its group, before groups ahead: whoever jumps often shall not wait for them
const PIECE_MS = 60; // a piece of it takes about this long on the line, so that a wish never waits much longer

const state = { want: null, ahead: [], given: new Set(), demuxer: null, decoder: null, store: null, rate: 2 ** 20 / 100 };
const clock = { asked: 0, fetched: 0, done: -Infinity }; // of the latest wish
let wake = () => {};

self.onmessage = ({ data }) => {
  if (data.open) open(data.open);
  if (data.want) state.want = data.want;
  if (data.ahead) {
    state.ahead = data.ahead;
    state.given.clear();
  }
  wake();
};

function heard(line) {
  if (line.bytes > 64 * 1024) state.rate = (state.rate + line.bytes / line.ms) / 2;
  self.postMessage({ line });
}

async function open({ url, table }) {
  try {
    if (typeof VideoDecoder === "undefined") return refuse("no_webcodecs");
    state.store = new ByteStore(url, { told: heard });
    state.demuxer = new Demuxer(state.store, table);
    await state.demuxer.open();
    const { config } = state.demuxer;
    const { supported } = await VideoDecoder.isConfigSupported(config);
    if (!supported) return refuse("codec", config.codec);
    state.decoder = new Decoder(config, { give, see });
  } catch (error) {
    return refuse(...why(error));
  }
  const { movie, config } = state.demuxer;
  const { codedWidth: width, codedHeight: height } = config;
  self.postMessage({ opened: { keys: movie.keys, n: movie.n, width, height, bytes: state.store.size } });
  work();
}

function give(frame, bitmap) {
  state.given.add(frame);
  self.postMessage({ picture: { frame, bitmap } }, [bitmap]);
}

function see(frame, image) {
  const fetch = clock.fetched - clock.asked;
  self.postMessage({ seen: { frame, image, fetch, decode: performance.now() - clock.fetched } }, [image]);
}

function why(error) {
  if (error instanceof TableError) return ["table", error.at];
  if (error instanceof NetworkError) return ["network", error.status];
  if (error instanceof ChangedError) return ["changed", null];
  return ["decoder", String(error?.message ?? error)];
}

function refuse(reason, detail = null) {
  self.postMessage({ refused: { reason, detail } });
}

const news = () => new Promise((resolve) => (wake = resolve));

/** One thing at a time, what is wished first. */
async function work() {
  for (;;) {
    const { want } = state;
    state.want = null;
    if (want) await decodeWish(want);
    else if (!(await decodeAhead()) && !(await readOn())) await news();
  }
}

const groupOf = (frame) => {
  const { keys, n } = state.demuxer.movie;
  return groupEnd(keys, n, frame);
};

/** The wished picture and then its whole group; a newer wish ends it, but only once the wished picture is out. */
async function decodeWish({ frame, skip }) {
  const { begin, end } = groupOf(frame);
  clock.asked = performance.now();
  try {
    const group = await state.demuxer.group(begin, end);
    clock.fetched = performance.now();
    await state.decoder.decode(group, { begin, skip, target: frame, enough: () => state.want !== null });
  } catch (error) {
    const [reason, detail] = why(error);
    self.postMessage({ trouble: { frame, reason, detail } });
    if (reason === "decoder") state.decoder.renew();
  }
  clock.done = performance.now();
}

/** One group ahead of the wishes; whether there was one. A wish ends it at once. */
async function decodeAhead() {
  if (!state.ahead.length) return false;
  const rest = clock.done + REST_MS - performance.now();
  if (rest > 0) {
    await Promise.race([news(), new Promise((resolve) => setTimeout(resolve, rest))]);
    return true;
  }
  const next = state.ahead.shift();
  const { begin, end } = groupOf(next.begin);
  const skip = new Set([...next.skip, ...state.given]);
  if (Array.from({ length: end - begin }, (_, k) => begin + k).every((frame) => skip.has(frame))) return true;
  try {
    const group = await state.demuxer.group(begin, end);
    if (state.want === null) await state.decoder.decode(group, { begin, skip, enough: () => state.want !== null });
  } catch (error) {
    if (why(error)[0] === "decoder") state.decoder.renew();
    state.ahead = []; // only a help; the wish itself says what is wrong
  }
  return true;
}

/** A piece of the rest of a small file; whether any was missing. */
async function readOn() {
  const { store } = state;
  if (store.size > READ_ALL) return false;
  const most = Math.min(Math.max(state.rate * PIECE_MS, 64 * 1024), 2 * 2 ** 20);
  const gap = store.missing(state.near ?? 0, Math.round(most));
  if (!gap) return false;
  try {
    await store.read(gap.start, gap.end);
  } catch {
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
  return true;
}
