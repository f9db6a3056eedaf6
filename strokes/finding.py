"""Finding strokes over all videos: filters, counts for each of their values, order, pages.

Who may find what: everybody their own strokes, and the consensus of the videos they have said to be complete (before that it
would bias their own marks, the rule of strokes.review); admins the strokes of all lanes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from django.contrib.auth.models import User
from django.db.models import (
    Case,
    CharField,
    Count,
    F,
    FloatField,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Cast, NullIf
from django.utils import timezone

from strokes import scores
from strokes.models import Decision, Lane, Stroke, Taxonomy, Video

CONSENSUS = "consensus"
NOTED, UNSURE = "noted", "unsure"
PARTIAL, UNCLASSED = "partial", "none"  # beside class and group names: a group's name only, and no class at all
ORDERS: dict[str, tuple[Any, ...]] = {"new": ("-made", "begin"), "video": ("lane__video__title", "begin"), "score": (F("suggestion__score").asc(nulls_last=True), "begin"),
          "long": ("-seconds", "begin")}  # fmt: skip
PAGE = 24
NOBODY = "none"  # as a player: of nobody named
NOTHING = Q(pk__in=[])


@dataclass(frozen=True)
class Wanted:
    """What is looked for. Within one field any value may fit, all fields must. Empty: everything."""

    move: tuple[str, ...] = ()  # class, group (all its classes and the partial label), "partial", "none"
    player: tuple[str, ...] = ()  # pseudonym; "none" for strokes of nobody named
    expert: tuple[str, ...] = ()  # user name, or "consensus"
    step: tuple[str, ...] = ()  # step of the score of the suggestion it came from
    source: tuple[str, ...] = ()
    video: tuple[str, ...] = ()
    mark: tuple[str, ...] = ()  # noted, unsure
    model: tuple[str, ...] = ()  # class that the model had proposed
    since: dt.date | None = None
    until: dt.date | None = None
    score_from: float | None = None
    score_to: float | None = None
    text: str = ""  # in the note
    order: str = "new"

    @property
    def narrowed(self) -> bool:
        """Whether anything at all is asked for."""
        return any(getattr(self, each.name) for each in fields(self) if each.name != "order") or (
            self.score_from is not None or self.score_to is not None
        )

    def without(self, name: str) -> Wanted:
        emptied: dict[str, Any] = {name: ()}
        return replace(self, **emptied)


def visible(user: User, videos: QuerySet[Video]) -> QuerySet[Stroke]:
    """The strokes in `videos` that this person may find."""
    rows = Stroke.objects.filter(lane__video__in=videos, lane__video__practice=False)
    if user.is_staff:
        return rows
    done = Lane.objects.filter(expert=user, complete=True).values("video")
    return rows.filter(Q(lane__expert=user) | Q(lane__expert=None, lane__video__in=done))


def matching(rows: QuerySet[Stroke], wanted: Wanted) -> QuerySet[Stroke]:
    """Those of `rows` that fit, with `made` (when first decided) and `seconds` (length), in order."""
    first = Decision.objects.filter(
        stroke=OuterRef("pk"), lane=OuterRef("lane"), kind__in=[Decision.Kind.ADD, Decision.Kind.ACCEPT]
    )
    made = first.order_by().values("stroke").annotate(at=Min("at")).values("at")
    rate = NullIf(F("lane__video__fps"), Value(0.0))
    rows = rows.annotate(made=Subquery(made), seconds=Cast(F("end") - F("begin"), FloatField()) / rate)
    rows = rows.filter(_fits(wanted))
    return rows.order_by(*ORDERS.get(wanted.order, ORDERS["new"]), "pk")


def facets(rows: QuerySet[Stroke], wanted: Wanted) -> dict[str, dict[str, int]]:
    """For each field the number of fitting strokes of each value, as if that field were not asked for. Six queries."""
    by = {
        "move": F("move"),
        "player": F("player__pseudonym"),
        "expert": F("lane__expert__username"),
        "source": F("source"),
        "video": F("lane__video"),
        "step": _step(),
    }
    found: dict[str, dict[str, int]] = {}
    for name, value in by.items():
        counted = matching(rows, wanted.without(name)).order_by().values(value_=value).annotate(n=Count("pk"))
        found[name] = {_key(name, row["value_"]): row["n"] for row in counted if _counts(name, row["value_"])}
    return found


def totals(rows: QuerySet[Stroke]) -> tuple[int, float]:
    """How many strokes `rows` (of `matching`) are, and their length in seconds."""
    said = rows.order_by().aggregate(n=Count("pk"), whole=Sum("seconds"))
    return said["n"], said["whole"] or 0.0


def page(rows: QuerySet[Stroke], number: int) -> list[Any]:
    """One page (from 1) of `rows`, with all that is shown of each."""
    start = (max(1, number) - 1) * PAGE
    return list(rows.select_related("lane__video", "lane__expert", "player", "suggestion__run")[start : start + PAGE])


def moves_of(videos: QuerySet[Video]) -> list[dict[str, Any]]:
    """The classes of all sets of classes that `videos` use, each name once, in the order of the sets."""
    seen: dict[str, dict[str, Any]] = {}
    for moves in Taxonomy.objects.filter(video__in=videos).distinct().order_by("pk").values_list("moves", flat=True):
        for move in moves:
            seen.setdefault(move["name"], move)
    return list(seen.values())


def _fits(wanted: Wanted) -> Q:
    fit = _move(wanted.move)
    if wanted.player:
        fit &= Q(player__pseudonym__in=wanted.player) | (Q(player=None) if NOBODY in wanted.player else NOTHING)
    if wanted.expert:
        fit &= Q(lane__expert__username__in=wanted.expert) | (
            Q(lane__expert=None) if CONSENSUS in wanted.expert else NOTHING
        )
    if wanted.step:
        fit &= _any(Q(suggestion__score__gte=least, suggestion__score__lt=min(most, 1e9), suggestion__run__isnull=False)
                    for least, most in map(scores.bounds, wanted.step))  # fmt: skip
    if wanted.source:
        fit &= Q(source__in=wanted.source)
    if wanted.video:
        fit &= Q(lane__video__in=wanted.video)
    if wanted.model:
        fit &= Q(suggestion__move__in=wanted.model)
    if wanted.mark:
        fit &= _any(Q(unsure=True) if name == UNSURE else ~Q(note="") for name in wanted.mark)
    if wanted.score_from is not None:
        fit &= Q(suggestion__score__gte=wanted.score_from)
    if wanted.score_to is not None:
        fit &= Q(suggestion__score__lte=wanted.score_to)
    if wanted.since:
        fit &= Q(made__gte=_midnight(wanted.since))
    if wanted.until:
        fit &= Q(made__lt=_midnight(wanted.until + dt.timedelta(days=1)))
    if wanted.text:
        fit &= Q(note__icontains=wanted.text)
    return fit


def _move(names: Sequence[str]) -> Q:
    """A group's name stands for all its classes, by the names of the published classes and of any other set."""
    if not names:
        return Q()
    groups: dict[str, set[str]] = {}
    for moves in Taxonomy.objects.values_list("moves", flat=True):
        for move in moves:
            groups.setdefault(move["group"], set()).add(move["name"])
    exact = {name for name in names if name not in (PARTIAL, UNCLASSED)}
    exact |= {move for name in names for move in groups.get(name, ())}
    fit = Q(move__in=exact)
    if PARTIAL in names:
        fit |= Q(move__in=list(groups))
    if UNCLASSED in names:
        fit |= Q(move="")
    return fit


def _any(choices: Any) -> Q:
    fit = NOTHING
    for each in choices:
        fit |= each
    return fit


def _midnight(day: dt.date) -> dt.datetime:
    return timezone.make_aware(dt.datetime.combine(day, dt.time()))


def _step() -> Case:
    """The step of the score, empty for strokes that came from no model."""
    steps = [When(suggestion__run__isnull=False, suggestion__score__gte=least, then=Value(name)) for name, least in scores.STEPS]
    return Case(*steps, default=Value(""), output_field=CharField())


def _key(name: str, value: Any) -> str:
    if value is None:
        return {"expert": CONSENSUS, "player": NOBODY}.get(name, "")
    if name == "move" and value == "":
        return UNCLASSED
    return str(value)


def _counts(name: str, value: Any) -> bool:
    return not (name == "step" and value == "")


def parse(query: Mapping[str, Any]) -> Wanted:
    """`query` (validated by the front): lists for the fields with several values."""
    known = {each.name for each in fields(Wanted)}
    given = {name: value for name, value in query.items() if name in known and value not in (None, [], "")}
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    return Wanted(**values)
