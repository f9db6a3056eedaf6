"""Real little video files whose truth is known: a textured square that moves right, down or up, as `squares`, but through encoder, decoder and flow."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from mlcore.formats import Interval
from tests.mlcore.squares import MOVES

RATE, STROKE, GAP, SPEED = 30, 18, 15, 2
WIDTH, HEIGHT, SIDE = 96, 64, 16


def pictures(moves, *, gap=GAP, seed=0):
    """((n, HEIGHT, WIDTH, 3) RGB, the strokes): `moves` one after the other, each from a place of its own; "Negative" stands still."""
    rng = np.random.default_rng(seed)
    ground = np.repeat(rng.integers(20, 60, (HEIGHT, WIDTH, 1)), 3, axis=2).astype(np.uint8)
    square = np.repeat(np.repeat(rng.integers(90, 250, (SIDE // 4, SIDE // 4, 3)), 4, axis=0), 4, axis=1).astype(np.uint8)
    out, truth = [], []
    for move in moves:
        u, v = MOVES.get(move, (0, 0))
        x, y = 30 - 10 * u + int(rng.integers(0, 8)), 24 - 8 * v + int(rng.integers(0, 6))
        for k in range(gap + STROKE):
            step = max(0, k - gap + 1) * SPEED / 2
            picture = ground.copy()
            left, top = round(x + u * 2 * step), round(y + v * step)
            picture[top : top + SIDE, left : left + SIDE] = square
            out.append(picture)
        if move in MOVES:
            truth.append(Interval(len(out) - STROKE, len(out), move))
    out += [out[-1]] * gap
    return np.stack(out), truth


def write(path: Path, moves, *, gap=GAP, seed=0) -> tuple[int, list[Interval]]:
    """Write the film as H.264; (pictures, strokes)."""
    shown, truth = pictures(moves, gap=gap, seed=seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "crf": "12"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, RATE)
        for k, picture in enumerate(shown):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = k, Fraction(1, RATE)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return len(shown), truth
