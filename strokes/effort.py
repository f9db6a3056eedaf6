"""What the log says about time, edges and suggestions, made ready for strokes.benefit.

A stroke's seconds are those of all decisions about it plus its even part of what else was done in its lane (suggestions
rejected, strokes removed again). Left out: practice, imported strokes, strokes decided in the queue (nobody searched the video
for them), and strokes marked on a video that is not blind before it had suggestions.
"""

from __future__ import annotations

import statistics
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Min, QuerySet

from strokes.benefit import Edge, Judged, Length, Work
from strokes.models import Decision, Lane, Stroke, Suggestion, Verdict, Video
from strokes.scores import step_of

Kind, Source = Decision.Kind, Stroke.Source
ALIKE = 0.5  # temporal IoU from which two intervals are the same stroke


@dataclass
class Gathered:
    """All that can be measured of some people's work."""

    works: list[Work] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    lengths: list[Length] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)  # one per stroke, for the table to take away

    def of(self, expert: str) -> Gathered:
        """What one person did."""
        mine: dict[str, list[Any]] = {
            name: [one for one in getattr(self, name) if one.expert == expert]
            for name in ("works", "judged", "edges", "lengths")
        }
        return Gathered(**mine, rows=[row for row in self.rows if row["expert"] == expert])

    @property
    def experts(self) -> list[str]:
        return sorted({one.expert for one in self.works} | {one.expert for one in self.judged})


@dataclass
class _Mark:
    """A stroke with what the log tells of it."""

    row: Stroke
    first: tuple[int, int] | None = None
    made: datetime | None = None
    seconds: float = 0.0
    queued: bool = False


class _Video:
    """One video with its lanes' strokes, ready to be matched."""

    def __init__(self, row: Video, since: datetime | None) -> None:
        self.row = row
        self.since = since  # when it first had suggestions
        self.ms = 1000.0 / row.fps if row.fps else 0.0
        self.lanes: dict[int, list[_Mark]] = {}
        self.suggestions: list[tuple[int, int, Suggestion]] = []


def gather(videos: QuerySet[Video]) -> Gathered:
    """Everybody's work on `videos`. As many queries for a thousand strokes as for one."""
    rows = videos.filter(practice=False, fps__gt=0).annotate(since=Min("suggestions__created"))
    known = {row.pk: _Video(row, row.since) for row in rows}
    lanes = {lane.pk: lane for lane in Lane.objects.filter(video__in=known, version__gt=0).select_related("expert")}
    marks = {row.pk: _Mark(row) for row in Stroke.objects.filter(lane__in=lanes).select_related("suggestion")}
    for mark in marks.values():
        known[lanes[mark.row.lane_id].video_id].lanes.setdefault(mark.row.lane_id, []).append(mark)
    for one in Suggestion.objects.filter(video__in=known, run__isnull=False, current=True):
        known[one.video_id].suggestions.append((one.begin, one.end, one))
    rest = _read_log(lanes, marks)
    found = Gathered()
    consensus = {lane.video_id: pk for pk, lane in lanes.items() if lane.expert is None}
    for pk, lane in lanes.items():
        if lane.expert is not None:
            _Side(known[lane.video_id], lane, lanes, consensus.get(lane.video_id)).measure(found, rest.get(pk, 0.0))
    _judge(found, lanes, known, consensus)
    return found


def _read_log(lanes: dict[int, Lane], marks: dict[UUID, _Mark]) -> dict[int, float]:
    """Fill in what the log says of each stroke; seconds of each lane that belong to no stroke that is left."""
    rest: dict[int, float] = defaultdict(float)
    log = Decision.objects.filter(lane__in=lanes).order_by("lane", "number")
    for lane, kind, stroke, data, seconds, at, via in log.values_list("lane", "kind", "stroke", "data", "seconds", "at", "via"):
        mark = marks.get(stroke) if stroke else None
        if mark is None:
            rest[lane] += 0.0 if via else seconds
            continue
        mark.seconds += seconds
        if kind in (Kind.ADD, Kind.ACCEPT):
            proposed = mark.row.suggestion
            begin = data.get("begin", proposed.begin if proposed else mark.row.begin)
            mark.first = (begin, data.get("end", proposed.end if proposed else mark.row.end))
            mark.made, mark.queued = at, bool(via)
    return rest


