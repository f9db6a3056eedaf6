"""Tiny films whose truth is known: a bright square on a dark ground that now and then moves right, down or up (a mirror swaps none of them)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mlcore import store as stores
from mlcore.formats import Dataset, DatasetVideo, Interval, Move, Part, Taxonomy

MOVES = {"Right": (1, 0), "Down": (0, 1), "Up": (0, -1)}
TAXONOMY = Taxonomy("squares", 1, [Move("Right", group="Plain"), Move("Down", group="Plain"), Move("Up", group="High")])
SIZE, STROKE, GAP, SPEED = 48, 18, 15, 2  # px, pictures, pictures, px a picture at 30 pictures a second


def build(folder: Path, moves: list[str], *, rate: float = 30.0, seed: int = 0) -> tuple[stores.Store, list[Interval]]:
    """A store of `moves` one after the other at `rate` pictures a second, and where they are (source ordinals)."""
    factor = rate / 30
    stroke, gap, rng = round(STROKE * factor), round(GAP * factor), np.random.default_rng(seed)
    n = gap + len(moves) * (stroke + gap)
    rgb = rng.integers(20, 30, (n, SIZE, SIZE, 3)).astype(np.uint8)
    flow = np.zeros((n, SIZE, SIZE, 2), np.float32)
    truth, x, y = [], 20.0, 20.0
    for k, move in enumerate([*moves, ""]):
        begin = gap + k * (stroke + gap)
        u, v = MOVES.get(move, (0, 0))
        for i in range(begin - gap, min(begin + stroke, n)):
            moving = i >= begin and bool(move)
            if moving:
                x, y = (x + u * SPEED / factor) % (SIZE - 10), (y + v * SPEED / factor) % (SIZE - 10)
            rows, columns = slice(int(y), int(y) + 10), slice(int(x), int(x) + 10)
            rgb[i, rows, columns] = (220, 200, 180)
            if moving:
                flow[i, rows, columns] = (u * SPEED / factor, v * SPEED / factor)
        if move:
            truth.append(Interval(begin, begin + stroke, move))
    made = stores.build(folder, rgb, flow, [i / rate for i in range(n)], list(range(n)), sha256=folder.name)
    return made, truth


def video(root: Path, name: str, moves: list[str], *, part: str = "train", complete: bool = True, group: str = "", seed: int = 0) -> DatasetVideo:
    """A prepared film as a dataset names it."""
    made, truth = build(root / name, moves, seed=seed)
    return DatasetVideo(name, name, name, made.n, group or name, complete, [Part(part, 0, made.n)], truth)


def dataset(root: Path, protocol: str, videos: list[DatasetVideo]) -> Path:
    path = root / "dataset.json"
    Dataset("squares", TAXONOMY, protocol, 1, videos).write(path)
    return path
