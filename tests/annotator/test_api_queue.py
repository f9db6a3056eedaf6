"""The queue over HTTP: what it shows of a suggestion, what it refuses, what it costs."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotator.api.serializers import QueueShown
from strokes.models import Run, Suggestion

MOVE = "Offensive Forehand Loop"


def suggest(row: Any, n: int, run: Run | None = None) -> None:
    for k in range(n):
        Suggestion.objects.create(
            video=row, run=run, begin=k * 100, end=k * 100 + 50, move=MOVE, score=0.5, top=[[MOVE, 0.5]]
        )


def test_what_it_shows(as_alice: Client, video: Any) -> None:
    row = video(title="<i>one</i>", players=["Player A"])
    suggest(row, 3, Run.objects.create(number=7, taxonomy=row.taxonomy, preset="tiny"))
    suggest(video(blind=True), 3)
    body = as_alice.get("/api/v1/queue/?n=2&seed=5").json()
    assert (body["seed"], body["open"], len(body["strokes"])) == (5, 3, 2)
    shown = QueueShown(data=body)
    assert shown.is_valid(), shown.errors
    first = body["strokes"][0]
    assert set(first) == {"id", "begin", "end", "move", "score", "top", "run", "video", "share", "useful", "rarity"}
    assert first["video"] == {"id": str(row.pk), "title": "<i>one</i>", "width": 320, "height": 180, "n_frames": 1000}
    assert first["run"] == 7 and first["share"] == "uncertain"
    assert as_alice.get("/api/v1/queue/?n=2&seed=5").json() == body


def test_what_was_decided_does_not_come_again(as_alice: Client, as_bob: Client, video: Any) -> None:
    row = video()
    suggest(row, 2)
    one = as_alice.get("/api/v1/queue/").json()["strokes"][0]
    op = {"id": "b2a53ed6-6b7a-4f7e-8a58-9b8b8c0d9a11", "kind": "reject", "suggestion": one["id"]}
    sent = as_alice.post(
        f"/api/v1/videos/{row.pk}/decisions/", {"ops": [op]}, "application/json", headers={"if-match": '"0"'}
    )
    assert sent.status_code == 200
    assert one["id"] not in [each["id"] for each in as_alice.get("/api/v1/queue/").json()["strokes"]]
    assert one["id"] in [each["id"] for each in as_bob.get("/api/v1/queue/").json()["strokes"]]


@pytest.mark.parametrize("query", ["n=0", "n=101", "n=x", "seed=-1", "seed=y"])
def test_what_makes_no_sense(as_alice: Client, query: str) -> None:
    answer = as_alice.get(f"/api/v1/queue/?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_field")


def test_cost_does_not_grow(as_alice: Client, video: Any) -> None:
    def cost(n: int) -> int:
        for _ in range(n):
            suggest(video(players=["Player A"]), n)
        with CaptureQueriesContext(connection) as queries:
            assert as_alice.get("/api/v1/queue/?n=100").status_code == 200
        return len(queries)

    assert cost(1) == cost(3) == cost(8)
