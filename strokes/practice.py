"""The practice video: a newcomer's marks against its drawn truth, kindly; how far each person is with the tour.

Truth lies beside the video in `truth.json`, in no table: it can be no lane's, no training's, no export's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from mlcore import files, formats
from strokes import decisions, suggestions, videos
from strokes.errors import Refused
from strokes.models import Decision, Lane, Practice, Taxonomy, Video

STEPS = ("play", "step", "mark", "class", "decide", "complete")  # what the tour asks for, in its order
RIGHT = 0.75  # temporal IoU from which a stroke's edges are right
SAME = 0.1  # below this two intervals are not about the same stroke
PASSED = 0.9  # share right from which the practice is done well
HINTED = 2  # the first strokes show on the picture how long they last


@dataclass(frozen=True)
class Judged:
    """One true stroke and what was marked for it. `late_begin`, `late_end`: pictures after the true edge (negative: early)."""

    begin: int
    end: int
    move: str
    stroke: str | None = None  # id of the mark
    marked_move: str = ""
    tiou: float = 0.0
    late_begin: int = 0
    late_end: int = 0

    @property
    def edges_right(self) -> bool:
        return self.tiou >= RIGHT

    @property
    def class_right(self) -> bool:
        return self.stroke is not None and self.marked_move == self.move

    @property
    def right(self) -> bool:
        return self.edges_right and self.class_right


@dataclass(frozen=True)
class Mark:
    """A newcomer's stroke."""

    id: str
    begin: int
    end: int
    move: str


def tiou(a: tuple[int, int], b: tuple[int, int]) -> float:
    """Temporal intersection over union of two half-open intervals."""
    shared = min(a[1], b[1]) - max(a[0], b[0])
    return shared / (max(a[1], b[1]) - min(a[0], b[0])) if shared > 0 else 0.0


def judge(marks: Sequence[Mark], truth: Sequence[formats.Interval]) -> tuple[list[Judged], list[Mark]]:
    """Each true stroke with its mark, and the marks that are of none. One mark for one stroke, the best pairs first (as in
    mlcore.metrics, but whatever the class, so that a wrong class is told as such)."""
    pairs = sorted(
        ((tiou((m.begin, m.end), (t.begin, t.end)), -k, -j) for j, t in enumerate(truth) for k, m in enumerate(marks)),
        reverse=True,
    )
    taken: dict[int, int] = {}
    for value, k, j in pairs:
        if value >= SAME and -j not in taken and -k not in taken.values():
            taken[-j] = -k
    rows = []
    for j, t in enumerate(truth):
        if j not in taken:
            rows.append(Judged(t.begin, t.end, t.move))
            continue
        m = marks[taken[j]]
        value = round(tiou((m.begin, m.end), (t.begin, t.end)), 4)
        rows.append(Judged(t.begin, t.end, t.move, m.id, m.move, value, m.begin - t.begin, m.end - t.end))
    extra = [m for k, m in enumerate(marks) if k not in taken.values() and m.move != formats.NEGATIVE]
    return rows, extra


def summary(rows: Sequence[Judged], extra: Sequence[Mark], fps: float) -> dict[str, Any]:
    """The whole as figures: how many right, and how late begins and ends are on average (milliseconds; null: none found)."""
    found = [row for row in rows if row.stroke]
    late = {name: [getattr(row, name) for row in found] for name in ("late_begin", "late_end")}
    mean = {name: round(1000 * sum(values) / len(values) / fps) if values else None for name, values in late.items()}
    return {
        "right": sum(row.right for row in rows),
        "of": len(rows),
        "found": len(found),
        "edges_right": sum(row.edges_right for row in rows),
        "classes_right": sum(row.class_right for row in rows),
        "extra": len(extra),
        "begin_ms": mean["late_begin"],
        "end_ms": mean["late_end"],
    }