class _Side:
    """One person's lane in one video."""

    def __init__(self, video: _Video, lane: Lane, lanes: dict[int, Lane], consensus: int | None) -> None:
        self.video, self.lane = video, lane
        assert lane.expert is not None
        self.expert = lane.expert.get_username()
        self.marks = [mark for mark in video.lanes.get(lane.pk, []) if self._counts(mark)]
        ordered = {pk: _Ordered([(m.row.begin, m.row.end, m) for m in mine]) for pk, mine in video.lanes.items()}
        self.agreed = ordered.get(consensus) if consensus else None
        self.others = {pk: ordered[pk] for pk in ordered if pk not in (lane.pk, consensus) and lanes[pk].complete}
        self.proposed = _Ordered(video.suggestions)

    def _counts(self, mark: _Mark) -> bool:
        early = not self.video.row.blind and (
            self.video.since is None or mark.made is None or mark.made < self.video.since
        )
        return not (mark.queued or early or mark.row.source == Source.IMPORTED)

    def measure(self, found: Gathered, rest: float) -> None:
        for mark in self.marks:
            errors = self._errors(mark)
            seconds = mark.seconds + rest / len(self.marks)
            suggested = not self.video.row.blind
            found.works.append(Work(self.expert, str(self.video.row.pk), suggested, seconds, errors))
            found.rows.append(self._row(mark, seconds, errors))
            self._length(found, mark)
            self._edges(found, mark)

    def _errors(self, mark: _Mark) -> dict[str, float]:
        span = (mark.row.begin, mark.row.end)
        errors = {}
        if self.agreed and (best := self.agreed.like(*span)):
            errors["consensus"] = self._off(span, best[:2])
        hands = [best[:2] for other in self.others.values() if (best := other.like(*span))]
        if hands:
            middle = (statistics.median(b for b, _ in hands), statistics.median(e for _, e in hands))
            errors["other"] = self._off(span, middle)
        if self.lane.complete and mark.first:
            errors["later"] = self._off(mark.first, span)
        return errors

    def _off(self, one: tuple[float, float], other: tuple[float, float]) -> float:
        return (abs(one[0] - other[0]) + abs(one[1] - other[1])) / 2 * self.video.ms

    def _length(self, found: Gathered, mark: _Mark) -> None:
        row, blind = mark.row, self.video.row.blind
        proposed = row.suggestion if row.source in (Source.ACCEPTED, Source.EDITED) else None
        if not row.move or (proposed is None) != blind:
            return
        model = (proposed.end - proposed.begin) * self.video.ms if proposed else None
        found.lengths.append(Length(self.expert, str(self.video.row.pk), row.move, (row.end - row.begin) * self.video.ms, model))

    def _edges(self, found: Gathered, mark: _Mark) -> None:
        """Both edges beside those of each other hand, where the model had proposed something."""
        row = mark.row
        if self.video.row.blind:
            return
        aided = row.suggestion if row.suggestion is not None and row.suggestion.run_id else None
        model: Any = aided or ((best := self.proposed.like(row.begin, row.end)) and best[2])
        if not model:
            return
        for other in self.others.values():
            hand = other.like(row.begin, row.end)
            if hand and hand[2].row.source == Source.BLIND:
                for k, (near, far) in enumerate(((row.begin, model.begin), (row.end, model.end))):
                    at = [value * self.video.ms for value in (hand[k], far, near)]
                    found.edges.append(Edge(self.expert, str(self.video.row.pk), at[0], at[1], at[2], aided is not None))

    def _row(self, mark: _Mark, seconds: float, errors: dict[str, float]) -> dict[str, Any]:
        row = mark.row
        return {
            "expert": self.expert, "video": str(self.video.row.pk), "title": self.video.row.title, "stroke": str(row.pk),
            "blind": self.video.row.blind, "begin": row.begin, "end": row.end, "move": row.move, "source": row.source,
            "seconds": round(seconds, 2),
            **{f"error_{name}_ms": round(errors[name], 1) if name in errors else None for name in ("consensus", "other", "later")},
            "score": row.suggestion.score if row.suggestion else None,
            "model_begin": row.suggestion.begin if row.suggestion else None,
            "model_end": row.suggestion.end if row.suggestion else None,
        }  # fmt: skip


class _Ordered:
    """Intervals by begin; `like` finds the one that is the same stroke."""

    def __init__(self, spans: Iterable[tuple[int, int, Any]]) -> None:
        self.spans = sorted(spans, key=lambda span: span[:2])
        self.begins = [span[0] for span in self.spans]

    def like(self, begin: int, end: int) -> tuple[int, int, Any] | None:
        """The interval with the greatest temporal IoU with [begin, end), if that is at least ALIKE."""
        best, found = ALIKE, None
        # One that begins more than a length before cannot share half of the union.
        for span in self.spans[bisect_left(self.begins, 2 * begin - end) : bisect_left(self.begins, end)]:
            shared = min(end, span[1]) - max(begin, span[0])
            iou = shared / (end - begin + span[1] - span[0] - shared)
            if iou >= best:
                best, found = iou, span
        return found


def _judge(found: Gathered, lanes: dict[int, Lane], known: dict[UUID, _Video], consensus: dict[UUID, int]) -> None:
    """What became of each decided suggestion, and whether the consensus says that it was right."""
    sources = {(lane, mark.row.suggestion_id): mark.row.source for video in known.values()
               for lane, mine in video.lanes.items() for mark in mine}  # fmt: skip
    agreed = {pk: _Ordered([(m.row.begin, m.row.end, m) for m in known[pk].lanes.get(lane, [])]) for pk, lane in consensus.items()}
    for verdict in Verdict.objects.filter(lane__in=lanes).select_related("suggestion"):
        lane, one = lanes[verdict.lane_id], verdict.suggestion
        if lane.expert is None:
            continue
        source = sources.get((verdict.lane_id, one.pk)) if verdict.accepted else None
        said = {Source.ACCEPTED: "untouched", Source.EDITED: "edited"}.get(Source(source), "rejected") if source else "rejected"
        right = _right(one, agreed[lane.video_id]) if lane.video_id in agreed else None
        found.judged.append(Judged(lane.expert.get_username(), step_of(one.score) if one.run_id else "", said, right))


def _right(one: Suggestion, agreed: _Ordered) -> bool:
    same = agreed.like(one.begin, one.end)
    return same is not None and same[2].row.move == one.move

