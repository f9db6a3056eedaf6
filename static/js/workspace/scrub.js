// Gesture: press on a block to choose it, press or drag elsewhere to move the playhead.

export function attachScrub(lanes, { editor, player, scale }) {
  const { canvas } = lanes;
  let scrubbing = false;
  const go = (event) => player.goTo(Math.floor(scale.frame(Math.min(Math.max(0, event.offsetX), scale.width - 1))));

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.shiftKey) return;
    const hit = lanes.hit(event.offsetX, event.offsetY);
    if (hit.zone === "block") return editor.select(hit.kind, hit.id);
    scrubbing = true;
    canvas.setPointerCapture(event.pointerId);
    go(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (scrubbing) return go(event);
    const { zone } = lanes.hit(event.offsetX, event.offsetY);
    canvas.dataset.zone = zone;
  });
  const stop = () => {
    scrubbing = false;
  };
  canvas.addEventListener("pointerup", stop);
  canvas.addEventListener("pointercancel", stop);
}

/** The overview: press or drag to go there; the zoomed view follows. */
export function attachOverview(overview, { player, scale, invalidate }) {
  const { canvas } = overview;
  const go = (event) => {
    const frame = Math.floor(overview.frame(event.offsetX));
    const size = scale.to - scale.from;
    scale.show(frame - size / 2, frame + size / 2);
    player.goTo(frame);
    invalidate();
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    go(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.buttons & 1 && canvas.hasPointerCapture(event.pointerId)) go(event);
  });
}
