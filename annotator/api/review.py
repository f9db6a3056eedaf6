"""Other people's lanes over one video, for whoever may see them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.access import admin, person, video_or_404
from annotator.api import Endpoint, shapes
from annotator.api.serializers import LanesShown, Problem
from strokes import review
from strokes.models import Lane, Video


def lanes(user: User, video: Video) -> dict[str, Any]:
    """The lanes of the others and the consensus, as this person may see them."""
    found = review.others(video=video, expert=user, admin=admin(user))
    return {
        "lanes": [{"expert": shapes.person(lane.expert), **_lane(lane)} for lane in found if lane.expert],
        "consensus": next((_lane(lane) for lane in found if lane.expert is None), None),
        "admin": admin(user),
    }


def _lane(lane: Lane) -> dict[str, Any]:
    strokes = [shapes.stroke(row) for row in lane.strokes.all()]
    return {"version": lane.version, "complete": lane.complete, "strokes": strokes}


class Lanes(Endpoint):
    @extend_schema(responses={200: LanesShown, 403: Problem})
    def get(self, request: Request, pk: UUID) -> Response:
        user, video = person(request), video_or_404(request.user, pk)
        return Response(lanes(user, video))
