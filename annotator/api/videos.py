"""Videos: the list with progress, one video, its title and players."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Count, Exists, F, IntegerField, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.access import IsAdmin, IsMember, person, video_or_404, visible_videos
from annotator.api import Endpoint, shapes
from annotator.api.serializers import DeleteQuery, Problem, VideoChange, VideoShown
from strokes import suggestions, videos
from strokes.models import Appearance, Job, Lane, Stroke, Video

ACTIVE = (Job.State.QUEUED, Job.State.RUNNING)


def _count(rows: QuerySet[Any], by: str) -> Coalesce:
    counted = rows.order_by().values(by).annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


def open_jobs() -> QuerySet[Job]:
    """Jobs that wait, run, or failed without a later one of the same kind having come through."""
    later = Job.objects.filter(video=OuterRef("video"), kind=OuterRef("kind"), pk__gt=OuterRef("pk"))
    failed = Q(state=Job.State.FAILED) & ~Exists(later.exclude(state=Job.State.CANCELLED))
    return Job.objects.filter(Q(state__in=ACTIVE) | failed).defer("log", "args")


def listed(rows: QuerySet[Video], user: User) -> list[Video]:
    """`rows` with all that shapes.video shows, in as many queries for a hundred videos as for one."""
    mine = Lane.objects.filter(video=OuterRef("pk"), expert=user)
    found: list[Any] = list(
        rows.select_related("taxonomy")
        .prefetch_related(
            Prefetch("appearance_set", Appearance.objects.select_related("player").order_by("pk")),
            Prefetch("jobs", open_jobs(), to_attr="open_jobs"),
        )
        .annotate(
            my_strokes=_count(Stroke.objects.filter(lane__video=OuterRef("pk"), lane__expert=user), "lane__video"),
            my_complete=Subquery(mine.values("complete")[:1]),
        )
        .order_by(F("created").desc(), "pk")
    )
    open_by_video = Counter(
        suggestions.open_to(user).filter(video__in=[video.pk for video in found]).values_list("video", flat=True)
    )
    for video in found:
        setattr(video, "to_decide", open_by_video[video.pk])  # noqa: B010
    return found


def one(user: User, pk: UUID) -> dict[str, Any]:
    """The JSON of one video that this person may see."""
    video_or_404(user, pk)
    return shapes.video(listed(visible_videos(user).filter(pk=pk), user)[0])


class Videos(Endpoint):
    @extend_schema(responses=VideoShown(many=True))
    def get(self, request: Request) -> Response:
        user = person(request)
        return Response([shapes.video(video) for video in listed(visible_videos(user), user)])


class OneVideo(Endpoint):
    def get_permissions(self) -> list[Any]:
        return [IsAdmin() if self.request.method == "DELETE" else IsMember()]

    @extend_schema(responses=VideoShown)
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(one(person(request), pk))

    @extend_schema(request=VideoChange, responses=VideoShown)
    def patch(self, request: Request, pk: UUID) -> Response:
        video = video_or_404(request.user, pk)
        wanted = VideoChange(data=request.data)
        wanted.is_valid(raise_exception=True)
        videos.edit(video=video, **wanted.validated_data)
        return Response(one(person(request), pk))

    @extend_schema(parameters=[DeleteQuery], responses={204: None, 409: Problem})
    def delete(self, request: Request, pk: UUID) -> Response:
        query = DeleteQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        video = video_or_404(request.user, pk)
        videos.remove(video=video, user=person(request), **query.validated_data)
        return Response(status=204)


class ShowSuggestions(Endpoint):
    permission_classes = [IsAdmin]

    @extend_schema(request=None, responses=VideoShown)
    def post(self, request: Request, pk: UUID) -> Response:
        videos.show_suggestions(video=video_or_404(request.user, pk), user=person(request))
        return Response(one(person(request), pk))
