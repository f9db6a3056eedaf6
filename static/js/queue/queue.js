// The stroke queue's page: brings suggestions, shows one loop, keeps the next three ready, and takes decisions.

import { get, patch } from "../api.js";
import { Deck } from "../loops/deck.js";
import { buildClasses } from "../workspace/classes.js";
import { buildPalette } from "../workspace/dialogs.js";
import { find, write } from "../workspace/dom.js";
import { Effort } from "../workspace/effort.js";
import { fill, gettext, language } from "../workspace/i18n.js";
import { KeySettings } from "../workspace/keysettings.js";
import { Preferences } from "../workspace/preferences.js";
import { leftOver } from "../workspace/storage.js";
import { Toast } from "../workspace/toast.js";
import { Decider } from "./decider.js";
import { attachKeys } from "./keys.js";
import { Lanes } from "./lane.js";
import { Line } from "./line.js";
import { attachSwipe } from "./swipe.js";
import { View } from "./view.js";

const AHEAD = 3;
const LOW = 6;
const BATCH = 20;
const SPEEDS = [1 / 4, 1 / 2, 1];
const root = find("#queue");
const seed = Math.floor(Math.random() * 2 ** 31);
const reduced = window.matchMedia("(prefers-reduced-motion: reduce)");

const line = new Line();
const toast = new Toast(find("#toast"));
const say = (text, options) => toast.say(text, options);
const effort = new Effort();
const lanes = new Lanes({
  user: { id: Number(root.dataset.user) },
  language: language(),
  on: { state: () => view.saved(lanes.outboxes), say, changed: (lane) => decider.forget(lane) },
});
const decider = new Decider({
  line, lanes, effort,
  ask: () => line.waiting.length < LOW && fetchMore(),
  on: { changed: () => render(), say, edge: (frame) => hold(frame) },
});
const view = new View({ line, decider, takeBack: (id) => decider.takeBack(id), topChosen: (index) => decider.top(index) });
const deck = new Deck(find("#loops"), {
  frame: (frame) => view.track(deck.shown, frame),
  failed: () => say(gettext("The video cannot be played in this browser, or the connection broke. Reload the page to try again.")),
});
let playing = !reduced.matches;
let rate = 1;
let shownId = null;
let group = null;
let tree = null;
let treeOf = "";
let settings = null;
let asking = null;
let exhausted = false;
const palette = buildPalette(find("#palette"), { tree: () => tree, pick: (move) => decider.accept(move) });

async function fetchMore() {
  if (asking || exhausted) return asking;
  const n = Math.min(100, BATCH + line.known + lanes.outboxes.reduce((sum, each) => sum + each.unsent, 0));
  asking = get(`queue/?n=${n}&seed=${seed}`);
  try {
    const body = await asking;
    line.open = body.open + line.decided;
    exhausted = line.take(body.strokes) === 0;
  } catch (error) {
    say(error.message);
  } finally {
    asking = null;
    root.dataset.ready = "true";
    render();
  }
}

/** The lane of the current suggestion's video, if it is there yet. */
function laneNow() {
  const one = line.current;
  if (!one) return null;
  const lane = lanes.opened.get(one.video.id);
  if (!lane) lanes.get(one.video.id).then(render, (error) => say(error.message));
  return lane ?? null;
}

function render() {
  const one = line.current;
  const lane = laneNow();
  if (lane && lane.classes !== treeOf) {
    treeOf = lane.classes;
    showTree(lane.tree);
  }
  empties(one);
  view.render({ lane, group, classes: find("#classes") });
  view.saved(lanes.outboxes);
  document.querySelectorAll("[data-needs-one]").forEach((button) => {
    button.disabled = !one;
  });
  find("#open").hidden = !one;
  if (one) find("#open").href = placeOf(one);
  find("[data-do=play]").setAttribute("aria-pressed", String(playing));
  write(find("[data-do=play] .button-text"), playing ? gettext("Pause") : gettext("Play"));
  if (one?.id !== shownId) showLoop(one);
}

function showTree(next) {
  tree = next;
  const classes = find("#classes");
  classes.replaceChildren();
  buildClasses(classes, tree, (move) => decider.accept(move));
  settings?.label();
}

function empties(one) {
  const none = !one && !asking && root.dataset.ready === "true";
  find("#empty").hidden = !none || line.later.length > 0;
  find("#only-later").hidden = !none || line.later.length === 0;
  find("#empty-done").hidden = line.decided === 0;
  find("#empty-start").hidden = line.decided > 0;
  root.classList.toggle("is-empty", none);
}

