// How one stroke or suggestion is painted on a canvas. Colours come from the tokens of the page.

import { scoreText } from "./scores.js";

export function readPalette(element) {
  // A token may hold light-dark(): only a colour in use tells which of the two it is.
  const probe = element.appendChild(document.createElement("span"));
  const token = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const pair = (type) => [token(`--stroke-${type}-forehand`), token(`--stroke-${type}-backhand`)];
  const negative = token("--stroke-negative");
  const palette = {
    text: token("--text"),
    quiet: token("--text-quiet"),
    border: token("--border"),
    panel: token("--panel"),
    background: token("--background"),
    control: token("--border-control"),
    accent: token("--accent"),
    warning: token("--warning"),
    good: token("--good"),
    motion: token("--lane-motion"),
    playhead: token("--playhead"),
    fills: {
      serve: pair("serve"),
      offensive: pair("offensive"),
      defensive: pair("defensive"),
      negative: [negative, negative],
      none: [token("--border-control"), token("--border-control")],
    },
    onLight: token("--stroke-text-on-forehand"),
    onDark: token("--stroke-text-on-backhand"),
    font: getComputedStyle(element).fontFamily,
  };
  probe.remove();
  return palette;
}

export const fillOf = (palette, look) => palette.fills[look.hue][look.dark ? 1 : 0];

const widths = new Map();

function textWidth(context, text) {
  if (!widths.has(text)) widths.set(text, context.measureText(text).width);
  return widths.get(text);
}

/** The longest of `texts` that fits into `room` pixels, or "". Texts shorten before they are cut. */
function fitting(context, texts, room) {
  return texts.find((text) => textWidth(context, text) <= room) ?? "";
}

const patterns = new Map();

/** Diagonal hatching in `colour`. */
function hatch(context, colour) {
  if (!patterns.has(colour)) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const paint = tile.getContext("2d");
    paint.strokeStyle = colour;
    paint.lineWidth = 2;
    paint.beginPath();
    for (const from of [-8, 0, 8]) {
      paint.moveTo(from, 8);
      paint.lineTo(from + 8, 0);
    }
    paint.stroke();
    patterns.set(colour, context.createPattern(tile, "repeat"));
  }
  return patterns.get(colour);
}

/** Dashed, filled by score; rejected ones are an outline, crossed. */
function paintSuggestion(context, box, colour, one) {
  if (one.verdict !== "rejected") {
    context.globalAlpha = 0.12 + 0.4 * one.score;
    context.fillStyle = colour;
    context.fill();
    context.globalAlpha = 0.25 + 0.35 * one.score;
    context.fillStyle = hatch(context, colour);
    context.fill();
  }
  context.globalAlpha = one.verdict === "rejected" ? 0.55 : 1;
  context.setLineDash([4, 3]);
  context.strokeStyle = colour;
  context.stroke();
  context.setLineDash([]);
  if (one.verdict !== "rejected") return;
  context.beginPath();
  context.moveTo(box.x, box.y + box.height);
  context.lineTo(box.x + box.width, box.y);
  context.stroke();
}

function paintSolid(context, box, colour, dark, palette) {
  context.fillStyle = colour;
  context.fill();
  if (!dark || box.width < 10) return;
  context.strokeStyle = palette.onDark;
  context.globalAlpha = 0.45;
  context.strokeRect(box.x + 3, box.y + 3, box.width - 6, box.height - 6);
  context.globalAlpha = 1;
}

function paintText(context, box, one, entry, palette) {
  const suggestion = one.kind === "suggestion";
  const mark = `${one.unsure ? " ?" : ""}${one.kind === "consensus" ? " ✓" : ""}`;
  const texts = suggestion
    ? [[entry.short, scoreText(one, palette.figures)].filter(Boolean).join(" · "), entry.short, entry.acronym]
    : [entry.label + mark, entry.short + mark, entry.acronym + mark, entry.acronym];
  // A block that begins left of the view has its text where it can be read.
  const left = Math.max(box.x, 0);
  const room = box.x + box.width - left;
  // The last, shortest text may fill the block to its rim; the others keep a margin.
  const text = fitting(context, texts, room - 9) || fitting(context, [entry.acronym], room - 3);
  if (!text) return;
  const onDark = suggestion || entry.look.dark;
  context.fillStyle = suggestion ? palette.text : onDark ? palette.onDark : palette.onLight;
  const x = Math.max(left + 1.5, Math.min(left + 5, left + (room - textWidth(context, text)) / 2));
  context.fillText(text, x, box.y + box.height / 2 + 0.5);
}

