"""Records: the log of decisions folded into what is true now.

`step` is the one place that says what a decision does. `fold` replays a whole log with it, `decisions.apply` uses it on
the few strokes a batch touches; both must always agree (tests/strokes/test_records.py).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count

from mlcore import formats
from strokes.models import Decision, Lane, Player, RoiCorrection, Stroke, Suggestion, Verdict, Video

Kind, Source = Decision.Kind, Stroke.Source
WEIGHTS = {Source.BLIND: 1.0, Source.EDITED: 1.0, Source.IMPORTED: 1.0, Source.ACCEPTED: 0.5}
Proposal = tuple[int, int, str]  # begin, end, move of a suggestion


@dataclass
class Mark:
    """A stroke as folded. `player` is a pseudonym; `version` counts the decisions that made or changed it."""

    begin: int
    end: int
    move: str = ""
    player: str | None = None
    note: str = ""
    unsure: bool = False
    source: str = Source.BLIND
    suggestion: uuid.UUID | None = None
    version: int = 1

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "suggestion": str(self.suggestion) if self.suggestion else None}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Mark:
        known = {name: body[name] for name in cls.__dataclass_fields__ if name in body}
        return cls(**{**known, "suggestion": uuid.UUID(body["suggestion"]) if body.get("suggestion") else None})


@dataclass
class State:
    """What a lane says. `removed` keeps what RESTORE can bring back; it follows from the log and is not compared."""

    strokes: dict[uuid.UUID, Mark] = field(default_factory=dict)
    verdicts: dict[uuid.UUID, bool] = field(default_factory=dict)  # suggestion -> accepted
    roi: dict[int, tuple[float, float]] = field(default_factory=dict)  # frame -> x, y
    complete: bool = False
    removed: dict[uuid.UUID, Mark] = field(default_factory=dict, compare=False)


def step(state: State, entry: Any, proposals: Mapping[uuid.UUID, Proposal]) -> dict[str, Any]:
    """Do one decision to `state` and return what was there before (Decision.before). `entry` is a Decision or an Op.

    It trusts its input: decisions.apply has refused what makes no sense.
    """
    suggestion: uuid.UUID | None = getattr(entry, "suggestion_id", None) or _plain(entry)
    kind, stroke, data = entry.kind, entry.stroke, entry.data
    if kind == Kind.ADD:
        state.strokes[stroke] = Mark(**data)
        return {}
    if kind == Kind.CHANGE:
        return _change(state.strokes[stroke], data, proposals)
    if kind == Kind.REMOVE:
        state.removed[stroke] = mark = state.strokes.pop(stroke)
        return mark.as_json()
    if kind == Kind.RESTORE:
        state.strokes[stroke] = mark = state.removed.pop(stroke)
        mark.version += 1
        return {}
    if kind == Kind.COMPLETE:
        before, state.complete = {"value": state.complete}, data["value"]
        return before
    if kind == Kind.ROI:
        return _roi(state, data)
    assert suggestion is not None
    return _judge(state, kind, stroke, suggestion, data, proposals)


def _plain(entry: Any) -> uuid.UUID | None:
    value = getattr(entry, "suggestion", None)
    return value if isinstance(value, uuid.UUID) else None


def _change(mark: Mark, data: dict[str, Any], proposals: Mapping[uuid.UUID, Proposal]) -> dict[str, Any]:
    before = {name: getattr(mark, name) for name in data}
    for name, value in data.items():
        setattr(mark, name, value)
    mark.version += 1
    mark.source = _source(mark, proposals)
    return before


def _source(mark: Mark, proposals: Mapping[uuid.UUID, Proposal]) -> str:
    """A stroke that came from a suggestion is `accepted` while it is exactly the suggestion, else `edited`."""
    if mark.suggestion is None:
        return mark.source
    same = (mark.begin, mark.end, mark.move) == proposals[mark.suggestion]
    return Source.ACCEPTED if same else Source.EDITED


def _roi(state: State, data: dict[str, Any]) -> dict[str, Any]:
    old = state.roi.pop(data["frame"], None)
    if not data.get("remove"):
        state.roi[data["frame"]] = (data["x"], data["y"])
    return {"x": old[0], "y": old[1]} if old else {}


def _judge(
    state: State, kind: str, stroke: uuid.UUID | None, suggestion: uuid.UUID, data: dict[str, Any],
    proposals: Mapping[uuid.UUID, Proposal],
) -> dict[str, Any]:  # fmt: skip
    """ACCEPT, REJECT, REOPEN."""
    before: dict[str, Any] = {"accepted": state.verdicts.get(suggestion)}
    if kind == Kind.REOPEN:
        del state.verdicts[suggestion]
        for gone in [key for key, mark in state.removed.items() if mark.suggestion == suggestion]:
            del state.removed[gone]
        for gone in [key for key, mark in state.strokes.items() if mark.suggestion == suggestion]:
            before |= {"id": str(gone), "stroke": state.strokes.pop(gone).as_json()}
        return before
    state.verdicts[suggestion] = kind == Kind.ACCEPT
    if kind == Kind.ACCEPT:
        assert stroke is not None
        begin, end, move = proposals[suggestion]
        values: dict[str, Any] = {"begin": begin, "end": end, "move": move, **data}
        mark = Mark(**values, suggestion=suggestion)
        mark.source = _source(mark, proposals)
        state.strokes[stroke] = mark
    return before


def lane(*, video: Video, expert: User | None) -> Lane:
    """The lane of `expert` in `video` (of the consensus, if None), made if new."""
    return Lane.objects.get_or_create(video=video, expert=expert)[0]


def fold(lane: Lane) -> State:
    """The state that the lane's whole log gives. Reads only."""
    log = list(Decision.objects.filter(lane=lane).order_by("number"))
    proposals = proposals_of({entry.suggestion_id for entry in log if entry.suggestion_id})
    state = State()
    for entry in log:
        step(state, entry, proposals)
    return state


