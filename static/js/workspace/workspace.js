// The workspace page: loads one video's state and puts the parts together. Each action has one name, used by keys,
// buttons and tests.

import { ApiError, get, patch, post } from "../api.js";
import { arrive } from "./arrive.js";
import { readPalette } from "./blocks.js";
import { buildClasses, showClasses } from "./classes.js";
import { ClassTree } from "./classtree.js";
import { CodeWindow } from "./codewindow.js";
import { Compare } from "./compare.js";
import { CompareBar } from "./comparebar.js";
import { CompleteCheck } from "./completecheck.js";
import { Consensus } from "./consensus.js";
import { Detail } from "./detail.js";
import { buildPalette, prepareDialogs } from "./dialogs.js";
import { find, write } from "./dom.js";
import { Editor } from "./editor.js";
import { Effort } from "./effort.js";
import { openPictures } from "./frames/open.js";
import { FrameTable } from "./frametable.js";
import { Hints } from "./hints.js";
import { HistoryDialog } from "./historydialog.js";
import { fill, gettext, language, ngettext } from "./i18n.js";
import { Keyboard } from "./keys.js";
import { KeySettings } from "./keysettings.js";
import { KeySheet } from "./keysheet.js";
import { offerOthers, StrokeList } from "./list.js";
import { NextVideo } from "./nextvideo.js";
import { ReactionOffer } from "./offer.js";
import { Picture } from "./picture.js";
import { Player } from "./player.js";
import { Preferences } from "./preferences.js";
import { RulePanel } from "./rules.js";
import { Scale } from "./scale.js";
import { choices, remember } from "./remembered.js";
import { openTour } from "./tour.js";
import { History } from "./steps.js";
import { Store } from "./store.js";
import { Sync } from "./sync.js";
import { Timeline } from "./timeline.js";
import { Toast } from "./toast.js";
import { Turns } from "./turns.js";
import { Ui } from "./ui.js";
import { Under } from "./under.js";
import { actions } from "./verbs.js";
import { waitUntilWatchable } from "./waiting.js";
import { Why } from "./why.js";

const root = find("#workspace");
const id = root.dataset.video;

async function optional(path) {
  try {
    return await get(path);
  } catch {
    return null; // thumbnails are a help, not a need
  }
}

async function start() {
  const body = await waitUntilWatchable(id);
  if (!body) return;
  const media = (name) => `/media/${id}/${name}`;
  const [frames, thumbs] = await Promise.all([get(media("frames.json")), optional(media("thumbs.json"))]);
  const table = new FrameTable(frames);
  const toast = new Toast(find("#toast"));
  const say = (text, options) => toast.say(text, options);
  const sync = new Sync({ video: id, user: body.user, language: language(), say });
  const store = new Store(body, await sync.outbox.open());
  for (const name of ["strokes", "suggestions", "history", "decided", "roi"]) delete body[name]; // the store's from now on, and the page keeps one of each
  const tree = new ClassTree(body.taxonomy, language());
  const ui = new Ui();
  const send = (changes) => patch("me/preferences/", changes);
  const preferences = new Preferences(body.preferences, { send, shelf: window.localStorage, user: body.user.id });
  const history = new History(store, () => sync.older());
  const player = new Player(table, () => ({ lead: preferences.get("loop_lead_ms") / 1000, tail: preferences.get("loop_tail_ms") / 1000 }));
  const scale = new Scale(table.n);
  const palette = readPalette(document.body);
  const parts = { body, table, store, tree, ui, player, scale, palette, motion: body.motion, players: body.players, say, preferences };
  const editor = new Editor({ ...parts, outbox: sync.outbox, history, effort: new Effort() });
  sync.start(store, { tree, around: body.around, settle: () => editor.settle() });
  assemble({ ...parts, editor, sync, toast, history, thumbs, media, frames });
}

