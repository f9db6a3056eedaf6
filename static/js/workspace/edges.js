// Gesture: drag an edge of a stroke; the picture follows; near evidence the edge snaps and says to what, with Alt it does not.

import { gettext } from "./i18n.js";
import { edgesOf, magnets, snap } from "./snap.js";

const REACH_PX = { mouse: 7, pen: 8, touch: 10 };

const words = () => ({
  playhead: gettext("playhead"),
  stroke: gettext("edge of a stroke"),
  suggestion: gettext("the model’s edge"),
  other: gettext("another expert’s edge"),
  motion: gettext("motion peak"),
});

export function attachEdges(lanes, { editor, player, scale, peaks, compare, marks, redraw, follow }) {
  const { canvas } = lanes;
  let drag = null;

  /** Everything an edge of `id` may snap to. */
  const around = (id, playhead) => {
    const { strokes, suggestions } = editor.state;
    const open = [...suggestions.values()].filter((one) => one.verdict !== "rejected");
    return magnets([
      ["playhead", [playhead, playhead + 1]],
      ["stroke", edgesOf(strokes.values(), id)],
      ["suggestion", edgesOf(open, id)],
      ["other", compare.lanes().flatMap((lane) => edgesOf(lane.arranged.sorted, id))],
      ["motion", peaks],
    ]);
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.shiftKey || drag) return;
    const hit = lanes.hit(event.offsetX, event.offsetY, event.pointerType);
    // A finger means an edge only where the handles are shown; elsewhere it moves the view.
    const shown = editor.ui.isSelected(hit.kind, hit.id);
    if (hit.zone !== "edge" || (event.pointerType === "touch" && !shown)) return;
    event.stopImmediatePropagation();
    canvas.setPointerCapture(event.pointerId);
    const playhead = player.frame;
    if (!shown) editor.select(hit.kind, hit.id, { go: false });
    const chosen = editor.chosen();
    if (!chosen || chosen.verdict) return;
    if (player.playing) player.pause();
    const offset = scale.frame(event.offsetX) - chosen[hit.edge];
    drag = { ...hit, pointer: event.pointerId, offset, magnets: around(hit.id, playhead), was: chosen[hit.edge] };
  });

  canvas.addEventListener("pointermove", (event) => {
    if (!drag || event.pointerId !== drag.pointer) return;
    event.stopImmediatePropagation();
    const wanted = Math.round(scale.frame(event.offsetX) - drag.offset);
    const reach = Math.floor((REACH_PX[event.pointerType] ?? REACH_PX.mouse) * scale.perPixel);
    const found = event.altKey ? { frame: wanted, what: null } : snap(wanted, drag.magnets, reach);
    editor.moveEdge(drag.edge, found.frame);
    const chosen = editor.chosen();
    const there = chosen?.[drag.edge] === found.frame && found.what;
    marks.snapped = there ? { frame: found.frame, word: words()[found.what] } : null;
    if (chosen) follow(event, drag.edge === "begin" ? chosen.begin : chosen.end - 1);
    redraw();
  });

  const drop = (event) => {
    if (!drag || event.pointerId !== drag.pointer) return;
    event.stopImmediatePropagation();
    drag = null;
    marks.snapped = null;
    editor.settle();
    follow(null);
    redraw();
  };
  canvas.addEventListener("pointerup", drop);
  canvas.addEventListener("pointercancel", drop);
}
