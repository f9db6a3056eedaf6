// From one stroke or suggestion to the next. `editor` is the Editor.

import { gettext } from "./i18n.js";
import { nextOpen } from "./scores.js";
import { inOrder, merged } from "./order.js";
import { neighbour } from "./spans.js";

/** Strokes and undecided suggestions in the order of the video. */
export function listed(state) {
  const undecided = inOrder(state.suggestions, "suggestion").filter((one) => !one.verdict);
  return merged(inOrder(state.strokes, "stroke"), undecided);
}

/** The picture on screen, or the one on its way to it. */
const here = ({ player }) => player.target ?? player.frame;

export function go(editor, direction) {
  const found = neighbour(editor.all(), editor.ui.selected?.id, here(editor), direction);
  if (found) editor.select(found.kind, found.id);
}

export function nextToDecide(editor, { quiet = false } = {}) {
  const open = editor.undecided();
  const current = editor.chosen();
  const from = current ? current.begin : here(editor);
  const found = nextOpen(open, { order: editor.ui.order, from, current: current?.id });
  if (found) return editor.select("suggestion", found.id);
  if (!quiet) editor.say(editor.nothingOpen?.() ?? gettext("Nothing is left to decide."));
  else editor.ui.set({ selected: null });
}
