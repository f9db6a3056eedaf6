"""The practice video: scored kindly and rightly, and in nothing that counts."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from mlcore import formats
from strokes import datasets, decisions, exports, imports, practice, records, splits, suggestions, videos
from strokes.errors import Refused
from strokes.models import Lane, Practice, Suggestion, Verdict
from strokes.practice import Mark

A, B, C = "Serve Forehand Topspin", "Offensive Forehand Loop", "Defensive Backhand Push"
TRUTH = [formats.Interval(30, 60, A), formats.Interval(100, 130, B), formats.Interval(200, 240, C)]


def test_right_late_wrong_missed_and_one_too_many() -> None:
    marks = [Mark("1", 33, 60, A), Mark("2", 100, 131, C), Mark("3", 300, 320, B), Mark("4", 150, 160, "Negative")]
    rows, extra = practice.judge(marks, TRUTH)
    first, second, third = rows
    assert (first.stroke, first.tiou, first.late_begin, first.late_end, first.right) == ("1", 0.9, 3, 0, True)
    assert (second.edges_right, second.class_right, second.marked_move, second.right) == (True, False, C, False)
    assert third.stroke is None and not third.right
    assert [mark.id for mark in extra] == ["3"], "a Negative is no stroke too many"
    found = practice.summary(rows, extra, fps=30)
    assert found == {"right": 1, "of": 3, "found": 2, "edges_right": 2, "classes_right": 1, "extra": 1, "begin_ms": 50, "end_ms": 17}


def test_edges_at_the_very_threshold_and_just_below() -> None:
    (at,), _ = practice.judge([Mark("1", 0, 75, A)], [formats.Interval(0, 100, A)])
    (below,), _ = practice.judge([Mark("1", 0, 74, A)], [formats.Interval(0, 100, A)])
    assert (at.right, below.right) == (True, False)


def test_one_mark_over_two_strokes_counts_for_one() -> None:
    rows, extra = practice.judge([Mark("1", 30, 130, A)], TRUTH)
    assert [row.stroke for row in rows] == ["1", None, None] and not extra
    rows, extra = practice.judge([Mark("1", 30, 60, A), Mark("2", 31, 60, A)], TRUTH)
    assert rows[0].stroke == "1" and [mark.id for mark in extra] == ["2"]


@pytest.fixture
def row(video: Any) -> Any:
    made = video(practice=True, fps=30.0, n_frames=400, state="watchable", prepared_key="")
    formats.Practice(TRUTH).write(videos.folder(made) / "truth.json")
    proposed = [formats.SuggestedStroke(200, 240, C, 0.9, [(C, 0.9)]), formats.SuggestedStroke(300, 330, B, 0.5, [(B, 0.5)])]
    formats.Suggestions("", proposed).write(videos.folder(made) / "proposed.json")
    return made


def mark(row: Any, expert: Any, *strokes: tuple[int, int, str], complete: bool = False) -> Lane:
    lane = records.lane(video=row, expert=expert)
    ops: list[dict[str, Any]] = [{"id": str(uuid4()), "kind": "add", "stroke": str(uuid4()), "data": {"begin": b, "end": e, "move": m}}
                                 for b, e, m in strokes]  # fmt: skip
    ops += [{"id": str(uuid4()), "kind": "complete", "data": {"value": True}}] if complete else []
    decisions.apply(lane=lane, expert=expert, ops=ops, base=None)
    return lane


def test_scored_remembered_and_begun_again(row: Any, alice: Any) -> None:
    with pytest.raises(Refused, match="nothing_marked"):
        practice.score(video=row, expert=alice)
    assert practice.propose(row) == 2
    lane = mark(row, alice, (30, 60, A), (100, 130, B), complete=True)
    one, two = Suggestion.objects.order_by("begin")
    decisions.apply(lane=lane, expert=alice, base=None, ops=[
        {"id": str(uuid4()), "kind": "accept", "suggestion": str(one.pk), "stroke": str(uuid4())},
        {"id": str(uuid4()), "kind": "reject", "suggestion": str(two.pk)},
    ])  # fmt: skip
    found = practice.score(video=row, expert=alice)
    assert (found["summary"]["right"], found["summary"]["of"], len(found["strokes"])) == (3, 3, 3)
    practice.tick(expert=alice, steps=["mark", "play"], skipped=True)
    state = Practice.objects.get()
    assert (state.steps, state.skipped, state.tries, state.best, state.finished is not None) == (["play", "mark"], True, 1, 1.0, True)
    practice.restart(video=row, expert=alice)
    lane.refresh_from_db()
    assert (lane.strokes.count(), Verdict.objects.count(), lane.complete) == (0, 0, False)
    assert suggestions.open_for(lane).count() == 2
    assert records.fold(lane).strokes == {}, "what was undone stands in the log"
    state.refresh_from_db()
    assert (state.steps, state.skipped, state.tries, state.best) == ([], False, 1, 1.0)


def test_other_videos_have_no_truth(video: Any, alice: Any) -> None:
    with pytest.raises(Refused, match="not_practice"):
        practice.score(video=video(), expert=alice)
    with pytest.raises(Refused, match="bad_field"):
        practice.tick(expert=alice, steps=["fly"])


def test_practice_is_in_nothing_that_counts(row: Any, video: Any, alice: Any) -> None:
    mark(row, alice, (30, 60, A), (100, 130, B), complete=True)
    assert splits.labelled(row.taxonomy) == {}
    with pytest.raises(Refused, match="no_labelled_videos"):
        datasets.build(splits.current(row.taxonomy))
    assert records.decisions_of(row.taxonomy.pk) == 0
    other = video()
    mark(other, alice, (10, 20, A))
    assert list(splits.labelled(row.taxonomy)) == [other]
    assert [member.video for member in splits.current(row.taxonomy).members.all()] == [other]
    assert records.decisions_of(row.taxonomy.pk) == 1
    assert exports.csv([row, other]).count("\n") == 2, "the head and the other video's stroke"
    for export in (lambda: exports.mediaeval2020(row), lambda: exports.mediaeval2022(row, "detection")):
        with pytest.raises(Refused, match="practice_video"):
            export()
    with pytest.raises(Refused, match="practice_video"):
        imports.plan(video=row, intervals=[], expert=alice)


def test_practice_is_never_blind_and_does_not_use_up_the_first_videos(video: Any, settings: Any) -> None:
    settings.BLIND_AFTER, settings.BLIND_SHARE = 1, 1.0
    video(practice=True)
    assert videos.draw(video()) is False, "it is the first that counts"
    assert videos.draw(video()) is True
