// What moves over the lanes: playhead, open mark, magnet line. Elements moved by transforms, so that playing paints no canvas.

import { find, write } from "./dom.js";

/** Set a style only when it differs: nothing is laid out anew for nothing. */
function put(element, name, value) {
  if (element.style[name] !== value) element.style[name] = value;
}

function show(element, visible) {
  if (element.hidden === visible) element.hidden = !visible;
}

export class LaneMarks {
  constructor(root, { scale, ui, player, tree, lanes }) {
    Object.assign(this, { scale, ui, player, tree, lanes });
    this.playhead = find(".playhead", root);
    this.draft = find(".draft", root);
    this.magnet = find(".magnet", root);
    this.magnetWord = find(".magnet-word", root);
    this.snapped = null; // {frame, word} while an edge hangs on a magnet
  }

  draw() {
    this.#playhead();
    this.#draft();
    this.#magnet();
  }

  #playhead() {
    const { scale, player } = this;
    const x = scale.x(player.frame);
    const wide = 1 / scale.perPixel;
    show(this.playhead, x > -wide - 6 && x < scale.width + 6);
    put(this.playhead, "transform", `translateX(${x.toFixed(1)}px)`);
    // Near enough to see single frames: the frame on screen is a column, because it lasts.
    put(this.playhead, "width", `${wide > 4 ? Math.round(wide) : 0}px`);
  }

  #draft() {
    const { ui, scale, player, lanes } = this;
    show(this.draft, Boolean(ui.draft));
    if (!ui.draft) return;
    const { y, height } = lanes.layout().stroke;
    const left = Math.max(-4, scale.x(ui.draft.begin));
    const right = Math.min(scale.width + 4, scale.x(Math.max(ui.draft.begin, player.frame) + 1));
    put(this.draft, "top", `${y}px`);
    put(this.draft, "height", `${height}px`);
    put(this.draft, "transform", `translateX(${left.toFixed(1)}px)`);
    put(this.draft, "width", `${Math.max(2, right - left).toFixed(0)}px`);
    write(this.draft, ui.draft.move ? this.tree.entry(ui.draft.move).short : "");
  }

  #magnet() {
    const { snapped, scale } = this;
    show(this.magnet, Boolean(snapped));
    if (!snapped) return;
    const x = scale.x(snapped.frame);
    put(this.magnet, "transform", `translateX(${x.toFixed(1)}px)`);
    this.magnet.classList.toggle("is-right", x > scale.width - 160);
    write(this.magnetWord, snapped.word);
  }
}
