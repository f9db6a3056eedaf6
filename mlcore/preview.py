"""A video to look at: the source's pictures with what a model found, as H.264 that any player opens.

Above: the picture with the region of interest. Below it: class and score of the stroke that the picture belongs to, and a timeline of all
strokes with the place of this picture. Picture k of the preview is picture k of the source, at the same time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mlcore.formats import NEGATIVE, FrameTable, RoiTrack, SuggestedStroke, Taxonomy
from mlcore.progress import StepError
from mlcore.video import fit, frames, open_video

Pixels = NDArray[np.uint8]
Colour = tuple[int, int, int]
LONG, SHORT = 1280, 720
CAPTION, TIMELINE = 40, 24  # rows below the picture
PANEL, INK, QUIET, NEEDLE = (25, 29, 35), (231, 234, 238), (154, 164, 176), (255, 255, 255)
BOX = (231, 234, 238)
TYPES = {"Serve": (0, 158, 115), "Offensive": (230, 159, 0), "Defensive": (86, 180, 233), NEGATIVE: (138, 146, 156)}  # Okabe and Ito
OTHERS = ((0, 114, 178), (213, 94, 0), (204, 121, 167), (240, 228, 66), (0, 158, 115), (230, 159, 0), (86, 180, 233))


def write(video: Path, table: FrameTable, target: Path, strokes: Sequence[SuggestedStroke], taxonomy: Taxonomy, roi: RoiTrack | None = None, *,
          tell: Callable[[float], None] = lambda share: None) -> None:  # fmt: skip
    """Write `target`, whole or not at all, with exactly `table.n` pictures at the source's own times.

    Raises StepError: preview_differs{found, wanted} when the file read back has not; frame_lost and those of `mlcore.video`.
    """
    width, height = fit(table.width, table.height, LONG, SHORT, even=True)
    colours = colours_of(taxonomy)
    strip = timeline(table.n, strokes, colours, width)
    captions: dict[int, Pixels] = {-1: caption(None, colours, width)}
    target.parent.mkdir(parents=True, exist_ok=True)
    making = target.with_name(f".{target.stem}.making.mp4")
    base, boxes, owners = Fraction(*table.time_base), boxes_of(roi, table, width, height), owner_of(table.n, strokes)
    canvas = np.empty((height + CAPTION + TIMELINE, width, 3), np.uint8)
    try:
        with av.open(str(making), "w", format="mp4", options={"movflags": "+faststart"}) as file:
            stream = file.add_stream("libx264", rate=Fraction(table.fps).limit_denominator(60_000),
                                     options={"preset": "veryfast", "crf": "20", "x264-params": "bframes=0:force-cfr=0"})  # fmt: skip
            stream.width, stream.height, stream.pix_fmt = width, canvas.shape[0], "yuv420p"
            stream.time_base = stream.codec_context.time_base = base
            for ordinal, picture in frames(video, table, size=(width, height)):
                owner = int(owners[ordinal])
                if owner not in captions:
                    captions[owner] = caption(strokes[owner], colours, width)
                canvas[:height], canvas[height : height + CAPTION], canvas[height + CAPTION :] = picture, captions[owner], strip
                if boxes is not None:
                    outline(canvas[:height], boxes[ordinal])
                at = min(width - 2, ordinal * width // table.n)
                canvas[height + CAPTION :, at : at + 2] = NEEDLE
                frame = av.VideoFrame.from_ndarray(canvas, format="rgb24")
                frame.pts, frame.time_base = table.pts[ordinal] - table.pts[0], stream.codec_context.time_base
                file.mux(stream.encode(frame))
                tell((ordinal + 1) / table.n)
            file.mux(stream.encode(None))
        found = count(making)
        if found != table.n:
            raise StepError("preview_differs", found=found, wanted=table.n)
        os.replace(making, target)
    finally:
        making.unlink(missing_ok=True)


def count(path: Path) -> int:
    """Pictures of a file that was just written, from its packets."""
    with open_video(path) as video:
        return sum(1 for _ in video.packets())


def owner_of(n: int, strokes: Sequence[SuggestedStroke]) -> NDArray[np.int64]:
    """(n,) index of the stroke that each picture belongs to, -1 for none; where two overlap, the one with the greater score."""
    out = np.full(n, -1, np.int64)
    for k in sorted(range(len(strokes)), key=lambda k: strokes[k].score):
        out[strokes[k].begin : strokes[k].end] = k
    return out


def colours_of(taxonomy: Taxonomy) -> dict[str, Colour]:
    """A colour per class: by type where the taxonomy has the types of the papers (backhand darker), else one after the other."""
    out: dict[str, Colour] = {}
    for k, move in enumerate(taxonomy.moves):
        colour = TYPES.get(move.type, OTHERS[k % len(OTHERS)])
        out[move.name] = (colour[0] * 7 // 10, colour[1] * 7 // 10, colour[2] * 7 // 10) if move.hand == "Backhand" else colour
    return out | {NEGATIVE: TYPES[NEGATIVE], "": TYPES[NEGATIVE]}


def caption(stroke: SuggestedStroke | None, colours: dict[str, Colour], width: int) -> Pixels:
    """(CAPTION, width, 3): a block of the stroke's colour, its class and score; empty panel for none."""
    picture = Image.new("RGB", (width, CAPTION), PANEL)
    if stroke is not None:
        draw = ImageDraw.Draw(picture)
        font = ImageFont.load_default(18)
        score = f"{stroke.score:.0%}"
        draw.rectangle((0, 0, 13, CAPTION), colours.get(stroke.move, TYPES[NEGATIVE]))
        room = width - 40 - int(font.getlength(score))
        text = stroke.move or "stroke"
        while len(text) > 1 and font.getlength(text) > room:
            text = text[:-2] + "…"
        draw.text((24, CAPTION // 2), text, INK, font, anchor="lm")
        draw.text((width - 10, CAPTION // 2), score, QUIET, font, anchor="rm")
    return np.asarray(picture, np.uint8)


def timeline(n: int, strokes: Sequence[SuggestedStroke], colours: dict[str, Colour], width: int) -> Pixels:
    """(TIMELINE, width, 3): every stroke as a block of its colour."""
    out = np.empty((TIMELINE, width, 3), np.uint8)
    out[:] = PANEL
    for s in sorted(strokes, key=lambda s: s.score):
        left = s.begin * width // n
        out[4:-4, left : max(left + 1, s.end * width // n)] = colours.get(s.move, TYPES[NEGATIVE])
    return out


def boxes_of(roi: RoiTrack | None, table: FrameTable, width: int, height: int) -> NDArray[np.int64] | None:
    """(n, 4) left, top, right, bottom of the region in px of a `width` x `height` picture, between stored pictures interpolated."""
    if roi is None or not roi.ordinals:
        return None
    every = np.arange(table.n)
    x, y = (np.interp(every, roi.ordinals, values) for values in (roi.x, roi.y))
    half_x, half_y = roi.side / 2 / roi.width * width, roi.side / 2 / roi.height * height
    edges = np.stack([x * width - half_x, y * height - half_y, x * width + half_x, y * height + half_y], 1)
    return np.asarray(np.clip(np.rint(edges), 0, [width, height, width, height]), np.int64)


def outline(picture: Pixels, box: NDArray[np.int64]) -> None:
    """Draw the edge of `box`, 2 px wide, into `picture`."""
    left, top, right, bottom = (int(v) for v in box)
    for part in (picture[top : top + 2, left:right], picture[max(top, bottom - 2) : bottom, left:right],
                 picture[top:bottom, left : left + 2], picture[top:bottom, max(left, right - 2) : right]):  # fmt: skip
        part[:] = BOX
