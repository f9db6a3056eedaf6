"""Calibrated scores in plain steps, and how much a decision about a suggestion would teach.

The same steps and the same measure as static/js/workspace/scores.js, where the workspace shows them.
"""

from __future__ import annotations

from collections.abc import Sequence

STEPS = [("sure", 0.85), ("likely", 0.6), ("unsure", 0.0)]  # least score of each step, best first


def step_of(score: float) -> str:
    """The step of a score: sure, likely or unsure."""
    return next(name for name, least in STEPS if score >= least or name == STEPS[-1][0])


def bounds(step: str) -> tuple[float, float]:
    """[least, most) score of a step."""
    names = [name for name, _ in STEPS]
    place = names.index(step)
    return STEPS[place][1], STEPS[place - 1][1] if place else float("inf")


def usefulness(score: float, top: Sequence[Sequence[object]], move: str) -> float:
    """How torn the model is, between stroke and no stroke or between two classes: 0 (it is sure) to 1.

    Motion alone has no class and no calibrated score; the more moves, the more there is to learn.
    """
    if not move and not top:
        return min(1.0, max(0.0, score))
    shares = [float(str(share)) for _, share in top[:2]] + [0.0, 0.0]
    torn = 1 - (shares[0] - shares[1]) if shares[0] > 0 else 0.0
    return max(0.0, min(1.0, max(1 - abs(2 * score - 1), torn)))
