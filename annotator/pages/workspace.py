"""One video: the page only; its content comes from the API."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from annotator.access import members_only, person, video_or_404


@members_only
@require_safe
def page(request: HttpRequest, pk: UUID) -> HttpResponse:
    video = video_or_404(request.user, pk)
    if video.practice:
        video.title = _("Practice")
    return render(request, "workspace.html", {"video": video, "person": person(request)})
