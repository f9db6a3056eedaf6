"""From the log to figures: seconds, references, conditions, verdicts; what is left out; and what it costs."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from strokes import benefit, decisions, effort, records
from strokes.models import Decision, Suggestion, Video
from tests.strokes.conftest import FLIP, PUSH, op


def do(row: Video, expert: Any, *ops: dict[str, Any], base: int | None = None, lane_of: Any = "same") -> None:
    lane = records.lane(video=row, expert=expert if lane_of == "same" else lane_of)
    decisions.apply(lane=lane, expert=expert, ops=ops, base=base)


def timed(kind: str, seconds: float, stroke: Any = None, suggestion: Any = None, via: str = "", **data: Any) -> dict[str, Any]:
    body = op(kind, stroke, suggestion, **data) | {"seconds": seconds}
    return body | ({"via": via} if via else {})


def gather() -> effort.Gathered:
    return effort.gather(Video.objects.all())


def test_seconds_with_what_else_the_video_took(alice: Any, video: Any, suggest: Any, run: Any) -> None:
    row = video(fps=100)
    first, second, third = suggest(row, (100, 150, FLIP), (300, 350, FLIP), (500, 550, PUSH), run=run)
    one, two, gone = (uuid.uuid4() for _ in range(3))
    do(
        row, alice,
        timed("accept", 2.0, one, first.pk), timed("change", 1.0, one, end=152), timed("reject", 3.0, suggestion=second.pk),
        timed("add", 6.0, two, begin=700, end=750, move=PUSH), timed("add", 4.0, gone, begin=800, end=850), timed("remove", 1.0, gone),
    )  # fmt: skip
    found = gather()
    assert sorted((one.suggested, one.seconds) for one in found.works) == [(True, 7.0), (True, 10.0)], "3 + 4, 6 + 4"
    assert {(one.step, one.verdict) for one in found.judged} == {("likely", "edited"), ("likely", "rejected")}
    assert found.experts == ["alice"] and third.pk


def test_blind_or_with_suggestions_or_neither(alice: Any, video: Any, suggest: Any, run: Any, label: Any) -> None:
    label(video(blind=True), (10, 60, FLIP))
    label(video(), (10, 60, FLIP))  # never had suggestions: neither one nor the other
    early = video()
    label(early, (10, 60, FLIP))
    suggest(early, (300, 350, FLIP), run=run)
    label(early, (500, 550, FLIP))
    label(video(practice=True, blind=True), (10, 60, FLIP))
    done = {(row["blind"], row["begin"]) for row in gather().rows}
    assert done == {(True, 10), (False, 500)}
    Suggestion.objects.update(created=timezone.now() + timedelta(hours=1))
    assert {row["begin"] for row in gather().rows} == {10}


def test_what_was_decided_in_the_queue_is_not_labelling_a_video(alice: Any, video: Any, suggest: Any, run: Any) -> None:
    row = video()
    first, second = suggest(row, (100, 150, FLIP), (300, 350, FLIP), run=run)
    do(row, alice, timed("accept", 1.0, uuid.uuid4(), first.pk, via="queue-random"),
       timed("reject", 50.0, suggestion=second.pk, via="queue-uncertain"), timed("add", 5.0, uuid.uuid4(), begin=700, end=750))  # fmt: skip
    found = gather()
    assert [one.seconds for one in found.works] == [5.0]
    assert len(found.judged) == 2, "but it counts among what was decided"
    assert Decision.objects.get(kind="accept").via == "queue-random"


def test_edge_error_against_each_reference(alice: Any, bob: Any, admin: Any, video: Any) -> None:
    row = video(fps=100, blind=True)
    stroke = uuid.uuid4()
    do(row, alice, op("add", stroke, begin=100, end=160, move=FLIP), op("change", stroke, begin=104), op("complete", value=True))
    do(row, bob, op("add", uuid.uuid4(), begin=110, end=158, move=FLIP))
    work = next(one for one in gather().works if one.expert == "alice")
    assert work.errors == {"later": pytest.approx(20.0)}, "4 frames of one edge; bob has not finished"
    do(row, bob, op("complete", value=True))
    do(row, admin, op("add", uuid.uuid4(), begin=105, end=162, move=FLIP), lane_of=None)
    work = next(one for one in gather().works if one.expert == "alice")
    assert work.errors == {"later": pytest.approx(20.0), "other": pytest.approx(40.0), "consensus": pytest.approx(15.0)}


def test_right_and_wrong_by_the_consensus(alice: Any, admin: Any, video: Any, suggest: Any, run: Any) -> None:
    row = video()
    given = suggest(row, (100, 150, FLIP), (300, 350, FLIP), (500, 550, FLIP), run=run)
    do(row, alice, *[op("accept", uuid.uuid4(), one.pk) for one in given])
    assert {one.right for one in gather().judged} == {None}
    do(row, admin, op("add", uuid.uuid4(), begin=102, end=150, move=FLIP), op("add", uuid.uuid4(), begin=300, end=350, move=PUSH), lane_of=None)
    assert sorted(one.right is True for one in gather().judged) == [False, False, True]
    assert benefit.let_through(gather().judged) == (2, 2)


def test_edges_beside_another_hand(alice: Any, bob: Any, video: Any, suggest: Any, run: Any, label: Any) -> None:
    row = video(fps=100)
    (one,) = suggest(row, (100, 160, FLIP), run=run)
    do(row, alice, op("accept", uuid.uuid4(), one.pk, begin=102))
    label(row, (110, 158, FLIP), expert=bob, complete=True)
    edges = [(edge.expert, edge.hand, edge.model, edge.final, edge.suggested) for edge in gather().edges]
    assert edges == [("alice", 1100.0, 1000.0, 1020.0, True), ("alice", 1580.0, 1600.0, 1600.0, True)]


def test_lengths_of_both_kinds(alice: Any, video: Any, suggest: Any, run: Any, label: Any) -> None:
    label(video(fps=100, blind=True), (10, 60, FLIP), (100, 170, ""))
    row = video(fps=100)
    (one,) = suggest(row, (100, 160, FLIP), run=run)
    do(row, alice, op("accept", uuid.uuid4(), one.pk, end=155))
    label(row, (300, 350, FLIP))
    assert sorted((each.final, each.model) for each in gather().lengths) == [(500.0, None), (550.0, 600.0)]


def test_help_built_into_the_log_is_found(alice: Any, admin: Any, video: Any, suggest: Any, run: Any) -> None:
    """Through the database: blind strokes take 8 s, those of suggestions 5 s of which nobody else has a hand."""
    for k in range(4):
        spans = [(b, b + 50) for b in range(100, 900, 80)]
        blind, aided = video(blind=True, fps=100), video(fps=100)
        do(blind, alice, *[timed("add", 8.0, uuid.uuid4(), begin=b, end=e, move=FLIP) for b, e in spans], op("complete", value=True))
        given = suggest(aided, *[(b, e, FLIP) for b, e in spans], run=run)
        do(aided, alice, *[timed("accept", 5.0, uuid.uuid4(), one.pk) for one in given], op("complete", value=True))
        assert k < 4
    found = benefit.saving(gather().works)
    assert found.reference == "later" and found.share is not None
    assert found.share.value == pytest.approx(3 / 8) and (found.with_s, found.blind_s) == (5.0, 8.0)
    assert found.share.over == "videos" and found.n_with == found.n_blind == 40


def test_nobody_did_anything(db: None) -> None:
    found = gather()
    assert (found.works, found.judged, found.edges, found.lengths, found.experts) == ([], [], [], [], [])


def test_cost_does_not_grow(alice: Any, bob: Any, video: Any, suggest: Any, run: Any, label: Any) -> None:
    def cost(n: int) -> int:
        for _ in range(n):
            row = video(n_frames=10_000)
            given = suggest(row, *[(k * 100, k * 100 + 50, FLIP) for k in range(n)], run=run)
            do(row, alice, *[op("accept", uuid.uuid4(), one.pk) for one in given])
            label(row, *[(k * 100, k * 100 + 48, FLIP) for k in range(n)], expert=bob, complete=True)
            label(video(blind=True), (10, 60, FLIP))
        with CaptureQueriesContext(connection) as queries:
            gather()
        return len(queries)

    assert cost(1) == cost(3) == cost(6) == 6
