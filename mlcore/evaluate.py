"""A model, and motion alone, measured on stretches of labelled videos: what `metrics` needs, made from films and curves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlcore import calibration, decide, metrics, motion
from mlcore.cache import Cache
from mlcore.dataset import Film, Region, second_of
from mlcore.decide import Curve, Decision, Strip
from mlcore.formats import Taxonomy
from mlcore.infer import Model
from mlcore.metrics import Span

ENOUGH = 25  # strokes; fewer do not choose between decisions, they only follow chance


@dataclass(frozen=True)
class Given:
    """A fully labelled interval: `name` of its region, index of its class, probabilities (classes,), the windows' curve inside it (n, classes)."""

    name: str
    move: int
    p: NDArray[np.float64]
    windows: Curve


@dataclass
class Seen:
    """Curves of one model over some regions. Names are `film:number of the region`; times are seconds."""

    rate: float
    classes: list[str]
    strips: dict[str, Strip] = field(default_factory=dict)
    truths: dict[str, list[Span]] = field(default_factory=dict)
    given: list[Given] = field(default_factory=list)

    def join(self, other: Seen) -> None:
        """Add what another model saw elsewhere (the folds of one measurement)."""
        start = len(self.strips)
        self.strips |= {f"{name}+{start}": value for name, value in other.strips.items()}
        self.truths |= {f"{name}+{start}": value for name, value in other.truths.items()}
        self.given += [replace(one, name=f"{one.name}+{start}") for one in other.given]

    def fitted(self, with_class: bool, start: Decision = Decision()) -> Decision:  # noqa: B008
        """The decision that suits this best: by the temporal head if there is one and it does at least as well as the best cut of the
        curves (F1 at three overlaps, and mAP@[.5:.95], which asks for edges and ranking too); with the temperature of its class
        probabilities. `start` when fewer than `ENOUGH` strokes are there to judge by."""
        if sum(map(len, self.truths.values())) < ENOUGH:
            return start
        if with_class and self.given:
            start = replace(start, temperature=calibration.temperature([g.p for g in self.given], [g.move for g in self.given]))
        score = decide.score_on(self.strips, self.truths, self.classes, with_class)
        by_curve, value = decide.fit(score, replace(start, head=False))
        if not any(strip.proposals for strip in self.strips.values()):
            return by_curve
        by_head, headed = decide.fit_head(score, replace(by_curve, head=True))
        if with_class:
            value += metrics.mean_average_precision(self.spans(by_curve, every=True), self.truths)
            headed += metrics.mean_average_precision(self.spans(by_head, every=True), self.truths)
        return self.calibrated(by_head, with_class) if headed >= value else by_curve

    def calibrated(self, decision: Decision, with_class: bool = True) -> Decision:
        """`decision` by the head, with scores that say how often such a proposal is right (temporal IoU 0.5)."""
        raw = replace(decision, slope=1.0, bias=0.0)
        scores, right = [], []
        for name, strip in self.strips.items():
            found = decide.spans(strip, raw, self.classes, every=True)
            scores += [s.score for s in found]
            right += [k is not None for k in metrics.match(found, self.truths.get(name, ()), 0.5, with_class)]
        return decide.calibrate(np.array(scores), np.array(right, bool), raw)

    def spans(self, decision: Decision, *, every: bool = False) -> dict[str, list[Span]]:
        """Strokes per region; `every`: with the head's proposals below its threshold, for rankings by score."""
        return {name: decide.spans(strip, decision, self.classes, every=every) for name, strip in self.strips.items()}


def truths(films: Sequence[Film], regions: Sequence[Region], negative: int) -> dict[str, list[Span]]:
    """The strokes whose centre lies in each region, in seconds. A partial label keeps its group's name, which no prediction has."""
    return {
        f"{r.film}:{i}": [Span(s.begin, s.end, s.interval.move) for s in films[r.film].strokes([r], negative)]
        for i, r in enumerate(regions)
    }


def look(model: Model, films: Sequence[Film], regions: Sequence[Region], cache: Cache, tell: Callable[[float], None] = lambda share: None) -> Seen:
    """Curves of `model` over `regions`, with the truth there and the probabilities of every fully labelled interval."""
    seen = Seen(model.grid.rate, model.classes)
    negative, total = len(model.classes) - 1, sum(r.end - r.begin for r in regions) or 1.0
    seen.truths = truths(films, regions, negative)
    done = 0.0
    for i, r in enumerate(regions):
        film, length = films[r.film], r.end - r.begin
        strip = model.look(film.store, r.begin, r.end, cache=cache, tell=lambda share, d=done, n=length: tell((d + n * share) / total))  # type: ignore[misc]
        curve, first = strip.curve, round(strip.start * seen.rate)
        ticks = (first + np.arange(len(curve))) / seen.rate
        name = f"{r.film}:{i}"
        seen.strips[name] = replace(strip, bursts=decide.within(ticks, [(s.begin, s.end) for s in bursts(film)]))
        for s in film.spans:
            if len(s.allowed) == 1 and r.holds(s.centre) and s.interval in film.video.strokes:
                begin, end = s.begin * seen.rate - first, s.end * seen.rate - first
                windows = curve[max(0, round(begin)) : max(round(begin) + 1, round(end))]
                seen.given.append(Given(name, s.allowed[0], decide.given(curve, begin, end), windows))
        done += length
    return seen


def bursts(film: Film) -> list[Span]:
    """What motion alone proposes for the whole film, in seconds, without a class; worked out once."""
    if film.bursts is None:
        found = motion.propose(film.store)
        film.bursts = [Span(second_of(film.store, begin), second_of(film.store, end), "", score) for begin, end, score in found]
    return film.bursts


def baseline(films: Sequence[Film], regions: Sequence[Region]) -> dict[str, list[Span]]:
    """Motion proposals whose centre lies in each region."""
    return {f"{r.film}:{i}": [s for s in bursts(films[r.film]) if r.holds((s.begin + s.end) / 2)] for i, r in enumerate(regions)}


def detection(found: metrics.Videos, real: metrics.Videos) -> dict[str, float]:
    """{"f1", "f1_any"}: F1 at tIoU 0.5 with and without the class."""
    return {"f1": metrics.f1(found, real)["f1"], "f1_any": metrics.f1(found, real, with_class=False)["f1"]}


def report(seen: Seen, decision: Decision, taxonomy: Taxonomy, fps: float) -> dict[str, Any]:
    """Everything about one model on some data: detection with and without class, mAP, edges, classification of given intervals."""
    found = seen.spans(decision)
    truth, guess = [g.move for g in seen.given], [int(g.p.argmax()) for g in seen.given]
    whole = {name: [Span(round(s.begin * fps), round(s.end * fps), s.move, s.score) for s in spans] for name, spans in found.items()}
    real = {name: [Span(round(s.begin * fps), round(s.end * fps), s.move) for s in spans] for name, spans in seen.truths.items()}
    return {
        "strokes": sum(map(len, seen.truths.values())),
        **detection(found, seen.truths),
        "detection": metrics.f1(found, seen.truths),
        "map": metrics.mean_average_precision(seen.spans(decision, every=True), seen.truths),
        "mediaeval22": metrics.mediaeval22(whole, real),
        "edges": metrics.edge_errors(whole, real, fps),
        "classification": metrics.classification(truth, guess, taxonomy),
    }