async function showLoop(one) {
  shownId = one?.id ?? null;
  group = null;
  const key = (each) => ({ key: each.id, video: each.video.id, begin: each.begin, end: each.end });
  const next = line.waiting.slice(0, AHEAD + 1);
  next.slice(1).forEach((each) => lanes.get(each.video.id).catch(() => {}));
  if (one) root.style.setProperty("--ar", String(one.video.width / one.video.height || 16 / 9));
  try {
    const clip = await deck.show(one && key(one));
    deck.prepare(next.map(key));
    if (!clip || shownId !== one.id) return;
    clip.aim(one);
    clip.faster(rate);
    view.track(clip, clip.loop.from);
    root.dataset.shown = one.id;
    if (playing) clip.play();
  } catch (error) {
    say(error.message);
  }
}

/** The exact picture at an edge; the loop goes on when nothing was moved for a while. */
let resting = null;
let holding = null;
async function hold(frame) {
  const clip = deck.shown;
  if (!clip) return;
  window.clearTimeout(resting);
  delete root.dataset.held;
  holding = frame;
  const proven = await clip.hold(frame);
  if (holding !== frame) return;
  root.dataset.held = proven ? String(frame) : "";
  resting = window.setTimeout(() => {
    delete root.dataset.held;
    clip.aim(decider.current ?? clip.span);
    if (playing && deck.shown === clip) clip.play();
  }, 1500);
}

function toggle() {
  playing = !playing;
  window.clearTimeout(resting);
  if (playing) deck.shown?.play();
  else deck.shown?.pause();
  render();
}

function speed(by) {
  rate = SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, SPEEDS.indexOf(rate) + by))];
  deck.shown?.faster(rate);
  write(find("#speed"), { 0.25: "1/4×", 0.5: "1/2×", 1: "1×" }[rate]);
}

const placeOf = (one) => `/videos/${one.video.id}/?frame=${one.begin}&suggestion=${one.id}`;

const VERBS = {
  accept: () => decider.accept(),
  reject: () => decider.reject(),
  later: () => decider.later(),
  undo: () => decider.undo(),
  redo: () => decider.redo(),
  play: toggle,
  slower: () => speed(-1),
  faster: () => speed(1),
  open: () => line.current && window.location.assign(placeOf(line.current)),
  "edge-begin": () => decider.choose("begin"),
  "edge-end": () => decider.choose("end"),
  earlier: () => decider.nudge(decider.edge, -1),
  "later-edge": () => decider.nudge(decider.edge, 1),
  "earlier-5": () => decider.nudge(decider.edge, -5),
  "later-edge-5": () => decider.nudge(decider.edge, 5),
  palette: () => line.current && tree && palette(),
  sheet: () => find("#sheet").showModal(),
  resume: () => {
    line.resume();
    render();
  },
};
for (const edge of ["begin", "end"]) {
  for (const [name, frames] of [["earlier", -1], ["later", 1]]) {
    VERBS[`${edge}-${name}`] = () => decider.nudge(edge, frames);
    VERBS[`${edge}-${name}-5`] = () => decider.nudge(edge, frames * 5);
  }
}
const run = (name) => VERBS[name]?.();

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do], [data-action]");
  if (!button) return;
  effort.active();
  run(button.dataset.do ?? button.dataset.action);
});
document.addEventListener("mousedown", (event) => {
  if (event.target.closest("button") && !event.target.closest("dialog")) event.preventDefault();
});
document.querySelectorAll("dialog [data-close]").forEach((button) => button.addEventListener("click", () => button.closest("dialog").close()));
attachSwipe(find("#card"), {
  act: (name) => {
    effort.active();
    run(name);
  },
  blocked: () => !line.current,
  still: () => reduced.matches,
});
toast.onUndo = () => decider.undo();
const flush = () => lanes.outboxes.forEach((outbox) => outbox.flush());
document.addEventListener("topspin:signed-in", flush);
window.addEventListener("online", flush);
window.addEventListener("focus", flush);
window.addEventListener("beforeunload", (event) => {
  if (lanes.outboxes.some((each) => each.unkept)) event.preventDefault();
});

/** The keys as this person set them; while that is not known, as they come. */
async function keyboard() {
  const known = await get("me/preferences/").catch(() => ({}));
  const send = (changes) => patch("me/preferences/", changes);
  const preferences = new Preferences(known, { send, shelf: window.localStorage, user: root.dataset.user });
  settings = new KeySettings({ preferences, language: language() });
  attachKeys({
    settings,
    tree: () => tree,
    run,
    classify: (move) => decider.accept(move),
    top: (index) => decider.top(index),
    waiting: (next) => {
      group = next;
      render();
    },
    active: () => effort.active(),
  });
  settings.label();
}

/** What an earlier visit could not send, in whatever video, goes out now. */
async function sendLeftOver() {
  const left = await leftOver(root.dataset.user).catch(() => []);
  for (const { video, unsent } of left) if (unsent) lanes.get(video).catch(() => {});
}

keyboard();
fetchMore();
sendLeftOver();
