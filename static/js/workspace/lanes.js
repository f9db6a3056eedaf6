// The zoomed view: ruler, motion, model, mine, and in a comparison everybody else. Paints only when something it shows has
// changed, only what is visible, and knows what lies under a pointer.

import { Surface } from "./canvas.js";
import { hitLane, REACH } from "./hit.js";
import { layoutLanes } from "./lanelayout.js";
import { paintLane } from "./lanepaint.js";
import { levels, paintMotion } from "./motionstrip.js";
import { inOrder } from "./order.js";
import { paintRuler } from "./ruler.js";
import { arrange } from "./spans.js";

export class Lanes {
  #painted = "";

  constructor(canvas, { scale, table, store, ui, tree, palette, motion, compare, empty, invalidate }) {
    Object.assign(this, { canvas, scale, table, store, ui, tree, palette, compare, empty });
    this.strip = motion && { rate: motion.rate, levels: levels(motion.values) };
    this.arranged = {};
    this.scroll = 0;
    this.shapes = 0; // painted by the last draw
    this.paints = 0; // how often the canvas was painted
    this.surface = new Surface(canvas, () => {
      scale.width = this.surface.width;
      this.#painted = "";
      invalidate();
    });
    scale.width = this.surface.width;
  }

  layout() {
    const { height } = this.surface;
    const others = this.compare.lanes();
    const key = `${height} ${this.scroll} ${others.map((lane) => lane.key)}`;
    if (key !== this.layoutKey) {
      this.layoutKey = key;
      this.placed = layoutLanes(height, others.map((lane) => lane.key), this.scroll);
    }
    return this.placed;
  }

  /** Arranged anew only when the strokes, or the suggestions, are others than before. */
  #arrange() {
    const { strokes, suggestions } = this.store.state;
    if (strokes !== this.strokes) this.arranged.stroke = arrange(inOrder(strokes, "stroke"), { inOrder: true });
    if (suggestions !== this.suggestions) {
      const shown = inOrder(suggestions, "suggestion").filter((one) => one.verdict !== "accepted");
      this.arranged.suggestion = arrange(shown, { inOrder: true });
    }
    Object.assign(this, { strokes, suggestions });
  }

  /** Ids of strokes of mine that overlap another. */
  overlapping() {
    this.#arrange();
    return this.arranged.stroke.overlapping;
  }

  /** [{lane: {y, height}, arranged, view}] of all lanes with spans in them. */
  #rows() {
    this.#arrange();
    const placed = this.layout();
    const rows = ["suggestion", "stroke"].map((kind) => ({ key: kind, lane: placed[kind], arranged: this.arranged[kind], view: this.#view(kind) }));
    const lanes = this.compare.lanes();
    placed.others.forEach((lane, at) => {
      if (!lane.hidden) rows.push({ key: lane.key, lane, arranged: lanes[at].arranged, view: this.#view(lane.key), other: true });
    });
    return rows;
  }

  #view(key) {
    const { scale, tree, palette, ui, compare } = this;
    const { adjust } = ui;
    const selected = ui.selected?.kind === key ? ui.selected.id : null;
    return {
      scale, tree, palette,
      chosen: selected ?? compare.chosenIn(key),
      moved: (one) => (adjust && adjust.id === one.id ? { ...one, begin: adjust.begin, end: adjust.end } : one),
      mark: compare.on && key !== "suggestion" ? (one) => compare.markOf(key, one.id) : null,
    };
  }

  /** Everything that the canvas shows, as text: painted again only when this differs. */
  #key() {
    const { scale, store, ui, compare, surface, palette } = this;
    const { adjust, selected, reviewed, draft } = ui;
    return [store.revision, compare.revision, scale.from, scale.to, surface.width, surface.height, this.scroll,
      selected?.id, reviewed?.id, adjust?.id, adjust?.begin, adjust?.end, Boolean(draft), palette.figures, palette.revision].join(" ");
  }

  draw() {
    const key = this.#key();
    if (key === this.#painted) return;
    this.#painted = key;
    this.paints += 1;
    const { context, width, height } = this.surface;
    this.surface.clear();
    context.font = `12px ${this.palette.font}`;
    context.textBaseline = "middle";
    const placed = this.layout();
    const rows = this.#rows();
    context.fillStyle = this.palette.panel;
    context.fillRect(0, placed.motion.y, width, placed.motion.height);
    for (const { lane, other } of rows) if (!other) context.fillRect(0, lane.y, width, lane.height);
    paintRuler(context, placed.stroke.y + placed.stroke.height, this);
    this.shapes = 0;
    if (this.strip) this.shapes += paintMotion(context, placed.motion, this.strip, this);
    else this.#say(this.empty.motion(), placed.motion);
    for (const row of rows) if (!row.other) this.#lane(row);
    this.#others(rows, placed, width, height);
  }

  #others(rows, placed, width, height) {
    if (!placed.others.length) return;
    const { context } = this.surface;
    context.save();
    context.beginPath();
    context.rect(0, placed.part.y, width, height - placed.part.y);
    context.clip();
    for (const row of rows) {
      if (!row.other) continue;
      context.fillStyle = this.palette.panel;
      context.fillRect(0, row.lane.y, width, row.lane.height);
      this.#lane(row);
    }
    context.restore();
  }

  #lane({ key, lane, arranged, view }) {
    const { context } = this.surface;
    if (!arranged.sorted.length && !(key === "stroke" && this.ui.draft)) this.#say((this.empty[key] ?? this.empty.other)(), lane);
    this.shapes += paintLane(context, lane, arranged, view);
  }

  #say(text, lane) {
    this.surface.context.fillStyle = this.palette.quiet;
    this.surface.context.fillText(text, 8, lane.y + lane.height / 2, this.surface.width - 16);
  }

  /** What lies at (x, y): {zone: "edge", edge, kind, id} | {zone: "block", kind, id} | {zone: "empty"}. */
  hit(x, y, pointer = "mouse") {
    const reach = REACH[pointer] ?? REACH.mouse;
    for (const { lane, arranged, view, other } of this.#rows()) {
      if (y < lane.y || y > lane.y + lane.height) continue;
      const found = hitLane(lane, arranged, x, y, { ...view, reach, fixed: other });
      if (found) return found;
    }
    return { zone: "empty" };
  }
}
