"""How sure a figure is: percentile bootstrap over videos (Efron and Tibshirani 1993, chapters 13 and 16).

Strokes of one video resemble each other, so videos are drawn, with replacement, never strokes. A figure is a function of sums over
videos (found, predicted and truth of F1; hits and trials of a recall), so nothing is matched again: all draws are one matrix product
of how often each video was drawn (draws, videos) with what each video counts (videos, counts). Fewer than two videos say nothing
about other videos: the interval is then NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Figure = Callable[[Floats], Floats]  # (..., counts) summed counts -> (...) figures


class Interval(NamedTuple):
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


class Difference(NamedTuple):
    """Challenger minus champion. `value` on the videos as they are, the rest over the draws: mean, 5 % quantile, 95 % interval."""

    value: float
    mean: float
    worst: float
    low: float
    high: float


def f1(counts: Floats) -> Floats:
    """2 found / (predicted + truth) of (..., 3) counts in this order; 0 where nothing is marked and nothing proposed."""
    return 2 * counts[..., 0] / np.maximum(counts[..., 1] + counts[..., 2], 1)


def share(counts: Floats) -> Floats:
    """Hits by trials of (..., 2) counts: recall, precision, accuracy; 0 without trials."""
    return counts[..., 0] / np.maximum(counts[..., 1], 1)


def rows(videos: Mapping[str, Mapping[str, int]], keys: Sequence[str] = ("found", "predicted", "truth")) -> Floats:
    """(videos, counts) of `metrics.per_video`, videos by name."""
    return np.array([[videos[name][key] for key in keys] for name in sorted(videos)], np.float64).reshape(len(videos), len(keys))


def drawn(n: int, draws: int = 1000, seed: int = 0) -> Floats:
    """(draws, n) how often each of n videos is drawn; every row sums to n."""
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / max(n, 1)), draws).astype(np.float64)


def interval(videos: ArrayLike, figure: Figure = f1, draws: int = 1000, seed: int = 0) -> Interval:
    """`figure` of the sum of `videos` (V, counts) with its 95 % interval; draws in which it is NaN are left out."""
    counts = np.asarray(videos, np.float64)
    value = float(figure(counts.sum(0)))
    if len(counts) < 2:
        return Interval(value, float("nan"), float("nan"))
    return _interval(value, figure(drawn(len(counts), draws, seed) @ counts))


def paired(challenger: ArrayLike, champion: ArrayLike, figure: Figure = f1, draws: int = 1000, seed: int = 0) -> Difference:
    """Both on the same drawn videos, (V, counts) each with the same video in the same row. ValueError where they differ in length."""
    mine, other = np.asarray(challenger, np.float64), np.asarray(champion, np.float64)
    if mine.shape != other.shape:
        raise ValueError(f"the same videos are needed: {mine.shape} and {other.shape}")
    value = float(figure(mine.sum(0)) - figure(other.sum(0)))
    if len(mine) < 2:
        return Difference(value, value, *[float("nan")] * 3)
    times = drawn(len(mine), draws, seed)
    differences = figure(times @ mine) - figure(times @ other)
    worst, low, high = np.percentile(differences, (5, 2.5, 97.5))
    return Difference(value, float(differences.mean()), float(worst), float(low), float(high))


def pooled(videos: Sequence[NDArray[np.float64]], figure: Callable[[Floats], float], draws: int = 1000, seed: int = 0) -> Interval:
    """As `interval`, for a figure that needs all values at once (a median): one array of values per video, joined along the first axis."""
    value = figure(np.concatenate(videos)) if videos else float("nan")
    if len(videos) < 2:
        return Interval(value, float("nan"), float("nan"))
    picks = np.random.default_rng(seed).integers(0, len(videos), (draws, len(videos)))
    return _interval(value, np.array([figure(np.concatenate([videos[i] for i in row])) for row in picks]))


def _interval(value: float, found: Floats) -> Interval:
    kept = found[np.isfinite(found)]
    if not kept.size:
        return Interval(value, float("nan"), float("nan"))
    low, high = np.percentile(kept, (2.5, 97.5))
    return Interval(value, float(low), float(high))
