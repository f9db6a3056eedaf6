"""Other people's lanes over one video, for whoever may see them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.access import IsAdmin, admin, person, video_or_404
from annotator.api import Endpoint, shapes
from annotator.api.serializers import LanesShown, Ops, Problem
from annotator.api.workspace import version_in
from annotator.messages import problem
from strokes import consensus, review
from strokes.errors import Conflict
from strokes.models import Lane, Video


def lanes(user: User, video: Video) -> dict[str, Any]:
    """The lanes of the others and the consensus, as this person may see them."""
    found = review.others(video=video, expert=user, admin=admin(user))
    return {
        "lanes": [{"expert": shapes.person(lane.expert), **_lane(lane)} for lane in found if lane.expert],
        "consensus": next((_consensus(lane, user) for lane in found if lane.expert is None), None),
        "admin": admin(user),
    }


def _lane(lane: Lane) -> dict[str, Any]:
    strokes = [shapes.stroke(row) for row in lane.strokes.all()]
    return {"version": lane.version, "complete": lane.complete, "strokes": strokes}


def _consensus(lane: Lane, user: User) -> dict[str, Any]:
    """The consensus, and what this person decided in it, oldest first."""
    return {**_lane(lane), "log": [shapes.decision(row) for row in consensus.steps(lane=lane, by=user)]}


class Lanes(Endpoint):
    @extend_schema(responses={200: LanesShown, 403: Problem})
    def get(self, request: Request, pk: UUID) -> Response:
        user, video = person(request), video_or_404(request.user, pk)
        return Response(lanes(user, video))


class BeginConsensus(Endpoint):
    permission_classes = [IsAdmin]

    @extend_schema(request=None, responses={200: LanesShown, 409: Problem})
    def post(self, request: Request, pk: UUID) -> Response:
        user, video = person(request), video_or_404(request.user, pk)
        consensus.start(video=video, by=user)
        return Response(lanes(user, video))


class Consensus(Endpoint):
    permission_classes = [IsAdmin]

    @extend_schema(
        parameters=[OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, required=True)],
        request=Ops,
        responses={200: LanesShown, 400: Problem, 409: Problem, 412: Problem, 428: Problem},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        user, video = person(request), video_or_404(request.user, pk)
        base = version_in(request.headers.get("If-Match"))
        Ops(data=request.data).is_valid(raise_exception=True)
        ops: list[dict[str, Any]] = dict(request.data)["ops"]  # as sent: the domain reads every field itself
        try:
            consensus.decide(video=video, by=user, ops=ops, base=base)
        except Conflict as conflict:
            return Response(problem(conflict.code, conflict.params, state=lanes(user, video)), status=412)
        return Response(lanes(user, video))
