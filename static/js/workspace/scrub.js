// Gesture: press on a block to choose it, twice to zoom to it; press or drag elsewhere to move the playhead.

/** What a press means: chooses the block under it, or goes to the moment. True if it goes. */
export function press(lanes, event, { choose, player, scale }) {
  const hit = lanes.hit(event.offsetX, event.offsetY, event.pointerType);
  if (hit.zone !== "empty") {
    choose(hit.kind, hit.id);
    return false;
  }
  player.goTo(Math.floor(scale.frame(Math.min(Math.max(0, event.offsetX), scale.width - 1))));
  return true;
}

export function attachScrub(lanes, deps) {
  const { canvas } = lanes;
  const { player, scale, fit } = deps;
  let scrubbing = false;

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.shiftKey) return;
    scrubbing = press(lanes, event, deps);
    if (scrubbing) canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (scrubbing) return player.goTo(Math.floor(scale.frame(Math.min(Math.max(0, event.offsetX), scale.width - 1))));
    if (event.pointerType !== "touch") canvas.dataset.zone = lanes.hit(event.offsetX, event.offsetY, event.pointerType).zone;
  });
  canvas.addEventListener("dblclick", (event) => {
    if (lanes.hit(event.offsetX, event.offsetY).zone !== "empty") fit();
  });
  const stop = () => {
    scrubbing = false;
  };
  canvas.addEventListener("pointerup", stop);
  canvas.addEventListener("pointercancel", stop);
}
