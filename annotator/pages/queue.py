"""The stroke queue: the page only; what is in it comes from the API."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from annotator.access import members_only, person
from annotator.api import shapes


@members_only
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    return render(request, "queue.html", {"person": shapes.person(person(request))})