/** Where two strokes lie over each other: crossing lines at the foot of the lane. */
export function paintOverlap(context, { x, y, width, height }, palette) {
  context.fillStyle = palette.background;
  context.fillRect(x, y + height - 5, width, 5);
  context.fillStyle = hatch(context, palette.text);
  context.fillRect(x, y + height - 5, width, 5);
}

const MARKS = { agree: "✓", class: "≠", alone: "!" };
const MARK_ROOM = 14;

/** In a comparison: agreed with (thin, green), another class or nobody else (amber), with a sign beside the colour. */
function paintMark(context, box, mark, palette) {
  const agreed = mark === "agree";
  context.fillStyle = agreed ? palette.good : palette.warning;
  const line = agreed ? 2 : 3;
  context.fillRect(box.x, box.y + box.height - line, box.width, line);
  if (box.width < 2 * MARK_ROOM) return;
  const middle = box.y + box.height / 2;
  context.fillStyle = palette.background;
  context.beginPath();
  context.arc(box.x + box.width - MARK_ROOM / 2 - 2, middle, Math.min(MARK_ROOM, box.height) / 2, 0, 7);
  context.fill();
  context.fillStyle = agreed ? palette.good : palette.warning;
  context.textAlign = "center";
  context.fillText(MARKS[mark], box.x + box.width - MARK_ROOM / 2 - 2, middle + 0.5);
  context.textAlign = "left";
}

/** Outline and grips of what is chosen; the grips of a very short one stand outside, so that both can be taken. */
function paintChosen(context, box, palette) {
  context.lineWidth = 2;
  context.strokeStyle = palette.playhead;
  context.beginPath();
  context.roundRect(box.x, box.y, Math.max(2, box.width), box.height, 4);
  context.stroke();
  context.fillStyle = palette.playhead;
  const out = box.width < NARROW ? 5 : 0;
  for (const x of [box.x - 1 - out, box.x + box.width - 2 + out]) context.fillRect(x, box.y + box.height / 4, 3, box.height / 2);
}

export const NARROW = 24;

/** Paint `one` ({kind, begin, end, move, score?, verdict?, unsure?}) into `box`. `mark`: how others see it. */
export function paintBlock(context, box, one, entry, palette, { selected = false, mark = null } = {}) {
  const colour = fillOf(palette, entry.look);
  context.globalAlpha = 1;
  if (box.width < 8 && !selected) {
    // Too small for corners, dashes and text, and there may be thousands.
    if (one.kind === "suggestion") context.globalAlpha = one.verdict === "rejected" ? 0.15 : 0.3 + 0.5 * one.score;
    context.fillStyle = colour;
    context.fillRect(box.x, box.y, Math.max(1, box.width - 1), box.height);
    if (mark) paintMark(context, box, mark, palette);
    return;
  }
  context.lineWidth = 1;
  context.beginPath();
  context.roundRect(box.x + 0.5, box.y + 0.5, Math.max(1, box.width - 1), box.height - 1, Math.min(4, box.width / 2));
  if (one.kind === "suggestion") paintSuggestion(context, box, colour, one);
  else paintSolid(context, box, colour, entry.look.dark, palette);
  context.globalAlpha = 1;
  const room = mark && box.width >= 2 * MARK_ROOM ? { ...box, width: box.width - MARK_ROOM } : box;
  if (room.width > 16 && one.verdict !== "accepted") paintText(context, room, one, entry, palette);
  if (mark) paintMark(context, box, mark, palette);
  if (selected) paintChosen(context, box, palette);
}