def score(*, video: Video, expert: User) -> dict[str, Any]:
    """Compare the lane of `expert` with the truth, and remember the result. Refused: not_practice, nothing_marked.

    {"summary": ..., "strokes": [Judged as JSON, with edges_right, class_right, right], "extra": [{id, begin, end, move}]}
    """
    truth = truth_of(video)
    lane = Lane.objects.filter(video=video, expert=expert).first()
    rows = lane.strokes.order_by("begin", "end", "pk") if lane else []
    marks = [Mark(str(row.pk), row.begin, row.end, row.move) for row in rows]
    if not marks:
        raise Refused("nothing_marked")
    judged, extra = judge(marks, truth)
    found = summary(judged, extra, video.fps)
    with transaction.atomic():
        state = of(expert, make=True)
        state.tries += 1
        state.last, state.best = found, max(state.best, found["right"] / max(1, found["of"]))
        state.finished = state.finished or timezone.now()
        state.save()
    shown = [{**asdict(row), **{name: getattr(row, name) for name in ("edges_right", "class_right", "right")}} for row in judged]
    return {"summary": found, "strokes": shown, "extra": [asdict(mark) for mark in extra]}


def of(expert: User, *, make: bool = False) -> Practice:
    """How far this person is; a row only if `make`, or once there was something to keep."""
    if make:
        return Practice.objects.get_or_create(expert=expert)[0]
    return Practice.objects.filter(expert=expert).first() or Practice(expert=expert)


def tick(*, expert: User, steps: Sequence[str] = (), skipped: bool | None = None) -> Practice:
    """Note steps of the tour as done, or the tour as skipped (or taken up again). Refused: bad_field."""
    if any(step not in STEPS for step in steps):
        raise Refused("bad_field", field="steps", detail=", ".join(STEPS))
    with transaction.atomic():
        state = of(expert, make=True)
        state.steps = [step for step in STEPS if step in {*state.steps, *steps}]
        if skipped is not None:
            state.skipped = skipped
        state.save()
    return state


def restart(*, video: Video, expert: User) -> None:
    """Begin again: this person's lane becomes empty by decisions of its own, like any other edit; the tour begins anew."""
    truth_of(video)
    lane = Lane.objects.filter(video=video, expert=expert).first()
    if lane:
        judged = list(lane.verdicts.values_list("suggestion", flat=True))
        ops: list[dict[str, Any]] = [{"kind": Decision.Kind.REOPEN, "suggestion": str(pk)} for pk in judged]
        left = lane.strokes.exclude(suggestion__in=judged).values_list("pk", flat=True)
        ops += [{"kind": Decision.Kind.REMOVE, "stroke": str(pk)} for pk in left]
        if lane.complete:
            ops.append({"kind": Decision.Kind.COMPLETE, "data": {"value": False}})
        if ops:
            decisions.apply(lane=lane, expert=expert, ops=[{"id": str(uuid4()), **op} for op in ops], base=None)
    Practice.objects.filter(expert=expert).update(steps=[], skipped=False)


def add(*, folder: Path, title: str, taxonomy: Taxonomy) -> Video:
    """Take the drawn practice video in `folder` (mlcore.lesson) in, with truth and suggestions beside it. The one that is
    there already, if it is the same."""
    source = folder / "practice.mp4"
    digest = videos.sha256_of(source)
    known = Video.objects.filter(sha256=digest).exclude(state=Video.State.REFUSED).first()
    if known:
        return known
    truth = formats.Practice.read(folder / "truth.json")
    proposed = formats.Suggestions.read(folder / "suggestions.json")
    size = source.stat().st_size
    with transaction.atomic():
        video = videos.register(title=title, taxonomy=taxonomy, path=source, sha256=digest, bytes=size, user=None, practice=True)
        truth.write(videos.folder(video) / "truth.json")
        proposed.write(videos.folder(video) / "proposed.json")
    return video


def propose(video: Video) -> int:
    """Store the suggestions that came with the practice video, once it is known how long it is; how many."""
    return suggestions.store(video=video, run=None, file=formats.Suggestions.read(videos.folder(video) / "proposed.json"))


def truth_of(video: Video) -> list[formats.Interval]:
    """The true strokes. Refused: not_practice."""
    path = videos.folder(video) / "truth.json"
    if not video.practice or not path.exists():
        raise Refused("not_practice")
    try:
        return formats.Practice.read(path).strokes
    except (files.FormatError, json.JSONDecodeError) as error:
        raise Refused("not_practice") from error


def coming() -> bool:
    """One is in the library that cannot be watched yet."""
    early = (Video.State.NEW, Video.State.INDEXED)
    return current() is None and Video.objects.filter(practice=True, state__in=early).exists()


def current() -> Video | None:
    """The practice video of the site, if there is one that can be watched."""
    ready = (Video.State.WATCHABLE, Video.State.PREPARED)
    return Video.objects.filter(practice=True, state__in=ready).order_by("-created").first()
