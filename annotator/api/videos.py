"""Videos: the list with progress, one video, its title and players."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Count, F, IntegerField, OuterRef, Prefetch, QuerySet, Subquery
from django.db.models.functions import Coalesce
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.access import IsAdmin, person, video_or_404, visible_videos
from annotator.api import Endpoint, shapes
from annotator.api.serializers import DeleteQuery, LibraryQuery, NextQuery, NextShown, Problem, VideoChange, VideoShown
from strokes import catalogue, suggestions, videos
from strokes.models import Appearance, Lane, Stroke, Video


def _count(rows: QuerySet[Any], by: str) -> Coalesce:
    counted = rows.order_by().values(by).annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


def listed(rows: QuerySet[Video], user: User) -> list[Video]:
    """`rows` with all that shapes.video shows, in as many queries for a hundred videos as for one."""
    mine = Lane.objects.filter(video=OuterRef("pk"), expert=user)
    found: list[Any] = list(
        rows.select_related("taxonomy")
        .prefetch_related(
            Prefetch("appearance_set", Appearance.objects.select_related("player").order_by("pk")),
            Prefetch("jobs", catalogue.open_jobs(), to_attr="open_jobs"),
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


def in_order(rows: QuerySet[Video], chosen: Sequence[catalogue.Entry], user: User) -> list[Video]:
    """The videos of some entries of the catalogue, in their order, with all that shapes.video shows."""
    by_pk = {video.pk: video for video in listed(rows.filter(pk__in=[entry.pk for entry in chosen]), user)}
    return [by_pk[entry.pk] for entry in chosen if entry.pk in by_pk]


def one(user: User, pk: UUID) -> dict[str, Any]:
    """The JSON of one video that this person may see."""
    video_or_404(user, pk)
    return shapes.video(listed(visible_videos(user).filter(pk=pk), user)[0])


def wanted(query: LibraryQuery) -> catalogue.Wanted:
    """What a checked query looks for."""
    known = {name: query.validated_data[name] for name in ("state", "player", "taxonomy", "blind", "q", "sort")}
    return catalogue.Wanted(**known)


class Videos(Endpoint):
    @extend_schema(parameters=[LibraryQuery], responses=VideoShown(many=True))
    def get(self, request: Request) -> Response:
        user, rows = person(request), visible_videos(request.user)
        query = LibraryQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        if ids := query.validated_data["ids"]:
            return Response([shapes.video(video) for video in listed(rows.filter(pk__in=ids), user)])
        found = catalogue.entries(rows, user, named=wanted(query).named)
        chosen = catalogue.chosen(catalogue.fitting(found, wanted(query)), wanted(query))
        if page := query.validated_data["page"]:
            chosen = chosen[(page - 1) * catalogue.PAGE : page * catalogue.PAGE]
        return Response([shapes.video(video) for video in in_order(rows, chosen, user)])


class NextVideo(Endpoint):
    @extend_schema(parameters=[NextQuery], responses=NextShown)
    def get(self, request: Request) -> Response:
        query = NextQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        user, rows = person(request), visible_videos(request.user)
        waiting = [e for e in catalogue.to_do(catalogue.entries(rows, user, named=False)) if e.pk != query.validated_data.get("after")]
        videos_ = in_order(rows, waiting[:1], user)
        return Response({"video": shapes.video(videos_[0]) if videos_ else None, "waiting": len(waiting)})


class OneVideo(Endpoint):
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


class TryAgain(Endpoint):
    @extend_schema(request=None, responses=VideoShown)
    def post(self, request: Request, pk: UUID) -> Response:
        videos.try_again(video=video_or_404(request.user, pk), user=person(request))
        return Response(one(person(request), pk))
