// Marks: where a stroke begins, where it ends, and a whole stroke by one press. `editor` is the Editor.

import * as commands from "./commands.js";
import { fill, gettext } from "./i18n.js";

const HOLD_MS = 300; // a shorter press is a tap

/** Whether nothing may be marked because the picture on screen is not proven; says so. */
export function unproven(editor) {
  if (editor.player.unproven === null || editor.player.unproven === undefined) return false;
  editor.say(gettext("Nothing was marked: it is not certain which frame is on screen. Step once and try again."));
  return true;
}

const live = (player) => player.direction === 1;

export function begin(editor, move = editor.ui.armed, { byClass = false } = {}) {
  if (unproven(editor)) return;
  editor.settle();
  const { player, reaction } = editor;
  const draft = { begin: reaction.meant(player), move, byClass };
  if (live(player)) Object.assign(draft, { pressed: player.frame, speed: player.speed, reactionMs: reaction.ms });
  editor.ui.set({ draft, selected: null, adjust: null });
}

/** The picture on screen is the stroke's last one, so its end (exclusive) is one further. */
export function end(editor, { waiting = null } = {}) {
  const { ui, player, reaction } = editor;
  const { draft } = ui;
  if (unproven(editor)) return;
  if (!draft) return editor.say(gettext("Mark the begin first (I), then the end (O)."));
  const last = reaction.meant(player);
  if (last <= draft.begin) {
    return editor.say(gettext("The end must come after the begin. Move forward, then press O; Esc drops the mark."));
  }
  const op = commands.add({ begin: draft.begin, end: last + 1, move: draft.move, player: ui.player });
  if (!editor.commit([op])) return;
  if (draft.pressed !== undefined) reaction.marked(op.stroke, "begin", draft.pressed, draft.speed);
  if (live(player)) reaction.marked(op.stroke, "end", player.frame, player.speed);
  ui.set({ draft: null, armed: "", group: waiting, selected: { kind: "stroke", id: op.stroke } });
}

/** One press of the code window: a stroke of `move` from the lead before this picture to the lag behind it. */
export function whole(editor, move) {
  if (unproven(editor)) return;
  editor.settle();
  const { player, reaction, table, preferences, ui } = editor;
  const now = table.begin(reaction.meant(player));
  const from = table.at(Math.max(0, now - preferences.get("code_lead_ms") / 1000));
  const to = Math.min(table.n, table.at(Math.min(table.duration, now + preferences.get("code_lag_ms") / 1000)) + 1);
  const op = commands.add({ begin: from, end: Math.max(from + 1, to), move, player: ui.player });
  if (!editor.commit([op])) return;
  ui.set({ draft: null, armed: "", adjust: null, selected: { kind: "stroke", id: op.stroke } });
  const { short } = editor.tree.entry(move);
  editor.say(fill(gettext("%(name)s marked."), { name: `${short} ${from}–${op.data.end - 1}` }), { undo: true });
}

/**
 * Whether a class pressed now is for a new stroke (in the modes "begin" and "whole"), not for what is chosen: nothing
 * is chosen, or the video plays on. A stroke just marked without a class, and a loop, still wait for theirs.
 */
export function startsNew(editor) {
  const { ui, player } = editor;
  if (ui.classKeys === "name" || ui.draft) return false;
  const chosen = editor.chosen();
  if (!chosen) return true;
  return player.playing && !player.looping && (ui.classKeys === "whole" || Boolean(chosen.move));
}

/**
 * A group key was pressed (null: taken back). In the mode "begin" the stroke begins now; its number names it, before or
 * after its end. Held down, the key lasts as long as the stroke: letting it go is the end.
 */
export function group(editor, group) {
  const starts = group && editor.ui.classKeys === "begin" && startsNew(editor);
  editor.ui.set({ group });
  if (starts) begin(editor, "", { byClass: true });
}

export function release(editor, heldMs) {
  const { draft, group: waiting } = editor.ui;
  if (draft?.byClass && heldMs >= HOLD_MS) end(editor, { waiting: draft.move ? null : waiting });
}

export function cancel(editor) {
  const { ui } = editor;
  if (ui.group && !ui.draft?.byClass) ui.set({ group: null });
  else if (ui.draft) ui.set({ draft: null, group: null });
  else if (ui.adjust) ui.set({ adjust: null });
  else if (ui.armed) ui.set({ armed: "" });
  else ui.set({ selected: null });
}
