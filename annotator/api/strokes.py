"""Strokes found over all videos."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.access import person, visible_videos
from annotator.api import Endpoint, shapes
from annotator.api.serializers import StrokesFound, StrokesQuery
from strokes import finding

ALIASES = {"class": "move", "model_class": "model"}  # as a confusion matrix says it


def wanted_in(params: Any) -> tuple[finding.Wanted, int]:
    """What the query parameters ask for, and which page. Raises the serializer's ValidationError."""
    given = params.copy()
    for alias, name in ALIASES.items():
        for value in given.getlist(alias):
            given.appendlist(name, value)
    query = StrokesQuery(data=given)
    query.is_valid(raise_exception=True)
    values = dict(query.validated_data)
    page = values.pop("page")
    if "video" in values:
        values["video"] = [str(pk) for pk in values["video"]]
    return finding.parse(values), page


class Strokes(Endpoint):
    @extend_schema(parameters=[StrokesQuery], responses=StrokesFound)
    def get(self, request: Request) -> Response:
        """Strokes that fit, a page at a time: one's own and the consensus of what one has completed; admins all."""
        wanted, page = wanted_in(request.query_params)
        rows = finding.matching(finding.visible(person(request), visible_videos(request.user)), wanted)
        count, seconds = finding.totals(rows)
        shown = [shapes.found(row) for row in finding.page(rows, page)]
        return Response({"count": count, "seconds": seconds, "size": finding.PAGE, "strokes": shown})
