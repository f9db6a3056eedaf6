"""The page that says whether the model helps: words for every state, who sees whom, the table, what it costs."""

from __future__ import annotations

import csv
import io
import re
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from strokes import decisions, records
from strokes.models import Run, Suggestion, Video

MOVE = "Offensive Forehand Loop"


def text(client: Client, address: str = "/effect/") -> str:
    response = client.get(address)
    assert response.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def work(row: Video, expert: Any, n: int, seconds: float, run: Run | None = None) -> None:
    """`n` strokes marked by hand, or from suggestions of `run`, each in so many seconds; the video is complete."""
    ops: list[dict[str, Any]] = []
    for k in range(n):
        begin, end = 100 + k * 80, 150 + k * 80
        body = {"id": str(uuid4()), "stroke": str(uuid4()), "seconds": seconds}
        if run:
            one = Suggestion.objects.create(video=row, run=run, begin=begin, end=end, move=MOVE, score=0.9, top=[[MOVE, 0.9]])
            ops.append({**body, "kind": "accept", "suggestion": str(one.pk)})
        else:
            ops.append({**body, "kind": "add", "data": {"begin": begin, "end": end, "move": MOVE}})
    ops.append({"id": str(uuid4()), "kind": "complete", "data": {"value": True}})
    decisions.apply(lane=records.lane(video=row, expert=expert), expert=expert, ops=ops, base=None)


@pytest.fixture
def run(video: Any) -> Run:
    return Run.objects.create(number=1, taxonomy=video().taxonomy, preset="tiny")


def test_nothing_yet(as_alice: Client, as_admin: Client) -> None:
    assert "Nothing to measure yet" in text(as_alice) and "Nothing to measure yet" in text(as_admin)


def test_not_enough_is_said_with_figures_of_what_is_there(as_alice: Client, alice: Any, video: Any, run: Run) -> None:
    work(video(blind=True, n_frames=9000), alice, 14, 8.0)
    work(video(n_frames=9000), alice, 40, 5.0, run)
    page = text(as_alice)
    assert "Not enough yet" in page and "40 of 30 strokes with suggestions and 14 of 30 on blind videos" in page
    assert "Whatever the edges: 5.0 s with, 8.0 s without." in page
    assert "less time per stroke" not in page
    assert "100 %" in page.replace("\u00a0", " ") and "of 40 decided suggestions of the model were accepted as they were" in page


def test_help_in_words(as_alice: Client, alice: Any, video: Any, run: Run) -> None:
    for _ in range(4):
        work(video(blind=True, n_frames=9000), alice, 10, 8.0)
        work(video(n_frames=9000), alice, 10, 6.0, run)
    page = text(as_alice).replace("\u00a0", " ")
    assert "25 % less time per stroke: 6.0 s with suggestions, 8.0 s without, at equal edge error" in page
    assert "The model helps." in page and "own later corrections" in page
    french = text_in_french(as_alice)
    assert "25 % de temps en moins par coup : 6,0 s avec suggestions, 8,0 s sans" in french.replace("\u202f", " ")


def text_in_french(client: Client) -> str:
    response = client.get("/effect/", headers={"accept-language": "fr"})
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())).replace("\u00a0", " ")


def test_each_sees_their_own_and_admins_all(
    as_alice: Client, as_bob: Client, as_admin: Client, alice: Any, bob: Any, video: Any
) -> None:
    row = video(blind=True, n_frames=9000, title="=SUM(A1)")
    work(row, alice, 3, 8.0)
    work(row, bob, 5, 4.0)
    assert "alice" in text(as_admin) and "bob" in text(as_admin)
    assert "bob" not in text(as_alice) and "alice" not in text(as_bob)

    def table(client: Client) -> list[dict[str, str]]:
        response = client.get("/effect/strokes.csv")
        assert response["Content-Type"].startswith("text/csv") and "attachment" in response["Content-Disposition"]
        return list(csv.DictReader(io.StringIO(response.content.decode())))

    assert [row["expert"] for row in table(as_alice)] == ["alice"] * 3
    lines = table(as_admin)
    assert len(lines) == 8 and {line["title"] for line in lines} == {"'=SUM(A1)"}
    assert {line["seconds"] for line in lines} == {"8.0", "4.0"} and lines[0]["blind"] == "True"


def test_figures_are_new_once_something_was_decided(as_alice: Client, alice: Any, video: Any) -> None:
    row = video(blind=True, n_frames=9000)
    work(row, alice, 3, 8.0)
    assert "3 of 30 on blind videos" in text(as_alice)
    work(video(blind=True, n_frames=9000), alice, 4, 8.0)
    assert "7 of 30 on blind videos" in text(as_alice)


def test_cost_does_not_grow(as_admin: Client, alice: Any, bob: Any, video: Any, run: Run) -> None:
    def cost(n: int) -> int:
        for _ in range(n):
            work(video(blind=True, n_frames=9000), alice, n, 8.0)
            work(video(n_frames=9000), bob, n, 8.0, run)
        cache.clear()
        with CaptureQueriesContext(connection) as queries:
            assert as_admin.get("/effect/").status_code == 200
        return len(queries)

    assert cost(1) == cost(3) == cost(6)
