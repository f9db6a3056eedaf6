"""The practice video: how far somebody is with the tour, their score, beginning again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.access import person, video_or_404
from annotator.api import Endpoint
from annotator.api.help_serializers import PracticeChange, PracticeScore, PracticeShown
from annotator.api.serializers import Problem
from strokes import practice
from strokes.models import Practice


def shown(row: Practice) -> dict[str, Any]:
    return {"steps": row.steps, "skipped": row.skipped, "tries": row.tries, "best": row.best, "finished": row.finished}


class Tour(Endpoint):
    @extend_schema(responses=PracticeShown)
    def get(self, request: Request) -> Response:
        return Response(shown(practice.of(person(request))))

    @extend_schema(request=PracticeChange, responses=PracticeShown)
    def patch(self, request: Request) -> Response:
        wanted = PracticeChange(data=request.data)
        wanted.is_valid(raise_exception=True)
        return Response(shown(practice.tick(expert=person(request), **wanted.validated_data)))


class Score(Endpoint):
    @extend_schema(request=None, responses={200: PracticeScore, 409: Problem})
    def post(self, request: Request, pk: UUID) -> Response:
        """Compare one's own marks with the truth."""
        return Response(practice.score(video=video_or_404(request.user, pk), expert=person(request)))


class Restart(Endpoint):
    @extend_schema(request=None, responses={200: PracticeShown, 409: Problem})
    def post(self, request: Request, pk: UUID) -> Response:
        """Empty one's own lane of the practice video and begin the tour anew."""
        user = person(request)
        practice.restart(video=video_or_404(request.user, pk), expert=user)
        return Response(shown(practice.of(user)))
