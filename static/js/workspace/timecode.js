// Times and frame numbers as people write them.

/** 63.5 -> "1:03.500"; an hour and more: "1:00:03.500". */
export function timecode(seconds, decimals = 3) {
  const unit = 10 ** decimals;
  const ticks = Math.floor(Math.max(0, seconds) * unit + 1e-6);
  const whole = Math.floor(ticks / unit);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const head = hours ? `${hours}:${String(minutes).padStart(2, "0")}` : String(minutes);
  const tail = decimals ? `.${String(ticks % unit).padStart(decimals, "0")}` : "";
  return `${head}:${String(whole % 60).padStart(2, "0")}${tail}`;
}

/**
 * What somebody typed into "go to": a whole number is a frame; with ":", "," or "." or a final "s" it is a time.
 * Returns {frame}, {seconds} or null.
 */
export function parseTarget(text) {
  const clean = text.trim().replace(/\s|\u202f|\u00a0/g, "");
  if (/^\d+$/.test(clean)) return { frame: Number(clean) };
  const match = /^(?:(?:(\d+):)?(\d+):)?(\d+(?:[.,]\d*)?)s?$/.exec(clean);
  if (!match) return null;
  const [, hours = "0", minutes = "0", seconds] = match;
  return { seconds: Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds.replace(",", ".")) };
}

const groupers = new Map();

/** 21640 -> "21 640" with the narrow space that both languages read. */
export function count(number) {
  if (!groupers.has("fr")) groupers.set("fr", new Intl.NumberFormat("fr-FR", { maximumFractionDigits: 0 }));
  return groupers.get("fr").format(number);
}

/** 0.25 -> "1/4×", 2 -> "2×". */
export function speed(rate) {
  const size = Math.abs(rate);
  const text = size < 1 ? `1/${Math.round(1 / size)}×` : `${size}×`;
  return rate < 0 ? `−${text}` : text;
}
