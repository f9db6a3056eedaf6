"""Does the model help, and does it lead? Per person and over all, in words, with intervals, and as a table to take away."""

from __future__ import annotations

import csv
from typing import Any

from django.contrib.auth.models import User
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from annotator.access import members_only, person, visible_videos
from strokes import benefit, effort
from strokes.models import Decision, Lane, Suggestion

KEPT_S = 3600  # a page's figures, as long as nothing was decided since
STEPS = ("sure", "likely", "unsure", "")
TIME = (-0.5, 1.0)  # ends of the scale of time saved
PULL = (-0.5, 1.5)
COLUMNS = ["expert", "video", "title", "stroke", "blind", "begin", "end", "move", "source", "seconds", "error_consensus_ms",
           "error_other_ms", "error_later_ms", "score", "model_begin", "model_end"]  # fmt: skip


def gathered(user: User) -> effort.Gathered:
    """The work that this person may see measured: their own, of admins everybody's."""
    everything = effort.gather(visible_videos(user))
    return everything if user.is_staff else everything.of(user.get_username())


def _place(value: float, scale: tuple[float, float]) -> float:
    """Where a figure stands on a scale, 0 to 100, kept on it."""
    return round(100 * min(1.0, max(0.0, (value - scale[0]) / (scale[1] - scale[0]))), 2)


def _mark(estimate: benefit.Estimate | None, scale: tuple[float, float]) -> dict[str, Any] | None:
    """An estimate as places on a chart."""
    if estimate is None:
        return None
    low, high = _place(estimate.low, scale), _place(estimate.high, scale)
    return {"at": _place(estimate.value, scale), "low": low, "high": high, "width": max(0.5, high - low), "figure": estimate}


def _bars(counts: dict[str, dict[str, int]]) -> list[dict[str, Any]]:
    """For each step of the score the shares of untouched, edited and rejected, as widths in percent."""
    names = {"sure": _("sure"), "likely": _("likely"), "unsure": _("unsure"), "": _("motion alone")}
    rows = []
    for step in STEPS:
        if step not in counts:
            continue
        n, left, parts = sum(counts[step].values()), 0.0, []
        for verdict in ("untouched", "edited", "rejected"):
            share = counts[step][verdict] / n
            parts.append({"verdict": verdict, "share": share, "n": counts[step][verdict], "left": left, "middle": left + 50 * share,
                          "width": 100 * share, "wide": share >= 0.08})  # fmt: skip
            left += 100 * share
        rows.append({"step": step, "name": names[step], "n": n, "parts": parts})
    return rows


def measured(work: effort.Gathered, name: str) -> dict[str, Any]:
    """All figures of one person, or of everybody."""
    saved, pulled = benefit.saving(work.works), benefit.pull(work.edges, work.lengths)
    through, wrong = benefit.let_through(work.judged)
    counts = benefit.verdicts(work.judged)
    whole = counts.get("all", {})
    n = sum(whole.values())
    return {
        "name": name,
        "saving": saved,
        "saving_mark": _mark(saved.share, TIME),
        "fewest_timed": min(saved.n_with, saved.n_blind),
        "pull": pulled,
        "fewest_pulled": min(pulled.n_with, pulled.n_hand),
        "pull_mark": _mark(pulled.share, PULL),
        "bars": _bars(counts),
        "decided": n,
        "untouched": whole.get("untouched", 0) / n if n else None,
        "edited": whole.get("edited", 0) / n if n else None,
        "rejected": whole.get("rejected", 0) / n if n else None,
        "through": through,
        "wrong": wrong,
        "through_share": through / wrong if wrong >= benefit.NEED_WRONG else None,
    }


def _state(user: User) -> str:
    """Changes with all that the figures depend on."""
    last = Decision.objects.order_by("-at").values_list("pk", flat=True).first()
    complete = Lane.objects.filter(complete=True).count()
    return f"{user.pk}:{user.is_staff}:{Decision.objects.count()}:{last}:{complete}:{Suggestion.objects.count()}"


def figures(user: User) -> dict[str, Any]:
    """The figures for this person's page, kept until something changes."""
    work = gathered(user)
    whole = measured(work, _("everybody") if user.is_staff else user.get_username())
    people = [measured(work.of(name), name) for name in work.experts] if user.is_staff else []
    return {"whole": whole, "people": people, "any": bool(work.works or work.judged)}


@members_only
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    user = person(request)
    key = f"effect:{request.LANGUAGE_CODE}:{_state(user)}"
    shown = cache.get(key)
    if shown is None:
        shown = figures(user)
        cache.set(key, shown, KEPT_S)
    zero = {"time": _place(0.0, TIME), "pull": _place(0.0, PULL), "model": _place(1.0, PULL)}
    rows = [shown["whole"], *(shown["people"] if len(shown["people"]) > 1 else [])]
    context = {**shown, "rows": rows, "zero": zero, "need": benefit.NEED, "need_wrong": benefit.NEED_WRONG, "admin": user.is_staff}
    return render(request, "effect.html", context)


@members_only
@require_safe
def table(request: HttpRequest) -> HttpResponse:
    """One line for each measured stroke; names of columns in English, as in all files."""
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="effect.csv"'
    response["Cache-Control"] = "private, no-store"
    writer = csv.DictWriter(response, COLUMNS)
    writer.writeheader()
    writer.writerows({name: _plain(value) for name, value in row.items()} for row in gathered(person(request)).rows)
    return response


def _plain(value: Any) -> Any:
    """Text that a spreadsheet would take for a formula is marked as text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
