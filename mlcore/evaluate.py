"""A model, and motion alone, measured on stretches of labelled videos: what `metrics` needs, made from films and curves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlcore import decide, metrics, motion
from mlcore.clips import Cache
from mlcore.dataset import Film, Region, second_of
from mlcore.decide import Decision, Strip
from mlcore.formats import Taxonomy
from mlcore.infer import Model
from mlcore.metrics import Span

ENOUGH = 25  # strokes; fewer do not choose between decisions, they only follow chance


@dataclass
class Seen:
    """Curves of one model over some regions. Names are `film:number of the region`; times are seconds."""

    rate: float
    classes: list[str]
    strips: dict[str, Strip] = field(default_factory=dict)
    truths: dict[str, list[Span]] = field(default_factory=dict)
    given: list[tuple[int, NDArray[np.float64]]] = field(default_factory=list)  # class of an interval, probabilities

    def join(self, other: Seen) -> None:
        """Add what another model saw elsewhere (the folds of one measurement)."""
        start = len(self.strips)
        self.strips |= {f"{name}+{start}": value for name, value in other.strips.items()}
        self.truths |= {f"{name}+{start}": value for name, value in other.truths.items()}
        self.given += other.given

    def fitted(self, with_class: bool, start: Decision = Decision()) -> Decision:  # noqa: B008
        """The decision that suits these curves best; `start` when fewer than `ENOUGH` strokes are there to judge by."""
        if sum(map(len, self.truths.values())) < ENOUGH:
            return start
        return decide.fit(decide.score_on(self.strips, self.truths, self.classes, with_class), start)[0]

    def spans(self, decision: Decision) -> dict[str, list[Span]]:
        return {name: decide.spans(strip, decision, self.classes) for name, strip in self.strips.items()}


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
        curve = model.curve(film.store, r.begin, r.end, cache=cache, tell=lambda share, d=done, n=length: tell((d + n * share) / total))  # type: ignore[misc]
        first = np.ceil(r.begin * seen.rate - 1e-9)
        ticks = (first + np.arange(len(curve))) / seen.rate
        seen.strips[f"{r.film}:{i}"] = Strip(curve, seen.rate, float(ticks[0]), decide.within(ticks, [(s.begin, s.end) for s in bursts(film)]))
        for s in film.spans:
            if len(s.allowed) == 1 and r.holds(s.centre) and s.interval in film.video.strokes:
                seen.given.append((s.allowed[0], decide.given(curve, s.begin * seen.rate - first, s.end * seen.rate - first)))
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
    truth, guess = [t for t, _ in seen.given], [int(p.argmax()) for _, p in seen.given]
    whole = {name: [Span(round(s.begin * fps), round(s.end * fps), s.move, s.score) for s in spans] for name, spans in found.items()}
    real = {name: [Span(round(s.begin * fps), round(s.end * fps), s.move) for s in spans] for name, spans in seen.truths.items()}
    return {
        "strokes": sum(map(len, seen.truths.values())),
        **detection(found, seen.truths),
        "detection": metrics.f1(found, seen.truths),
        "map": metrics.mean_average_precision(found, seen.truths),
        "mediaeval22": metrics.mediaeval22(whole, real),
        "edges": metrics.edge_errors(whole, real, fps),
        "classification": metrics.classification(truth, guess, taxonomy),
    }
