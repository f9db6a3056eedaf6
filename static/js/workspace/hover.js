// Over the timeline: a small picture of that moment, with its frame and time. Reads no sizes while the pointer moves.

import { write } from "./dom.js";
import { count, timecode } from "./timecode.js";

const HALF_WITHOUT_PICTURE = 60;

export class Hover {
  constructor(bubble, { table, sheet }) {
    Object.assign(this, { bubble, table, sheet });
    this.image = bubble.querySelector(".hover-image");
    this.text = bubble.querySelector(".hover-text");
    this.half = sheet ? sheet.width / 2 + 4 : HALF_WITHOUT_PICTURE;
    this.image.hidden = !sheet;
    if (!sheet) return;
    this.image.style.width = `${sheet.width}px`;
    this.image.style.height = `${sheet.height}px`;
    this.image.style.backgroundImage = `url("${sheet.url}")`;
  }

  /** Show the moment of `frame` over `canvas`, at the pointer. */
  show(canvas, event, frame) {
    const { table, sheet, bubble } = this;
    const seconds = table.begin(frame);
    write(this.text, `${count(frame)} · ${timecode(seconds, 2)}`);
    if (sheet) {
      const index = Math.min(sheet.count - 1, Math.floor(seconds / sheet.every_s));
      const column = index % sheet.columns;
      const row = Math.floor(index / sheet.columns);
      this.image.style.backgroundPosition = `-${column * sheet.width}px -${row * sheet.height}px`;
    }
    const left = Math.min(Math.max(this.half + 4, event.clientX), window.innerWidth - this.half - 4);
    bubble.style.left = `${left}px`;
    bubble.style.top = `${event.clientY - event.offsetY - 6}px`;
    bubble.hidden = false;
  }

  hide() {
    this.bubble.hidden = true;
  }

  attach(canvas, frameAt) {
    canvas.addEventListener("pointermove", (event) => {
      if (event.pointerType === "touch" || event.buttons) return event.buttons & 1 ? undefined : this.hide();
      this.show(canvas, event, this.table.clamp(Math.floor(frameAt(event.offsetX))));
    });
    canvas.addEventListener("pointerdown", () => this.hide());
    canvas.addEventListener("pointerleave", () => this.hide());
  }
}
