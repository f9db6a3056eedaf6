"""What belongs to the person who asks: their preferences, their visits."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.access import person
from annotator.api import Endpoint
from annotator.api.serializers import PreferencesShown, Problem
from strokes import preferences, visits
from strokes.errors import Refused


class Preferences(Endpoint):
    @extend_schema(responses=PreferencesShown)
    def get(self, request: Request) -> Response:
        return Response(preferences.get(user=person(request)))

    @extend_schema(request=PreferencesShown, responses={200: PreferencesShown, 400: Problem})
    def patch(self, request: Request) -> Response:
        if not isinstance(request.data, dict):
            raise Refused("bad_preference", field="preferences")
        chosen = preferences.update(user=person(request), changes=request.data)
        response = Response(chosen)
        if "language" in request.data:
            remember_language(response, chosen["language"])
        return response


class Visited(Endpoint):
    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        visits.note(person(request))
        return Response(status=204)


def remember_language(response: HttpResponse, language: str) -> None:
    """The cookie that every page reads; without a choice the browser's own languages count again."""
    if language:
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME, language, max_age=settings.LANGUAGE_COOKIE_AGE, samesite="Lax"
        )
    else:
        response.delete_cookie(settings.LANGUAGE_COOKIE_NAME)
