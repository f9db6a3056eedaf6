"""Looping clips for people: the worst errors of a model, and exactly what it saw and looked at. Animated WebP by Pillow.

Shapes as everywhere: T pictures, H height, W width, C channels last in pictures.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mlcore import explain, metrics
from mlcore.evaluate import Seen
from mlcore.metrics import Span, Videos
from mlcore.store import Store

UInt8 = NDArray[np.uint8]
Floats = NDArray[np.float32]
RATE, MOST = 15.0, 45  # pictures a second and pictures of a loop
AROUND_S = 0.5  # shown before and after the stroke
WIDTH, BAR, ROW = 320, 66, 31
DARK, INK, QUIET = (17, 20, 24), (231, 234, 238), (154, 164, 176)
BLUE, ORANGE = (86, 180, 233), (230, 159, 0)  # Okabe and Ito: truth, model
HEAT = np.array([[0, 0, 0], [110, 20, 90], [220, 80, 20], [255, 230, 120]], np.float32)


@dataclass(frozen=True)
class Mistake:
    """One error: `kind` is "wrong class", "missed" or "not a stroke"; `truth` and `found` where there are such; `weight`: how bad, 0..1."""

    kind: str
    stretch: str
    truth: Span | None
    found: Span | None
    weight: float

    @property
    def about(self) -> Span:
        spans = [s for s in (self.truth, self.found) if s is not None]
        return Span(min(s.begin for s in spans), max(s.end for s in spans), spans[-1].move, spans[-1].score)


def worst(seen: Seen, found: Videos, each: int = 4) -> list[Mistake]:
    """The `each` worst of each kind: the surest proposals of a wrong class or on no stroke at all, and the missed strokes
    in which the model saw the least going on."""
    mistakes: list[Mistake] = []
    for stretch, real in seen.truths.items():
        mine = found.get(stretch, ())
        exact, loose = metrics.match(mine, real), metrics.match(mine, real, with_class=False)
        right = {k for k in exact if k is not None}
        wrong = {k: p for p, k, hit in zip(mine, loose, exact) if k is not None and hit is None}
        mistakes += [Mistake("wrong class", stretch, real[k], p, p.score) for k, p in wrong.items()]
        mistakes += [Mistake("not a stroke", stretch, None, p, p.score) for p, k, hit in zip(mine, loose, exact) if k is None and hit is None]
        mistakes += [Mistake("missed", stretch, t, None, 1 - _activity(seen, stretch, t)) for k, t in enumerate(real) if k not in right and k not in wrong]
    kinds = ("wrong class", "missed", "not a stroke")
    return [m for kind in kinds for m in sorted((m for m in mistakes if m.kind == kind), key=lambda m: -m.weight)[:each]]


def _activity(seen: Seen, stretch: str, span: Span) -> float:
    """Mean 1 - P(Negative) within a span."""
    strip = seen.strips[stretch]
    begin, end = (int(np.clip(round((t - strip.start) * strip.rate), 0, len(strip.curve))) for t in (span.begin, span.end))
    return float(1 - strip.curve[begin : max(end, begin + 1), -1].mean()) if begin < len(strip.curve) else 0.0


def _moments(begin: float, end: float) -> NDArray[np.float64]:
    """Moments of a loop over [begin, end] seconds."""
    return np.linspace(begin, end, int(np.clip(round((end - begin) * RATE), 2, MOST)))


def loop(pictures: Sequence[Image.Image], seconds: float) -> tuple[bytes, bytes]:
    """An endless animated WebP that lasts `seconds`, and its middle picture for who does not want things to move."""
    data, still = io.BytesIO(), io.BytesIO()
    pictures[len(pictures) // 2].save(still, "WEBP", quality=70)
    pictures[0].save(data, "WEBP", save_all=True, append_images=list(pictures[1:]), duration=max(20, round(1000 * seconds / len(pictures))),
                     loop=0, quality=55, method=2)  # fmt: skip
    return data.getvalue(), still.getvalue()


def error_loop(store: Store, mistake: Mistake) -> tuple[bytes, bytes]:
    """The stretch of video around an error with the region of interest, and beneath it when the stroke was and when the model saw one."""
    about, times = mistake.about, np.asarray(store.seconds, np.float64)
    begin, end = max(float(times[0]), about.begin - AROUND_S), max(float(times[0]) + 0.1, min(float(times[-1]), about.end + AROUND_S))
    height = max(2, round(store.prepared.height * WIDTH / store.prepared.width))
    rows = [("expert", mistake.truth, BLUE), ("model", mistake.found, ORANGE)]
    out = []
    for second in _moments(begin, end):
        k = int(np.clip(np.searchsorted((times[1:] + times[:-1]) / 2, second), 0, store.n - 1))
        picture = Image.new("RGB", (WIDTH, height + BAR), DARK)
        picture.paste(Image.fromarray(store.rgb(k, k + 1)[0]).resize((WIDTH, height)), (0, 0))
        draw = ImageDraw.Draw(picture)
        draw.rectangle(_box(store, k, WIDTH / store.prepared.width), outline=INK, width=2)
        _bars(draw, rows, (begin, end), second, height)
        out.append(picture)
    return loop(out, end - begin)


def _box(store: Store, k: int, scale: float) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of the region of interest of picture k, held inside the picture."""
    roi, out = store.roi, []
    for value, size in ((roi.x[k], roi.width), (roi.y[k], roi.height)):
        half = min(roi.side, size) / 2
        centre = min(max(value * size, half), size - half)
        out.append(((centre - half) * scale, (centre + half) * scale - 1))
    (left, right), (top, bottom) = out
    return left, top, right, bottom


