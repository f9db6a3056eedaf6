// Runs in the worker: the packets of one group of pictures, read by mediabunny, proven against the server's frame table.

import { CustomSource, EncodedPacketSink, Input, MP4 } from "../../../vendor/mediabunny-1.61.0/mediabunny.min.mjs";

import { differs, findMovie, readMovie } from "./movie.js";

/** The file is not what the server's frame table says; `at`: the first ordinal that differs. */
export class TableError extends Error {
  constructor(at) {
    super(`the file differs from its frame table at picture ${at}`);
    this.at = at;
  }
}

export class Demuxer {
  constructor(store, table) {
    Object.assign(this, { store, table });
  }

  /** Read the index twice, by our own reader and by mediabunny, and hold both against the table. */
  async open() {
    const { store } = this;
    await store.open();
    const { start, end } = await findMovie((from, to) => store.read(from, to), store.size);
    this.movie = readMovie((await store.read(start, end)).slice());
    const at = differs(this.movie, this.table);
    if (at !== null) throw new TableError(at);
    const read = (from, to) => store.read(from, to);
    const input = new Input({ source: new CustomSource({ getSize: () => store.size, read }), formats: [MP4] });
    const track = await input.getPrimaryVideoTrack();
    if ((await track.getRotation()) !== 0) throw new TableError(0);
    this.sink = new EncodedPacketSink(track);
    this.config = await track.getDecoderConfig();
    const last = await this.sink.getPacket(Infinity, { metadataOnly: true });
    this.#prove(last, this.movie.n - 1);
  }

  #prove(packet, ordinal) {
    const { movie } = this;
    const first = movie.pts[0] / movie.timescale;
    this.shift ??= packet.timestamp - (movie.pts[ordinal] / movie.timescale - first);
    const ticks = Math.round((packet.timestamp - this.shift) * movie.timescale);
    if (ticks !== movie.pts[ordinal] - movie.pts[0] || packet.byteLength !== movie.sizes[ordinal]) throw new TableError(ordinal);
  }

  /** Where the bytes of the pictures [begin, end) lie. */
  place(begin, end) {
    const { offsets, sizes } = this.movie;
    return { start: offsets[begin], end: offsets[end - 1] + sizes[end - 1] };
  }

  /** The pictures [begin, end), `begin` being a key picture: {length, next()}. Their bytes come in one request, before. */
  async group(begin, end) {
    const { start, end: stop } = this.place(begin, end);
    await this.store.read(start, stop);
    const { movie, shift } = this;
    const seconds = (movie.pts[begin] - movie.pts[0] + 0.5) / movie.timescale + shift;
    let ordinal = begin;
    let packet = null;
    const next = async () => {
      packet = packet ? await this.sink.getNextPacket(packet) : await this.sink.getPacket(seconds);
      this.#prove(packet, ordinal);
      if (ordinal === begin && packet.type !== "key") throw new TableError(begin);
      ordinal += 1;
      return packet;
    };
    return { length: end - begin, next };
  }
}