def proposals_of(suggestions: Iterable[uuid.UUID]) -> dict[uuid.UUID, Proposal]:
    """What each suggestion proposed."""
    rows = Suggestion.objects.filter(pk__in=list(suggestions)).values_list("pk", "begin", "end", "move")
    return {pk: (begin, end, move) for pk, begin, end, move in rows}


def rows(lane: Lane) -> State:
    """The state as the folded rows hold it."""
    return State(
        strokes={row.pk: mark_of(row) for row in lane.strokes.select_related("player")},
        verdicts=dict(lane.verdicts.values_list("suggestion_id", "accepted")),
        roi={frame: (x, y) for frame, x, y in lane.roi_corrections.values_list("frame", "x", "y")},
        complete=Lane.objects.values_list("complete", flat=True).get(pk=lane.pk),
    )


def mark_of(row: Stroke) -> Mark:
    """A stroke's row as a Mark."""
    return Mark(
        row.begin, row.end, row.move, row.player.pseudonym if row.player else None, row.note, row.unsure, row.source,
        row.suggestion_id, row.version,
    )  # fmt: skip


def write(lane: Lane, marks: Mapping[uuid.UUID, Mark]) -> None:
    """Write `marks` as rows of Stroke, whether new or changed. Only for decisions and rebuild."""
    names = {mark.player for mark in marks.values() if mark.player}
    players = {player.pseudonym: player for player in Player.objects.filter(pseudonym__in=names)}
    rows = [
        Stroke(
            id=key, lane=lane, begin=mark.begin, end=mark.end, move=mark.move, player=players.get(mark.player or ""),
            note=mark.note, unsure=mark.unsure, source=mark.source, suggestion_id=mark.suggestion, version=mark.version,
        )
        for key, mark in marks.items()
    ]  # fmt: skip
    fields = ["begin", "end", "move", "player", "note", "unsure", "source", "suggestion", "version"]
    Stroke.objects.bulk_create(rows, batch_size=500, update_conflicts=True, update_fields=fields, unique_fields=["id"])


def rebuild(lane: Lane) -> State:
    """Write the rows of a lane anew from its log; returns the state."""
    with transaction.atomic():
        held = Lane.objects.select_for_update().get(pk=lane.pk)
        state = fold(held)
        held.strokes.all().delete()
        held.verdicts.all().delete()
        held.roi_corrections.all().delete()
        write(held, state.strokes)
        Verdict.objects.bulk_create(
            [Verdict(lane=held, suggestion_id=key, accepted=value) for key, value in state.verdicts.items()], 500
        )
        RoiCorrection.objects.bulk_create(
            [RoiCorrection(lane=held, frame=frame, x=x, y=y) for frame, (x, y) in state.roi.items()], 500
        )
        Lane.objects.filter(pk=held.pk).update(complete=state.complete, version=held.decisions.count())
    lane.refresh_from_db()
    return state


def true_lane(video: Video) -> Lane | None:
    """The lane that counts as the truth of `video`; None where nobody decided anything.

    The consensus if anything was decided in it, else the lane with most decisions, of equals the older one.
    """
    lanes = Lane.objects.filter(video=video, version__gt=0)
    return lanes.filter(expert=None).first() or lanes.order_by("-version", "pk").first()


def truth(video: Video) -> tuple[list[formats.Interval], bool]:
    """The strokes of the true lane in order, and whether every stroke is marked.

    Weights: 1.0, and 0.5 for a suggestion accepted untouched. `move` may be empty or partial.
    """
    lane = true_lane(video)
    if lane is None:
        return [], False
    rows = lane.strokes.order_by("begin", "end", "pk")
    return [
        formats.Interval(row.begin, row.end, row.move, WEIGHTS[Source(row.source)], row.source) for row in rows
    ], lane.complete


def rejected(video: Video) -> list[formats.Interval]:
    """Hard negatives: what the true lane rejected and where it marked no stroke either. `move` is Negative."""
    lane = true_lane(video)
    if lane is None:
        return []
    strokes = list(lane.strokes.values_list("begin", "end"))
    refused = Suggestion.objects.filter(verdict__lane=lane, verdict__accepted=False)
    spans = sorted(set(refused.values_list("begin", "end")))
    return [
        formats.Interval(begin, end, formats.NEGATIVE, 1.0, "rejected")
        for begin, end in spans
        if not any(b < end and begin < e for b, e in strokes)
    ]


def roi(video: Video) -> list[dict[str, Any]]:
    """The ROI corrections for mlcore.prepare, [{frame, x, y}]; where two people moved the box, the later one's."""
    found: dict[int, dict[str, Any]] = {}
    log = Decision.objects.filter(lane__video=video, kind=Kind.ROI).order_by("at", "pk")
    standing = set(RoiCorrection.objects.filter(lane__video=video).values_list("lane", "frame"))
    for entry in log:
        frame = entry.data["frame"]
        if not entry.data.get("remove") and (entry.lane_id, frame) in standing:
            found[frame] = {"frame": frame, "x": entry.data["x"], "y": entry.data["y"]}
    return [found[frame] for frame in sorted(found)]


def decisions_of(taxonomy_id: int) -> int:
    """How many decisions about strokes exist in all videos of a taxonomy; what Run.decisions_seen counts."""
    counted = Decision.objects.filter(lane__video__taxonomy=taxonomy_id, lane__video__practice=False).exclude(kind=Kind.ROI)
    return int(counted.aggregate(n=Count("pk"))["n"])
