// Gesture: the wheel zooms around the pointer, Shift+wheel or a sideways wheel pans, Shift+drag or the middle button pans.

const STEP = 1.0016;
const LINE_PX = 24;

export function attachPanZoom(canvas, { scale, redraw }) {
  let panning = null;

  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const lines = event.deltaMode === 1 ? LINE_PX : 1;
      const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) scale.pan(sideways * lines * scale.perPixel);
      else scale.zoom(STEP ** (event.deltaY * lines), event.offsetX);
      redraw();
    },
    { passive: false },
  );

  canvas.addEventListener(
    "pointerdown",
    (event) => {
      const grab = event.button === 1 || (event.button === 0 && event.shiftKey);
      if (!grab || event.pointerType === "touch") return;
      event.preventDefault();
      event.stopImmediatePropagation();
      canvas.setPointerCapture(event.pointerId);
      panning = event.offsetX;
    },
    { capture: true },
  );

  canvas.addEventListener(
    "pointermove",
    (event) => {
      if (panning === null) return;
      event.stopImmediatePropagation();
      scale.pan((panning - event.offsetX) * scale.perPixel);
      panning = event.offsetX;
      redraw();
    },
    { capture: true },
  );

  const drop = () => {
    panning = null;
  };
  canvas.addEventListener("pointerup", drop);
  canvas.addEventListener("pointercancel", drop);
}
