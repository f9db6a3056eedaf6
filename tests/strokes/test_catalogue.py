"""The catalogue: what waits for whom, found by any spelling, in the order that the library and the workspace share."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from strokes import catalogue, decisions, records, suggestions, videos, visits
from strokes.catalogue import Wanted
from strokes.errors import Conflict, Refused
from strokes.models import Decision, Job, Suggestion, Video


def apply(video: Any, expert: Any, *ops: dict[str, Any]) -> None:
    ops_ = [{"id": str(uuid4()), **op} for op in ops]
    decisions.apply(lane=records.lane(video=video, expert=expert), expert=expert, ops=ops_, base=None)


def mark(video: Any, expert: Any, begin: int = 10, end: int = 60) -> None:
    apply(video, expert, {"kind": "add", "stroke": str(uuid4()), "data": {"begin": begin, "end": end, "move": ""}})


def complete(video: Any, expert: Any) -> None:
    apply(video, expert, {"kind": "complete", "data": {"value": True}})


def suggest(video: Any, *spans: tuple[int, int]) -> None:
    for begin, end in spans:
        Suggestion.objects.create(video=video, begin=begin, end=end, score=0.5)


def titles(found: Any) -> list[str]:
    return [entry.title for entry in found]


@pytest.fixture
def library(video: Any, alice: Any, bob: Any) -> dict[str, Any]:
    """One video of each kind, as alice meets them."""
    now = timezone.now()
    rows = {
        name: video(title=name, created=now - timedelta(days=9 - number), **fields)
        for number, (name, fields) in enumerate(
            {
                "untouched": {},
                "begun": {},
                "begun later": {},
                "few": {},
                "many": {},
                "finished": {},
                "finished, asked again": {},
                "blind": {"blind": True},
                "early": {"state": "indexed"},
                "refused": {"state": "refused", "error_code": "no_frames"},
                "stuck": {"state": "watchable"},
                "practice": {"practice": True},
            }.items()
        )
    }  # fmt: skip
    for name in ("begun", "begun later", "finished", "finished, asked again"):
        mark(rows[name], alice)
    Decision.objects.filter(lane__video=rows["begun"]).update(at=now - timedelta(hours=1))
    suggest(rows["few"], (100, 200))
    suggest(rows["many"], (100, 200), (300, 400), (500, 600))
    suggest(rows["finished, asked again"], (11, 61), (300, 400))
    for name in ("finished", "finished, asked again"):
        complete(rows[name], alice)
    complete(rows["untouched"], bob)
    Job.objects.create(kind="proxy", video=rows["early"], slot="cpu", state="queued")
    Job.objects.create(kind="prepare", video=rows["stuck"], slot="cpu", state="failed", error_code="killed")
    return rows


def test_what_waits_and_in_which_order(library: dict[str, Any], alice: Any) -> None:
    found = catalogue.entries(Video.objects.all(), alice)
    waiting = ["begun later", "begun", "many", "few", "finished, asked again", "untouched", "blind", "stuck"]
    assert titles(catalogue.to_do(found)) == waiting
    states = {name: set(titles(filter(fits, found))) for name, fits in catalogue.STATES.items()}
    assert states == {
        "todo": set(waiting),
        "begun": {"begun", "begun later", "finished, asked again"},
        "done": {"finished"},
        "preparing": {"early"},
        "failed": {"refused", "stuck"},
    }
    assert catalogue.counts(found)[""] == 12 and catalogue.counts(found)["todo"] == 8


def test_what_is_left_to_decide_is_the_domain_s_rule(library: dict[str, Any], alice: Any, bob: Any) -> None:
    mark(library["many"], alice, 100, 190)
    for expert in (alice, bob):
        found = {entry.pk: entry.to_decide for entry in catalogue.entries(Video.objects.all(), expert)}
        for row in library.values():
            assert found[row.pk] == suggestions.open_for(records.lane(video=row, expert=expert)).count(), row.title


def test_found_by_any_spelling(video: Any, alice: Any) -> None:
    video(title="Finale Zoé – Équipe B", players=["Joueur Ä"])
    video(title="Training", players=["Someone"])
    found = catalogue.entries(Video.objects.all(), alice)

    def look(q: str) -> int:
        return len(catalogue.fitting(found, Wanted(q=q)))

    assert [look(q) for q in ("zoe", "ZOÉ", "equipe zoe", "joueur a final", "zoe training", "ﬁnale", "")] == [1, 1, 1, 1, 0, 1, 2]


def test_filters_and_orders(library: dict[str, Any], alice: Any, video: Any) -> None:
    named = video(title="Älter", players=["P"], created=timezone.now() - timedelta(days=30))
    found = catalogue.entries(Video.objects.all(), alice)
    player = named.players.get().pk
    assert titles(catalogue.fitting(found, Wanted(player=player))) == ["Älter"]
    assert titles(catalogue.fitting(found, Wanted(blind=True))) == ["blind"]
    assert catalogue.fitting(found, Wanted(taxonomy=named.taxonomy_id + 1)) == []
    assert titles(catalogue.chosen(found, Wanted()))[-1] == "Älter"
    assert titles(catalogue.chosen(found, Wanted(sort="title")))[0] == "Älter", "accents do not come last"
    assert titles(catalogue.chosen(found, Wanted(sort="most")))[0] == "many"
    assert titles(catalogue.chosen(found, Wanted(state="done"))) == ["finished"]


def test_as_many_queries_for_many(library: dict[str, Any], alice: Any, video: Any) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            catalogue.entries(Video.objects.all(), alice)
        return len(queries)

    before = cost()
    for _ in range(5):
        row = video(players=["A", "B"])
        mark(row, alice)
        suggest(row, (100, 200))
        Job.objects.create(kind="suggest", video=row, slot="cpu", state="queued")
    assert cost() == before <= 8


def test_trying_again(library: dict[str, Any], alice: Any, bob: Any, admin: Any) -> None:
    row = library["stuck"]
    Video.objects.filter(pk=row.pk).update(uploaded_by=alice, error_code="killed")
    row.refresh_from_db()
    with pytest.raises(Refused, match="not_yours"):
        videos.try_again(video=row, user=bob)
    videos.try_again(video=row, user=alice)
    row.refresh_from_db()
    assert row.jobs.get().state == "queued" and row.error_code == ""
    with pytest.raises(Conflict, match="job_not_failed"):
        videos.try_again(video=row, user=admin)


def test_a_refused_one_goes_off_the_list_by_who_brought_it(library: dict[str, Any], alice: Any, bob: Any) -> None:
    row = library["refused"]
    Video.objects.filter(pk=row.pk).update(uploaded_by=alice)
    row.refresh_from_db()
    with pytest.raises(Refused, match="not_admin"):
        videos.remove(video=row, user=bob)
    videos.remove(video=row, user=alice)
    with pytest.raises(Refused, match="not_admin"):
        videos.remove(video=library["begun"], user=alice)


def test_visits(alice: Any, bob: Any) -> None:
    monday = timezone.now()
    assert visits.since(alice, monday) is None, "nothing is new at the first visit"
    visits.note(alice, monday)
    visits.note(alice, monday + timedelta(minutes=20))
    assert visits.since(alice, monday + timedelta(minutes=21)) is None, "still the same visit"
    tuesday = monday + timedelta(days=1)
    assert visits.since(alice, tuesday) == monday + timedelta(minutes=20)
    visits.note(alice, tuesday)
    visits.note(alice, tuesday + timedelta(minutes=5))
    assert visits.since(alice, tuesday + timedelta(minutes=6)) == monday + timedelta(minutes=20), "for all of the visit"
    assert visits.since(bob, tuesday) is None
