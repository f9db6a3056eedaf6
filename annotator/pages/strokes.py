"""The stroke browser: strokes of all videos by class, player, expert, score, source, date; as loops and as a reel."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from rest_framework.exceptions import ValidationError

from annotator.access import members_only, person, visible_videos
from annotator.api import shapes
from annotator.api.strokes import wanted_in
from mlcore.formats import NEGATIVE
from strokes import finding
from strokes.models import Stroke, Video

SHOWN = 12  # values of a filter that are shown before "more"


def names(videos: QuerySet[Video]) -> dict[str, dict[str, Any]]:
    """What each class is called here: {"label", "short", "group", "group_label", "hue", "dark"}."""
    french = (get_language() or "").startswith("fr")
    found: dict[str, dict[str, Any]] = {}
    for move in finding.moves_of(videos):
        hue = move["type"].lower() if move["type"].lower() in ("serve", "offensive", "defensive") else "serve"
        look = {"hue": hue, "dark": move["hand"].lower() == "backhand"}
        group = {"label": (french and move["group_fr"]) or move["group"], "short": move["group"], "group": move["group"]}
        found.setdefault(move["group"], {**group, **look, "partial": True})
        found[move["name"]] = {
            "label": (french and move["fr"]) or move["name"],
            "leaf": (french and move["leaf_fr"]) or move["leaf"],
            "short": move["short"] or move["name"],
            "group": move["group"],
            "partial": False,
            **look,
        }
    found[NEGATIVE] = {"label": _("not a stroke"), "leaf": _("not a stroke"), "short": "Neg", "group": "",
                       "partial": False, "hue": "negative", "dark": False}  # fmt: skip
    return found


def _classes(known: dict[str, dict[str, Any]], counts: dict[str, int], chosen: tuple[str, ...]) -> list[dict[str, Any]]:
    """The class tree with counts: groups with those of their classes that are found, then what belongs to none."""
    groups: dict[str, dict[str, Any]] = {}
    for name, entry in known.items():
        if entry["partial"]:
            groups[name] = {"value": name, **entry, "count": counts.get(name, 0), "on": name in chosen, "leaves": []}
    for name, entry in known.items():
        if entry["group"] in groups and not entry["partial"]:
            n = counts.get(name, 0)
            groups[entry["group"]]["count"] += n
            if n or name in chosen:
                groups[entry["group"]]["leaves"].append({"value": name, **entry, "count": n, "on": name in chosen})
    rest = [(NEGATIVE, known[NEGATIVE]["label"]), (finding.UNCLASSED, _("no class yet"))]
    loose: list[dict[str, Any]] = [{"value": name, "label": label, "count": counts.get(name, 0), "on": name in chosen, "leaves": []}
             for name, label in rest]  # fmt: skip
    partial = sum(n for name, n in counts.items() if name in groups)
    loose.append({"value": finding.PARTIAL, "label": _("type and hand only"), "count": partial,
                  "on": finding.PARTIAL in chosen, "leaves": []})  # fmt: skip
    return [*groups.values(), *(each for each in loose if each["count"] or each["on"])]


def _values(counts: dict[str, int], chosen: tuple[str, ...], labels: dict[str, str]) -> list[dict[str, Any]]:
    """The values of one filter, most frequent first; what is chosen stays even with nothing found."""
    every = {**dict.fromkeys(chosen, 0), **counts}
    ordered = sorted(every, key=lambda value: (-every[value], labels.get(value, value)))
    return [{"value": value, "label": labels.get(value, value), "count": every[value], "on": value in chosen} for value in ordered]


def _filters(wanted: finding.Wanted, counts: dict[str, dict[str, int]], videos: QuerySet[Video]) -> list[dict[str, Any]]:
    titles = {str(pk): title for pk, title in videos.values_list("pk", "title")}
    labels: dict[str, dict[str, str]] = {
        "player": {finding.NOBODY: _("nobody named")},
        "expert": {finding.CONSENSUS: _("consensus")},
        "step": {"sure": _("sure"), "likely": _("likely"), "unsure": _("unsure")},
        "source": {"blind": _("marked by hand"), "accepted": _("suggestion, untouched"), "edited": _("suggestion, edited"),
                   "imported": _("imported")},
        "video": titles,
    }  # fmt: skip
    heads = {"player": _("Player"), "expert": _("Expert"), "step": _("The model was"), "source": _("Where it comes from"),
             "video": _("Video")}  # fmt: skip
    shown: list[dict[str, Any]] = [{"name": name, "head": head, "values": _values(counts[name], getattr(wanted, name), labels[name])}
             for name, head in heads.items()]  # fmt: skip
    return [each for each in shown if len(each["values"]) > 1 or any(value["on"] for value in each["values"])]


def _without_page(params: QueryDict) -> str:
    given = params.copy()
    given.pop("page", None)
    return given.urlencode()


def _card(row: Stroke, known: dict[str, dict[str, Any]]) -> dict[str, Any]:
    shown = shapes.found(row)
    shown["middle_s"] = shown["at_s"] + (shown["seconds"] or 0.0) / 2
    nothing = {"label": _("no class yet"), "short": "?", "hue": "none", "dark": False}
    shown["entry"] = known.get(row.move) or {**nothing, **({"label": row.move, "short": row.move} if row.move else {})}
    return shown


@members_only
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    user, videos = person(request), visible_videos(request.user)
    try:
        wanted, number = wanted_in(request.GET)
    except ValidationError:
        wanted, number = finding.Wanted(), 1
    mine = finding.visible(user, videos)
    rows = finding.matching(mine, wanted)
    count, seconds = finding.totals(rows)
    pages = max(1, -(-count // finding.PAGE))
    number = min(number, pages)
    known, counts = names(videos), finding.facets(mine, wanted)
    context = {
        "cards": [_card(row, known) for row in finding.page(rows, number)],
        "count": count,
        "seconds": seconds,
        "size": finding.PAGE,
        "number": number,
        "pages": pages,
        "wanted": wanted,
        "classes": _classes(known, counts["move"], wanted.move),
        "filters": _filters(wanted, counts, videos),
        "shown": SHOWN,
        "query": _without_page(request.GET),
        "orders": [("new", _("latest first")), ("video", _("by video")), ("score", _("where the model was least sure")),
                   ("long", _("longest first"))],
        "labels": {name: entry["label"] for name, entry in known.items()},
        "admin": user.is_staff,
    }  # fmt: skip
    return render(request, "strokes.html", context)
