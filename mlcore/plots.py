"""Confusion matrices, training curves, calibration and histograms as PNG, drawn with Pillow alone."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from mlcore.files import write_atomic

PAPER, INK, QUIET, LINE = (255, 255, 255), (27, 31, 36), (110, 118, 128), (222, 226, 230)
BLUE, ORANGE = (0, 114, 178), (230, 159, 0)  # Okabe and Ito
CELL = 26


def _font(size: int) -> Any:
    return ImageFont.load_default(size)


def _save(picture: Image.Image, path: Path) -> None:
    data = io.BytesIO()
    picture.save(data, "PNG", optimize=True)
    write_atomic(path, data.getvalue())


def confusion_png(path: Path, matrix: Sequence[Sequence[int]], classes: Sequence[str], title: str) -> None:
    """Rows (truth) x columns (model), shaded by share of the row, counts written in; `matrix` is (classes, classes)."""
    n, font, small = len(classes), _font(13), _font(12)
    left = 20 + max(int(font.getlength(name)) for name in classes)
    top = 44 + left
    width = max(left + n * CELL, 12 + int(_font(16).getlength(title))) + 20
    picture = Image.new("RGB", (width, top + n * CELL + 20), PAPER)
    draw = ImageDraw.Draw(picture)
    draw.text((12, 12), title, INK, _font(16))
    for i, name in enumerate(classes):
        draw.text((left - 8, top + i * CELL + CELL // 2), name, INK, font, anchor="rm")
        label = Image.new("RGB", (left, CELL), PAPER)
        ImageDraw.Draw(label).text((4, CELL // 2), name, INK, font, anchor="lm")
        picture.paste(label.rotate(90, expand=True), (left + i * CELL, top - left - 2))
        total = sum(matrix[i]) or 1
        for k, count in enumerate(matrix[i]):
            share = count / total
            shade = tuple(round(255 + (c - 255) * share) for c in (BLUE if i == k else ORANGE))
            x, y = left + k * CELL, top + i * CELL
            draw.rectangle((x, y, x + CELL, y + CELL), shade, LINE)
            if count:
                ink = PAPER if share > 0.6 and i == k else INK
                draw.text((x + CELL // 2, y + CELL // 2), str(count), ink, small, anchor="mm")
    _save(picture, path)


def curves_png(path: Path, history: Sequence[Mapping[str, Any]], title: str) -> None:
    """Loss (left panel) and accuracy (right), training blue and validation orange, each named at its end."""
    width, height, pad = 460, 260, 46
    picture = Image.new("RGB", (2 * width, height + 40), PAPER)
    draw = ImageDraw.Draw(picture)
    draw.text((12, 12), title, INK, _font(16))
    for panel, (name, keys) in enumerate((("loss", ("loss", "val_loss")), ("accuracy", ("accuracy", "val_accuracy")))):
        lines = {key: [(i, float(h[key])) for i, h in enumerate(history) if h.get(key) is not None] for key in keys}
        top = 1.0 if name == "accuracy" else max([v for line in lines.values() for _, v in line] or [1.0])
        x0, y0, x1, y1 = panel * width + pad, 56, (panel + 1) * width - 76, 40 + height - pad

        def at(i: int, v: float, box: tuple[int, int, int, int] = (x0, y0, x1, y1), top: float = top) -> tuple[float, float]:
            return box[0] + (box[2] - box[0]) * i / max(1, len(history) - 1), box[3] - (box[3] - box[1]) * v / (top or 1.0)

        draw.line((x0, y0, x0, y1, x1, y1), QUIET)
        draw.text((x0 - 6, y0), f"{top:.2f}", QUIET, _font(12), anchor="rm")
        draw.text((x0 - 6, y1), "0", QUIET, _font(12), anchor="rm")
        draw.text((x1, y1 + 14), f"epoch {max(0, len(history) - 1)}", QUIET, _font(12), anchor="rm")
        for key, colour in zip(keys, (BLUE, ORANGE)):
            points = [at(i, v) for i, v in lines[key]]
            if len(points) > 1:
                draw.line(points, colour, 2)
            if points:
                words = ("validation" if key.startswith("val") else "training", f"{lines[key][-1][1]:.3f}")
                shift = -12 if key.startswith("val") == (name == "loss") else 12
                for row, word in enumerate(words):
                    draw.text((x1 + 6, min(points[-1][1] + shift, y1 - 26) + 13 * row), word, colour, _font(12), anchor="lm")
        draw.text((x0, y0 - 14), name, INK, _font(13), anchor="lm")
    _save(picture, path)


def _axes(draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], below: str, beside: str) -> None:
    """Axes of a panel `box` (left, top, right, bottom) with their names."""
    x0, y0, x1, y1 = box
    draw.line((x0, y0, x0, y1, x1, y1), QUIET)
    draw.text(((x0 + x1) / 2, y1 + 30), below, QUIET, _font(12), anchor="mm")
    draw.text((x0, y0 - 14), beside, QUIET, _font(12), anchor="lm")


def reliability_png(path: Path, bins: Sequence[Mapping[str, float]], title: str) -> None:
    """How often the model was right (height) where it was so sure (place), from `calibration.reliability`; a dot's area says how many
    decisions; a calibrated model lies on the diagonal, below it a model is too sure."""
    size, box = 420, (60, 70, 400, 370)
    picture = Image.new("RGB", (size, size), PAPER)
    draw = ImageDraw.Draw(picture)
    draw.text((12, 12), title, INK, _font(16))
    x0, y0, x1, y1 = box
    _axes(draw, box, "how sure", "how often right")
    draw.line((x0, y1, x1, y0), LINE, 2)
    for value in (0, 0.5, 1):
        draw.text((x0 + (x1 - x0) * value, y1 + 12), f"{value:.0%}", QUIET, _font(12), anchor="mm")
        draw.text((x0 - 8, y1 - (y1 - y0) * value), f"{value:.0%}", QUIET, _font(12), anchor="rm")
    points = [(x0 + (x1 - x0) * b["confidence"], y1 - (y1 - y0) * b["accuracy"]) for b in bins]
    for (x, y), b in zip(points, bins):
        draw.line((x, y, x, y1 - (y1 - y0) * b["confidence"]), ORANGE, 2)
        radius = 3 + 5 * (b["n"] / max(c["n"] for c in bins)) ** 0.5
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), BLUE)
    _save(picture, path)


def histogram_png(path: Path, series: Mapping[str, Sequence[float]], unit: str, title: str, half: float, bars: int = 40) -> None:
    """One panel per series: how many values lie where, from -`half` to +`half` (those beyond in the outermost bars), the median as a line."""
    width, height = 420, 240
    picture = Image.new("RGB", (width * max(1, len(series)), height + 50), PAPER)
    draw = ImageDraw.Draw(picture)
    draw.text((12, 12), title, INK, _font(16))
    for panel, (name, values) in enumerate(series.items()):
        x0, y0, x1, y1 = box = (panel * width + 40, 66, (panel + 1) * width - 20, height)
        counts = [0] * bars
        for value in values:
            counts[min(bars - 1, max(0, int((value / half + 1) / 2 * bars)))] += 1
        for i, count in enumerate(counts):
            if count:
                at = x0 + (x1 - x0) * i / bars
                draw.rectangle((at, y1 - (y1 - y0) * count / max(counts), at + (x1 - x0) / bars - 1, y1), BLUE)
        _axes(draw, box, f"{name}, {unit}", f"{len(values)} strokes, at most {max(counts)} a bar")
        for value in (-half, 0.0, half):
            draw.text((x0 + (x1 - x0) * (value / half + 1) / 2, y1 + 12), f"{value:+.0f}" if value else "0", QUIET, _font(12), anchor="mm")
        if values:
            median = min(max(sorted(values)[len(values) // 2], -half), half)
            x = x0 + (x1 - x0) * (median / half + 1) / 2
            draw.line((x, y0, x, y1), ORANGE, 2)
    _save(picture, path)
