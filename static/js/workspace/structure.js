// One stroke into two, two into one, one more of the same, up to the neighbour: each one undoable step made of the
// operations that the log knows already. `editor` is the Editor.

import * as commands from "./commands.js";
import { fill, gettext } from "./i18n.js";
import { unproven } from "./marks.js";
import { byBegin } from "./spans.js";

const KEPT = ["move", "player", "note", "unsure"];
const same = (stroke) => Object.fromEntries(KEPT.map((field) => [field, stroke[field]]));

/** The chosen stroke of the person's own, or null with the reason said. */
function own(editor) {
  editor.settle();
  const chosen = editor.chosen();
  if (chosen?.kind === "stroke") return chosen;
  editor.say(gettext("Choose a stroke of yours first."));
  return null;
}

const inOrder = (editor) => [...editor.state.strokes.values()].sort(byBegin);

function beside(editor, stroke, direction) {
  const all = inOrder(editor);
  return all[all.findIndex((one) => one.id === stroke.id) + direction] ?? null;
}

/** Cut the stroke before the picture on screen; the second part is chosen. */
export function split(editor) {
  if (unproven(editor)) return;
  const stroke = own(editor);
  if (!stroke) return;
  const { frame } = editor.player;
  if (frame <= stroke.begin || frame >= stroke.end) {
    return editor.say(gettext("Go to the picture inside the stroke that shall be the first of the second part."));
  }
  const second = commands.add({ begin: frame, end: stroke.end, ...same(stroke) });
  if (editor.commit([commands.change(stroke.id, { end: frame }), second])) {
    editor.ui.set({ selected: { kind: "stroke", id: second.stroke } });
  }
}

/** The stroke and the next one become one, of the first one's class. */
export function merge(editor) {
  const stroke = own(editor);
  if (!stroke) return;
  const next = beside(editor, stroke, 1);
  if (!next) return editor.say(gettext("There is no stroke after this one."));
  const data = { end: Math.max(stroke.end, next.end) };
  if (!stroke.move && next.move) data.move = next.move;
  if (next.note && next.note !== stroke.note) data.note = [stroke.note, next.note].filter(Boolean).join(" · ").slice(0, 500);
  if (!editor.commit([commands.change(stroke.id, data), commands.remove(next.id)])) return;
  const { label } = editor.tree.entry(data.move ?? stroke.move);
  if (stroke.move && next.move && stroke.move !== next.move) {
    editor.say(fill(gettext("Merged; the class is that of the first: %(name)s."), { name: label }), { undo: true });
  } else editor.say(gettext("Merged with the next."), { undo: true });
}

/** One more stroke, as long and of the same class: from the picture on screen, or right behind where that is inside. */
export function duplicate(editor) {
  const stroke = own(editor);
  if (!stroke) return;
  const { n } = editor.table;
  const { frame } = editor.player;
  const begin = frame >= stroke.begin && frame < stroke.end ? stroke.end : frame;
  if (begin >= n) return editor.say(gettext("There is no room behind this stroke."));
  const op = commands.add({ begin, end: Math.min(n, begin + stroke.end - stroke.begin), move: stroke.move, player: stroke.player });
  if (editor.commit([op])) editor.select("stroke", op.stroke);
}

/** The end to where the next stroke begins (`direction` 1), or the begin to where the one before ends (-1). */
export function extend(editor, direction) {
  const stroke = own(editor);
  if (!stroke) return;
  const other = beside(editor, stroke, direction);
  if (!other) {
    return editor.say(direction > 0 ? gettext("There is no stroke after this one.") : gettext("There is no stroke before this one."));
  }
  const data = direction > 0 ? { end: other.begin } : { begin: other.end };
  const { begin, end } = { ...stroke, ...data };
  if (begin >= end) return editor.say(gettext("The neighbour begins or ends with this stroke; there is nothing to close."));
  if (stroke.begin === begin && stroke.end === end) return editor.say(gettext("They touch already."));
  if (editor.commit([commands.change(stroke.id, data)])) editor.player.goTo(direction > 0 ? end - 1 : begin);
}
