// The zoomed view: ruler, motion, model, mine. Draws only what is visible and knows what lies under a pointer.

import { paintBlock } from "./blocks.js";
import { Surface } from "./canvas.js";
import { rulerStep } from "./scale.js";
import { arrange, visible } from "./spans.js";
import { timecode } from "./timecode.js";

const RULER = 20;
const GAP = 4;
const EDGE_REACH = 6;

export class Lanes {
  #revision = -1;

  constructor(canvas, { scale, table, store, ui, player, tree, palette, motion, empty, invalidate }) {
    Object.assign(this, { canvas, scale, table, store, ui, player, tree, palette, motion, empty });
    this.surface = new Surface(canvas, () => {
      scale.width = this.surface.width;
      invalidate();
    });
    scale.width = this.surface.width;
  }

  /** Tops and heights of the lanes: motion a quarter of the room, model and mine share the rest. */
  layout() {
    const room = this.surface.height - RULER - 3 * GAP;
    const motion = Math.round(room * 0.26);
    const lane = Math.floor((room - motion) / 2);
    return {
      motion: { y: RULER, height: motion },
      suggestion: { y: RULER + motion + GAP, height: lane },
      stroke: { y: RULER + motion + 2 * GAP + lane, height: lane },
    };
  }

  #arrange() {
    if (this.#revision === this.store.revision) return;
    this.#revision = this.store.revision;
    const { strokes, suggestions } = this.store.state;
    const open = [...suggestions.values()].filter((one) => one.verdict !== "accepted");
    this.arranged = {
      stroke: arrange([...strokes.values()].map((one) => ({ ...one, kind: "stroke" }))),
      suggestion: arrange(open.map((one) => ({ ...one, kind: "suggestion" }))),
    };
  }

  draw() {
    this.#arrange();
    const { context, width, height } = this.surface;
    this.surface.clear();
    context.font = `12px ${this.palette.font}`;
    context.textBaseline = "middle";
    const layout = this.layout();
    for (const lane of Object.values(layout)) {
      context.fillStyle = this.palette.panel;
      context.fillRect(0, lane.y, width, lane.height);
    }
    this.#ruler();
    this.#motionStrip(layout.motion);
    this.#lane("suggestion", layout.suggestion);
    this.#lane("stroke", layout.stroke);
    this.#draft(layout.stroke);
    this.#playhead(height);
  }

