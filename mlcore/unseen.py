"""A model on stretches that it has not learned from, beside motion alone and the champion: what a run is judged and reported by.

There is one part (the hold-out) or several (folds, each with its own short training and a decision fitted on the others). Their
stretches are joined under the names `part/film:region`, class probabilities scaled by each part's own temperature.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mlcore import calibration, evaluate, figures, report
from mlcore.cache import Cache
from mlcore.dataset import Film, Region
from mlcore.decide import Decision
from mlcore.evaluate import Given, Seen
from mlcore.figures import Answer
from mlcore.formats import Taxonomy
from mlcore.infer import Model
from mlcore.metrics import Span
from mlcore.report import Subject

Spans = dict[str, list[Span]]


@dataclass(frozen=True)
class Part:
    """What one model saw of `regions`, and how it decides."""

    seen: Seen
    decision: Decision
    regions: Sequence[Region]

    def given(self) -> list[Given]:
        """Given intervals with probabilities at the decision's temperature."""
        return [replace(g, p=calibration.scaled(g.p[None], self.decision.temperature)[0]) for g in self.seen.given]


@dataclass(frozen=True)
class Unseen:
    """All parts together."""

    parts: Sequence[Part]
    films: Sequence[Film]

    def named(self, spans: Sequence[Spans]) -> Spans:
        return {f"{i}/{name}": found for i, one in enumerate(spans) for name, found in one.items()}

    @property
    def seen(self) -> Seen:
        first = self.parts[0].seen
        joined = Seen(first.rate, first.classes, truths=self.named([p.seen.truths for p in self.parts]))
        for i, part in enumerate(self.parts):
            joined.strips |= {f"{i}/{name}": strip for name, strip in part.seen.strips.items()}
            joined.given += [replace(g, name=f"{i}/{g.name}") for g in part.given()]
        return joined

    def found(self, *, every: bool = False, curve: bool = False) -> Spans:
        """Strokes per stretch; `every`: also below the head's threshold; `curve`: by the class curve, whatever the decision says."""
        return self.named([p.seen.spans(replace(p.decision, head=p.decision.head and not curve), every=every) for p in self.parts])

    def baseline(self) -> Spans:
        """What motion alone proposes."""
        return self.named([evaluate.baseline(self.films, p.regions) for p in self.parts])

    def champion(self, model: Model, cache: Cache, tell: Callable[[float], None]) -> Answer:
        """Another model on the same stretches, with its own decision."""
        looks = [Part(evaluate.look(model, self.films, p.regions, cache, tell), model.decision, p.regions) for p in self.parts]
        other = Unseen(looks, self.films)
        return Answer(other.found(), other.seen.given)

    def measured(self, champion: Model | None, cache: Cache, tell: Callable[[float], None], checkable: bool) -> dict[str, Any]:
        """metrics.unseen: {"strokes", "model", "baseline", "champion": {"f1", "f1_any"} | null, "classes_checkable"} and `figures.evidence`."""
        seen, model, baseline = self.seen, Answer(self.found(), self.seen.given), Answer(self.baseline())
        rival = self.champion(champion, cache, tell) if champion else None
        return {
            "strokes": sum(map(len, seen.truths.values())), "classes_checkable": checkable,
            "model": evaluate.detection(model.found, seen.truths), "baseline": evaluate.detection(baseline.found, seen.truths),
            "champion": evaluate.detection(rival.found, seen.truths) if rival else None,
            **figures.evidence(seen.truths, figures.negatives(seen, self.films), seen.classes, model=model, baseline=baseline, champion=rival),
        }  # fmt: skip

    def reported(self, folder: Path, model: Model, taxonomy: Taxonomy, fps: float, history: Sequence[dict[str, Any]], *, run: str, data: str, tell: Callable[[float], None]) -> None:
        """The report page of a run. `model` is the final one; its answers here are those of the parts."""
        others = {"motion alone": self.baseline()}
        if any(p.decision.head for p in self.parts):
            others["class curve, without the temporal head"] = self.found(curve=True)
        report.write(folder, Subject(run, data, self.seen, self.found(), self.films, taxonomy, fps, others, self.found(every=True), 1.0, history, model), tell)