function assemble(parts) {
  const { body, table, store, tree, ui, player, editor, sync, toast, thumbs, media, preferences } = parts;
  let waiting = false;
  const invalidate = () => {
    if (waiting) return;
    waiting = true;
    window.requestAnimationFrame(() => {
      waiting = false;
      render();
    });
  };
  const picture = new Picture({ ...parts, video: body.video, roiTrack: body.roi_track });
  const turns = new Turns();
  const compare = new Compare({ ...parts, load: () => get(`videos/${id}/lanes/`) });
  const consensus = new Consensus({
    ...parts, compare,
    begin: () => post(`videos/${id}/consensus/begin/`),
    send: (ops, version) => post(`videos/${id}/consensus/`, { ops }, { "If-Match": `"${version}"` }),
  });
  const sheet = thumbs && { ...thumbs, url: media("thumbs.jpg") };
  const choose = (kind, id) => turns.take(() => compare.pick(kind, id));
  const timeline = new Timeline({ ...parts, compare, consensus, choose, sheet, empty: emptyLanes(parts) });
  const announce = (text) => write(find("#announce"), text);
  const list = new StrokeList(find("#list"), { ...parts, compare, choose, announce, overlapping: () => timeline.lanes.overlapping() });
  const detail = new Detail(find("#detail"), { ...parts, compare });
  const classes = find("#classes");
  const pick = (move) => turns.take(() => editor.marking(() => editor.classify(move)));
  buildClasses(classes, tree, pick);
  const code = new CodeWindow(classes, parts);
  const hints = new Hints(parts);
  const offer = new ReactionOffer(parts);
  const palette = buildPalette(find("#palette"), { tree: () => tree, pick });

  const bar = new CompareBar(find("#compare"), { ...parts, compare, consensus, toggles: document.querySelectorAll("[data-action=compare]") });

  rememberChoices(parts);
  const rules = new RulePanel(find("#rules"), { ...parts, language: language() });
  const log = new HistoryDialog(find("#history"), { ...parts, compare, consensus, language: language() });
  const under = new Under(find("#under"), { ...parts, lanesCanvas: timeline.lanes.canvas, invalidate });
  timeline.after = () => under.draw();
  const why = new Why(find("#why"), { ...parts, under, invalidate });
  const onward = new NextVideo(find("#onward"), { id, say: parts.say });
  const verbs = actions({ ...parts, onward, log, timeline, compare, consensus, detail, palette, rules, why });
  const run = (action) => {
    const waits = verbs(action);
    tour?.did(action);
    return waits;
  };
  toast.onUndo = () => editor.undo();
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-action]");
    if (button) turns.take(() => run(button.dataset.action));
  });
  // A press must not leave the focus on the button, where Space would press it again instead of playing.
  document.addEventListener("mousedown", (event) => {
    if (event.target.closest("button, .complete") && !event.target.closest("dialog")) event.preventDefault();
  });
  find("#filter").addEventListener("change", (event) => {
    ui.set({ filter: event.target.value });
    event.target.blur();
  });
  new CompleteCheck({ ...parts, video: id });
  const settings = new KeySettings({ preferences, language: language() });
  new Keyboard({ tree, editor, ui, run, settings, turns });
  prepareDialogs();
  new KeySheet(find("#sheet"), settings);
  settings.label();
  const tour = openTour({ ...parts, under, settings, invalidate });

  function render() {
    picture.render();
    timeline.draw();
    bar.draw();
    offerOthers(find("#filter"), compare, ui);
    list.render();
    detail.render();
    code.render();
    hints.render();
    offer.render();
    rules.render();
    tour?.render();
    why.render();
    const chosen = editor.chosen();
    const from = chosen?.kind === "stroke" ? store.state.suggestions.get(chosen.suggestion) : chosen;
    showClasses(classes, { move: ui.draft ? ui.draft.move : (chosen?.move ?? ui.armed), group: ui.group, top: from?.top });
    find("#complete").checked = store.state.complete;
    onward.render(store.state.complete && !editor.undecided().length);
    summary(parts);
  }
  for (const source of [store, ui, player, preferences]) source.subscribe(invalidate);
  sync.onReload = (fresh) => {
    picture.roiTrack = fresh.roi_track;
    body.video = fresh.video;
    invalidate();
  };
  sync.show();
  invalidate();
  window.requestAnimationFrame(() => root.classList.add("is-open"));
  openPictures({ ...parts, root, begin: () => arrive(parts, window.location.search) });
}

/** Words or figures, and what comes next: as last chosen in this browser. */
function rememberChoices({ ui, editor, palette, body }) {
  ui.set(choices(window.localStorage));
  palette.figures = ui.figures;
  const order = find("#order");
  order.value = ui.order;
  order.addEventListener("change", () => {
    ui.set({ order: order.value });
    order.blur();
  });
  ui.subscribe(() => {
    palette.figures = ui.figures;
    remember(window.localStorage, ui);
  });
  if (body.video.blind) editor.nothingOpen = () => gettext("This video is blind: nothing is proposed here, so that we can see how much proposals help. Please mark it all yourself.");
}

/** What an empty lane says: why it is empty, what to do. */
const emptyLanes = ({ body }) => ({
  motion: () => gettext("How much moves is shown here once the video is prepared"),
  other: () => gettext("Nothing marked yet"),
  stroke: () => gettext("I where a stroke begins, O where it ends"),
  suggestion: () => {
    if (body.video.blind) return gettext("None on this video: it is kept blind, to measure how much suggestions help and bias");
    if (body.video.practice) return gettext("Every suggestion is decided");
    if (body.video.state !== "prepared") return gettext("Suggestions appear here by themselves once the video is prepared");
    return gettext("Nothing is proposed for this video");
  },
});

/** What is left to decide, in one line above the list. */
function summary({ body, editor, store, ui }) {
  const left = editor.undecided().length;
  const mine = store.state.strokes.size;
  const strokes = fill(ngettext("%(n)s stroke", "%(n)s strokes", mine), { n: mine });
  const decide = body.video.blind
    ? gettext("no suggestions on this video, so that the model's help can be measured")
    : fill(ngettext("%(n)s to decide", "%(n)s to decide", left), { n: left });
  write(find("#summary"), `${strokes} · ${decide}`);
  find("[data-action=next-to-decide]").disabled = left === 0;
  find("#armed").hidden = !ui.armed || Boolean(ui.draft || ui.selected);
}

/** What the page cannot do without did not come: said where the picture would be. */
function stopped(failure) {
  if (!(failure instanceof ApiError)) throw failure;
  find("#waiting progress").hidden = true;
  find("#waiting").hidden = false;
  write(find("#waiting-text"), failure.message);
}

start().catch(stopped);
