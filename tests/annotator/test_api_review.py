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
