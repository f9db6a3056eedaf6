"""A clip, picture by picture from PNG and .npy files: plain (centred) or augmented.

rgb (3,T,120,120) in 0..1 in BGR order, flow (2,T,120,120) in -1..1, both float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.published import frames, motion

Floats = NDArray[np.float32]
SIDE, T = 120, 100


@dataclass(frozen=True)
class Change:
    """One drawn augmentation; degrees, factor, px, mirror."""

    turn: float = 0.0
    zoom: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    flip: bool = False


def draw(rng: np.random.Generator) -> Change:
    """Rotation +-10 degrees, zoom 1 +- 0.1, shift +-10 % of the crop, mirror every second time."""
    turn, zoom, x, y = rng.uniform(-1, 1, 4)
    return Change(10 * turn, 1 + 0.1 * zoom, (0.1 * SIDE * x, 0.1 * SIDE * y), bool(rng.random() < 0.5))


def begin_of(first: int, last: int, n: int, rng: np.random.Generator | None = None, length: int = T) -> int:
    """Where a clip of `length` begins for a stroke [first, last) of a recording of `n` pictures: centred, or drawn from
    N(centre, (stroke - length) / 6) for a stroke that is longer; inside the recording."""
    begin = (first + last - length) / 2
    if rng is not None and last - first > length:
        begin = float(np.clip(rng.normal(begin, (last - first - length) / 6), first, last - length))
    return int(np.clip(round(begin), 0, n - length))


def load(
    folder: Path, begin: int, normal: tuple[Floats, Floats], change: Change | None = None, *, length: int = T, side: int = SIDE
) -> tuple[Floats, Floats]:
    """The clip of pictures [begin, begin + length). Reads, masks, transforms and crops each picture by itself."""
    track = np.loadtxt(folder / "roi.txt", ndmin=2)[begin : begin + length]
    if len(track) < length:
        raise IndexError(f"pictures [{begin}, {begin + length}) of {begin + len(track)}")
    centre = track.mean(axis=0)
    rgb, flow = [], []
    for number in range(begin, begin + length):
        picture = frames.read(folder, "rgb", number).astype(np.float32) / 255
        vectors = motion.masked(folder, number)
        at = (float(centre[0]), float(centre[1]))
        if change is not None:
            picture, vectors, at = changed(picture, vectors, at, change)
        vectors = np.clip(vectors / (normal[0] + 3 * normal[1]), -1, 1)
        box = crop_box(at, picture.shape[1], picture.shape[0], side)
        rgb.append(picture[box].transpose(2, 0, 1))
        flow.append(vectors[box].transpose(2, 0, 1))
    return np.stack(rgb, axis=1), np.stack(flow, axis=1).astype(np.float32)


def changed(picture: Floats, vectors: Floats, centre: tuple[float, float], change: Change) -> tuple[Floats, Floats, tuple[float, float]]:
    """Whole picture and flow rotated about the centre, resized and mirrored, and where the centre then is."""
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D(centre, change.turn, 1.0)
    picture = cv2.warpAffine(picture, matrix, (width, height))
    vectors = cv2.warpAffine(vectors, matrix, (width, height)) @ matrix[:, :2].T.astype(np.float32)
    size = (round(width * change.zoom), round(height * change.zoom))
    picture, vectors = cv2.resize(picture, size), cv2.resize(vectors, size) * np.float32(change.zoom)
    x, y = centre[0] * change.zoom + change.shift[0], centre[1] * change.zoom + change.shift[1]
    if change.flip:
        picture, vectors, x = cv2.flip(picture, 1), cv2.flip(vectors, 1) * np.array([-1, 1], np.float32), size[0] - x
    return picture, vectors.astype(np.float32), (x, y)


def crop_box(centre: tuple[float, float], width: int, height: int, side: int = SIDE) -> tuple[slice, slice]:
    """Rows and columns of the square around the centre, moved inside the picture."""
    left = int(np.clip(round(centre[0] - side / 2), 0, width - side))
    top = int(np.clip(round(centre[1] - side / 2), 0, height - side))
    return slice(top, top + side), slice(left, left + side)
