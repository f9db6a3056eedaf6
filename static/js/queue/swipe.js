// Swiping the loop: right accepts, left rejects, up is for later. What a release would do shows while the finger moves.

const SHARE = 0.22; // of the picture's width or height, from where on a release counts
const FREE_PX = 8; // a press that moves less is a tap

/** What a finger moved by (dx, dy) over a picture of the given size means: {name, part}; part 1 and more counts. */
export function meaning(dx, dy, { width, height }) {
  const across = Math.abs(dx) / (width * SHARE);
  const up = -dy / (height * SHARE);
  if (Math.max(Math.abs(dx), Math.abs(dy)) < FREE_PX) return { name: null, part: 0 };
  if (up > across) return { name: "later", part: up };
  if (Math.abs(dx) < Math.abs(dy)) return { name: null, part: 0 };
  return { name: dx > 0 ? "accept" : "reject", part: across };
}

/** act(name) on a swipe past the threshold, act("play") on a tap. `blocked()`: nothing to swipe now. */
export function attachSwipe(surface, { act, blocked, still = () => false }) {
  let start = null;

  const move = (event) => ({ dx: event.clientX - start.x, dy: event.clientY - start.y });
  const show = (dx, dy) => {
    const { name, part } = meaning(dx, dy, surface.getBoundingClientRect());
    if (name) surface.dataset.swipe = name;
    else delete surface.dataset.swipe;
    surface.classList.toggle("is-over", part >= 1);
    surface.style.setProperty("--swipe", String(Math.min(1, part)));
    if (!still()) surface.style.transform = `translate(${dx}px, ${Math.min(0, dy)}px) rotate(${dx / 60}deg)`;
    return { name, part };
  };
  const settle = () => {
    start = null;
    delete surface.dataset.swipe;
    surface.classList.remove("is-over", "is-swiping");
    surface.style.removeProperty("--swipe");
    surface.style.removeProperty("transform");
  };

  surface.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || blocked() || event.target.closest("button, a")) return;
    start = { x: event.clientX, y: event.clientY, id: event.pointerId };
    surface.setPointerCapture(event.pointerId);
    surface.classList.add("is-swiping");
  });
  surface.addEventListener("pointermove", (event) => {
    if (start?.id !== event.pointerId) return;
    const { dx, dy } = move(event);
    show(dx, dy);
  });
  surface.addEventListener("pointerup", (event) => {
    if (start?.id !== event.pointerId) return;
    const { dx, dy } = move(event);
    const { name, part } = meaning(dx, dy, surface.getBoundingClientRect());
    const tap = Math.hypot(dx, dy) < FREE_PX;
    settle();
    if (tap) act("play");
    else if (name && part >= 1) act(name);
  });
  surface.addEventListener("pointercancel", settle);
}