def _bars(draw: ImageDraw.ImageDraw, rows: Sequence[tuple[str, Span | None, tuple[int, int, int]]], window: tuple[float, float], now: float, top: int) -> None:
    """One row per voice under the picture: name and class, below them its interval as a bar over the loop's time; the moment as a line."""
    font, (begin, end) = ImageFont.load_default(12), window

    def x(second: float) -> float:
        return 6 + (WIDTH - 12) * (min(max(second, begin), end) - begin) / max(end - begin, 1e-6)

    for i, (name, span, colour) in enumerate(rows):
        y = top + 4 + i * ROW
        draw.text((6, y + 8), name, QUIET, font, anchor="lm")
        draw.text((52, y + 8), (span.move or "a stroke") if span else "nothing", INK if span else QUIET, font, anchor="lm")
        draw.line((6, y + 21, WIDTH - 6, y + 21), (60, 66, 74), 1)
        if span:
            draw.rectangle((x(span.begin), y + 17, x(span.end), y + 25), colour)
        draw.line((x(now), y + 15, x(now), y + 27), INK, 2)


def flow_colours(flow_CTHW: Floats) -> UInt8:
    """(T, H, W, 3) RGB of a flow in -1..1: hue is the direction, brightness the speed, black stands still."""
    u, v = flow_CTHW
    hue = (np.arctan2(v, u) / (2 * np.pi) % 1.0 * 180).astype(np.uint8)
    value = np.clip(255 * np.hypot(u, v), 0, 255).astype(np.uint8)
    hsv = np.stack([hue, np.full_like(hue, 230), value], -1)
    return np.stack([np.asarray(cv2.cvtColor(one, cv2.COLOR_HSV2RGB), np.uint8) for one in hsv])


def heated(picture_THWC: UInt8, heat_THW: Floats) -> UInt8:
    """Pictures in grey with the heat over them."""
    grey = picture_THWC.astype(np.float32).mean(-1, keepdims=True) * 0.7
    colour = np.stack([np.interp(heat_THW, np.linspace(0, 1, len(HEAT)), HEAT[:, c]) for c in range(3)], -1)
    share = np.minimum(1.0, 1.5 * heat_THW)[..., None]
    return np.asarray(np.clip(grey * (1 - share) + colour * share, 0, 255), np.uint8)


def input_loop(inputs: Mapping[str, Floats], heats: Mapping[str, Floats], rate: float) -> tuple[bytes, bytes]:
    """The network's own input, slowed down to at most `RATE` pictures a second: RGB crop and flow beside each other, under each where its branch
    looked, and beneath both how much of that lies in which picture. `inputs` and `heats` as in `explain`; `rate` of the clip in Hz."""
    rgb = np.asarray(np.clip(np.rint(255 * np.moveaxis(inputs["RGB"], 0, -1)), 0, 255), np.uint8)
    shown = {"RGB": rgb, "Flow": flow_colours(inputs["Flow"])}
    t, h, w, _ = rgb.shape
    grow, curve = max(1, round(140 / w)), 44
    size = (w * grow, h * grow)
    panels = [name for name in shown if name in heats]
    out = []
    for k in np.unique(np.linspace(0, t - 1, min(t, MOST)).round().astype(int)):
        picture = Image.new("RGB", (2 * size[0] + 4, (2 if panels else 1) * (size[1] + 4) + (curve if panels else 0)), DARK)
        for i, name in enumerate(shown):
            picture.paste(Image.fromarray(shown[name][k]).resize(size, Image.Resampling.NEAREST), (i * (size[0] + 4), 0))
            if name in heats:
                hot = Image.fromarray(heated(shown[name][k : k + 1], heats[name][k : k + 1])[0])
                picture.paste(hot.resize(size), (i * (size[0] + 4), size[1] + 4))
                _curve(ImageDraw.Draw(picture), explain.over_time(heats[name]), int(k), (i * (size[0] + 4), 2 * (size[1] + 4), size[0], curve))
        out.append(picture)
    return loop(out, max(t / rate, len(out) / RATE))


def _curve(draw: ImageDraw.ImageDraw, values: Floats, now: int, box: tuple[int, int, int, int]) -> None:
    """`values` 0..1 as a line in (left, top, width, height), the moment `now` as a dot."""
    left, top, width, height = box
    points = [(left + 4 + (width - 8) * i / max(1, len(values) - 1), top + height - 6 - (height - 12) * float(v)) for i, v in enumerate(values)]
    if len(points) > 1:
        draw.line(points, ORANGE, 2)
    x, y = points[now]
    draw.ellipse((x - 4, y - 4, x + 4, y + 4), INK)
