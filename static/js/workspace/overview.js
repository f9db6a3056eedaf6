// The whole video in one line: all strokes and suggestions, painted once per change; the window of the zoomed view and the
// playhead are elements over it, moved by transforms.

import { fillOf } from "./blocks.js";
import { Surface } from "./canvas.js";
import { find } from "./dom.js";
import { inOrder } from "./order.js";

/** Bars of `spans` (in order) on `width` pixels of `n` frames: [x, to, colour], at most one run a pixel; the first of a pixel counts. */
export function bars(spans, n, width, colourOf) {
  const runs = [];
  let last = null;
  for (const span of spans) {
    const from = Math.floor((span.begin / n) * width);
    const to = Math.max(from + 1, Math.floor((span.end / n) * width));
    const colour = colourOf(span);
    if (last && from < last.to) {
      if (to <= last.to) continue;
      if (last.colour === colour) {
        last.to = to;
        continue;
      }
    }
    if (last && last.colour === colour && from === last.to) last.to = to;
    else runs.push((last = { x: Math.max(from, last?.to ?? 0), to, colour }));
  }
  return runs;
}

export class Overview {
  #painted = null;

  constructor(canvas, { scale, store, player, tree, palette, invalidate }) {
    Object.assign(this, { canvas, scale, store, player, tree, palette });
    this.root = canvas.parentElement;
    this.window = find(".overview-window", this.root);
    this.before = find(".overview-before", this.root);
    this.after = find(".overview-after", this.root);
    this.playhead = find(".overview-playhead", this.root);
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

  #paint() {
    const { store, surface, palette, scale } = this;
    if (this.#painted === store.revision) return;
    this.#painted = store.revision;
    const { context, width, height } = surface;
    context.fillStyle = palette.panel;
    context.fillRect(0, 0, width, height);
    const half = height / 2;
    const paint = (spans, y, alpha) => {
      const colourOf = (one) => fillOf(palette, this.tree.entry(one.move).look);
      context.globalAlpha = alpha;
      for (const { x, to, colour } of bars(spans, scale.n, width, colourOf)) {
        context.fillStyle = colour;
        context.fillRect(x, y, to - x, half - 5);
      }
      context.globalAlpha = 1;
    };
    paint(inOrder(store.state.suggestions, "suggestion").filter((one) => !one.verdict), 4, 0.55);
    paint(inOrder(store.state.strokes, "stroke"), half + 1, 1);
  }

  draw() {
    this.#paint();
    const { width } = this.surface;
    const left = this.x(this.scale.from);
    const right = Math.max(left + 4, this.x(this.scale.to));
    move(this.window, left, right - left);
    // As wide as the whole and cut off by the box: panning lays nothing out anew.
    move(this.before, left - width);
    move(this.after, right);
    move(this.playhead, this.x(this.player.frame));
  }
}

function move(element, x, width = null) {
  const transform = `translateX(${x.toFixed(1)}px)`;
  if (element.style.transform !== transform) element.style.transform = transform;
  if (width === null) return;
  const wide = `${Math.max(0, width).toFixed(1)}px`;
  if (element.style.width !== wide) element.style.width = wide;
}
