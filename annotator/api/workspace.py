"""All that the workspace shows of one video, and the decisions it sends."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Count, Max
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotator import plans
from annotator.access import person, video_or_404, visible_videos
from annotator.api import Endpoint, shapes
from annotator.api.serializers import HistoryQuery, HistoryShown, Ops, Problem, Saved, WorkspaceShown
from annotator.api.videos import listed
from annotator.messages import problem
from mlcore import formats
from strokes import answers, decisions, history, preferences, records, registry, suggestions, taxonomy
from strokes.errors import Conflict, Refused
from strokes.models import Lane, Run, Suggestion, Video

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


@dataclass
class _Seen:
    """What the workspace of one video shows one person, as far as it is cheap to ask."""

    user: User
    video: Video
    shown: dict[str, Any]  # the video as JSON
    lane: Lane | None
    run: Run | None
    preferences: dict[str, Any]

    @property
    def version(self) -> int:
        return self.lane.version if self.lane else 0

    @property
    def around(self) -> str:
        """Tells whether anything but the lane is another than at the last look."""
        rest = {name: value for name, value in self.shown.items() if name != "mine"}
        proposed = self.video.suggestions.filter(current=True).aggregate(n=Count("pk"), latest=Max("created"))
        run = (self.run.pk, self.run.state) if self.run else None
        parts = [self.user.pk, rest, proposed, run, self.video.prepared_key, self.video.roi_version, self.video.taxonomy_id, self.preferences]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _seen(user: User, pk: UUID) -> _Seen:
    video_or_404(user, pk)
    video = listed(visible_videos(user).filter(pk=pk), user)[0]
    lane = Lane.objects.filter(video=video, expert=user).first()
    return _Seen(user, video, shapes.video(video), lane, registry.current(video.taxonomy), preferences.get(user=user))


def state(user: User, pk: UUID) -> dict[str, Any]:
    """The workspace of one video for this person. Reading makes no lane: an expert's first decision does."""
    return _state(_seen(user, pk))


def _state(seen: _Seen) -> dict[str, Any]:
    video, shown, lane, run = seen.video, seen.shown, seen.lane, seen.run
    folder = Path(settings.MEDIA_ROOT) / str(video.pk)
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
        **_page(lane),
        "run": {"number": run.number, "state": run.state} if run else None,
        "user": shapes.person(seen.user),
        "preferences": seen.preferences,
        "around": seen.around,
    }


def _page(lane: Lane | None, before: int | None = None) -> dict[str, Any]:
    """A page of the lane's log, newest first, with the suggestions it decided: what undo needs after a reload."""
    page = history.page(lane=lane, before=before)
    return {
        "history": [shapes.decision(row) for row in page.entries],
        "decided": [shapes.decided(row, accepted) for row, accepted in page.decided],
        "more": page.more,
    }


def version_in(header: str | None) -> int:
    """The lane version in an If-Match header. Refused("version_missing") without one that can be read."""
    match = VERSION.fullmatch((header or "").strip())
    if match is None:
        raise Refused("version_missing")
    return int(match[1])


def key_in(header: str | None) -> UUID | None:
    """The Idempotency-Key of a request, if it has one. Refused("bad_key") when it is no UUID."""
    if header is None:
        return None
    try:
        return UUID(header.strip().strip('"'))
    except ValueError:
        raise Refused("bad_key") from None


class Workspace(Endpoint):
    @extend_schema(
        parameters=[OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER)], responses={200: WorkspaceShown, 304: None}
    )
    def get(self, request: Request, pk: UUID) -> Response:
        """All of it, or 304 for whoever knows it: the tag is made of the lane's version and `around`, which the page has both."""
        user = person(request)
        seen = _seen(user, pk)
        tag = f'"{seen.version}-{seen.around}"'
        if request.headers.get("If-None-Match") == tag:
            return Response(status=304, headers={"ETag": tag})
        return Response(_state(seen), headers={"ETag": tag})


class History(Endpoint):
    @extend_schema(parameters=[HistoryQuery], responses=HistoryShown)
    def get(self, request: Request, pk: UUID) -> Response:
        user, video = person(request), video_or_404(request.user, pk)
        asked = HistoryQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        lane = Lane.objects.filter(video=video, expert=user).first()
        return Response(_page(lane, asked.validated_data.get("before")))


class Decisions(Endpoint):
    @extend_schema(
        parameters=[
            OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, required=True),
            OpenApiParameter("Idempotency-Key", UUID, OpenApiParameter.HEADER),
        ],
        request=Ops,
        responses={200: Saved, 400: Problem, 401: Problem, 412: Problem, 422: Problem, 428: Problem},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        user, video = person(request), video_or_404(request.user, pk)
        base, key = version_in(request.headers.get("If-Match")), key_in(request.headers.get("Idempotency-Key"))
        wanted = Ops(data=request.data)
        wanted.is_valid(raise_exception=True)
        ops: list[dict[str, Any]] = dict(request.data)["ops"]  # as sent: the domain reads every field itself
        if wanted.validated_data.get("user", user.pk) != user.pk:
            raise Refused("other_person", name=user.get_username())
        try:
            asked = _hash(pk, base, request.data)
            return Response(answers.once(user=user, key=key, request=asked, work=lambda: _decide(user, video, ops, base)))
        except Conflict as conflict:
            return Response(problem(conflict.code, conflict.params, state=state(user, pk)), status=412)


def _hash(pk: UUID, base: int, body: Any) -> str:
    """What a request asks, in 64 letters: two are the same if they say the same of the same video and version."""
    return hashlib.sha256(json.dumps([str(pk), base, body], sort_keys=True).encode()).hexdigest()


def _decide(user: User, video: Video, ops: list[dict[str, Any]], base: int) -> dict[str, Any]:
    lane = records.lane(video=video, expert=user)
    applied = decisions.apply(lane=lane, expert=user, ops=ops, base=base)
    if applied.roi_changed:
        plans.roi_changed(video)
    return _saved(applied)


def _saved(applied: decisions.Applied) -> dict[str, Any]:
    """`strokes` are those the batch touched, as they now are; `removed` those of them that are gone."""
    return {
        "version": applied.lane_version,
        "complete": applied.complete,
        "strokes": [shapes.stroke(row) for row in applied.strokes],
        "removed": [str(pk) for pk in applied.removed],
        "verdicts": [{"suggestion": str(pk), "accepted": value} for pk, value in applied.verdicts.items()],
        "saved_at": applied.saved_at.isoformat(),
    }
