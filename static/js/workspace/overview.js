// The whole video in one line: all strokes and suggestions, the window of the zoomed view, the playhead.

import { fillOf } from "./blocks.js";
import { Surface } from "./canvas.js";

export class Overview {
  #painted = null;
  #layer = document.createElement("canvas");

  constructor(canvas, { scale, store, player, tree, palette, invalidate }) {
    Object.assign(this, { canvas, scale, store, player, tree, palette });
    this.surface = new Surface(canvas, () => {
      this.#painted = null;
      invalidate();
    });
  }

  x(frame) {
    return (frame / this.scale.n) * this.surface.width;
  }

  frame(x) {
    return (x / this.surface.width) * this.scale.n;
  }

  /** Strokes and suggestions are painted once per change, not once per picture. */
  #paintLayer() {
    const { store, surface, palette } = this;
    if (this.#painted === store.revision) return;
    this.#painted = store.revision;
    this.#layer.width = surface.canvas.width;
    this.#layer.height = surface.canvas.height;
    const context = this.#layer.getContext("2d");
    context.scale(surface.canvas.width / surface.width, surface.canvas.height / surface.height);
    const half = surface.height / 2;
    const bar = (one, y, alpha) => {
      context.globalAlpha = alpha;
      context.fillStyle = fillOf(palette, this.tree.entry(one.move).look);
      const x = this.x(one.begin);
      context.fillRect(x, y, Math.max(1, this.x(one.end) - x), half - 5);
    };
    for (const one of store.state.suggestions.values()) if (!one.verdict) bar(one, 4, 0.3 + 0.4 * one.score);
    for (const one of store.state.strokes.values()) bar(one, half + 1, 1);
  }

  draw() {
    this.#paintLayer();
    const { context, width, height } = this.surface;
    this.surface.clear();
    context.fillStyle = this.palette.panel;
    context.fillRect(0, 0, width, height);
    context.drawImage(this.#layer, 0, 0, width, height);
    const left = this.x(this.scale.from);
    const right = this.x(this.scale.to);
    context.globalAlpha = 0.55;
    context.fillStyle = this.palette.background;
    context.fillRect(0, 0, left, height);
    context.fillRect(right, 0, width - right, height);
    context.globalAlpha = 1;
    context.strokeStyle = this.palette.control;
    context.strokeRect(left + 0.5, 0.5, Math.max(3, right - left - 1), height - 1);
    context.fillStyle = this.palette.playhead;
    context.fillRect(Math.round(this.x(this.player.frame)) - 1, 0, 2, height);
  }
}
