"""Written rules and example loops of a set of classes."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.conf import settings
from django.shortcuts import get_object_or_404
from django.templatetags.static import static
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.access import IsAdmin, IsMember, person, video_or_404
from annotator.api import Endpoint
from annotator.api.help_serializers import ClassesShown, ExampleChange, ExampleGone, RuleChange
from annotator.api.serializers import Problem
from strokes import examples, rules
from strokes.models import Example, Taxonomy

DRAWN = settings.BASE_DIR / "static" / "examples"


@cache
def drawn() -> frozenset[str]:
    """Names of the drawn loops that come with the site."""
    return frozenset(path.name for path in DRAWN.glob("*.mp4"))


def _chosen(row: Example) -> dict[str, Any]:
    return {
        "url": reverse("media", args=[row.video_id, "proxy.mp4"]),
        "drawn": False,
        "begin_s": row.begin_s,
        "end_s": row.end_s,
        "video": str(row.video_id),
        "title": row.video.title,
    }


def classes(taxonomy: Taxonomy) -> dict[str, Any]:
    """Rules and examples: the chosen stroke of a class, else its drawn loop, else nothing."""
    shown: dict[str, Any] = {}
    for move in taxonomy.moves:
        name = str(move["name"]).lower().replace(" ", "-") + ".mp4"
        if name in drawn():
            shown[move["name"]] = {"url": static(f"examples/{name}"), "drawn": True, "begin_s": 0.0, "end_s": None, "video": None, "title": ""}
    shown |= {move: _chosen(row) for move, row in examples.chosen(taxonomy).items()}
    return {"rules": taxonomy.rules, "examples": shown}


class Classes(Endpoint):
    def get_permissions(self) -> list[Any]:
        return [IsAdmin() if self.request.method == "PATCH" else IsMember()]

    @extend_schema(responses=ClassesShown)
    def get(self, request: Request, pk: int) -> Response:
        return Response(classes(get_object_or_404(Taxonomy, pk=pk)))

    @extend_schema(request=RuleChange, responses=ClassesShown)
    def patch(self, request: Request, pk: int) -> Response:
        """Set the written rule about a class, a group or (empty) all strokes."""
        row = get_object_or_404(Taxonomy, pk=pk)
        wanted = RuleChange(data=request.data)
        wanted.is_valid(raise_exception=True)
        rules.write(taxonomy=row, user=person(request), **wanted.validated_data)
        return Response(classes(row))


class Examples(Endpoint):
    @extend_schema(request=ExampleChange, responses={200: ClassesShown, 409: Problem})
    def post(self, request: Request, pk: int) -> Response:
        """Show this stroke as the example of its class."""
        row = get_object_or_404(Taxonomy, pk=pk)
        wanted = ExampleChange(data=request.data)
        wanted.is_valid(raise_exception=True)
        values = dict(wanted.validated_data)
        examples.choose(video=video_or_404(request.user, values.pop("video")), user=person(request), **values)
        return Response(classes(row))

    @extend_schema(request=ExampleGone, responses=ClassesShown)
    def delete(self, request: Request, pk: int) -> Response:
        """Show the drawn loop again."""
        row = get_object_or_404(Taxonomy, pk=pk)
        wanted = ExampleGone(data=request.data)
        wanted.is_valid(raise_exception=True)
        examples.remove(taxonomy=row, move=wanted.validated_data["move"])
        return Response(classes(row))
