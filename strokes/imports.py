"""Import of MediaEval XML into an expert's lane: read, shown as a plan, then applied whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import User
from django.db import transaction

from mlcore.formats import Interval
from strokes import decisions, mediaeval, ops, records, taxonomy
from strokes.errors import Refused
from strokes.models import Decision, Lane, Video

Report = dict[str, list[dict[str, Any]]]


def read_mediaeval(xml: bytes, inclusive: bool) -> list[Interval]:
    """The actions of a MediaEval file, half-open; lines with a problem are among them and `plan` reports them.

    Refused: too_big{megabytes}, not_xml{line, reason}, xml_doctype{line}, wrong_root{root}.
    """
    return list(mediaeval.read(xml, inclusive))


def plan(*, video: Video, intervals: Sequence[Interval], expert: User | None = None) -> Report:
    """What importing would do, without doing it.

    Returns {"add": [{line, begin, end, move}], "duplicate": [the same], "refused": [{line, code, params}]}.
    Duplicates are strokes (same begin, end and move) that stand twice in the file or already in the lane of `expert`
    (in the true lane, if None). Codes of refused lines: those of mediaeval.read, beyond_last_frame, end_before_begin,
    unknown_move{move, taxonomy, nearest}. Refused: practice_video.
    """
    if video.practice:
        raise Refused("practice_video")
    lane = Lane.objects.filter(video=video, expert=expert).first() if expert else records.true_lane(video)
    there = set(lane.strokes.values_list("begin", "end", "move")) if lane else set()
    report: Report = {"add": [], "duplicate": [], "refused": []}
    for number, interval in enumerate(intervals, start=1):
        line = getattr(interval, "line", number)
        problem = getattr(interval, "problem", None) or _problem(interval, video)
        if problem:
            params = {"line": line, **problem["params"]}
            report["refused"].append({"line": line, "code": problem["code"], "params": params})
            continue
        key = (interval.begin, interval.end, interval.move)
        entry = {"line": line, "begin": interval.begin, "end": interval.end, "move": interval.move}
        report["duplicate" if key in there else "add"].append(entry)
        there.add(key)
    return report


def apply(
    *, video: Video, expert: User, intervals: Sequence[Interval], complete: bool, skip_bad: bool = False
) -> Report:
    """Add the strokes to the lane of `expert` and say whether every stroke is marked; returns the report of `plan`.

    Nothing is applied if a line is refused, unless `skip_bad`. Refused: bad_lines{count, lines}; not_ready{title}.
    """
    if not isinstance(complete, bool):
        raise Refused("bad_op", field="complete")
    with transaction.atomic():
        lane = records.lane(video=video, expert=expert)
        report = plan(video=video, intervals=intervals, expert=expert)
        if report["refused"] and not skip_bad:
            raise Refused("bad_lines", count=len(report["refused"]), lines=report["refused"])
        step = uuid4()  # an import is undone as one
        batch = [{**_add(entry), "step": step} for entry in report["add"]]
        if lane.complete != complete:
            batch.append({"id": uuid4(), "kind": Decision.Kind.COMPLETE, "data": {"value": complete}, "step": step})
        decisions.apply(lane=lane, expert=expert, ops=batch, base=None)
    return report


def _add(entry: Mapping[str, Any]) -> dict[str, Any]:
    data = {"begin": entry["begin"], "end": entry["end"], "move": entry["move"], "source": "imported"}
    return {"id": uuid4(), "kind": Decision.Kind.ADD, "stroke": uuid4(), "data": data}


def _problem(interval: Interval, video: Video) -> dict[str, Any] | None:
    try:
        ops.check_bounds(interval.begin, interval.end, video)
        taxonomy.check(video.taxonomy, interval.move)
    except Refused as error:
        return {"code": error.code, "params": error.params}
    return None
