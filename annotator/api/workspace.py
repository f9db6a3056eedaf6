"""All that the workspace shows of one video, and the decisions it sends."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotator import jobs
from annotator.access import person, video_or_404, visible_videos
from annotator.api import Endpoint, shapes
from annotator.api.serializers import Ops, Problem, Saved, WorkspaceShown
from annotator.api.videos import listed
from annotator.messages import problem
from mlcore import formats
from strokes import decisions, preferences, records, registry, suggestions, taxonomy
from strokes.errors import Conflict, Refused
from strokes.models import Lane, Suggestion, Video

HISTORY = 200
VERSION = re.compile(r'(?:W/)?"(\d{1,9})"', re.ASCII)


def _file(read: Any, path: Path) -> dict[str, Any] | None:
    """The body of a file made by a step, or None while it is not there."""
    try:
        body: dict[str, Any] = read(path).body()
    except FileNotFoundError:
        return None
    return body


def _open_suggestions(video: Video, lane: Lane | None) -> list[Suggestion]:
    """What this person has still to decide. Without a lane nothing is decided yet."""
    if lane is None:
        rows = video.suggestions.filter(current=True, video__blind=False)
    else:
        rows = suggestions.open_for(lane)
    return list(rows.select_related("run"))


def state(user: User, pk: UUID) -> dict[str, Any]:
    """The workspace of one video for this person. Reading makes no lane: an expert's first decision does."""
    video_or_404(user, pk)
    video = listed(visible_videos(user).filter(pk=pk), user)[0]
    lane = Lane.objects.filter(video=video, expert=user).first()
    folder = Path(settings.MEDIA_ROOT) / str(video.pk)
    run = registry.current(video.taxonomy)
    shown = shapes.video(video)
    return {
        "video": shown,
        "taxonomy": taxonomy.as_file(video.taxonomy).body(),
        "lane": {"version": lane.version if lane else 0, "complete": bool(lane and lane.complete)},
        "strokes": [shapes.stroke(row) for row in lane.strokes.select_related("player")] if lane else [],
        "suggestions": [shapes.suggestion(row) for row in _open_suggestions(video, lane)],
        "roi": list(lane.roi_corrections.values("frame", "x", "y")) if lane else [],
        "roi_track": _file(formats.RoiTrack.read, folder / "prepared" / video.prepared_key / "roi.json")
        if video.prepared_key
        else None,
        "motion": _file(formats.MotionStrip.read, folder / "motion.json"),
        "players": shown["players"],
        "history": [shapes.decision(row) for row in lane.decisions.order_by("-number")[:HISTORY]] if lane else [],
        "run": {"number": run.number, "state": run.state} if run else None,
        "user": shapes.person(user),
        "preferences": preferences.get(user=user),
    }


def version_in(header: str | None) -> int:
    """The lane version in an If-Match header. Refused("version_missing") without one that can be read."""
    match = VERSION.fullmatch((header or "").strip())
    if match is None:
        raise Refused("version_missing")
    return int(match[1])


class Workspace(Endpoint):
    @extend_schema(responses=WorkspaceShown)
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(state(person(request), pk))


class Decisions(Endpoint):
    @extend_schema(
        parameters=[OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, required=True)],
        request=Ops,
        responses={200: Saved, 400: Problem, 412: Problem, 428: Problem},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        user, video = person(request), video_or_404(request.user, pk)
        base = version_in(request.headers.get("If-Match"))
        wanted = Ops(data=request.data)
        wanted.is_valid(raise_exception=True)
        ops: list[dict[str, Any]] = dict(request.data)["ops"]  # as sent: the domain reads every field itself
        lane = records.lane(video=video, expert=user)
        try:
            applied = decisions.apply(lane=lane, expert=user, ops=ops, base=base)
        except Conflict as conflict:
            return Response(problem(conflict.code, conflict.params, state=state(user, pk)), status=412)
        if applied.roi_changed:
            jobs.roi_changed(video)
        return Response(_saved(applied))


def _saved(applied: decisions.Applied) -> dict[str, Any]:
    """`strokes` are those the batch touched, as they now are; `removed` those of them that are gone."""
    return {
        "version": applied.lane_version,
        "complete": applied.complete,
        "strokes": [shapes.stroke(row) for row in applied.strokes],
        "removed": [str(pk) for pk in applied.removed],
        "verdicts": [{"suggestion": str(pk), "accepted": value} for pk, value in applied.verdicts.items()],
        "saved_at": applied.saved_at,
    }
