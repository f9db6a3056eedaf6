"""Poses: an optional imported file per video, and what the pose branch sees of it.

A prepared folder may hold `pose.json`, made by any pose estimator: per source picture one person, as a score of the whole pose
and 13 joints, each x and y as fractions of the picture and a score 0..1. The network's input is (42, T): 14 entries (the whole
pose, then the joints), each x, y, score. x and y are crop coordinates by the very matrix that the pixels go through
(`clips.transform`), -1 at the left or upper edge of the crop, 1 at the right or lower one. An entry of low score, and every
entry of a picture without pose, is zero with score 0: the middle of the crop, and said to be unknown.
After Martin, Benois-Pineau, Peteri, Morlier, "Three-Stream 3D/1D CNN", MMSports 2021 (arXiv 2109.14306); the published CRISP code is CC BY 4.0 and is
hereby credited.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mlcore import clips
from mlcore.clips import Pictures, View
from mlcore.files import File, FormatError
from mlcore.progress import StepError

JOINTS = ("nose", "left eye", "right eye", "left ear", "right ear", "left shoulder", "right shoulder", "left elbow", "right elbow",
          "left wrist", "right wrist", "left hip", "right hip")  # fmt: skip
MIRRORED = [0, 1] + [k + 1 if k % 2 == 0 else k - 1 for k in range(2, 14)]  # entries after left and right change places
ENTRIES = 1 + len(JOINTS)
THRESHOLD = 0.3
PLAIN = View()

Floats = NDArray[np.float32]


@dataclass
class Poses(File):
    """`pose.json`. `ordinals[i]` (rising) is a source picture with a pose; `scores[i]` that of the whole pose; `joints[i]` 13 times
    (x, y, score) in the order of `JOINTS`, x to the right and y down as fractions of the picture. `estimator`: who made it."""

    FORMAT: ClassVar[str] = "topspin-pose"
    ordinals: list[int]
    scores: list[float]
    joints: list[list[tuple[float, float, float]]]
    estimator: str = ""

    def __post_init__(self) -> None:
        if any(b <= a for a, b in zip(self.ordinals, self.ordinals[1:])):
            raise FormatError("the pictures of the poses do not rise")
        try:
            n = len(self.ordinals)
            self.entries = np.zeros((n, ENTRIES, 3), np.float32)
            self.entries[:, 0, 2] = np.asarray(self.scores, np.float32).reshape(n)
            self.entries[:, 1:] = np.asarray(self.joints, np.float32).reshape(n, len(JOINTS), 3)
        except (ValueError, TypeError) as error:
            raise FormatError(f"a pose has a score and {len(JOINTS)} joints (x, y, score): {error}") from error
        scores = self.entries[..., 2]
        if not np.isfinite(self.entries).all() or (scores < 0).any() or (scores > 1).any():
            raise FormatError("coordinates are numbers and scores lie between 0 and 1")


def load(folder: Path) -> Poses | None:
    """The poses of a prepared folder, None where there are none. StepError bad_pose{found}."""
    path = folder / "pose.json"
    try:
        stat = path.stat()
        return _read(path, stat.st_mtime_ns, stat.st_size)
    except FileNotFoundError:
        return None
    except FormatError as error:
        raise StepError("bad_pose", found=str(error)) from error


@lru_cache(maxsize=8)
def _read(path: Path, changed: int, size: int) -> Poses:
    return Poses.read(path)


def strip(pictures: Pictures, ticks_s: NDArray[np.floating], view: View = PLAIN, *, threshold: float = THRESHOLD) -> Floats:
    """(42, n): what the pose branch sees at n moments (seconds), turned, zoomed, shifted and mirrored as `clips.strip` does the pixels.

    Raises StepError no_pose{video} for a video without poses, and bad_pose.
    """
    poses = load(pictures.store.folder)
    if poses is None:
        raise StepError("no_pose", video=pictures.store.folder.name)
    index, outside = pictures.near(np.asarray(ticks_s, np.float64))
    ordinals = np.asarray(pictures.store.ordinals)[pictures.kept[index]]
    known = np.asarray(poses.ordinals, np.int64)
    row = np.searchsorted(known, ordinals)
    there = (row < len(known)) & ~outside
    there[there] = known[row[there]] == ordinals[there]
    out = np.zeros((len(index), ENTRIES, 3), np.float32)
    out[there] = sure(poses.entries[row[there]], threshold)
    for t in np.flatnonzero(there):
        out[t, :, :2] = in_crop(out[t, :, :2], pictures, int(index[t]), view)
    if view.flip:
        out = out[:, MIRRORED]
    out[out[..., 2] == 0] = 0
    return np.ascontiguousarray(out.reshape(len(index), -1).T)


def clip(pictures: Pictures, centre_s: float, view: View = PLAIN, *, threshold: float = THRESHOLD) -> Floats:
    """(42, T) around `centre_s` seconds: the strip at the ticks of `clips.clip`."""
    grid = pictures.grid
    return strip(pictures, centre_s + (np.arange(grid.T) - (grid.T - 1) / 2) * (view.tempo / grid.rate), view, threshold=threshold)


def sure(entries_N14_3: Floats, threshold: float) -> Floats:
    """The entries (N, 14, 3) with unsure ones zero; the whole pose stands at the mean of its sure joints, and is unknown without any."""
    out = entries_N14_3.copy()
    out[out[..., 2] < threshold] = 0
    joints = out[:, 1:, 2] > 0
    number = joints.sum(1)
    out[:, 0, :2] = out[:, 1:, :2].sum(1) / np.maximum(number, 1)[:, None]
    out[number == 0, 0] = 0
    return out


def in_crop(xy: Floats, pictures: Pictures, index: int, view: View) -> Floats:
    """(n, 2) fractions of the picture `index` as crop coordinates from -1 to 1."""
    size = np.asarray(pictures.size, np.float64)
    x, y = (pictures.centres[index] + 0.5) / size
    matrix = clips.transform(pictures, (float(x), float(y)), view).astype(np.float64)
    grid = np.array([pictures.grid.W, pictures.grid.H])
    inside = (xy * size - 0.5) @ matrix[:, :2].T + matrix[:, 2]
    return np.asarray((inside + 0.5) / grid * 2 - 1, np.float32)
