// Edges of what is chosen: moved by key or pointer, shown at once, recorded once they rest. `editor` is the Editor.

import * as commands from "./commands.js";
import { gettext } from "./i18n.js";
import { unproven } from "./marks.js";
import { withEdge } from "./spans.js";

/** The edge to the picture on screen. */
export function setEdge(editor, edge) {
  if (unproven(editor)) return;
  if (!editor.chosen()) return editor.say(gettext("Choose a stroke first."));
  const { frame } = editor.player;
  moveEdge(editor, edge, edge === "begin" ? frame : frame + 1, { show: false });
  editor.settle();
}

export function nudge(editor, edge, frames) {
  const chosen = editor.chosen();
  if (!chosen) return editor.say(gettext("Choose a stroke first."));
  editor.player.pause();
  moveEdge(editor, edge, chosen[edge] + frames);
  editor.settleSoon();
}

/** Show the edge at `frame` and the picture there; `settle` makes it an operation. */
export function moveEdge(editor, edge, frame, { show = true } = {}) {
  const chosen = editor.chosen();
  if (!chosen || (chosen.kind === "suggestion" && chosen.verdict)) return;
  const span = withEdge(chosen, edge, frame, editor.table.n);
  editor.ui.set({ adjust: { kind: chosen.kind, id: chosen.id, ...span } });
  if (show) editor.player.goTo(edge === "begin" ? span.begin : span.end - 1);
}

/** Moved edges of a stroke become a change; those of a suggestion wait for Enter. */
export function settle(editor) {
  const { adjust } = editor.ui;
  if (!adjust || adjust.kind !== "stroke") return;
  const stroke = editor.state.strokes.get(adjust.id);
  const data = {};
  for (const edge of ["begin", "end"]) if (stroke && stroke[edge] !== adjust[edge]) data[edge] = adjust[edge];
  if (Object.keys(data).length && editor.commit([commands.change(adjust.id, data)])) {
    if ("begin" in data) editor.reaction.corrected(adjust.id, "begin", data.begin);
    if ("end" in data) editor.reaction.corrected(adjust.id, "end", data.end - 1);
  }
  editor.ui.set({ adjust: null });
}
