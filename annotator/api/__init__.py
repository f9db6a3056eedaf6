"""The JSON API under /api/v1/. Each endpoint: fetch with permission, one call into the domain, respond."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from annotator.access import IsMember
from strokes.errors import Refused


class JsonAlways(DefaultContentNegotiation):
    """Answers are JSON whatever was asked for; `?format=` belongs to the exports."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        first = next(iter(renderers))
        return first, first.media_type or ""


class Untouched(BaseParser):
    """Leaves the body in the stream: the endpoint reads it itself (the CSRF check asks for parsed data before)."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:
        return {}


class Endpoint(APIView):
    """An endpoint for members with a small JSON body or none."""

    permission_classes = [IsMember]
    content_negotiation_class = JsonAlways

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        length = request.META.get("CONTENT_LENGTH") or "0"
        if (
            Untouched not in self.parser_classes
            and length.isdecimal()
            and int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        ):
            raise Refused("body_too_large")
