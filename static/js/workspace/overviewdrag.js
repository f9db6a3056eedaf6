// Gesture on the overview: drag the window to move the view, its edges to zoom, press elsewhere to go there.

const REACH = { mouse: 6, pen: 10, touch: 14 };
const STILL_PX = 4;

/** What a press at pixel `x` takes hold of: "begin" or "end" of the window, "window", or "playhead". */
export function grip(x, left, right, whole, reach) {
  if (whole) return Math.abs(x - right) <= reach / 2 ? "end" : Math.abs(x - left) <= reach / 2 ? "begin" : "playhead";
  const [toBegin, toEnd] = [Math.abs(x - left), Math.abs(x - right)];
  if (Math.min(toBegin, toEnd) <= reach) return toBegin < toEnd ? "begin" : "end";
  return x > left && x < right ? "window" : "playhead";
}

export function attachOverview(overview, { player, scale, redraw }) {
  const { canvas } = overview;
  let drag = null;

  const gripAt = (event) => {
    const whole = scale.to - scale.from >= scale.n - 1;
    return grip(event.offsetX, overview.x(scale.from), overview.x(scale.to), whole, REACH[event.pointerType] ?? REACH.mouse);
  };
  const go = (event) => {
    const frame = Math.floor(overview.frame(Math.min(Math.max(0, event.offsetX), overview.surface.width - 1)));
    const size = scale.to - scale.from;
    if (frame < scale.from || frame >= scale.to) scale.show(frame - size / 2, frame + size / 2);
    player.goTo(frame);
    redraw();
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    drag = { what: gripAt(event), x: event.offsetX, from: scale.from, moved: false };
    if (drag.what === "playhead") go(event);
  });

  canvas.addEventListener("pointermove", (event) => {
    if (!drag) {
      canvas.dataset.grip = gripAt(event);
      return;
    }
    drag.moved ||= Math.abs(event.offsetX - drag.x) >= STILL_PX;
    if (drag.what === "playhead") go(event);
    else if (drag.moved) pull(event);
  });

  function pull(event) {
    const frame = overview.frame(event.offsetX);
    if (drag.what === "window") scale.pan(drag.from + overview.frame(event.offsetX - drag.x) - scale.from);
    else if (drag.what === "begin") scale.border("from", frame);
    else scale.border("to", frame);
    redraw();
  }

  const drop = (event) => {
    // A press in the window that did not move it is meant for the playhead.
    if (drag?.what === "window" && !drag.moved && event.type === "pointerup") go(event);
    drag = null;
  };
  canvas.addEventListener("pointerup", drop);
  canvas.addEventListener("pointercancel", drop);
}
