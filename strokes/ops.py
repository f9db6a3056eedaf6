"""One operation as the workspace sends it: parsed, and refused with a code where it makes no sense."""

from __future__ import annotations

import math
import unicodedata
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from strokes import taxonomy
from strokes.errors import Refused
from strokes.models import Decision, Player, Video

Kind = Decision.Kind
FIELDS = {"id", "kind", "stroke", "suggestion", "data", "undoes", "step", "via", "seconds", "at"}
MARK_FIELDS = {"begin", "end", "move", "player", "note", "unsure"}
DATA_FIELDS: dict[str, set[str]] = {
    Kind.ADD: MARK_FIELDS | {"source"},
    Kind.CHANGE: MARK_FIELDS,
    Kind.ACCEPT: MARK_FIELDS,
    Kind.COMPLETE: {"value"},
    Kind.ROI: {"frame", "x", "y", "remove"},
}
STROKE_KINDS = {Kind.ADD, Kind.CHANGE, Kind.REMOVE, Kind.RESTORE, Kind.ACCEPT}
SUGGESTION_KINDS = {Kind.ACCEPT, Kind.REJECT, Kind.REOPEN}
NOTE_MAX = 500
SECONDS_MAX = 86_400.0


@dataclass
class Op:
    """A parsed operation. `data` holds only known fields of right types; decisions checks it against the lane."""

    id: uuid.UUID
    kind: str
    stroke: uuid.UUID | None = None
    suggestion: uuid.UUID | None = None
    data: dict[str, Any] = field(default_factory=dict)
    undoes: uuid.UUID | None = None
    step: uuid.UUID | None = None
    via: str = ""
    seconds: float = 0.0
    at: datetime = field(default_factory=timezone.now)

    def same_as(self, decision: Decision) -> bool:
        """Whether `decision` is this operation, arrived before."""
        return (self.kind, self.stroke, self.suggestion, self.data, self.undoes, self.step, self.via) == (
            decision.kind, decision.stroke, decision.suggestion_id, decision.data, decision.undoes, decision.step,
            decision.via,
        )  # fmt: skip


@dataclass
class Context:
    """What the values of an operation are checked against: the video, its players, its taxonomy."""

    video: Video
    players: frozenset[str]

    @classmethod
    def of(cls, video: Video) -> Context:
        return cls(video, frozenset(Player.objects.filter(appearance__video=video).values_list("pseudonym", flat=True)))


def parse(body: Mapping[str, Any], context: Context) -> Op:
    """The operation in `body` ({id, kind, stroke?, suggestion?, data?, undoes?, step?, via?, seconds?, at?}).

    Refused: bad_op{field}, end_before_begin, beyond_last_frame{last}, unknown_move{move, taxonomy, nearest},
    unknown_player{player}.
    """
    if not isinstance(body, Mapping):
        raise Refused("bad_op", field="op")
    if extra := set(body) - FIELDS:
        raise Refused("bad_op", field=str(min(extra, key=str))[:40])
    kind = body.get("kind")
    if not isinstance(kind, str) or kind not in Kind.values:
        raise Refused("bad_op", field="kind")
    op = Op(id=_uuid(body, "id", True), kind=kind)  # type: ignore[arg-type]  # required, so never None
    op.stroke = _uuid(body, "stroke", kind in STROKE_KINDS)
    op.suggestion = _uuid(body, "suggestion", kind in SUGGESTION_KINDS)
    op.undoes, op.step = _uuid(body, "undoes", False), _uuid(body, "step", False)
    op.via = _via(body.get("via"))
    op.seconds, op.at = _seconds(body.get("seconds")), _at(body.get("at"))
    op.data = _data(kind, body.get("data"), context)
    return op


def _via(value: Any) -> str:
    """Where it was decided: "" in the workspace, else the share of the stroke queue."""
    if value is None or value in Decision.Via.values:
        return value or ""
    raise Refused("bad_op", field="via")


def check_bounds(begin: int, end: int, video: Video) -> None:
    """Refused end_before_begin{begin, end} or beyond_last_frame{last} unless 0 <= begin < end <= number of frames."""
    if end <= begin:
        raise Refused("end_before_begin", begin=begin, end=end)
    if end > video.n_frames:
        raise Refused("beyond_last_frame", last=video.n_frames - 1)