  #ruler() {
    const { context } = this.surface;
    const { scale, table, palette } = this;
    const from = table.begin(Math.floor(scale.from));
    const to = table.begin(Math.ceil(scale.to));
    const step = rulerStep((to - from) / scale.width);
    const decimals = step < 0.1 ? 2 : step < 1 ? 1 : 0;
    context.textAlign = "left";
    for (let mark = Math.ceil(from / step - 1e-9); mark * step <= to; mark += 1) {
      const seconds = mark * step;
      const frame = table.at(seconds);
      const x = Math.round(scale.x(frame + (seconds - table.begin(frame)) / table.span(frame))) + 0.5;
      context.fillStyle = palette.border;
      context.fillRect(x, RULER - 6, 1, this.surface.height);
      context.fillStyle = palette.quiet;
      context.fillText(timecode(seconds, decimals), x + 4, RULER / 2 - 1);
    }
  }

  #motionStrip({ y, height }) {
    if (!this.motion) return;
    const { context, width } = this.surface;
    const { scale, table, palette, motion } = this;
    context.fillStyle = palette.motion;
    context.beginPath();
    context.moveTo(0, y + height);
    for (let x = 0; x <= width; x += 2) {
      const from = Math.floor(table.begin(Math.floor(scale.frame(x))) * motion.rate);
      const to = Math.max(from, Math.floor(table.begin(Math.floor(scale.frame(x + 2))) * motion.rate));
      let value = 0;
      for (let i = from; i <= to && i < motion.values.length; i += 1) value = Math.max(value, motion.values[i]);
      context.lineTo(x, y + height - value * (height - 2));
    }
    context.lineTo(width, y + height);
    context.fill();
  }

  #box(span, row, rows, lane) {
    const inset = 3;
    const height = (lane.height - 2 * inset) / rows;
    const x = this.scale.x(span.begin);
    const left = Math.max(x, -8);
    const right = Math.min(this.scale.x(span.end), this.surface.width + 8);
    return { x: left, y: lane.y + inset + row * height, width: Math.max(2, right - left), height: height - 1 };
  }

  #moved(one) {
    const { adjust } = this.ui;
    return adjust && adjust.id === one.id ? { ...one, begin: adjust.begin, end: adjust.end } : one;
  }

  #lane(kind, lane) {
    const { context } = this.surface;
    const { sorted, rows, rowCount } = this.arranged[kind];
    if (!sorted.length && !(kind === "stroke" && this.ui.draft)) {
      context.fillStyle = this.palette.quiet;
      context.fillText(this.empty[kind](), 8, lane.y + lane.height / 2);
    }
    const [from, to] = this.#range(kind);
    const drawn = new Set();
    let chosen = -1;
    for (let i = from; i < to; i += 1) {
      const one = sorted[i];
      if (this.ui.isSelected(kind, one.id)) {
        chosen = i;
        continue;
      }
      const box = this.#box(one, rows[i], rowCount, lane);
      // Thousands of strokes on a few pixels: one bar per pixel and row says as much and stays quick.
      const pixel = box.width < 3 ? Math.floor(box.x) * 3 + rows[i] : null;
      if (pixel !== null && drawn.has(pixel)) continue;
      drawn.add(pixel);
      paintBlock(context, box, one, this.tree.entry(one.move), this.palette, false);
    }
    if (chosen < 0) return;
    const one = this.#moved(sorted[chosen]);
    paintBlock(context, this.#box(one, rows[chosen], rowCount, lane), one, this.tree.entry(one.move), this.palette, true);
  }

  #range(kind) {
    const { adjust } = this.ui;
    const [from, to] = visible(this.arranged[kind], this.scale.from, this.scale.to);
    // A stroke being dragged may have come into view from outside.
    const at = adjust ? this.arranged[kind].sorted.findIndex((one) => one.id === adjust.id) : -1;
    return at < 0 ? [from, to] : [Math.min(from, at), Math.max(to, at + 1)];
  }

  #draft(lane) {
    const { draft } = this.ui;
    if (!draft) return;
    const { context } = this.surface;
    const end = Math.max(draft.begin + 1, this.player.frame + 1);
    const box = this.#box({ begin: draft.begin, end }, 0, 1, lane);
    context.globalAlpha = 0.3;
    context.fillStyle = this.palette.accent;
    context.fillRect(box.x, box.y, box.width, box.height);
    context.globalAlpha = 1;
    context.fillRect(this.scale.x(draft.begin) - 1, lane.y, 2, lane.height);
    if (!draft.move || box.width < 40) return;
    context.fillStyle = this.palette.text;
    context.fillText(this.tree.entry(draft.move).short, box.x + 6, box.y + box.height / 2);
  }

  #playhead(height) {
    const { context } = this.surface;
    const x = this.scale.x(this.player.frame);
    const wide = this.scale.x(this.player.frame + 1) - x;
    context.fillStyle = this.palette.playhead;
    if (wide > 4) {
      // Near enough to see single frames: the frame on screen is a column, because it lasts.
      context.globalAlpha = 0.18;
      context.fillRect(x, RULER, wide, height);
      context.globalAlpha = 1;
    }
    context.fillRect(Math.round(x) - 1, RULER - 6, 2, height);
    context.beginPath();
    context.moveTo(x - 5, RULER - 8);
    context.lineTo(x + 5, RULER - 8);
    context.lineTo(x, RULER);
    context.fill();
  }

  /** What lies at (x, y): {zone: "edge", edge, kind, id} | {zone: "block", kind, id} | {zone: "empty"}. */
  hit(x, y) {
    this.#arrange();
    const layout = this.layout();
    for (const kind of ["stroke", "suggestion"]) {
      const lane = layout[kind];
      if (y < lane.y || y > lane.y + lane.height) continue;
      const found = this.#hitLane(kind, lane, x, y);
      if (found) return found;
    }
    return { zone: "empty" };
  }

  #hitLane(kind, lane, x, y) {
    const { sorted, rows, rowCount } = this.arranged[kind];
    const reach = EDGE_REACH * this.scale.perPixel;
    const [from, to] = visible(this.arranged[kind], this.scale.frame(x) - reach, this.scale.frame(x) + reach + 1);
    let best = null;
    for (let i = from; i < to; i += 1) {
      const one = this.#moved(sorted[i]);
      const box = this.#box(one, rows[i], rowCount, lane);
      if (y < box.y || y > box.y + box.height + 1) continue;
      const selected = this.ui.isSelected(kind, one.id);
      const near = [["begin", Math.abs(this.scale.x(one.begin) - x)], ["end", Math.abs(this.scale.x(one.end) - x)]];
      const [edge, distance] = near[0][1] <= near[1][1] ? near[0] : near[1];
      const inside = x >= box.x && x <= box.x + box.width;
      const handle = distance <= EDGE_REACH && (!inside || box.width > 3 * EDGE_REACH || selected);
      const rank = (handle ? 2 : inside ? 1 : 0) + (selected ? 4 : 0);
      if (rank % 4 === 0 || (best && best.rank >= rank)) continue;
      best = { rank, zone: handle ? "edge" : "block", edge, kind, id: one.id };
    }
    return best;
  }
}
