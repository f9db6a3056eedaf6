// Over the timeline: a small picture of that moment, with its frame and time.

import { count, timecode } from "./timecode.js";

export function attachHover(canvas, bubble, { frameAt, table, sheet }) {
  const image = bubble.querySelector(".hover-image");
  const text = bubble.querySelector(".hover-text");
  if (sheet) {
    image.style.width = `${sheet.width}px`;
    image.style.height = `${sheet.height}px`;
    image.style.backgroundImage = `url("${sheet.url}")`;
  }
  image.hidden = !sheet;

  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerType === "touch" || event.buttons) {
      bubble.hidden = true;
      return;
    }
    const frame = table.clamp(Math.floor(frameAt(event.offsetX)));
    const seconds = table.begin(frame);
    text.textContent = `${count(frame)} · ${timecode(seconds, 2)}`;
    if (sheet) {
      const index = Math.min(sheet.count - 1, Math.floor(seconds / sheet.every_s));
      const column = index % sheet.columns;
      const row = Math.floor(index / sheet.columns);
      image.style.backgroundPosition = `-${column * sheet.width}px -${row * sheet.height}px`;
    }
    bubble.hidden = false;
    const box = canvas.getBoundingClientRect();
    const half = bubble.offsetWidth / 2;
    const left = Math.min(Math.max(half + 4, event.clientX), window.innerWidth - half - 4);
    bubble.style.left = `${left}px`;
    bubble.style.top = `${box.top - bubble.offsetHeight - 6}px`;
  });
  canvas.addEventListener("pointerleave", () => {
    bubble.hidden = true;
  });
}
