"""Suggestions: stored beside the experts' work, asked once."""

import uuid

import pytest

from mlcore import formats
from strokes import decisions, records, suggestions
from strokes.errors import Refused
from strokes.models import Stroke, Suggestion, Verdict
from tests.strokes.conftest import FLIP, PUSH, op


def test_a_new_runs_suggestions_replace_the_open_ones_and_touch_no_decision(alice, video, suggest, run):
    made = video()
    one, two = suggest(made, (0, 10, ""), (20, 30, ""))
    lane = records.lane(video=made, expert=alice)
    decisions.apply(lane=lane, expert=alice, ops=[op("accept", uuid.uuid4(), one.pk)], base=0)
    new = suggest(made, (50, 60, FLIP), run=run)
    assert [row.move for row in suggestions.open_for(lane)] == [FLIP] and new[0].run == run
    assert set(Suggestion.objects.filter(current=False)) == {one, two}
    assert Stroke.objects.get().suggestion == one and Verdict.objects.get().suggestion == one
    assert records.rows(lane) == records.fold(lane)


def test_open_are_those_this_expert_has_not_decided(alice, bob, video, suggest):
    made = video()
    one, two = suggest(made, (0, 10, FLIP), (20, 30, FLIP))
    hers, his = (records.lane(video=made, expert=who) for who in (alice, bob))
    decisions.apply(lane=hers, expert=alice, ops=[op("reject", suggestion=one.pk)], base=0)
    assert list(suggestions.open_for(hers)) == [two]
    assert list(suggestions.open_for(his)) == [one, two]


@pytest.mark.parametrize(
    ("begin", "end", "asked"), [(100, 200, False), (150, 250, True), (134, 234, True), (133, 233, False)]
)
def test_what_a_stroke_answers_already_is_not_asked(alice, video, suggest, begin, end, asked):
    """[100, 200) against [134, 234): IoU 66/134 < 0.5; against [133, 233): 67/133 > 0.5."""
    made = video()
    lane = records.lane(video=made, expert=alice)
    ops = [op("add", uuid.uuid4(), begin=100, end=200, move=PUSH)]
    decisions.apply(lane=lane, expert=alice, ops=ops, base=0)
    suggest(made, (begin, end, FLIP))
    assert suggestions.open_for(lane).exists() is asked


def test_what_was_rejected_is_not_asked_again_unless_as_another_move(alice, video, suggest, run):
    made = video()
    (one,) = suggest(made, (100, 200, FLIP))
    lane = records.lane(video=made, expert=alice)
    decisions.apply(lane=lane, expert=alice, ops=[op("reject", suggestion=one.pk)], base=0)
    suggest(made, (101, 201, FLIP), (102, 202, PUSH), (400, 500, FLIP), run=run)
    assert [(s.begin, s.move) for s in suggestions.open_for(lane)] == [(102, PUSH), (400, FLIP)]


def test_a_blind_video_gets_none(video, suggest):
    with pytest.raises(Refused, match="blind_video"):
        suggest(video(blind=True), (0, 10, FLIP))
    assert not Suggestion.objects.exists()


@pytest.mark.parametrize("span", [(0, 1001, FLIP), (10, 10, FLIP), (0, 5, "Smash"), (0, 5, "Serve Forehand")])
def test_a_file_that_does_not_fit_is_refused_whole(video, suggest, span):
    made = video()
    suggest(made, (1, 2, FLIP))
    with pytest.raises(Refused, match="bad_suggestions"):
        suggest(made, (3, 4, FLIP), span)
    assert Suggestion.objects.filter(current=True).count() == 1


def test_a_score_that_is_no_number_is_refused(video):
    file = formats.Suggestions(run="", strokes=[formats.SuggestedStroke(0, 5, FLIP, float("nan"))])
    with pytest.raises(Refused, match="bad_suggestions"):
        suggestions.store(video=video(), run=None, file=file)


def test_a_file_of_another_run_is_refused(video, run):
    file = formats.Suggestions(run=str(uuid.uuid4()), strokes=[])
    with pytest.raises(Refused, match="bad_suggestions"):
        suggestions.store(video=video(), run=run, file=file)


def test_many_are_stored_in_few_queries(video, django_assert_max_num_queries):
    strokes = [formats.SuggestedStroke(n, n + 1, "", 0.5) for n in range(900)]
    made = video()
    with django_assert_max_num_queries(20):
        assert suggestions.store(video=made, run=None, file=formats.Suggestions(run="", strokes=strokes)) == 900
