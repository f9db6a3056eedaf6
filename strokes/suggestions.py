"""Suggestions: what a run or motion alone proposes. In a table of their own; they never touch an expert's rows."""

from __future__ import annotations

import math
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, ExpressionWrapper, F, IntegerField, OuterRef, QuerySet
from django.db.models.functions import Greatest, Least

from mlcore import formats
from strokes import taxonomy
from strokes.errors import Refused
from strokes.models import Lane, Run, Stroke, Suggestion, Verdict, Video

BATCH = 500


def store(*, video: Video, run: Run | None, file: formats.Suggestions) -> int:
    """Store what `run` (None: motion) proposes for `video`; older suggestions are no longer current. Returns how many.

    Nothing an expert decided changes: decided suggestions keep their verdicts. Refused: blind_video{title}; and
    bad_suggestions{reason} if the file is of another run, leaves the video, or names a class not in the taxonomy.
    """
    rows = [_row(video, run, stroke) for stroke in file.strokes]
    if file.run != (str(run.pk) if run else ""):
        raise Refused("bad_suggestions", reason="it was made by another run")
    with transaction.atomic():
        if Video.objects.values_list("blind", flat=True).get(pk=video.pk):
            raise Refused("blind_video", title=video.title)
        Suggestion.objects.filter(video=video, current=True).update(current=False)
        Suggestion.objects.bulk_create(rows, batch_size=BATCH)
    return len(rows)


def open_for(lane: Lane) -> QuerySet[Suggestion]:
    """What this expert still has to decide: current, without a verdict of theirs, and not answered already.

    Answered already: a stroke of the lane overlaps it with temporal IoU of at least 0.5, or they rejected an earlier
    suggestion of the same move there. So a new run does not ask again what was decided before.
    """
    strokes = _alike(Stroke.objects.filter(lane=lane), "begin", "end")
    no = Verdict.objects.filter(lane=lane, accepted=False, suggestion__move=OuterRef("move"))
    return (
        Suggestion.objects.filter(video=lane.video_id, current=True, video__blind=False)
        .exclude(Exists(Verdict.objects.filter(lane=lane, suggestion=OuterRef("pk"))))
        .exclude(Exists(strokes))
        .exclude(Exists(_alike(no, "suggestion__begin", "suggestion__end")))
        .order_by("begin", "end")
    )


def open_to(expert: User) -> QuerySet[Suggestion]:
    """The rule of `open_for`, for all lanes of one expert at once."""
    here = {"lane__expert": expert, "lane__video": OuterRef("video")}
    verdicts = Verdict.objects.filter(**here)
    no = verdicts.filter(accepted=False, suggestion__move=OuterRef("move"))
    return (
        Suggestion.objects.filter(current=True, video__blind=False, video__practice=False)
        .exclude(Exists(verdicts.filter(suggestion=OuterRef("pk"))))
        .exclude(Exists(_alike(Stroke.objects.filter(**here), "begin", "end")))
        .exclude(Exists(_alike(no, "suggestion__begin", "suggestion__end")))
    )


def _alike(rows: QuerySet[Any], begin: str, end: str) -> QuerySet[Any]:
    """Rows whose interval has temporal IoU >= 0.5 with the outer one: 3 * intersection >= sum of both lengths."""
    whole = IntegerField()
    first, last = (ExpressionWrapper(OuterRef(name), output_field=whole) for name in ("begin", "end"))
    shared = Least(F(end), last, output_field=whole) - Greatest(F(begin), first, output_field=whole)
    lengths = F(end) - F(begin) + last - first
    found: QuerySet[Any] = rows.annotate(
        shared=ExpressionWrapper(shared * 3, output_field=whole),
        lengths=ExpressionWrapper(lengths, output_field=whole),
    ).filter(shared__gte=F("lengths"))
    return found


def _row(video: Video, run: Run | None, stroke: formats.SuggestedStroke) -> Suggestion:
    if not 0 <= stroke.begin < stroke.end <= video.n_frames:
        raise Refused("bad_suggestions", reason=f"[{stroke.begin}, {stroke.end}) lies outside the video")
    if not all(math.isfinite(score) for score in (stroke.score, *(score for _, score in stroke.top))):
        raise Refused("bad_suggestions", reason="a score is not a number")
    if stroke.move and not taxonomy.is_full(video.taxonomy, stroke.move):
        raise Refused("bad_suggestions", reason=f"“{stroke.move}” is not a class of {video.taxonomy.name}")
    return Suggestion(
        video=video, run=run, begin=stroke.begin, end=stroke.end, move=stroke.move, score=stroke.score,
        top=[[move, score] for move, score in stroke.top],
    )  # fmt: skip
