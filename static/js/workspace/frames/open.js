// Opens the pictures of the workspace: finds the best road, shows the first picture, and says which road it is.

import { find, write } from "../dom.js";
import { RoadPanel } from "./panel.js";
import { Refresh } from "./refresh.js";
import { FrameSource, ROADS } from "./source.js";
import { Stats } from "./stats.js";
import { unproven } from "./words.js";

/** The road that the address asks for (`?road=server`), to compare and to test; null without. */
export function forcedRoad(search) {
  const road = new URLSearchParams(search).get("road");
  return ROADS.includes(road) ? road : null;
}

/** Resolves when the first picture is proven; only then the page is ready. */
export async function openPictures({ root, player, table, frames, media, say, begin = () => player.goTo(0) }) {
  const stats = new Stats();
  const refresh = new Refresh();
  globalThis.topspin = { stats, player };
  const places = { worker: root.dataset.worker, proxy: media("proxy.mp4"), picture: (frame) => media(`frame/${frame}.jpg`) };
  const panel = new RoadPanel({ player, table, refresh });
  let before = null;
  const road = (source) => {
    document.body.dataset.road = source.road ?? "none";
    panel.show(source);
    if (before && source.road && source.road !== before) say(panel.changed(source));
    before = source.road;
  };
  const source = new FrameSource({
    video: find("#video"),
    canvas: find("#exact"),
    table,
    file: frames,
    places,
    stats,
    on: { ...player.events, road },
    refresh: () => refresh.rate,
  });
  player.subscribe(() => panel.play());
  await refresh.measured;
  if (await source.open(forcedRoad(location.search))) {
    player.source = source;
    await begin();
    document.body.dataset.ready = "true";
    return;
  }
  const note = find("#frame-note");
  note.hidden = false;
  write(note, unproven(0, source.reasons.at(-1).reason));
}
