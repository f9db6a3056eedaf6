"""The log of a lane read backwards, page by page: what was done, and the suggestions that were decided in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import Min

from strokes.models import Decision, Lane, Suggestion

SIZE = 200


@dataclass
class Page:
    """Decisions, newest first; `decided`: (suggestion, accepted) for those with a verdict; `more`: older ones exist."""

    entries: list[Decision] = field(default_factory=list)
    decided: list[tuple[Suggestion, bool]] = field(default_factory=list)
    more: bool = False


def page(*, lane: Lane | None, before: int | None = None, size: int = SIZE) -> Page:
    """The newest `size` decisions (older than number `before`), and those further back that belong to the last step."""
    if lane is None:
        return Page()
    log = lane.decisions.order_by("-number")
    entries = list((log.filter(number__lt=before) if before else log)[:size])
    if entries and entries[-1].step:
        first = lane.decisions.filter(step=entries[-1].step).aggregate(n=Min("number"))["n"]
        entries += log.filter(number__lt=entries[-1].number, number__gte=first)
    return Page(entries, _decided(lane, entries), bool(entries) and entries[-1].number > 1)


def _decided(lane: Lane, entries: Sequence[Decision]) -> list[tuple[Suggestion, bool]]:
    named = {entry.suggestion_id for entry in entries if entry.suggestion_id}
    verdicts = lane.verdicts.filter(suggestion__in=named).select_related("suggestion__run")
    return [(row.suggestion, row.accepted) for row in verdicts.order_by("suggestion__begin")]
