"""Short ways to write operations, suggestions and runs."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from mlcore import formats
from strokes import decisions, records, registry, suggestions, taxonomy
from strokes.models import Lane, Run, Suggestion, Video

Make = Callable[..., Any]
FLIP = "Offensive Forehand Flip"
PUSH = "Defensive Backhand Push"


def op(kind: str, stroke: uuid.UUID | None = None, suggestion: uuid.UUID | None = None, **data: Any) -> dict[str, Any]:
    """An operation as the workspace sends it."""
    body: dict[str, Any] = {"id": str(uuid.uuid4()), "kind": kind}
    body |= {"stroke": str(stroke)} if stroke else {}
    body |= {"suggestion": str(suggestion)} if suggestion else {}
    return body | ({"data": data} if data else {})


@pytest.fixture
def run(db: None, data_root: Any) -> Run:
    return registry.start(taxonomy=taxonomy.default(), preset="tiny")


@pytest.fixture
def suggest(db: None) -> Make:
    """suggest(video, (begin, end, move), ..., run=None) stores suggestions and returns their rows in order."""

    def make(video: Video, *spans: tuple[int, int, str], run: Run | None = None) -> list[Suggestion]:
        strokes = [formats.SuggestedStroke(b, e, m, 0.8, [(m, 0.8)] if m else []) for b, e, m in spans]
        file = formats.Suggestions(run=str(run.pk) if run else "", strokes=strokes)
        suggestions.store(video=video, run=run, file=file)
        return list(Suggestion.objects.filter(video=video, current=True).order_by("begin", "end"))

    return make


@pytest.fixture
def label(alice: Any) -> Make:
    """label(video, (begin, end, move), ..., complete=False, expert=alice) marks strokes; returns the lane."""

    def make(video: Video, *spans: tuple[int, int, str], complete: bool = False, expert: Any = None) -> Lane:
        lane = records.lane(video=video, expert=expert or alice)
        ops = [op("add", uuid.uuid4(), begin=b, end=e, move=m) for b, e, m in spans]
        ops += [op("complete", value=True)] if complete else []
        decisions.apply(lane=lane, expert=expert or alice, ops=ops, base=None)
        return lane

    return make
