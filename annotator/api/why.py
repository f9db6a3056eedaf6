"""Why a suggestion: the clip that the network saw, made on demand, and how far that is."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotator import media
from annotator.access import members_only, video_or_404
from annotator.api import Endpoint, shapes
from annotator.api.help_serializers import WhyShown
from strokes import videos, why
from strokes.models import Job, Suggestion, Video

NAME = re.compile(r"[0-9a-f-]{36}-[0-9a-f-]{36}(-still)?\.webp", re.ASCII)


def _suggestion(video: Video, pk: UUID) -> Suggestion:
    """A suggestion that may be shown: none on a blind video."""
    found = Suggestion.objects.select_related("run").filter(pk=pk, video=video, video__blind=False).first()
    if found is None:
        raise Http404
    return found


def answer(video: Video, row: Suggestion) -> dict[str, Any]:
    shown: dict[str, Any] = {"state": "ready", "progress": 1.0, "waiting": False, "message": "", "seen": None, "clip": None, "still": None}
    seen = why.found(video, row) if row.run_id else None
    if seen:
        names = {"clip": ".webp", "still": "-still.webp"}
        address = {key: reverse("why-file", args=[video.pk, f"{row.pk}-{row.run_id}{tail}"]) for key, tail in names.items()}
        return {**shown, **address, "seen": seen.body()}
    asked = why.ask(video, row)
    job: Job | None = asked.get("job")
    if job is None:
        return {**shown, "state": asked["state"]}
    failed = asked["state"] == "failed" and shapes.error(job.error_code or "crashed", job.error_params)
    return {**shown, "state": asked["state"], "progress": job.progress, "waiting": job.state == Job.State.QUEUED,
            "message": failed["message"] if failed else ""}  # fmt: skip


class Why(Endpoint):
    @extend_schema(request=None, responses=WhyShown)
    def post(self, request: Request, pk: UUID, suggestion: UUID) -> Response:
        """Ask for it; ask again until it is ready."""
        video = video_or_404(request.user, pk)
        return Response(answer(video, _suggestion(video, suggestion)))


@members_only
@require_safe
def file(request: HttpRequest, pk: UUID, name: str) -> HttpResponseBase:
    """/media/<video>/why/<suggestion>-<run>.webp, and its still."""
    video = video_or_404(request.user, pk)
    if video.blind or not NAME.fullmatch(name):
        raise Http404
    return media.send(request, videos.folder(video) / "why" / name, "image/webp")
