"""Does 80 % mean 80 %: how confidences relate to being right, and how to mend them.

N decisions have a confidence each (the greatest probability) and were right or not; probabilities are (N, classes). The expected
calibration error has 15 bins of equally many decisions (adaptive binning, Nguyen and O'Connor, EMNLP 2015; Guo et al., ICML 2017).
It is never 0 by chance: a perfectly calibrated model shows `floor` on as many decisions, so that figures are judged against it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
BINS = 15
ENOUGH = 1500  # decisions below which an error of a few points cannot be told from chance


def decisions(probabilities: ArrayLike, truth: Sequence[int]) -> tuple[Floats, NDArray[np.bool_]]:
    """(confidences, whether right), both (N,), of (N, classes) probabilities."""
    if not len(truth):
        return np.zeros(0), np.zeros(0, bool)
    p = np.asarray(probabilities, np.float64)
    return p.max(1), p.argmax(1) == np.asarray(truth)


def _gaps(confidences: Floats, hits_DN: Floats, bins: int) -> Floats:
    """(D,) calibration errors of D answers to the same confidences."""
    n = len(confidences)
    edges = np.unique(np.round(np.linspace(0, n, min(bins, n) + 1)).astype(int))
    sums = np.add.reduceat((hits_DN - confidences)[:, np.argsort(confidences, kind="stable")], edges[:-1], axis=1)
    found: Floats = np.abs(sums).sum(1) / n
    return found


def ece(confidences: ArrayLike, hits: ArrayLike, bins: int = BINS) -> float:
    """Expected calibration error: |right - confident| of each bin, weighted by its decisions; NaN without decisions."""
    c, h = np.asarray(confidences, np.float64), np.asarray(hits, np.float64)
    return float(_gaps(c, h[None], bins)[0]) if c.size else float("nan")


def reliability(confidences: ArrayLike, hits: ArrayLike, bins: int = BINS) -> list[dict[str, float]]:
    """Per bin of equally many decisions {"n", "low", "high", "confidence", "accuracy"}, from unsure to sure."""
    c, h = np.asarray(confidences, np.float64), np.asarray(hits, np.float64)
    order = np.argsort(c, kind="stable")
    edges = np.round(np.linspace(0, len(c), min(bins, len(c)) + 1)).astype(int) if c.size else np.zeros(1, int)
    parts = [order[a:b] for a, b in itertools.pairwise(edges) if b > a]
    return [{"n": len(i), "low": float(c[i[0]]), "high": float(c[i[-1]]), "confidence": float(c[i].mean()), "accuracy": float(h[i].mean())} for i in parts]


def floor(confidences: ArrayLike, draws: int = 200, seed: int = 0, bins: int = BINS) -> float:
    """The mean calibration error of a model that is right exactly as often as it says: outcomes drawn from `confidences` (N,)."""
    c = np.asarray(confidences, np.float64)
    if not c.size:
        return float("nan")
    rng, found = np.random.default_rng(seed), []
    step = max(1, 2_000_000 // c.size)  # draws at a time, in bounded memory
    for first in range(0, draws, step):
        found.append(_gaps(c, (rng.random((min(step, draws - first), c.size)) < c).astype(np.float64), bins))
    return float(np.concatenate(found).mean())


def summary(confidences: ArrayLike, hits: ArrayLike) -> dict[str, Any]:
    """{"n", "ece", "floor", "enough", "bins"}; `ece` and `floor` are None without decisions."""
    c = np.asarray(confidences, np.float64)
    known = {"ece": ece(c, hits), "floor": floor(c)} if c.size else {"ece": None, "floor": None}
    return {"n": int(c.size), **known, "enough": c.size >= ENOUGH, "bins": reliability(c, hits)}


def scaled(probabilities: ArrayLike, temperature: float) -> Floats:
    """(N, classes) softmax(log p / T): T > 1 makes less sure, T < 1 surer; the order of classes stays."""
    z = np.log(np.maximum(np.asarray(probabilities, np.float64), 1e-12)) / temperature
    e = np.exp(z - z.max(-1, keepdims=True))
    out: Floats = e / e.sum(-1, keepdims=True)
    return out


def temperature(probabilities: ArrayLike, truth: Sequence[int], low: float = 0.05, high: float = 20.0) -> float:
    """The T that makes `scaled` most likely for `truth` (N,), by golden section over log T (the loss has one minimum in it: it is
    convex in 1 / T). Fit it on probabilities as they are used, after windows were averaged, and on data not learned from. 1 without data."""
    p = np.asarray(probabilities, np.float64)
    if not len(truth):
        return 1.0
    rows = np.arange(len(truth))

    def loss(log_t: float) -> float:
        return float(-np.log(np.maximum(scaled(p, math.exp(log_t))[rows, truth], 1e-300)).mean())

    a, b, ratio = math.log(low), math.log(high), (math.sqrt(5) - 1) / 2
    c, d = b - ratio * (b - a), a + ratio * (b - a)
    at_c, at_d = loss(c), loss(d)
    while b - a > 1e-4:
        if at_c < at_d:
            b, d, at_d = d, c, at_c
            c = b - ratio * (b - a)
            at_c = loss(c)
        else:
            a, c, at_c = c, d, at_d
            d = a + ratio * (b - a)
            at_d = loss(d)
    return math.exp((a + b) / 2)


def max_logit(logits: ArrayLike) -> Floats:
    """(N,) how known an input looks: its greatest logit among the moves, of (N, moves); low for a class that was never learned
    (Vaze et al., ICLR 2022)."""
    found: Floats = np.asarray(logits, np.float64).max(-1)
    return found


def auroc(known: ArrayLike, foreign: ArrayLike) -> float:
    """The chance that a known input scores above a foreign one, ties count half (Mann and Whitney); NaN where either is empty."""
    a, b = np.asarray(known, np.float64), np.sort(np.asarray(foreign, np.float64))
    if not a.size or not b.size:
        return float("nan")
    below, upto = np.searchsorted(b, a, "left"), np.searchsorted(b, a, "right")
    return float((below + upto).sum() / (2 * a.size * b.size))
