"""Lanes of other people: who sees them, when, and at what cost."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotator.api.serializers import LanesShown
from strokes import decisions, records

MOVE = "Offensive Forehand Loop"


def mark(row: Any, expert: Any, *spans: tuple[int, int, str], complete: bool = True, by: Any = None) -> Any:
    lane = records.lane(video=row, expert=expert)
    ops: list[dict[str, Any]] = [
        {"id": str(uuid4()), "kind": "add", "stroke": str(uuid4()), "data": {"begin": b, "end": e, "move": m}}
        for b, e, m in spans
    ]
    if complete:
        ops.append({"id": str(uuid4()), "kind": "complete", "data": {"value": True}})
    decisions.apply(lane=lane, expert=by or expert, ops=ops, base=None)
    return lane


def lanes(client: Client, row: Any) -> Any:
    return client.get(f"/api/v1/videos/{row.pk}/lanes/")


@pytest.mark.parametrize("blind", [False, True])
def test_others_are_shown_only_to_whoever_has_finished(
    as_alice: Client, as_admin: Client, alice: Any, bob: Any, video: Any, blind: bool
) -> None:
    row = video(blind=blind)
    mark(row, bob, (10, 60, MOVE))
    for _ in range(2):
        refused = lanes(as_alice, row)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_complete_yet")
        assert b"bob" not in refused.content and MOVE.encode() not in refused.content
        mark(row, alice, (12, 58, MOVE), complete=False)
    assert lanes(as_admin, row).status_code == 200, "an administrator need not mark anything"
    mark(row, alice)
    body = lanes(as_alice, row).json()
    assert [lane["expert"]["name"] for lane in body["lanes"]] == ["bob"], "my own lane is not among the others"
    assert [(s["begin"], s["end"], s["move"]) for s in body["lanes"][0]["strokes"]] == [(10, 60, MOVE)]
    assert body["consensus"] is None and body["admin"] is False
    assert LanesShown(data=body).is_valid()


def test_who_has_only_looked_is_no_lane_and_the_consensus_is_one_of_its_own(
    as_alice: Client, alice: Any, bob: Any, admin: Any, video: Any
) -> None:
    row = video()
    mark(row, alice)
    records.lane(video=row, expert=bob)
    mark(row, None, (5, 9, ""), by=admin)
    body = lanes(as_alice, row).json()
    assert body["lanes"] == [] and len(body["consensus"]["strokes"]) == 1


def test_the_number_of_queries_does_not_grow(as_admin: Client, alice: Any, bob: Any, video: Any) -> None:
    def cost(row: Any) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert lanes(as_admin, row).status_code == 200
        return len(queries)

    few, many = video(), video()
    mark(few, bob, (10, 60, MOVE))
    mark(many, bob, *((b, b + 9, MOVE) for b in range(0, 900, 10)))
    mark(many, alice, *((b, b + 8, MOVE) for b in range(0, 900, 10)))
    assert cost(few) == cost(many)


# -- the consensus -----------------------------------------------------------------------------------------------------


def begin(client: Client, row: Any) -> Any:
    return client.post(f"/api/v1/videos/{row.pk}/consensus/begin/", {}, "application/json")


def decide(client: Client, row: Any, base: int, *ops: dict[str, Any]) -> Any:
    return client.post(f"/api/v1/videos/{row.pk}/consensus/", {"ops": list(ops)}, "application/json", headers={"if-match": f'"{base}"'})


def add(begin: int, end: int, move: str = MOVE) -> dict[str, Any]:
    return {"id": str(uuid4()), "kind": "add", "stroke": str(uuid4()), "data": {"begin": begin, "end": end, "move": move}}


def test_a_consensus_begins_with_what_all_agree_on_and_is_then_decided(
    as_admin: Client, as_alice: Client, alice: Any, bob: Any, video: Any
) -> None:
    row = video()
    mark(row, alice, (10, 60, MOVE), (100, 150, MOVE), (300, 350, "Negative"))
    assert begin(as_admin, row).json()["code"] == "too_few_finished"
    mark(row, bob, (12, 62, MOVE), (100, 150, "Offensive Forehand Hit"), (300, 349, "Negative"), (500, 540, MOVE))
    assert begin(as_alice, row).status_code == 403
    assert decide(as_admin, row, 0, add(1, 5)).json()["code"] == "consensus_not_begun"
    assert [s.begin for s in records.truth(row)[0]] == [12, 100, 300, 500], "bob has decided most so far"

    for _ in range(2):  # twice is once
        body = begin(as_admin, row).json()
        assert [(s["begin"], s["end"], s["move"]) for s in body["consensus"]["strokes"]] == [(11, 61, MOVE), (300, 350, "Negative")]
        assert body["consensus"]["version"] == 2
    assert [s.begin for s in records.truth(row)[0]] == [11, 300], "from now on the consensus is the truth"
    assert records.truth(row)[1] is False, "it teaches nothing about gaps until somebody says it is complete"

    one = add(100, 150)
    for _ in range(2):  # a repeated batch changes nothing
        assert len(decide(as_admin, row, 2, one).json()["consensus"]["strokes"]) == 3
    stale = decide(as_admin, row, 2, add(500, 540))
    assert (stale.status_code, stale.json()["code"], stale.json()["state"]["consensus"]["version"]) == (412, "stale", 3)
    done = decide(as_admin, row, 3, {"id": str(uuid4()), "kind": "complete", "data": {"value": True}})
    assert done.json()["consensus"]["complete"] is True and records.truth(row)[1] is True
    wrong = decide(as_admin, row, 4, {"id": str(uuid4()), "kind": "roi", "data": {"frame": 1, "x": 0.5, "y": 0.5}})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "bad_op")
    assert decide(as_alice, row, 4, add(1, 5)).status_code == 403
    lane = records.lane(video=row, expert=None)
    assert records.fold(lane) == records.rows(lane), "the log says the same as the rows"


def test_what_one_decided_in_the_consensus_can_be_taken_back_and_how_it_began_cannot(
    as_admin: Client, as_alice: Client, alice: Any, bob: Any, video: Any
) -> None:
    row = video()
    for who in (alice, bob):
        mark(row, who, (10, 60, MOVE))
    assert begin(as_admin, row).json()["consensus"]["log"] == []
    one = add(100, 150)
    [shown] = decide(as_admin, row, 1, one).json()["consensus"]["log"]
    assert (shown["id"], shown["kind"], shown["undoes"]) == (one["id"], "add", None)
    back = {"id": str(uuid4()), "kind": "remove", "stroke": one["stroke"], "undoes": one["id"]}
    body = decide(as_admin, row, 2, back).json()["consensus"]
    assert [each["undoes"] for each in body["log"]] == [None, one["id"]]
    assert [s["begin"] for s in body["strokes"]] == [10]
    assert as_alice.get(f"/api/v1/videos/{row.pk}/lanes/").json()["consensus"]["log"] == [], "others decided nothing there"


def test_nothing_agreed_begins_nothing(as_admin: Client, alice: Any, bob: Any, video: Any) -> None:
    row = video()
    mark(row, alice, (10, 60, MOVE))
    mark(row, bob, (400, 460, MOVE))
    assert begin(as_admin, row).json()["code"] == "nothing_agreed"
    assert records.true_lane(row) is not None and records.true_lane(row).expert is not None  # type: ignore[union-attr]
