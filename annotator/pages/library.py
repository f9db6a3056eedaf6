"""The library: what waits for this person, what is new, all videos as cards with filters in the address, and the upload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from annotator import durations
from annotator.access import members_only, person, visible_videos
from annotator.api import shapes
from annotator.api.serializers import LibraryQuery
from annotator.api.videos import in_order, wanted
from strokes import catalogue, practice, visits
from strokes.catalogue import Entry, Wanted
from strokes.models import Player, Run, Taxonomy

STEPS = ["probe", "proxy", "prepare", "suggest"]


def next_for(video: Mapping[str, Any]) -> str:
    """The one thing to do now with this video: refused, wait, start, go_on, decide, done."""
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


def being_drawn() -> bool:
    """The practice video is on its way: its pictures are drawn, or it is not yet ready to be watched."""
    return practice.coming() or any(Path(settings.DATA).glob(".practice-*"))


def steps(video: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The four steps of the preparation: which are done, which runs or waits, which failed, which are to come."""
    done = {"new": 0, "indexed": 1, "watchable": 2, "prepared": 3}.get(video["state"], 0)
    progress = video["progress"]
    at = STEPS.index(progress["kind"]) if progress and progress["kind"] in STEPS else None
    shown = []
    for number, kind in enumerate(STEPS):
        state = "done" if number < done else "next"
        if number == at:
            state = "waiting" if progress["waiting"] else "now"
        elif at is None and video["error"] and number == min(done, 3):
            state = "failed"
        shown.append({"kind": kind, "state": state, "number": number + 1})
    return shown


def address(look: Wanted, **change: Any) -> str:
    """The library's address for `look` with some of it changed."""
    values = {**vars(look), **change}
    kept = {name: value for name, value in values.items() if value not in ("", None) and (name, value) != ("sort", "newest")}
    if "blind" in kept:
        kept["blind"] = "1" if kept["blind"] else "0"
    return f"?{urlencode(kept)}" if kept else "?"


def states(counts: Mapping[str, int], look: Wanted) -> list[dict[str, Any]]:
    names = {"": _("All"), "todo": _("To do for me"), "begun": _("Begun"), "done": _("Done"),
             "preparing": _("Being prepared"), "failed": _("Failed")}  # fmt: skip
    return [
        {"name": name, "label": label, "n": counts[name], "href": address(look, state=name), "here": look.state == name}
        for name, label in names.items()
        if counts[name] or name in ("", "todo", "done") or look.state == name
    ]


def news(found: Sequence[Entry], since: datetime | None) -> dict[str, Any]:
    """What came since the last visit; nothing is new to somebody who comes for the first time."""
    if since is None:
        return {"since": None, "videos": 0, "models": 0}
    fresh = sum(entry.foreign and entry.created > since and entry.state != "refused" for entry in found)
    kept = Run.objects.filter(chosen__gt=since, state__in=[Run.State.PROVISIONAL, Run.State.PROMOTED])
    return {"since": since, "videos": fresh, "models": kept.count()}


def mine(found: Sequence[Entry]) -> dict[str, Any]:
    """What waits for this expert in all of the library, not only in what is looked at now."""
    waiting = catalogue.to_do(found)
    return {
        "first": waiting[0] if waiting else None,
        "videos": len(waiting),
        "begun": sum(entry.begun for entry in waiting),
        "to_decide": sum(entry.to_decide for entry in waiting),
        "coming": sum(map(catalogue.STATES["preparing"], found)),
    }


def cards(chosen: Sequence[Entry], user: User, since: datetime | None) -> list[dict[str, Any]]:
    """The cards of one page, with all that the template shows."""
    entries = {str(entry.pk): entry for entry in chosen}
    shown = [shapes.video(video) for video in in_order(visible_videos(user), chosen, user)]
    typical = durations.typical() if any(card["progress"] for card in shown) else {}
    for card in shown:
        card["next"] = next_for(card)
        card["steps"] = steps(card)
        card["own"] = not entries[card["id"]].foreign
        card["new"] = bool(since and not card["own"] and card["created"] > since and not card["mine"]["strokes"])
        card["left_s"] = durations.left(card, typical)
    return shown


@members_only
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    user = person(request)
    query = LibraryQuery(data=request.GET)
    if not query.is_valid():  # an address that was mistyped or is old shows everything
        query = LibraryQuery(data={})
        query.is_valid(raise_exception=True)
    look, number = wanted(query), query.validated_data["page"] or 1
    everything = catalogue.entries(visible_videos(user).filter(practice=False), user, named=look.named)
    fitting = catalogue.fitting(everything, look)
    chosen = catalogue.chosen(fitting, look)
    pages = max(1, -(-len(chosen) // catalogue.PAGE))
    number = min(number, pages)
    since = visits.since(user)
    taxonomies = list(Taxonomy.objects.order_by("name", "-revision"))
    context = {
        "practice": practice_for(user),
        "drawing": being_drawn(),
        "cards": cards(chosen[(number - 1) * catalogue.PAGE : number * catalogue.PAGE], user, since),
        "any": bool(everything),
        "look": look,
        "n": len(chosen),
        "pages": {
            "number": number,
            "all": pages,
            "before": address(look, page=number - 1) if number > 1 else "",
            "after": address(look, page=number + 1) if number < pages else "",
        },
        "states": states(catalogue.counts(fitting), look),
        "sorts": [("newest", _("Newest first")), ("title", _("By title")), ("most", _("Most to decide first"))],
        "mine": mine(everything),
        "news": news(everything, since),
        "taxonomies": taxonomies,
        "offer_default": all(each.name != "TTStroke-21" for each in taxonomies),
        "players": Player.objects.order_by("pseudonym"),
        "has_blind": any(entry.blind for entry in everything),
        "max_bytes": settings.UPLOAD_MAX_BYTES,
        "admin": user.is_staff,
    }
    return render(request, "library.html", context)
