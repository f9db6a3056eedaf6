"""Motion proposals: "a stroke is here" before any model exists, and the baseline that a first model has to beat.

    python -m mlcore.motion PREPARED_DIR --frames frames.json --out suggestions.json

A stroke is a burst of motion of the player between calmer moments. The energy of a picture is the mean |velocity|
inside the region of interest; what is thresholded is its logarithm smoothed over time, because a stroke is many times
livelier than a wait whatever the zoom, and one wild picture (a cut, a flicker) weighs little. Otsu's threshold tells
lively from calm in each video; a burst must rise above it and lasts while the energy stays above a lower one, a quarter
of the way down to the calm level. Bursts longer than 3 s are cut at their calmest moments, those under 0.25 s dropped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlcore import store
from mlcore.files import FormatError
from mlcore.formats import FrameTable, SuggestedStroke, Suggestions
from mlcore.progress import Progress, StepError, run_step, say

SHORTEST_S, LONGEST_S = 0.25, 3.0
SIGMA_S = 0.12
LOW = 0.75  # of the way from the calm level to the threshold
FLOOR = 0.002  # px per 1/120 s; less is the rounding of the stored flow
LEAST_CONTRAST = 2.0  # a video whose lively moments are not even twice as lively as its calm ones has no bursts
BLOCK = 64

Float64 = NDArray[np.float64]
Proposal = tuple[int, int, float]


def energy(prepared: store.Store, progress: Progress | None = None) -> Float64:
    """(N,) mean |velocity| in px per 1/120 s inside the region of interest of each stored picture."""
    width, height, side = prepared.prepared.width, prepared.prepared.height, prepared.roi.side
    lefts = np.clip(np.rint(np.asarray(prepared.roi.x) * width - side / 2), 0, width - side).astype(int)
    tops = np.clip(np.rint(np.asarray(prepared.roi.y) * height - side / 2), 0, height - side).astype(int)
    out = np.zeros(prepared.n)
    for first in range(0, prepared.n, BLOCK):
        velocity = prepared.velocity(first, min(first + BLOCK, prepared.n))
        for k, picture in enumerate(velocity):
            left, top = lefts[first + k], tops[first + k]
            region = picture[top : top + side, left : left + side]
            out[first + k] = np.sqrt(np.square(region).sum(axis=2)).mean()
        if progress:
            progress.at((first + len(velocity)) / prepared.n)
    return out


def propose(prepared: store.Store, progress: Progress | None = None) -> list[Proposal]:
    """Intervals [begin, end) in source ordinals with a score of 0..1 (how far the burst rises), in order of time."""
    if prepared.n < 3:
        return []
    rate = (prepared.n - 1) / (prepared.seconds[-1] - prepared.seconds[0])
    level = smoothed(np.log(energy(prepared, progress) + FLOOR), SIGMA_S * rate)
    threshold, calm, lively = otsu(level)
    if lively - calm < np.log(LEAST_CONTRAST):
        return []
    found = []
    for begin, end in bursts(level, threshold, calm + LOW * (threshold - calm)):
        for first, last in cut(level, begin, end, SHORTEST_S * rate, LONGEST_S * rate):
            height = (level[first:last].max() - calm) / (lively - calm)
            # flow i is the motion from picture i-1 to i, so the stroke begins at the picture before the first motion
            start, stop = prepared.ordinals[max(first - 1, 0)], prepared.ordinals[last - 1] + 1
            found.append((int(start), int(stop), round(float(height / (1 + height)), 4)))
    return found


def smoothed(values: Float64, sigma: float) -> Float64:
    """(N,) convolved with a Gaussian of `sigma` pictures; the ends reflect."""
    half = int(np.ceil(3 * sigma))
    if half < 1 or len(values) < 2:
        return values
    kernel = np.exp(-0.5 * (np.arange(-half, half + 1) / sigma) ** 2)
    return np.convolve(np.pad(values, half, mode="reflect"), kernel / kernel.sum(), mode="valid")


def otsu(values: Float64) -> tuple[float, float, float]:
    """Threshold between two classes of (N,) values (Otsu 1979, on the values themselves), the mean of each class."""
    ordered = np.sort(values)
    n, total = len(ordered), np.cumsum(ordered)
    count = np.arange(1, n)
    low, high = total[:-1] / count, (total[-1] - total[:-1]) / (n - count)
    best = int((count * (n - count) * (high - low) ** 2).argmax())
    return float((low[best] + high[best]) / 2), float(low[best]), float(high[best])


def bursts(level: Float64, high: float, low: float) -> list[tuple[int, int]]:
    """Runs [begin, end) of (N,) `level` above `low` that somewhere rise above `high`."""
    edges = np.diff(np.concatenate(([0], (level > low).astype(np.int8), [0])))
    runs = zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1))
    return [(int(begin), int(end)) for begin, end in runs if level[begin:end].max() > high]


def cut(level: Float64, begin: int, end: int, shortest: float, longest: float) -> list[tuple[int, int]]:
    """[begin, end) cut at its calmest pictures into pieces of at most `longest`, without those under `shortest`."""
    if end - begin <= longest:
        return [(begin, end)] if end - begin >= shortest else []
    margin = max(1, int(np.ceil(shortest)))
    at = begin + margin + int(level[begin + margin : end - margin].argmin())
    return cut(level, begin, at, shortest, longest) + cut(level, at, end, shortest, longest)


def main(arguments: Sequence[str] | None = None) -> Mapping[str, Any]:
    """The step on the command line."""
    parser = argparse.ArgumentParser(prog="mlcore.motion", description="Proposals from motion alone")
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    try:
        opened, table = store.read(given.prepared), FrameTable.read(given.frames)
    except (FormatError, FileNotFoundError) as error:
        raise StepError("not_prepared", found=str(error)) from error
    if opened.prepared.sha256 != table.sha256:
        raise StepError("other_video", prepared=opened.prepared.sha256[:12], frames=table.sha256[:12])
    found = propose(opened, Progress("motion", out=say))
    strokes = [SuggestedStroke(begin, min(end, table.n), "", score) for begin, end, score in found]
    Suggestions("", strokes).write(given.out)
    return {"strokes": len(strokes)}


if __name__ == "__main__":
    sys.exit(run_step(main))
