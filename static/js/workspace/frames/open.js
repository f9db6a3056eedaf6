// Opens the pictures of the workspace: finds the best road, shows the first picture, and says which road it is.

import { get } from "../../api.js";
import { find, write } from "../dom.js";
import { Ahead } from "./ahead.js";
import { Lightness, slowSentence } from "./lightness.js";
import { RoadPanel } from "./panel.js";
import { Refresh } from "./refresh.js";
import { FrameSource, ROADS } from "./source.js";
import { Stats } from "./stats.js";
import { unproven } from "./words.js";

const RETRY_MS = 3000;

/** The road that the address asks for (`?road=server`), to compare and to test; null without. */
export function forcedRoad(search) {
  const road = new URLSearchParams(search).get("road");
  return ROADS.includes(road) ? road : null;
}

/** Resolves when the first picture is proven; only then the page is ready. `begin` shows it: where a link into the video leads. */
export async function openPictures({ root, player, table, frames, media, say, begin = () => player.goTo(0) }) {
  const stats = new Stats();
  const refresh = new Refresh();
  let ahead = null;
  const files = { sharp: media("proxy.mp4"), light: media("proxy360.mp4") };
  const lightness = new Lightness({ files, duration: table.duration, changed: (light, slow) => change(slow) });
  const panel = new RoadPanel({ player, table, refresh, lightness });
  const on = { ...player.events, road: heard(panel, say), unproven: again(player, root.dataset.video) };
  const places = { worker: root.dataset.worker, picture: (frame) => media(`frame/${frame}.jpg`) };
  const told = (answer) => {
    ahead?.used();
    lightness.heard(answer, source.exact?.bytes);
  };
  const source = new FrameSource({
    video: find("#video"), canvas: find("#exact"), table, file: frames, places, stats, on, told, refresh: () => refresh.rate,
  });
  async function change(slow) {
    await player.pause();
    await source.change(lightness.file, player.target);
    panel.show(source);
    if (slow) say(slowSentence());
  }
  globalThis.topspin = { stats, player };
  player.subscribe(() => panel.play());
  await Promise.all([refresh.measured, lightness.begin()]);
  if (await source.open(lightness.file, forcedRoad(location.search))) {
    player.source = source;
    await begin();
    document.body.dataset.ready = "true";
    const busy = () => player.playing || player.pending !== null;
    ahead = new Ahead({ id: root.dataset.video, busy, name: () => (lightness.light ? "proxy360.mp4" : "proxy.mp4") });
    return;
  }
  const note = find("#frame-note");
  note.hidden = false;
  write(note, unproven(0, source.reasons.at(-1).reason));
}

/** A picture that could not be fetched is asked for again by itself; if that was because nobody is signed in, the page asks. */
function again(player, id) {
  return (frame, reason) => {
    player.events.unproven(frame, reason);
    if (!["offline", "server"].includes(reason)) return;
    const retry = () => player.unproven === frame && !player.playing && player.goTo(frame);
    setTimeout(retry, RETRY_MS);
    if (reason === "server") get(`videos/${id}/`).catch(() => null);
  };
}

/** Show which road is gone, and say so when it is another than before. */
function heard(panel, say) {
  let before = null;
  return (source) => {
    document.body.dataset.road = source.road ?? "none";
    panel.show(source);
    if (before && source.road && source.road !== before) say(panel.changed(source));
    before = source.road;
  };
}
