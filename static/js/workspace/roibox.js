// The region the network sees, over the picture; dragging it corrects the track from this frame on.

import { firstAbove } from "./spans.js";

/** Centre (fractions) and side (fractions of width and height) of the region at `frame`, and where it comes from. */
export function regionAt(frame, track, corrections) {
  if (!track) return null;
  const at = Math.max(0, firstAbove(track.ordinals, frame) - 1);
  const own = corrections.get(frame);
  return {
    x: own?.x ?? track.x[at],
    y: own?.y ?? track.y[at],
    width: track.side / track.width,
    height: track.side / track.height,
    manual: Boolean(own) || track.source[at] === "manual",
  };
}

export function attachRegion(box, picture, { regionNow, moved }) {
  let drag = null;

  const place = (x, y, region) => {
    const clamp = (value, size) => Math.min(Math.max(value, size / 2), 1 - size / 2);
    return { ...region, x: clamp(x, region.width), y: clamp(y, region.height) };
  };

  box.addEventListener("pointerdown", (event) => {
    const region = regionNow();
    if (event.button !== 0 || !region) return;
    event.preventDefault();
    box.setPointerCapture(event.pointerId);
    drag = { x: event.clientX, y: event.clientY, region, now: region };
  });
  box.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const size = picture.getBoundingClientRect();
    const dx = (event.clientX - drag.x) / size.width;
    const dy = (event.clientY - drag.y) / size.height;
    drag.now = place(drag.region.x + dx, drag.region.y + dy, drag.region);
    showRegion(box, drag.now);
  });
  const drop = () => {
    const done = drag;
    drag = null;
    if (done && (done.now.x !== done.region.x || done.now.y !== done.region.y)) moved(done.now.x, done.now.y);
  };
  box.addEventListener("pointerup", drop);
  box.addEventListener("pointercancel", () => {
    drag = null;
  });
  return { dragging: () => drag !== null };
}

export function showRegion(box, region) {
  box.hidden = !region;
  if (!region) return;
  box.classList.toggle("is-manual", region.manual);
  box.style.left = `${(region.x - region.width / 2) * 100}%`;
  box.style.top = `${(region.y - region.height / 2) * 100}%`;
  box.style.width = `${region.width * 100}%`;
  box.style.height = `${region.height * 100}%`;
}
