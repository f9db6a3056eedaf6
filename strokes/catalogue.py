"""The catalogue: what every video asks of one expert, in a fixed number of queries; filters, search, order, what comes next."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet

from strokes import suggestions
from strokes.models import Appearance, Decision, Job, Lane, Stroke, Suggestion, Video

ACTIVE = (Job.State.QUEUED, Job.State.RUNNING)
READY = (Video.State.WATCHABLE, Video.State.PREPARED)
PAGE = 24


@dataclass(frozen=True)
class Entry:
    """One video as one expert meets it."""

    pk: UUID
    title: str
    created: datetime
    taxonomy: int
    blind: bool
    state: str
    working: bool  # something waits or runs that prepares it
    failed: bool  # it came no further, and nothing tries
    foreign: bool  # somebody else brought it
    practice: bool = False  # for trying things out: never waits for anybody
    players: frozenset[int] = frozenset()
    names: str = ""
    strokes: int = 0
    to_decide: int = 0
    complete: bool = False
    touched: datetime | None = None  # when this expert last decided something in it

    @property
    def ready(self) -> bool:
        return self.state in READY

    @property
    def begun(self) -> bool:
        return self.touched is not None

    @property
    def todo(self) -> bool:
        return self.ready and not self.practice and (not self.complete or self.to_decide > 0)


STATES: dict[str, Callable[[Entry], bool]] = {
    "todo": lambda entry: entry.todo,
    "begun": lambda entry: entry.todo and entry.begun,
    "done": lambda entry: entry.ready and not entry.todo and not entry.practice,
    "preparing": lambda entry: not entry.failed and (entry.working or not (entry.ready or entry.state == "refused")),
    "failed": lambda entry: entry.failed,
}
SORTS: dict[str, Callable[[Entry], Any]] = {
    "newest": lambda entry: (-entry.created.timestamp(), entry.pk),
    "title": lambda entry: (folded(entry.title), entry.pk),
    "most": lambda entry: (-entry.to_decide, -entry.created.timestamp(), entry.pk),
}


@dataclass(frozen=True)
class Wanted:
    """What somebody looks for; every field left empty lets everything through."""

    state: str = ""
    player: int | None = None
    taxonomy: int | None = None
    blind: bool | None = None
    q: str = ""
    sort: str = "newest"

    @property
    def named(self) -> bool:
        """Whether it matters who is seen in a video."""
        return self.player is not None or bool(self.q)


# -- What the tables say ----------------------------------------------------------------------------------------------
def open_jobs() -> QuerySet[Job]:
    """Jobs that wait, run, or failed without a later one of the same kind having come through; without answers to "why"."""
    later = Job.objects.filter(video=OuterRef("video"), kind=OuterRef("kind"), pk__gt=OuterRef("pk"))
    failed = Q(state=Job.State.FAILED) & ~Exists(later.exclude(state=Job.State.CANCELLED))
    return Job.objects.exclude(kind=Job.Kind.WHY).filter(Q(state__in=ACTIVE) | failed).defer("log", "args")


def entries(rows: QuerySet[Video], user: User, *, named: bool = True) -> list[Entry]:
    """All of `rows` as this expert meets them; with their players only if `named`."""
    lanes = {lane.video_id: lane for lane in Lane.objects.filter(expert=user)}
    last = dict(Decision.objects.filter(lane__expert=user).order_by().values("lane").annotate(at=Max("at")).values_list("lane", "at"))  # fmt: skip
    marked = Counter(dict(_counted(Stroke.objects.filter(lane__expert=user), "lane__video")))
    open_ = _to_decide(user, [lane.video_id for lane in lanes.values() if lane.version])
    seen, names = _players() if named else (defaultdict(set), defaultdict(list))
    states = defaultdict(set)
    for video, state in open_jobs().exclude(video=None).values_list("video", "state"):
        states[video].add(state)
    plain = ("pk", "title", "created", "taxonomy_id", "blind", "state", "error_code", "uploaded_by_id", "practice")
    found = []
    for pk, title, created, taxonomy, blind, state, error, owner, practice in rows.values_list(*plain):
        lane = lanes.get(pk)
        working = bool(states[pk] & set(ACTIVE))
        found.append(
            Entry(
                pk=pk, title=title, created=created, taxonomy=taxonomy, blind=blind, state=state, working=working,
                failed=state == Video.State.REFUSED or (not working and bool(error or states[pk])),
                foreign=owner != user.pk, practice=practice, players=frozenset(seen[pk]), names=" ".join(names[pk]),
                strokes=marked[pk], to_decide=0 if blind or practice else open_[pk], complete=bool(lane and lane.complete),
                touched=last.get(lane.pk) if lane else None,
            )
        )  # fmt: skip
    return found


def _counted(rows: QuerySet[Any], by: str) -> list[tuple[Any, int]]:
    return list(rows.order_by().values(by).annotate(n=Count("pk")).values_list(by, "n"))


def _to_decide(user: User, begun: Sequence[UUID]) -> Counter[UUID]:
    """Undecided suggestions of each video. Only where somebody has decided something does it need the whole rule."""
    counted = dict(_counted(Suggestion.objects.filter(current=True), "video"))
    exact = dict(_counted(suggestions.open_to(user).filter(video__lanes__expert=user, video__lanes__version__gt=0), "video"))
    return Counter({**counted, **dict.fromkeys(begun, 0), **exact})


def _players() -> tuple[dict[UUID, set[int]], dict[UUID, list[str]]]:
    seen, names = defaultdict(set), defaultdict(list)
    for video, player, name in Appearance.objects.values_list("video", "player", "player__pseudonym"):
        seen[video].add(player)
        names[video].append(name)
    return seen, names


# -- What is looked for -----------------------------------------------------------------------------------------------
def folded(text: str) -> str:
    """Without accents and case: “Revêrs” and “revers” are the same word."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def fitting(found: Iterable[Entry], wanted: Wanted) -> list[Entry]:
    """All that `wanted` lets through except by its state, in no order."""
    words = folded(wanted.q).split()
    return [
        entry
        for entry in found
        if (wanted.player is None or wanted.player in entry.players)
        and (wanted.taxonomy is None or wanted.taxonomy == entry.taxonomy)
        and (wanted.blind is None or wanted.blind == entry.blind)
        and (not words or all(word in folded(f"{entry.title} {entry.names}") for word in words))
    ]


def counts(found: Sequence[Entry]) -> dict[str, int]:
    """How many there are in each state, and in all."""
    return {"": len(found), **{name: sum(map(fits, found)) for name, fits in STATES.items()}}


def chosen(found: Iterable[Entry], wanted: Wanted) -> list[Entry]:
    """The entries of `wanted`'s state, in its order."""
    fits = STATES.get(wanted.state, lambda entry: True)
    return sorted(filter(fits, found), key=SORTS[wanted.sort])


def to_do(found: Iterable[Entry]) -> list[Entry]:
    """What waits for this expert: what was begun (latest first), then most to decide, then the oldest not begun."""
    return sorted((entry for entry in found if entry.todo), key=_place)


def _place(entry: Entry) -> tuple[Any, ...]:
    if entry.touched is not None and not entry.complete:
        return (0, -entry.touched.timestamp(), entry.pk)
    if entry.to_decide:
        return (1, -entry.to_decide, entry.created, entry.pk)
    return (2, entry.working, entry.created, entry.pk)
