// Gesture: one finger moves the view along, a tap goes there or chooses a block, two fingers zoom and move at once. A finger on a
// handle of the chosen stroke belongs to edges.js, which is asked first.

const TAP_PX = 10;
const TAP_MS = 600;
const LEAST_APART = 16;

/** Zoom factor and pan in pixels between two positions of two fingers, [x, x] before and after. */
export function pinch([a, b], [c, d]) {
  const apart = Math.max(LEAST_APART, Math.abs(a - b));
  return { factor: apart / Math.max(LEAST_APART, Math.abs(c - d)), centre: (c + d) / 2, pan: (a + b - c - d) / 2 };
}

export function attachTouch(lanes, { scale, redraw, tap }) {
  const { canvas } = lanes;
  const fingers = new Map();
  let start = null;

  canvas.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "touch") return;
    event.stopImmediatePropagation();
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, event.offsetX);
    start = fingers.size === 1 ? { x: event.offsetX, y: event.offsetY, at: event.timeStamp } : null;
  });

  canvas.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    event.stopImmediatePropagation();
    const before = [...fingers.values()];
    if (start && Math.hypot(event.offsetX - start.x, event.offsetY - start.y) < TAP_PX) return;
    start = null;
    fingers.set(event.pointerId, event.offsetX);
    const now = [...fingers.values()];
    if (now.length === 1) {
      scale.pan((before[0] - now[0]) * scale.perPixel);
    } else {
      const { factor, centre, pan } = pinch(before, now);
      scale.pan(pan * scale.perPixel);
      scale.zoom(factor, centre);
    }
    redraw();
  });

  const lift = (event) => {
    if (!fingers.delete(event.pointerId)) return;
    event.stopImmediatePropagation();
    if (start && event.type === "pointerup" && event.timeStamp - start.at < TAP_MS) tap(event);
    start = null;
  };
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);
}
