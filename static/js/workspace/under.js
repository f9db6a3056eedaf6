// The strip under the lanes, on the same scale: a class curve, or the truth of the practice video. One thing at a time.

import { paintBlock } from "./blocks.js";
import { Surface } from "./canvas.js";
import { find, write } from "./dom.js";

export class Under {
  #drawn = "";

  constructor(root, { scale, palette, tree, player, lanesCanvas, invalidate }) {
    Object.assign(this, { root, scale, palette, tree, player, lanesCanvas });
    this.canvas = find("canvas", root);
    this.name = find(".under-name", root);
    this.content = null;
    this.surface = new Surface(this.canvas, () => {
      this.#drawn = "";
      invalidate();
    });
  }

  /** Show `name` and what `paint(surface)` draws; `key()` says in words what it depends on besides the scale. */
  show(name, paint, key = () => "") {
    this.content = { name, paint, key };
    this.root.hidden = false;
    this.#drawn = "";
    write(this.name, name);
    this.canvas.setAttribute("aria-label", name);
  }

  hide() {
    this.content = null;
    this.root.hidden = true;
  }

  draw() {
    if (!this.content) return;
    this.#align();
    const { scale, surface, player } = this;
    const key = [scale.from, scale.to, surface.width, surface.height, player.frame, this.palette.figures, this.content.key()].join(" ");
    if (key === this.#drawn) return;
    this.#drawn = key;
    const { context, width, height } = surface;
    surface.clear();
    context.globalAlpha = 1;
    context.setLineDash([]);
    context.fillStyle = this.palette.panel;
    context.fillRect(0, 0, width, height);
    context.font = `12px ${this.palette.font}`;
    context.textBaseline = "middle";
    context.textAlign = "left";
    const paint = (box, one) => paintBlock(context, box, one, this.tree.entry(one.move), this.palette, false);
    this.content.paint({ context, width, height, palette: this.palette, paint });
    context.globalAlpha = 1;
    context.fillStyle = this.palette.playhead;
    context.fillRect(Math.round(scale.x(player.frame)) - 1, 0, 2, height);
  }

  /** The strip begins and ends where the lanes do. */
  #align() {
    const lanes = this.lanesCanvas.getBoundingClientRect();
    const left = `${Math.round(lanes.left - this.root.getBoundingClientRect().left)}px`;
    const width = `${Math.round(lanes.width)}px`;
    if (this.canvas.style.marginLeft !== left) this.canvas.style.marginLeft = left;
    if (this.canvas.style.width !== width) this.canvas.style.width = width;
  }
}
