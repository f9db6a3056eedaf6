// Gesture: drag an edge of a stroke; the picture follows; near evidence the edge snaps, with Alt it does not.

import { edgesOf, snap } from "./snap.js";

const REACH_PX = 7;

export function attachEdges(lanes, { editor, player, scale, peaks }) {
  const { canvas } = lanes;
  let drag = null;

  const candidates = (id) => {
    const { strokes, suggestions } = editor.state;
    const open = [...suggestions.values()].filter((one) => one.verdict !== "rejected");
    return [...peaks, ...edgesOf(strokes.values(), id), ...edgesOf(open, id), drag.playhead, drag.playhead + 1];
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.shiftKey) return;
    const hit = lanes.hit(event.offsetX, event.offsetY);
    if (hit.zone !== "edge") return;
    event.stopImmediatePropagation();
    canvas.setPointerCapture(event.pointerId);
    const playhead = player.frame;
    if (!editor.ui.isSelected(hit.kind, hit.id)) editor.select(hit.kind, hit.id, { go: false });
    const chosen = editor.chosen();
    if (chosen.verdict) return;
    if (player.playing) player.pause();
    drag = { ...hit, playhead, offset: scale.frame(event.offsetX) - chosen[hit.edge], candidates: null };
    drag.candidates = candidates(hit.id);
  });

  canvas.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const wanted = Math.round(scale.frame(event.offsetX) - drag.offset);
    const frame = event.altKey ? wanted : snap(wanted, drag.candidates, Math.floor(REACH_PX * scale.perPixel));
    editor.moveEdge(drag.edge, frame);
  });

  const drop = () => {
    if (drag) editor.settle();
    drag = null;
  };
  canvas.addEventListener("pointerup", drop);
  canvas.addEventListener("pointercancel", drop);
}
