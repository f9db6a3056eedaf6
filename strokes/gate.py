"""The full gate: is a challenger good enough to replace the champion, on the same frozen hold-out.

Four questions, each with its reason; all have to be answered well. Right time and class: F1 at temporal IoU 0.5 is not lower, and with
95 % certainty (paired bootstrap over videos) not by more than a point. Classes: none with enough strokes lost much recall.
Calibration: it is not clearly worse. Negatives: not more stretches that are no stroke are taken for one. Against
motion alone, which knows no classes, only the first is asked, and F1 has to be higher. What was not measured is not asked.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

DRAWS, SEED = 1000, 0
LOSS_F1 = 0.01  # that the 5 % quantile of the difference may reach
LOSS_RECALL, ENOUGH = 0.10, 20  # of a class with at least ENOUGH strokes
LOSS_ECE = 0.02
TINY = 1e-9

Counts = tuple[int, int, int]  # found, predicted, truth
Pairs = list[tuple[Counts, Counts]]  # of each video: the model, its rival
Reasons = list[dict[str, Any]]


def counts(unseen: Mapping[str, Any], rival: str) -> Pairs | None:
    """What model and `rival` ("champion" or "baseline") found in each video; None if that was not measured for every video."""
    videos = unseen.get("videos")
    if not isinstance(videos, Mapping) or not videos:
        return None
    try:
        return [(_counts(videos[name]["model"]), _counts(videos[name][rival])) for name in sorted(videos)]
    except (KeyError, TypeError, ValueError):
        return None


def _counts(body: Mapping[str, Any]) -> Counts:
    return int(body["found"]), int(body["predicted"]), int(body["truth"])


def f1(rows: Sequence[Counts]) -> float:
    """2 found / (predicted + truth) over all rows."""
    found, both = sum(row[0] for row in rows), sum(row[1] + row[2] for row in rows)
    return 2 * found / both if both else 0.0


def difference(pairs: Pairs) -> tuple[float, float]:
    """F1 of the model minus that of its rival: (on these videos, 5 % quantile over DRAWS times as many videos drawn with replacement)."""
    dice = random.Random(SEED)

    def minus(drawn: Pairs) -> float:
        return f1([mine for mine, _ in drawn]) - f1([other for _, other in drawn])

    found = sorted(minus(dice.choices(pairs, k=len(pairs))) for _ in range(DRAWS))
    return minus(pairs), found[DRAWS // 20]


def judge(unseen: Mapping[str, Any], pairs: Pairs, rival: str, params: Mapping[str, Any]) -> tuple[bool, Reasons]:
    """(whether the model passes, reasons in codes). `params`: f1, other, strokes, number (of the champion), for the sentences."""
    change, worst = difference(pairs)
    about = {**params, "loss": -worst}
    if rival == "baseline":
        if change <= TINY:
            return False, [_why("not_better_than_baseline", **about)]
        if worst <= -LOSS_F1:
            return False, [_why("maybe_worse_than_baseline", **about)]
        return True, [_why("beats_baseline", **about)]
    reasons: Reasons = []
    if change < -TINY:
        reasons.append(_why("worse_than_champion", **about))
    elif worst <= -LOSS_F1:
        reasons.append(_why("maybe_worse_than_champion", **about))
    for question in (_recalls, _calibration, _negatives):
        reasons += question(unseen)
    return not reasons, reasons or [_why("passed_against_champion", **about)]


def _recalls(unseen: Mapping[str, Any]) -> Reasons:
    mine, other = _both(unseen, "classes", lambda body: {move: _counts(row) for move, row in body.items()})
    out = []
    for move, (found, _, truth) in sorted((other or {}).items()):
        now, before = mine.get(move, (0, 0, truth))[0] / max(truth, 1), found / max(truth, 1)
        if truth >= ENOUGH and now < before - LOSS_RECALL - TINY:
            out.append(_why("recall_fell", move=move, now=now, before=before, strokes=truth))
    return out


def _calibration(unseen: Mapping[str, Any]) -> Reasons:
    mine, other = _both(unseen, "ece", float)
    if mine is None or not mine > other + LOSS_ECE + TINY:
        return []
    return [_why("calibration_worse", now=mine, before=other)]


def _negatives(unseen: Mapping[str, Any]) -> Reasons:
    mine, other = _both(unseen, "false", lambda body: (int(body[0]), int(body[1])))
    if mine is None or mine[0] <= other[0]:
        return []
    return [_why("more_false", now=mine[0], before=other[0], negatives=mine[1])]


def _both(unseen: Mapping[str, Any], key: str, read: Callable[[Any], Any]) -> tuple[Any, Any]:
    """What was measured under `key` for model and champion; (None, None) unless it was for both."""
    try:
        return read(unseen[key]["model"]), read(unseen[key]["champion"])
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        return None, None


def _why(code: str, **params: Any) -> dict[str, Any]:
    return {"code": code, "params": params}
