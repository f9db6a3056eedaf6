// Gesture: wheel zooms around the pointer, Shift+wheel or a sideways wheel pans, Shift+drag or the middle button pans,
// two fingers pinch.

const STEP = 1.0016;

export function attachPanZoom(canvas, { scale, invalidate }) {
  const fingers = new Map();
  let panning = null;

  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const lines = event.deltaMode === 1 ? 24 : 1;
      const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) scale.pan(sideways * lines * scale.perPixel);
      else scale.zoom(STEP ** (event.deltaY * lines), event.offsetX);
      invalidate();
    },
    { passive: false },
  );

  canvas.addEventListener(
    "pointerdown",
    (event) => {
      if (event.pointerType === "touch") fingers.set(event.pointerId, event.offsetX);
      const grab = event.button === 1 || (event.button === 0 && event.shiftKey);
      if (!grab && fingers.size < 2) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      canvas.setPointerCapture(event.pointerId);
      panning = grab ? event.offsetX : null;
    },
    { capture: true },
  );

  canvas.addEventListener(
    "pointermove",
    (event) => {
      if (panning !== null) {
        scale.pan((panning - event.offsetX) * scale.perPixel);
        panning = event.offsetX;
      } else if (fingers.size === 2 && fingers.has(event.pointerId)) {
        pinch(event);
      } else {
        return;
      }
      event.stopImmediatePropagation();
      invalidate();
    },
    { capture: true },
  );

  function pinch(event) {
    const [before, other] = [fingers.get(event.pointerId), [...fingers].find(([id]) => id !== event.pointerId)[1]];
    const [old, now] = [Math.abs(before - other), Math.abs(event.offsetX - other)];
    if (old > 8 && now > 8) scale.zoom(old / now, (event.offsetX + other) / 2);
    fingers.set(event.pointerId, event.offsetX);
  }

  const drop = (event) => {
    fingers.delete(event.pointerId);
    panning = null;
  };
  canvas.addEventListener("pointerup", drop);
  canvas.addEventListener("pointercancel", drop);
}
