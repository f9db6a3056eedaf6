"""The stroke browser's page and its API: what is shown, pages, addresses, and nothing of others."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotator.api.serializers import StrokesFound
from strokes import decisions, records
from strokes.models import Player, Video

LOOP = "Offensive Forehand Loop"


def label(row: Video, expert: Any, *spans: tuple[int, int], move: str = LOOP, **data: Any) -> None:
    ops = [{"id": str(uuid4()), "kind": "add", "stroke": str(uuid4()), "data": {"begin": b, "end": e, "move": move, **data}}
           for b, e in spans]  # fmt: skip
    decisions.apply(lane=records.lane(video=row, expert=expert), expert=expert, ops=ops, base=None)


def text(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_the_empty_page_teaches(as_alice: Client, video: Any) -> None:
    video()
    assert "No strokes yet" in text(as_alice, "/strokes/")
    assert "No stroke fits all of this" in text(as_alice, "/strokes/?move=Negative")


def test_what_a_card_says(as_alice: Client, alice: Any, as_admin: Client, video: Any) -> None:
    row = video(title="Match <1>", players=["Ana"], fps=100)
    label(row, alice, (1230, 1300) if row.n_frames > 1300 else (230, 300), player="Ana", note="left <hand>", unsure=True)
    page = as_alice.get("/strokes/").content.decode()
    shown = text(as_alice, "/strokes/")
    for words in ("1 stroke", LOOP, "0.70 s", "Ana", "not sure", "0:02"):
        assert words in shown
    assert "left &lt;hand&gt;" in page and "Match &lt;1&gt;" in page
    stroke = records.lane(video=row, expert=alice).strokes.get()
    assert f'href="/videos/{row.pk}/?frame=230&amp;stroke={stroke.pk}"' in page
    assert "alice" in text(as_admin, "/strokes/")


def test_the_filters_keep_what_was_chosen(as_alice: Client, alice: Any, video: Any) -> None:
    label(video(), alice, (10, 20), (30, 40))
    label(video(), alice, (10, 20), move="Defensive Backhand Push")
    page = as_alice.get("/strokes/?move=Offensive+Forehand&since=2020-01-01&order=long").content.decode()
    assert re.search(r'value="Offensive Forehand" checked', page) and 'value="2020-01-01"' in page
    assert re.search(r'value="long" selected', page)
    assert page.count('class="stroke"') == 2
    assert "Show all" in page


def test_pages(as_alice: Client, alice: Any, video: Any) -> None:
    label(video(n_frames=10_000), alice, *[(k * 20, k * 20 + 10) for k in range(30)])
    first = as_alice.get("/strokes/?order=video").content.decode()
    assert first.count('class="stroke"') == 24 and 'href="?order=video&amp;page=2"' in first and "page 1 of 2" in first
    second = as_alice.get("/strokes/?order=video&page=2").content.decode()
    assert second.count('class="stroke"') == 6 and 'rel="next"' not in second
    assert as_alice.get("/strokes/?page=99").content.decode().count('class="stroke"') == 6, "beyond the last: the last"


@pytest.mark.parametrize("query", ["page=0", "since=yesterday", "step=great", "video=x", "score_from=2", "source=stolen"])
def test_what_makes_no_sense(as_alice: Client, query: str) -> None:
    assert as_alice.get(f"/strokes/?{query}").status_code == 200, "the page shows everything instead"
    answer = as_alice.get(f"/api/v1/strokes/?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_field")


def test_the_api_gives_the_same_a_page_at_a_time(as_alice: Client, alice: Any, video: Any) -> None:
    row = video(n_frames=10_000, fps=100, players=["Ana"])
    label(row, alice, *[(k * 20, k * 20 + 10) for k in range(30)])
    body = as_alice.get("/api/v1/strokes/?order=video&page=2").json()
    shown = StrokesFound(data=body)
    assert shown.is_valid(), shown.errors
    assert (body["count"], body["size"], body["seconds"], len(body["strokes"])) == (30, 24, pytest.approx(3.0), 6)
    one = body["strokes"][0]
    assert (one["begin"], one["expert"], one["score"], one["step"]) == (480, "alice", None, "")
    assert one["at_s"] == pytest.approx(4.8) and one["url"].endswith(f"?frame=480&stroke={one['id']}")
    assert as_alice.get("/api/v1/strokes/?class=Offensive+Forehand+Flip").json()["count"] == 0
    assert as_alice.get(f"/api/v1/strokes/?class={LOOP.replace(' ', '+')}&model_class=x").json()["count"] == 0


def test_nothing_of_others(as_bob: Client, as_charlie: Client, alice: Any, video: Any) -> None:
    label(video(title="SECRET"), alice, (10, 20), note="SECRET note")
    assert as_bob.get("/api/v1/strokes/").json()["count"] == 0
    assert as_bob.get("/api/v1/strokes/?expert=alice").json()["count"] == 0
    assert "SECRET note" not in as_bob.get("/strokes/?expert=alice&text=secret").content.decode()
    assert as_charlie.get("/strokes/").status_code == 403


def test_cost_does_not_grow(as_admin: Client, alice: Any, bob: Any, video: Any) -> None:
    def cost(n: int) -> int:
        for _ in range(n):
            row = video(n_frames=10_000, players=["Ana", "Bo"])
            label(row, alice, *[(k * 20, k * 20 + 10) for k in range(n)], player="Ana")
            label(row, bob, *[(k * 20, k * 20 + 10) for k in range(n)], player="Bo")
        with CaptureQueriesContext(connection) as queries:
            assert as_admin.get("/strokes/").status_code == 200
            assert as_admin.get("/api/v1/strokes/").status_code == 200
        return len(queries)

    assert cost(1) == cost(3) == cost(6)
    assert Player.objects.count() == 2