def _data(kind: str, raw: Any, context: Context) -> dict[str, Any]:
    raw = {} if raw is None else raw
    if not isinstance(raw, Mapping):
        raise Refused("bad_op", field="data")
    if extra := set(raw) - DATA_FIELDS.get(kind, set()):
        raise Refused("bad_op", field=str(min(extra, key=str))[:40])
    data = {name: READERS[name](raw[name], context) for name in sorted(raw)}
    if kind == Kind.ADD and not {"begin", "end"} <= set(data):
        raise Refused("bad_op", field="begin" if "begin" not in data else "end")
    if kind == Kind.CHANGE and not data:
        raise Refused("bad_op", field="data")
    if kind == Kind.COMPLETE and "value" not in data:
        raise Refused("bad_op", field="value")
    if kind == Kind.ROI:
        _check_roi(data)
    if "begin" in data and "end" in data:
        check_bounds(data["begin"], data["end"], context.video)
    return data


def _check_roi(data: dict[str, Any]) -> None:
    needed = {"frame"} if data.get("remove") else {"frame", "x", "y"}
    if missing := needed - set(data):
        raise Refused("bad_op", field=min(missing))
    if data.get("remove") and set(data) != {"frame", "remove"}:
        raise Refused("bad_op", field="remove")


def _uuid(body: Mapping[str, Any], name: str, needed: bool) -> uuid.UUID | None:
    value = body.get(name)
    if isinstance(value, uuid.UUID):
        return value
    if value is None and not needed:
        return None
    try:
        return uuid.UUID(value)
    except (TypeError, ValueError, AttributeError):
        raise Refused("bad_op", field=name) from None


def _seconds(value: Any) -> float:
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise Refused("bad_op", field="seconds")
    return min(float(value), SECONDS_MAX)


def _at(value: Any) -> datetime:
    """When the expert did it, by the browser's clock; never later than now by ours."""
    now = timezone.now()
    if value is None:
        return now
    try:
        moment = value if isinstance(value, datetime) else parse_datetime(value)
    except (TypeError, ValueError):
        moment = None
    if moment is None or timezone.is_naive(moment):
        raise Refused("bad_op", field="at")
    return min(moment, now)


def _frame(name: str) -> Callable[[Any, Context], int]:
    def read(value: Any, context: Context) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise Refused("bad_op", field=name)
        if value > context.video.n_frames - (name == "frame"):
            raise Refused("beyond_last_frame", last=context.video.n_frames - 1)
        return value

    return read


def _move(value: Any, context: Context) -> str:
    if not isinstance(value, str):
        raise Refused("bad_op", field="move")
    taxonomy.check(context.video.taxonomy, value)
    return value


def _player(value: Any, context: Context) -> str | None:
    if value is not None and not isinstance(value, str):
        raise Refused("bad_op", field="player")
    if value and value not in context.players:
        raise Refused("unknown_player", player=value[:80])
    return value or None


def _note(value: Any, context: Context) -> str:
    bad = not isinstance(value, str) or len(value) > NOTE_MAX
    if bad or any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t" for c in value):
        raise Refused("bad_op", field="note")
    return str(value)


def _flag(name: str) -> Callable[[Any, Context], bool]:
    def read(value: Any, context: Context) -> bool:
        if not isinstance(value, bool):
            raise Refused("bad_op", field=name)
        return value

    return read


def _fraction(name: str) -> Callable[[Any, Context], float]:
    def read(value: Any, context: Context) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise Refused("bad_op", field=name)
        return float(value)

    return read


def _source(value: Any, context: Context) -> str:
    if value != "imported":
        raise Refused("bad_op", field="source")
    return str(value)


READERS: dict[str, Callable[[Any, Context], Any]] = {
    "begin": _frame("begin"),
    "end": _frame("end"),
    "frame": _frame("frame"),
    "move": _move,
    "player": _player,
    "note": _note,
    "unsure": _flag("unsure"),
    "value": _flag("value"),
    "remove": _flag("remove"),
    "x": _fraction("x"),
    "y": _fraction("y"),
    "source": _source,
}
