"""All videos as cards, with what is next for this person, and the upload."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from annotator.access import members_only, person, visible_videos
from annotator.api import shapes
from annotator.api.videos import listed
from strokes import practice
from strokes.models import Player, Taxonomy

STEPS = ["probe", "proxy", "prepare", "suggest"]


def next_for(video: dict[str, Any]) -> str:
    """The one thing to do now with this video: refused, wait, start, go_on, decide, check, done."""
    if video["state"] == "refused":
        return "refused"
    if video["state"] in ("new", "indexed"):
        return "wait"
    mine = video["mine"]
    if mine["to_decide"]:
        return "decide"
    if mine["complete"]:
        return "done"
    return "go_on" if mine["strokes"] else "start"


def practice_for(user: User) -> dict[str, Any] | None:
    """The practice video for this person: `first` while they have neither finished nor skipped it. None without one."""
    video, state = practice.current(), practice.of(user)
    if video is None:
        return None
    return {
        "url": reverse("workspace", args=[video.pk]),
        "poster": reverse("media", args=[video.pk, "poster.jpg"]),
        "first": not (state.finished or state.skipped),
        "begun": bool(state.steps),
        "best": state.best,
        "best_percent": round(100 * state.best),
    }


@members_only
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    user = person(request)
    cards = [shapes.video(video) for video in listed(visible_videos(user).filter(practice=False), user)]
    for card in cards:
        card["next"] = next_for(card)
        card["step"] = STEPS.index(card["progress"]["kind"]) + 1 if card["progress"] else 0
    context = {
        "practice": practice_for(user),
        "cards": cards,
        "steps": len(STEPS),
        "taxonomies": (taxonomies := list(Taxonomy.objects.order_by("name", "-revision"))),
        "offer_default": all(each.name != "TTStroke-21" for each in taxonomies),
        "players": Player.objects.order_by("pseudonym"),
        "max_bytes": settings.UPLOAD_MAX_BYTES,
        "admin": user.is_staff,
    }
    return render(request, "library.html", context)
