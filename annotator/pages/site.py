"""Pages that belong to the whole site: health, and the two refusals."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from annotator.messages import problem
from strokes.models import Heartbeat

FRESH = timedelta(seconds=90)


@require_safe
@never_cache
def health(request: HttpRequest) -> JsonResponse:
    """{"ok", "version", "database", "worker"}; 503 if the database does not answer. Nothing about people or videos."""
    try:
        beats = dict(Heartbeat.objects.values_list("name", "at"))
    except DatabaseError:
        return JsonResponse({"ok": False, "version": settings.VERSION, "database": False, "worker": None}, status=503)
    now = timezone.now()
    worker = "worker" in beats and now - beats["worker"] < FRESH
    return JsonResponse({"ok": True, "version": settings.VERSION, "database": True, "worker": worker})


def _refusal(request: HttpRequest, code: str, status: int) -> HttpResponse:
    if request.path.startswith("/api/"):
        return JsonResponse(problem(code), status=status)
    return render(request, "refused.html", {"code": code}, status=status)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _refusal(request, "forbidden", 403)


def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _refusal(request, "not_found", 404)
