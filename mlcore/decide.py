"""From what a model saw to strokes, by one of two roads; which one is part of the run's `Decision`.

By the temporal head (`mlcore.detect`): its proposals from the score `least` on. Or, where little has been seen, by the class
curve: (n, classes) probabilities at ticks k / rate; Negative is the last class. 1 The curve is smoothed over time (Gaussian). 2 Stretches whose activity is above `threshold` are strokes; activity is
1 - P(Negative), mixed with what motion alone proposes (1 inside its bursts) by the share `motion`: a model that has seen little
knows the classes better than the edges. A hole shorter than `bridge` is closed, a stretch shorter than `shortest` dropped. 3 A stretch is cut where another class takes over: the best
path (Viterbi) in which a change of class costs `switch`; parts shorter than `shortest` join their neighbour. 4 Class and score of an
interval are the greatest mean probability over its ticks. The parameters are fitted to curves of data the network has not
learned from, wherever there are some, and are stored with the run. `papers` keeps the decisions of the papers for comparison.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from mlcore import metrics
from mlcore.metrics import Span

Curve = NDArray[np.float32]


@dataclass(frozen=True)
class Decision:
    """Times in seconds; `switch` in log probability; `motion` a share 0..1. `head`: by the head's proposals with a score of `least`
    or more; the score shown is 1 / (1 + exp(-(slope * logit(score) + bias))), fitted to how often such proposals were right.
    `temperature` divides the log-probabilities of an interval's classes, after its windows were averaged."""

    threshold: float = 0.6
    smooth: float = 0.15
    shortest: float = 0.25
    bridge: float = 0.1
    switch: float = 6.0
    motion: float = 0.0
    head: bool = False
    least: float = 0.35
    slope: float = 1.0
    bias: float = 0.0
    temperature: float = 1.0

    def body(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Decision:
        return cls(**{name: type(getattr(cls, name))(body[name]) for name in cls.__dataclass_fields__ if name in body})


@dataclass(frozen=True)
class Proposal:
    """[begin, end) seconds, class index, score 0..1 and the first three (class, probability), best first."""

    begin: float
    end: float
    move: int
    score: float
    top: tuple[tuple[int, float], ...]


HEADED = Decision(head=True)  # where to begin from when there is a temporal head
CAREFUL = Decision(smooth=0.25, bridge=0.0, switch=60.0, motion=0.3)  # where to begin from while little has been seen


@dataclass(frozen=True)
class Strip:
    """A curve whose first tick is at `start` seconds; `bursts` (n,) says where motion alone sees a stroke; `proposals` of the
    temporal head, if there is one."""

    curve: Curve
    rate: float
    start: float
    bursts: NDArray[np.bool_]
    proposals: tuple[Proposal, ...] = ()


def within(ticks: NDArray[np.floating[Any]], spans: Iterable[tuple[float, float]]) -> NDArray[np.bool_]:
    """(n,) whether each moment lies in one of `spans` [begin, end), all in seconds."""
    out = np.zeros(len(ticks), bool)
    for begin, end in spans:
        out |= (ticks >= begin) & (ticks < end)
    return out


@dataclass(frozen=True)
class Found:
    """Ticks [begin, end) with class index and score; `top` are the first three classes with their mean probability, best first."""

    begin: int
    end: int
    move: int
    score: float
    top: tuple[tuple[int, float], ...]


def smooth(curve: Curve, sigma: float) -> Curve:
    """Gaussian over time, `sigma` in ticks; the border value is repeated. Rows still sum to 1."""
    if sigma <= 0 or len(curve) < 2:
        return curve
    radius = max(1, int(np.ceil(3 * sigma)))
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    padded = np.pad(curve.astype(np.float64), ((radius, radius), (0, 0)), mode="edge")
    out = np.zeros(curve.shape, np.float64)
    for k, weight in enumerate(kernel):
        out += weight * padded[k : k + len(curve)]
    return out.astype(np.float32)


def stretches(active: NDArray[np.bool_], bridge: int, shortest: int) -> list[tuple[int, int]]:
    """Runs of True as [begin, end); holes of at most `bridge` are closed first, runs below `shortest` dropped after."""
    change = np.flatnonzero(np.diff(np.concatenate(([False], active, [False])).astype(np.int8)))
    out: list[tuple[int, int]] = []
    for begin, end in zip(change[::2].tolist(), change[1::2].tolist()):
        if out and begin - out[-1][1] <= bridge:
            out[-1] = (out[-1][0], end)
        else:
            out.append((begin, end))
    return [(begin, end) for begin, end in out if end - begin >= shortest]


def best_path(log_p: NDArray[np.float64], switch: float) -> NDArray[np.int64]:
    """(n,) the class per tick that maximises the sum of log probabilities minus `switch` per change; log_p is (n, classes)."""
    n, classes = log_p.shape
    back = np.empty((n, classes), np.int64)
    total = log_p[0].copy()
    own = np.arange(classes)
    for t in range(1, n):
        best = int(total.argmax())
        change = total[best] - switch > total
        back[t] = np.where(change, best, own)
        total = np.where(change, total[best] - switch, total) + log_p[t]
    path = np.empty(n, np.int64)
    path[-1] = int(total.argmax())
    for t in range(n - 1, 0, -1):
        path[t - 1] = back[t, path[t]]
    return path


def intervals(strip: Strip, decision: Decision) -> list[Found]:
    """The strokes of one curve in order of time."""
    rate = strip.rate
    soft = smooth(strip.curve, decision.smooth * rate)
    shortest = max(1, round(decision.shortest * rate))
    activity = (1 - decision.motion) * (1.0 - soft[:, -1]) + decision.motion * strip.bursts
    active = activity > decision.threshold
    moves = np.maximum(soft[:, :-1], 1e-6)
    log_p = np.log(moves / moves.sum(1, keepdims=True)).astype(np.float64)
    out = []
    for begin, end in stretches(active, round(decision.bridge * rate), shortest):
        for a, b in _parts(log_p[begin:end], decision.switch, shortest):
            mean = soft[begin + a : begin + b, :-1].mean(0)
            order = np.argsort(-mean, kind="stable")[:3]
            top = tuple((int(c), float(mean[c])) for c in order)
            out.append(Found(begin + a, begin + b, top[0][0], top[0][1], top))
    return out


def _parts(log_p: NDArray[np.float64], switch: float, shortest: int) -> list[tuple[int, int]]:
    """One stretch cut where the class changes; a part below `shortest` joins the part before it (the first: the one after)."""
    path = best_path(log_p, switch)
    cuts = [0, *(np.flatnonzero(np.diff(path)) + 1).tolist(), len(path)]
    out: list[tuple[int, int]] = []
    for a, b in itertools.pairwise(cuts):
        if out and (b - a < shortest or out[-1][1] - out[-1][0] < shortest):
            out[-1] = (out[-1][0], b)
        else:
            out.append((a, b))
    return out


def given(curve: Curve, begin: float, end: float) -> NDArray[np.float64]:
    """(classes,) probabilities of a given interval, ticks [begin, end): Gaussian-weighted mean around its middle, sd a quarter of it."""
    ticks = np.arange(len(curve))
    middle, sd = (begin + end - 1) / 2, max((end - begin) / 4, 0.5)
    weights = np.exp(-0.5 * ((ticks - middle) / sd) ** 2) * ((ticks >= begin - 0.5) & (ticks < end + 0.5))
    if weights.sum() <= 0:
        weights[int(np.clip(round(middle), 0, len(curve) - 1))] = 1.0
    return np.asarray((weights[:, None] * curve).sum(0) / weights.sum(), np.float64)


def strokes(strip: Strip, decision: Decision) -> list[Proposal]:
    """The strokes of one strip in order of time. Tick k of the curve stands for the moment k / rate, so edges lie half a tick before."""
    if decision.head:
        kept = [replace(p, score=calibrated(p.score, decision)) for p in strip.proposals if p.score >= decision.least]
        return sorted(kept, key=lambda p: (p.begin, p.end))

    def second(tick: int) -> float:
        return strip.start + (tick - 0.5) / strip.rate

    return [Proposal(second(f.begin), second(f.end), f.move, f.score, f.top) for f in intervals(strip, decision)]


def calibrated(score: float, decision: Decision) -> float:
    """The share of proposals with this raw `score` that are right, as far as is known."""
    p = min(max(score, 1e-6), 1 - 1e-6)
    return 1.0 / (1.0 + math.exp(-(decision.slope * math.log(p / (1 - p)) + decision.bias)))


def spans(strip: Strip, decision: Decision, classes: Sequence[str], *, every: bool = False) -> list[Span]:
    """`strokes` as metrics.Span in seconds; `every`: also those below the threshold of the head, for rankings by score."""
    decision = replace(decision, least=0.0) if every else decision
    return [Span(p.begin, p.end, classes[p.move], p.score) for p in strokes(strip, decision)]


def papers(curve: Curve, rule: str) -> NDArray[np.float64]:
    """(classes,) decision of the papers on the windows (n, classes) of one given interval: `centre` ("no window"), `vote` (share of
    windows that vote for a class), `mean`, `gaussian` (weighted around the middle). Three-stream paper, table 1."""
    n = len(curve)
    if rule == "centre":
        return np.asarray(curve[n // 2], np.float64)
    if rule == "vote":
        return np.bincount(curve.argmax(1), minlength=curve.shape[1]) / n
    weights = np.exp(-0.5 * ((np.arange(n) - (n - 1) / 2) / max(n / 6, 0.5)) ** 2) if rule == "gaussian" else np.ones(n)
    return np.asarray((weights[:, None] * curve).sum(0) / weights.sum(), np.float64)


def fit(score: Callable[[Decision], float], start: Decision = Decision(), rounds: int = 2) -> tuple[Decision, float]:
    """The decision with the greatest `score`, one parameter after the other over a small grid; ties keep the earlier value,
    so that nothing moves without a reason."""
    grids: dict[str, tuple[Any, ...]] = {
        "motion": (0.0, 0.3, 0.5, 0.7), "threshold": (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9), "smooth": (0.05, 0.1, 0.15, 0.2, 0.3),
        "switch": (2.0, 4.0, 6.0, 10.0, 20.0, 60.0), "shortest": (0.15, 0.25, 0.35, 0.5), "bridge": (0.0, 0.1, 0.2, 0.35)}  # fmt: skip
    best, top = start, score(start)
    for _ in range(rounds):
        before = best
        for name, values in grids.items():
            for value in values:
                candidate = replace(best, **{name: value})
                found = score(candidate)
                if found > top + 1e-9:
                    best, top = candidate, found
        if best == before:
            break
    return best, top


def fit_head(score: Callable[[Decision], float], start: Decision = HEADED) -> tuple[Decision, float]:
    """The decision by the head whose threshold has the greatest `score`."""
    found = [(score(d), d) for d in (replace(start, head=True, least=round(0.05 * i, 2)) for i in range(2, 15))]
    top = max(value for value, _ in found)
    good = [d for value, d in found if value >= top - 1e-9]
    return good[len(good) // 2], top


def calibrate(scores: NDArray[np.floating[Any]], right: NDArray[np.bool_], decision: Decision) -> Decision:
    """`decision` with slope and bias fitted to whether proposals with these raw scores were right (Platt 1999: smoothed
    targets, so that few proposals do not make it certain); unchanged below 50 proposals or where all agree."""
    if len(scores) < 50 or right.all() or not right.any():
        return decision
    p = np.clip(scores.astype(np.float64), 1e-6, 1 - 1e-6)
    x, hits = np.log(p / (1 - p)), int(right.sum())
    target = np.where(right, (hits + 1) / (hits + 2), 1 / (len(right) - hits + 2))

    def loss(w: NDArray[np.float64]) -> float:
        z = w[0] * x + w[1]
        return float(np.mean(np.logaddexp(0, z) - target * z))

    found = optimize.minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead")
    return replace(decision, slope=float(max(found.x[0], 0.05)), bias=float(found.x[1]))


def score_on(strips: Mapping[str, Strip], truths: Mapping[str, Sequence[Span]], classes: Sequence[str], with_class: bool) -> Callable[[Decision], float]:
    """A score for `fit`: mean F1 at tIoU 0.3, 0.5 and 0.7, so that few strokes do not make it jump. Names as in `truths`."""

    def score(decision: Decision) -> float:
        found = {name: spans(strip, decision, classes) for name, strip in strips.items()}
        return sum(metrics.f1(found, truths, threshold, with_class)["f1"] for threshold in (0.3, 0.5, 0.7)) / 3

    return score
