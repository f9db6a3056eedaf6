// Frame tables of videos, asked for once each.

import { get } from "../api.js";
import { FrameTable } from "../workspace/frametable.js";

const tables = new Map();

/** The frame table of a video; a failed question is asked again the next time. */
export function tableOf(video) {
  if (!tables.has(video)) {
    const asked = get(`/media/${video}/frames.json`).then((file) => new FrameTable(file));
    asked.catch(() => tables.delete(video));
    tables.set(video, asked);
  }
  return tables.get(video);
}
