// One lane of spans on the canvas. Where thousands share a few pixels, runs of pixels are painted instead of blocks, so that
// the work is bounded by the width of the lane and not by the number of strokes.

import { fillOf, paintBlock, paintOverlap } from "./blocks.js";
import { indexOf, visible } from "./spans.js";

const INSET = 3;
const TINY = 3;

/** Where span `i` of `arranged` is drawn in lane {y, height}, cut at the borders of the view. */
export function boxOf(arranged, i, { begin, end }, lane, scale) {
  const rows = arranged.heaps[i];
  const height = (lane.height - 2 * INSET) / rows;
  const left = Math.max(scale.x(begin), -8);
  const right = Math.min(scale.x(end), scale.width + 8);
  return { x: left, y: lane.y + INSET + arranged.rows[i] * height, width: Math.max(2, right - left), height: height - 1 };
}

/** Neighbouring pixels of one colour grow into one run; a run is painted when another begins. */
class Runs {
  constructor(context, scale, lane) {
    Object.assign(this, { context, lane, open: new Array(9), painted: 0, from: scale.from, perFrame: 1 / scale.perPixel });
  }

  add(span, row, rows, colour) {
    const { from, perFrame } = this;
    const x = Math.floor((span.begin - from) * perFrame);
    const to = Math.max(x + 1, Math.floor((span.end - from) * perFrame));
    const key = rows * 3 + row - 3;
    const run = this.open[key];
    if (run && run.colour === colour && x <= run.to) {
      run.to = Math.max(run.to, to);
    } else if (!run || x >= run.to) {
      this.#paint(run);
      this.open[key] = { x, to, row, rows, colour, faint: span.kind === "suggestion" };
    }
  }

  #paint(run) {
    if (!run) return;
    const height = (this.lane.height - 2 * INSET) / run.rows;
    this.context.globalAlpha = run.faint ? 0.5 : 1;
    this.context.fillStyle = run.colour;
    this.context.fillRect(run.x, this.lane.y + INSET + run.row * height, run.to - run.x, height - 1);
    this.painted += 1;
  }

  end() {
    this.open.forEach((run) => this.#paint(run));
    return this.painted;
  }
}

/**
 * Paint the visible spans of `arranged` into `lane`; `view`: {scale, tree, palette, chosen: id or null, moved(span),
 * mark(span)}. Returns how many shapes were painted.
 */
export function paintLane(context, lane, arranged, view) {
  const { scale, tree, palette, chosen } = view;
  const [from, to] = visible(arranged, scale.from, scale.to);
  const runs = new Runs(context, scale, lane);
  const tiny = TINY * scale.perPixel;
  let painted = 0;
  for (let i = from; i < to; i += 1) {
    const span = arranged.sorted[i];
    if (span.id === chosen) continue;
    const entry = tree.entry(span.move);
    if (span.end - span.begin < tiny) {
      runs.add(span, arranged.rows[i], arranged.heaps[i], fillOf(palette, entry.look));
      continue;
    }
    paintBlock(context, boxOf(arranged, i, span, lane, scale), span, entry, palette, { mark: view.mark?.(span) });
    painted += 1;
  }
  painted += runs.end();
  context.globalAlpha = 1;
  painted += paintOverlaps(context, lane, arranged, view);
  return painted + paintChosen(context, lane, arranged, view);
}

function paintOverlaps(context, lane, { overlaps }, { scale, palette }) {
  let painted = 0;
  for (const { begin, end } of overlaps) {
    if (end <= scale.from || begin >= scale.to) continue;
    const width = (end - begin) / scale.perPixel;
    if (width < TINY) continue;
    paintOverlap(context, { x: scale.x(begin), y: lane.y, width, height: lane.height }, palette);
    painted += 1;
  }
  return painted;
}

/** The chosen span comes last, over its neighbours; while an edge of it is moved, where it is moved to. */
function paintChosen(context, lane, arranged, { scale, tree, palette, chosen, moved, mark }) {
  if (chosen === null) return 0;
  const i = indexOf(arranged, chosen);
  if (i < 0) return 0;
  const span = moved(arranged.sorted[i]);
  if (span.end < scale.from || span.begin > scale.to) return 0;
  const box = boxOf(arranged, i, span, lane, scale);
  paintBlock(context, box, span, tree.entry(span.move), palette, { selected: true, mark: mark?.(span) });
  return 1;
}
