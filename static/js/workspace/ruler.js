// The ruler over the lanes: marks at round times, their lines through all lanes.

import { RULER } from "./lanelayout.js";
import { rulerStep } from "./scale.js";
import { timecode } from "./timecode.js";

export function paintRuler(context, height, { scale, table, palette }) {
  const from = table.begin(Math.floor(scale.from));
  const to = table.begin(Math.ceil(scale.to));
  const step = rulerStep((to - from) / scale.width);
  const decimals = step < 0.1 ? 2 : step < 1 ? 1 : 0;
  context.textAlign = "left";
  for (let mark = Math.ceil(from / step - 1e-9); mark * step <= to; mark += 1) {
    const seconds = mark * step;
    const frame = table.at(seconds);
    const x = Math.round(scale.x(frame + (seconds - table.begin(frame)) / table.span(frame)));
    context.fillStyle = palette.border;
    context.fillRect(x, RULER - 6, 1, height);
    context.fillStyle = palette.quiet;
    context.fillText(timecode(seconds, decimals), x + 4, RULER / 2 - 1);
  }
}
