"""The stroke queue of the person who asks."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.access import person, visible_videos
from annotator.api import Endpoint, shapes
from annotator.api.serializers import QueueQuery, QueueShown
from strokes import queue
from strokes.models import Suggestion
from strokes.queue import Picked


def _shown(one: Picked, row: Suggestion) -> dict[str, Any]:
    video = row.video
    return {
        **shapes.suggestion(row),
        "video": {"id": str(video.pk), "title": video.title, "width": video.width, "height": video.height,
                  "n_frames": video.n_frames},
        "share": one.share,
        "useful": round(one.candidate.useful, 4),
        "rarity": round(one.candidate.rarity, 4),
    }  # fmt: skip


class Queue(Endpoint):
    @extend_schema(parameters=[QueueQuery], responses=QueueShown)
    def get(self, request: Request) -> Response:
        """The next suggestions to decide, of all videos: 60 % uncertain, 20 % diverse, 20 % drawn blindly."""
        query = QueueQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        n, seed = query.validated_data["n"], query.validated_data["seed"]
        picked, open_ = queue.build(expert=person(request), videos=visible_videos(request.user), n=n, seed=seed)
        rows = queue.rows_of(picked)
        shown = [_shown(one, rows[one.candidate.id]) for one in picked if one.candidate.id in rows]
        return Response({"seed": seed, "open": open_, "strokes": shown})
