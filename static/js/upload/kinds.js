// Kinds: whether a chosen file can be a video that is read here, told from its first bytes, before anything is sent.

export const HEAD = 512; // so many first bytes are looked at

const TAKEN = new Set(["ftyp", "moov", "mdat", "wide", "free", "skip", "pnot"]); // how MP4 and MOV files begin
const OTHERS = [
  [[0x47, 0x49, 0x46, 0x38], gettext("a picture")],
  [[0x47], gettext("an MPEG transport stream")],
  [[0x30, 0x26, 0xb2, 0x75], gettext("a Windows Media file")],
  [[0x00, 0x00, 0x01, 0xba], gettext("an MPEG programme stream")],
  [[0x46, 0x4c, 0x56], gettext("a Flash video")],
  [[0x4f, 0x67, 0x67, 0x53], gettext("an Ogg file")],
  [[0x89, 0x50, 0x4e, 0x47], gettext("a picture")],
  [[0xff, 0xd8, 0xff], gettext("a picture")],
  [[0x25, 0x50, 0x44, 0x46], gettext("a PDF document")],
  [[0x50, 0x4b, 0x03, 0x04], gettext("an archive or office document")],
  [[0x37, 0x7a, 0xbc, 0xaf], gettext("an archive")],
  [[0x52, 0x61, 0x72, 0x21], gettext("an archive")],
  [[0x1f, 0x8b], gettext("an archive")],
];

const starts = (head, bytes) => bytes.every((byte, at) => head[at] === byte);
const text = (head, from, to) => String.fromCharCode(...head.slice(from, to));

/** mp4 (also MOV), matroska (also WebM), avi; null if it is none of them. */
export function container(head) {
  if (TAKEN.has(text(head, 4, 8))) return "mp4";
  if (starts(head, [0x1a, 0x45, 0xdf, 0xa3])) return "matroska";
  if (text(head, 0, 4) === "RIFF" && text(head, 8, 12) === "AVI ") return "avi";
  return null;
}

/** What speaks against a file of `size` bytes that begins with `head`, as a sentence; "" if nothing does. */
export function objection(size, head, { limit, say }) {
  if (size === 0) return gettext("This file is empty. Please choose another one.");
  if (size > limit) {
    return interpolate(gettext("This file is larger than this site takes (%s). Cut it into parts and upload those."), [say(limit)]);
  }
  if (container(head)) return "";
  const other = OTHERS.find(([magic]) => starts(head, magic));
  if (!other) return gettext("This is not a video file that is read here. MP4, MOV, MKV, WebM and AVI are.");
  return interpolate(gettext("This is %s, not a video file that is read here. MP4, MOV, MKV, WebM and AVI are."), [other[1]]);
}

/** Whether a file found in a dropped folder is worth offering at all: others are left out without a word. */
export function looksLikeVideo(name) {
  return /\.(mp4|m4v|mov|mkv|webm|avi)$/i.test(name);
}
