"""Decisions: the one door through which an expert's work enters. Append-only, idempotent, in order."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from strokes import ops as parsing
from strokes import records
from strokes.errors import Conflict, Refused
from strokes.models import Decision, Lane, RoiCorrection, Stroke, Suggestion, Verdict, Video
from strokes.ops import Context, Op

Kind = Decision.Kind


@dataclass
class Applied:
    """What a batch did.

    `strokes`: rows as they now are; `removed`: ids of strokes gone; `verdicts`: True, False or None (undecided again)
    by suggestion; `skipped`: operations that had arrived before.
    """

    lane_version: int
    complete: bool
    strokes: list[Stroke] = field(default_factory=list)
    removed: list[uuid.UUID] = field(default_factory=list)
    verdicts: dict[uuid.UUID, bool | None] = field(default_factory=dict)
    skipped: list[uuid.UUID] = field(default_factory=list)
    roi_changed: bool = False
    saved_at: datetime = field(default_factory=timezone.now)


def apply(*, lane: Lane, expert: User, ops: Sequence[Mapping[str, Any]], base: int | None) -> Applied:
    """Take a batch of operations into `lane`, all or none. `base` is the lane version they were made on; None: any.

    An operation whose id is known is skipped if it says the same. A batch sent again after a lost answer, with more
    behind it, is not stale: only decisions that are not in the batch make it so.
    Refused: bad_op{field}, op_reused{id}, end_before_begin, beyond_last_frame{last}, unknown_move, unknown_player,
    unknown_stroke{stroke}, unknown_suggestion{suggestion}, already_decided{suggestion}, not_your_lane, not_ready.
    Conflict: stale{version}.
    """
    if lane.expert_id is not None and lane.expert_id != expert.pk:
        raise Refused("not_your_lane")
    with transaction.atomic():
        held = Lane.objects.select_for_update(of=("self",)).select_related("video__taxonomy").get(pk=lane.pk)
        context = Context.of(held.video)
        if held.video.n_frames == 0:
            raise Refused("not_ready", title=held.video.title)
        fresh, repeated = _sort_out(held, expert, [parsing.parse(body, context) for body in ops])
        _check_base(held, base, fresh, repeated)
        batch = _Batch(held, fresh)
        decisions = [batch.take(op, context) for op in fresh]
        _append(held, expert, fresh, decisions)
        batch.write()
        applied = batch.result([*fresh, *repeated])
        applied.skipped = [op.id for op in repeated]
    lane.version, lane.complete = applied.lane_version, applied.complete
    return applied


def _sort_out(lane: Lane, expert: User, ops: list[Op]) -> tuple[list[Op], list[Op]]:
    """(operations not yet known, operations that arrived before), each in order; Refused op_reused{id}."""
    known = Decision.objects.in_bulk([op.id for op in ops])
    fresh: dict[uuid.UUID, Op] = {}
    repeated: list[Op] = []
    for op in ops:
        old, twin = known.get(op.id), fresh.get(op.id)
        if old is None and twin is None:
            fresh[op.id] = op
        elif old is not None and (old.lane_id, old.expert_id) == (lane.pk, expert.pk) and op.same_as(old):
            repeated.append(op)
        elif twin is None or _body(twin) != _body(op):
            raise Refused("op_reused", id=str(op.id))
    return list(fresh.values()), repeated


def _body(op: Op) -> tuple[Any, ...]:
    return op.kind, op.stroke, op.suggestion, op.data, op.undoes, op.step, op.via


def _check_base(lane: Lane, base: int | None, fresh: list[Op], repeated: list[Op]) -> None:
    if base is None or not fresh or base == lane.version:
        return
    since = set(Decision.objects.filter(lane=lane, number__gt=base).values_list("pk", flat=True))
    if base > lane.version or not since <= {op.id for op in repeated}:
        raise Conflict("stale", version=lane.version)


def _append(lane: Lane, expert: User, ops: list[Op], befores: list[dict[str, Any]]) -> None:
    """Put the operations at the end of the log; the version is compared and swapped."""
    if not ops:
        return
    new = lane.version + len(ops)
    if not Lane.objects.filter(pk=lane.pk, version=lane.version).update(version=new):
        raise Conflict("stale", version=lane.version)
    Decision.objects.bulk_create(
        [
            Decision(
                id=op.id, lane=lane, number=lane.version + place, kind=op.kind, stroke=op.stroke,
                suggestion_id=op.suggestion, data=op.data, before=before, undoes=op.undoes, step=op.step, via=op.via,
                expert=expert, seconds=op.seconds, at=op.at,
            )
            for place, (op, before) in enumerate(zip(ops, befores, strict=True), start=1)
        ],
        batch_size=500,
    )  # fmt: skip
    lane.version = new


class _Batch:
    """The part of a lane's state that a batch touches: loaded, stepped, written."""

    def __init__(self, lane: Lane, ops: list[Op]) -> None:
        self.lane = lane
        self.touched = {op.stroke for op in ops if op.stroke}
        self.judged = {op.suggestion for op in ops if op.suggestion}
        new = [op.stroke for op in ops if op.kind in (Kind.ADD, Kind.ACCEPT)]
        self.frames = {op.data["frame"] for op in ops if op.kind == Kind.ROI}
        self.state = records.State(complete=lane.complete)
        if self.touched or self.judged:
            self._load_strokes()
        for frame, x, y in lane.roi_corrections.filter(frame__in=self.frames).values_list("frame", "x", "y"):
            self.state.roi[frame] = (x, y)
        makers = Decision.objects.filter(stroke__in=new, kind__in=[Kind.ADD, Kind.ACCEPT])
        self.made: dict[uuid.UUID | None, set[tuple[int, str, uuid.UUID | None]]] = {}
        for stroke, lane_id, kind, suggestion in makers.values_list("stroke", "lane_id", "kind", "suggestion_id"):
            self.made.setdefault(stroke, set()).add((lane_id, kind, suggestion))
        self._load_removed([op.stroke for op in ops if op.kind == Kind.RESTORE and op.stroke])
        wanted = self.judged | {m.suggestion for m in self.state.strokes.values() if m.suggestion}
        wanted |= {m.suggestion for m in self.state.removed.values() if m.suggestion}
        in_video = Suggestion.objects.filter(video=lane.video_id, pk__in=wanted).values_list("pk", flat=True)
        self.proposals = records.proposals_of(in_video)

    def _load_strokes(self) -> None:
        rows = self.lane.strokes.select_related("player")
        found = rows.filter(pk__in=self.touched) | rows.filter(suggestion__in=self.judged)
        self.state.strokes = {row.pk: records.mark_of(row) for row in found}
        verdicts = self.lane.verdicts.filter(suggestion__in=self.judged)
        self.state.verdicts = dict(verdicts.values_list("suggestion_id", "accepted"))

    def _load_removed(self, strokes: list[uuid.UUID]) -> None:
        """What RESTORE would bring back: the last removal of each, unless its suggestion was opened again since."""
        gone = [key for key in strokes if key not in self.state.strokes]
        log = Decision.objects.filter(lane=self.lane)
        for entry in log.filter(stroke__in=gone, kind=Kind.REMOVE).order_by("number"):
            mark = records.Mark.from_json(entry.before)
            later = log.filter(number__gt=entry.number, kind=Kind.REOPEN, suggestion=mark.suggestion)
            assert entry.stroke is not None
            self.state.removed.pop(entry.stroke, None)
            if mark.suggestion is None or not later.exists():
                self.state.removed[entry.stroke] = mark

    def take(self, op: Op, context: Context) -> dict[str, Any]:
        """Check `op` against the state as it is now, do it, and return what was there before."""
        self._check(op, context.video)
        if op.kind == Kind.REOPEN:
            self.touched |= {k for k, mark in self.state.strokes.items() if mark.suggestion == op.suggestion}
        return records.step(self.state, op, self.proposals)

    def _check(self, op: Op, video: Video) -> None:
        if op.kind in (Kind.CHANGE, Kind.REMOVE) and op.stroke not in self.state.strokes:
            raise Refused("unknown_stroke", stroke=str(op.stroke))
        if op.kind == Kind.RESTORE and op.stroke not in self.state.removed:
            raise Refused("unknown_stroke", stroke=str(op.stroke))
        if op.kind in (Kind.ADD, Kind.ACCEPT):
            self._check_new(op)
        if op.kind in parsing.SUGGESTION_KINDS:
            self._check_suggestion(op)
        if op.kind == Kind.CHANGE:
            assert op.stroke is not None
            mark = self.state.strokes[op.stroke]
            parsing.check_bounds(op.data.get("begin", mark.begin), op.data.get("end", mark.end), video)
        if op.kind == Kind.ACCEPT:
            assert op.suggestion is not None
            begin, end, _ = self.proposals[op.suggestion]
            parsing.check_bounds(op.data.get("begin", begin), op.data.get("end", end), video)

    def _check_new(self, op: Op) -> None:
        """A new stroke's id must be new; only ACCEPT may bring back an id that REOPEN took away."""
        taken_back = {(self.lane.pk, Kind.ACCEPT, op.suggestion)} if op.kind == Kind.ACCEPT else set()
        used = self.made.get(op.stroke, set())
        if op.stroke in self.state.strokes or op.stroke in self.state.removed or used - taken_back:
            raise Refused("bad_op", field="stroke")

    def _check_suggestion(self, op: Op) -> None:
        assert op.suggestion is not None
        if op.suggestion not in self.proposals:
            raise Refused("unknown_suggestion", suggestion=str(op.suggestion))
        verdict = self.state.verdicts.get(op.suggestion)
        allowed = {Kind.ACCEPT: (None, False), Kind.REJECT: (None,), Kind.REOPEN: (True, False)}[Kind(op.kind)]
        if verdict not in allowed:
            raise Refused("already_decided", suggestion=str(op.suggestion))

    def write(self) -> None:
        """Write the rows that the batch changed."""
        state, lane = self.state, self.lane
        lane.strokes.filter(pk__in=[key for key in self.touched if key not in state.strokes]).delete()
        records.write(lane, {key: state.strokes[key] for key in self.touched if key in state.strokes})
        lane.verdicts.filter(suggestion__in=self.judged - set(state.verdicts)).delete()
        Verdict.objects.bulk_create(
            [Verdict(lane=lane, suggestion_id=key, accepted=value) for key, value in state.verdicts.items()],
            batch_size=500, update_conflicts=True, update_fields=["accepted"], unique_fields=["lane", "suggestion"],
        )  # fmt: skip
        if self.frames:
            lane.roi_corrections.filter(frame__in=self.frames).delete()
            boxes = [RoiCorrection(lane=lane, frame=frame, x=x, y=y) for frame, (x, y) in state.roi.items()]
            RoiCorrection.objects.bulk_create(boxes)
            Video.objects.filter(pk=lane.video_id).update(roi_version=F("roi_version") + 1)
        if lane.complete != state.complete:
            Lane.objects.filter(pk=lane.pk).update(complete=state.complete)
            lane.complete = state.complete

    def result(self, ops: Iterable[Op]) -> Applied:
        """What a browser that sent `ops` (new and repeated) must know."""
        asked = [op for op in ops]
        ids = self.touched | {op.stroke for op in asked if op.stroke}
        rows = list(self.lane.strokes.select_related("player").filter(pk__in=ids))
        judged = {op.suggestion for op in asked if op.suggestion}
        verdicts = dict(self.lane.verdicts.filter(suggestion__in=judged).values_list("suggestion_id", "accepted"))
        return Applied(
            lane_version=self.lane.version,
            complete=self.lane.complete,
            strokes=rows,
            removed=sorted(ids - {row.pk for row in rows}, key=str),
            verdicts={key: verdicts.get(key) for key in judged},
            roi_changed=bool(self.frames),
        )
