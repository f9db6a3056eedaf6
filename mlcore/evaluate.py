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
from mlcore.decide import Curve, Decision
from mlcore.formats import Taxonomy
from mlcore.infer import Model
from mlcore.metrics import Span


@dataclass
class Seen:
    """Curves of one model over some regions. Names are `film:number of the region`; times are seconds."""

    rate: float
    classes: list[str]
    curves: dict[str, tuple[Curve, float]] = field(default_factory=dict)  # curve and the second of its first tick
    truths: dict[str, list[Span]] = field(default_factory=dict)
    given: list[tuple[int, NDArray[np.float64]]] = field(default_factory=list)  # class of an interval, probabilities

    def join(self, other: Seen) -> None:
        """Add what another model saw elsewhere (the folds of one measurement)."""
        start = len(self.curves)
        self.curves |= {f"{name}+{start}": value for name, value in other.curves.items()}
        self.truths |= {f"{name}+{start}": value for name, value in other.truths.items()}
        self.given += other.given

    def fitted(self, with_class: bool) -> Decision:
        """The decision that suits these curves best; the default one when fewer than five strokes are there to judge by."""
        if sum(map(len, self.truths.values())) < 5:
            return Decision()
        return decide.fit(decide.score_on(self.curves, self.truths, self.rate, self.classes, with_class))[0]

    def spans(self, decision: Decision) -> dict[str, list[Span]]:
        return {name: decide.spans(curve, self.rate, decision, self.classes, start) for name, (curve, start) in self.curves.items()}


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
        seen.curves[f"{r.film}:{i}"] = (curve, float(first / seen.rate))
        for s in film.spans:
            if len(s.allowed) == 1 and r.holds(s.centre) and s.interval in film.video.strokes:
                seen.given.append((s.allowed[0], decide.given(curve, s.begin * seen.rate - first, s.end * seen.rate - first)))
        done += length
    return seen


def baseline(films: Sequence[Film], regions: Sequence[Region]) -> dict[str, list[Span]]:
    """Motion proposals whose centre lies in each region, in seconds; they have no class."""
    made: dict[int, list[Span]] = {}
    for number in {r.film for r in regions}:
        store = films[number].store
        found = motion.propose(store)
        made[number] = [Span(second_of(store, begin), second_of(store, end), "", score) for begin, end, score in found]
    return {f"{r.film}:{i}": [s for s in made[r.film] if r.holds((s.begin + s.end) / 2)] for i, r in enumerate(regions)}


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
