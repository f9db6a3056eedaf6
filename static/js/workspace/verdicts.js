// Class and verdict: what a stroke is, whether a suggestion is right. `editor` is the Editor.

import * as commands from "./commands.js";
import { fill, gettext } from "./i18n.js";
import * as marks from "./marks.js";

export function classify(editor, move) {
  const { ui } = editor;
  const chosen = editor.chosen();
  if (ui.draft) return ui.set({ draft: { ...ui.draft, move } });
  if (marks.startsNew(editor)) return ui.classKeys === "whole" ? marks.whole(editor, move) : marks.begin(editor, move);
  if (!chosen) return ui.set({ armed: move });
  if (chosen.kind === "suggestion") return accept(editor, move);
  editor.settle();
  if (chosen.move !== move) editor.commit([commands.change(chosen.id, { move })]);
}

/** The model's first, second or third class for what is selected. */
export function top(editor, index) {
  const chosen = editor.chosen();
  const offered = chosen?.kind === "stroke" ? editor.state.suggestions.get(chosen.suggestion)?.top : chosen?.top;
  if (offered?.[index]) return editor.classify(offered[index][0]);
  editor.say(gettext("The model has no class to offer here. Press a group key first, then a number."));
}

/** The suggestion that is chosen and still open, or null with the reason said. */
function openOne(editor, otherwise) {
  const chosen = editor.chosen();
  if (chosen?.kind !== "suggestion") editor.say(otherwise);
  else if (chosen.verdict) editor.say(gettext("This suggestion is decided already; Ctrl+Z takes it back."));
  else return chosen;
  return null;
}

export function accept(editor, move = null) {
  const chosen = openOne(editor, gettext("Choose a suggestion first (N goes to the next)."));
  if (!chosen) return;
  const { ui } = editor;
  const data = { begin: chosen.begin, end: chosen.end, move: move ?? (chosen.move || chosen.top?.[0]?.[0] || "") };
  if (ui.player) data.player = ui.player;
  const op = commands.accept(chosen.id, data);
  if (!editor.commit([op])) return;
  ui.set({ adjust: null });
  if (data.move) editor.nextToDecide({ quiet: true });
  else ui.set({ selected: { kind: "stroke", id: op.stroke } });
}

export function reject(editor) {
  const chosen = openOne(editor, gettext("Only suggestions are rejected; Delete removes a stroke."));
  if (!chosen || !editor.commit([commands.reject(chosen.id)])) return;
  editor.say(gettext("Suggestion rejected."), { undo: true });
  editor.nextToDecide({ quiet: true });
}

export function remove(editor) {
  const chosen = editor.chosen();
  if (chosen?.kind === "suggestion") return reject(editor);
  if (!chosen) return editor.say(gettext("Choose a stroke first."));
  editor.ui.set({ adjust: null });
  if (!editor.commit([commands.remove(chosen.id)])) return;
  editor.ui.set({ selected: null });
  const { short } = editor.tree.entry(chosen.move);
  editor.say(fill(gettext("%(name)s removed."), { name: `${short} ${chosen.begin}–${chosen.end}` }), { undo: true });
}
