"""All classes of a set with their written rules and example loops; admins edit the text here."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from annotator.access import members_only, person
from annotator.api.classes import classes
from strokes.models import Taxonomy

DRAWN_STILL_S = 1.2  # a moment of a drawn loop at which the stroke can be told


def _groups(taxonomy: Taxonomy, french: bool) -> list[dict[str, Any]]:
    """The groups in the order of the file: {name, label, rule, moves: [{name, label, short, rule, example}]}."""
    found = classes(taxonomy)
    rules: dict[str, dict[str, str]] = found["rules"]
    groups: dict[str, dict[str, Any]] = {}
    for move in taxonomy.moves:
        name = move["group"]
        label = move["group_fr"] if french else name
        look = f"swatch-{move['type']}{' swatch-dark' if move['hand'] == 'backhand' else ''}" if move["type"] else "swatch-none"
        group = groups.setdefault(name, {"name": name, "label": label, "look": look, "rule": rules.get(name, {}), "moves": []})
        label = move["fr"] if french else move["name"]
        group["moves"].append({"name": move["name"], "label": label, "short": move["short"], "rule": rules.get(move["name"], {}),
                               "example": found["examples"].get(move["name"])})  # fmt: skip
    for example in found["examples"].values():
        example["still_s"] = DRAWN_STILL_S if example["drawn"] else (example["begin_s"] + example["end_s"]) / 2
    return list(groups.values())


@members_only
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    sets = list(Taxonomy.objects.order_by("name", "-revision"))
    wanted = request.GET.get("set", "")
    taxonomy = next((row for row in sets if str(row.pk) == wanted), None) if wanted else _usual(sets)
    if taxonomy is None and (wanted or not sets):
        raise Http404
    assert taxonomy is not None
    french = (get_language() or "").startswith("fr")
    context = {
        "sets": sets,
        "taxonomy": taxonomy,
        "language": "fr" if french else "en",
        "general": taxonomy.rules.get("", {}),
        "groups": _groups(taxonomy, french),
        "admin": person(request).is_staff,
    }
    return render(request, "classes.html", context)


def _usual(sets: list[Taxonomy]) -> Taxonomy | None:
    """The set that most videos are labelled with: the newest one that has any, else the first."""
    used = set(Taxonomy.objects.filter(video__isnull=False).values_list("pk", flat=True))
    return next((row for row in sets if row.pk in used), sets[0] if sets else None)
