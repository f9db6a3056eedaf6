"""Decisions: idempotent, in order, undone by further ones, safe under concurrency."""

import threading
import uuid

import pytest
from django.db import connection

from strokes import decisions, records
from strokes.errors import Conflict, Refused
from strokes.models import Decision, Lane, Stroke
from tests.strokes.conftest import FLIP, PUSH, op


@pytest.fixture
def lane(alice, video) -> Lane:
    return records.lane(video=video(players=["p1"], n_frames=100), expert=alice)


def take(lane: Lane, *ops, base=None) -> decisions.Applied:
    return decisions.apply(lane=lane, expert=lane.expert, ops=ops, base=base)


def refused(lane: Lane, *ops, base=None) -> Refused:
    before = Decision.objects.count()
    with pytest.raises(Refused) as found:
        take(lane, *ops, base=base)
    assert Decision.objects.count() == before
    return found.value


def test_a_stroke_is_added_changed_removed_restored(lane):
    key = uuid.uuid4()
    added = take(lane, op("add", key, begin=10, end=20, move=FLIP, player="p1", note="x", unsure=True), base=0)
    assert added.lane_version == 1
    row = added.strokes[0]
    assert (row.begin, row.end, row.move, row.player.pseudonym, row.source) == (10, 20, FLIP, "p1", "blind")
    changed = take(lane, op("change", key, begin=12, move=PUSH), base=1)
    assert (changed.strokes[0].begin, changed.strokes[0].end, changed.strokes[0].version) == (12, 20, 2)
    assert Decision.objects.get(lane=lane, number=2).before == {"begin": 10, "move": FLIP}
    assert take(lane, op("remove", key), base=2).removed == [key]
    back = take(lane, op("restore", key), base=3).strokes[0]
    assert (back.begin, back.end, back.move, back.note, back.unsure) == (12, 20, PUSH, "x", True)
    assert back.version == 3
    assert list(Decision.objects.filter(lane=lane).values_list("number", flat=True)) == [1, 2, 3, 4]


def test_a_repeat_is_skipped_and_another_body_under_its_id_refused(lane):
    first = op("add", uuid.uuid4(), begin=1, end=5)
    take(lane, first, base=0)
    again = take(lane, first, base=0)
    assert again.lane_version == 1 and again.skipped == [uuid.UUID(first["id"])]
    assert [row.begin for row in again.strokes] == [1]
    assert refused(lane, first | {"data": {"begin": 2, "end": 5}}).code == "op_reused"
    assert Decision.objects.count() == 1


def test_the_same_operation_twice_in_one_batch_counts_once(lane):
    twice = op("add", uuid.uuid4(), begin=1, end=5)
    assert take(lane, twice, twice, base=0).lane_version == 1


def test_another_expert_cannot_reuse_an_id_nor_write_in_a_lane(lane, bob):
    first = op("add", uuid.uuid4(), begin=1, end=5)
    take(lane, first)
    his = records.lane(video=lane.video, expert=bob)
    assert refused(his, first).code == "op_reused"
    with pytest.raises(Refused, match="not_your_lane"):
        decisions.apply(lane=lane, expert=bob, ops=[op("complete", value=True)], base=None)


def test_a_stale_base_is_a_conflict_but_a_resent_batch_with_more_behind_is_not(lane):
    one, two, three = (op("add", uuid.uuid4(), begin=n, end=n + 5) for n in (0, 10, 20))
    take(lane, one, two, base=0)
    assert take(lane, one, two, three, base=0).lane_version == 3
    stale = refused(lane, op("complete", value=True), base=2)
    assert isinstance(stale, Conflict) and (stale.code, stale.params) == ("stale", {"version": 3})
    assert refused(lane, op("complete", value=True), base=9).code == "stale"


def test_a_batch_is_taken_whole_or_not_at_all(lane):
    assert refused(lane, op("add", uuid.uuid4(), begin=1, end=5), op("remove", uuid.uuid4())).code == "unknown_stroke"
    assert not Stroke.objects.exists()
    lane.refresh_from_db()
    assert lane.version == 0


def test_bounds_are_half_open_against_the_number_of_frames(lane):
    take(lane, op("add", uuid.uuid4(), begin=99, end=100))
    beyond = refused(lane, op("add", uuid.uuid4(), begin=99, end=101))
    assert (beyond.code, beyond.params) == ("beyond_last_frame", {"last": 99})
    assert refused(lane, op("add", uuid.uuid4(), begin=5, end=5)).code == "end_before_begin"
    key = uuid.uuid4()
    take(lane, op("add", key, begin=10, end=20))
    assert refused(lane, op("change", key, begin=20)).code == "end_before_begin"


@pytest.mark.parametrize("move", ["", "Negative", "Serve Forehand", FLIP])
def test_labels_may_be_empty_negative_partial_or_whole(lane, move):
    assert take(lane, op("add", uuid.uuid4(), begin=1, end=5, move=move)).strokes[0].move == move


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"kind": "add", "data": {"begin": 1, "end": 5}}, "bad_op"),
        ({"kind": "add", "stroke": "x", "data": {"begin": 1, "end": 5}}, "bad_op"),
        ({"kind": "add", "stroke": str(uuid.uuid4()), "data": {"begin": True, "end": 5}}, "bad_op"),
        ({"kind": "add", "stroke": str(uuid.uuid4()), "data": {"begin": -1, "end": 5}}, "bad_op"),
        ({"kind": "add", "stroke": str(uuid.uuid4()), "data": {"begin": 1.0, "end": 5}}, "bad_op"),
        ({"kind": "add", "stroke": str(uuid.uuid4()), "data": {"begin": 1}}, "bad_op"),
        ({"kind": "add", "stroke": str(uuid.uuid4()), "data": {"begin": 1, "end": 10**30}}, "beyond_last_frame"),
        ({"kind": "add", "stroke": str(uuid.uuid4()), "data": {"begin": 1, "end": 5, "move": "Smash"}}, "unknown_move"),
        ({"kind": "add", "stroke": str(uuid.uuid4()), "data": {"begin": 1, "end": 5, "player": "x"}}, "unknown_player"),
        ({"kind": "add", "stroke": str(uuid.uuid4()), "data": {"begin": 1, "end": 5, "note": "\x00"}}, "bad_op"),
        ({"kind": "add", "stroke": str(uuid.uuid4()), "data": {"begin": 1, "end": 5, "note": "n" * 501}}, "bad_op"),
        ({"kind": "add", "stroke": str(uuid.uuid4()), "data": {"begin": 1, "end": 5, "source": "blind"}}, "bad_op"),
        ({"kind": "add", "stroke": str(uuid.uuid4()), "data": {"begin": 1, "end": 5, "colour": 1}}, "bad_op"),
        ({"kind": "change", "stroke": str(uuid.uuid4()), "data": {"begin": 1}}, "unknown_stroke"),
        ({"kind": "change", "stroke": str(uuid.uuid4()), "data": {}}, "bad_op"),
        ({"kind": "restore", "stroke": str(uuid.uuid4())}, "unknown_stroke"),
        ({"kind": "reject", "suggestion": str(uuid.uuid4())}, "unknown_suggestion"),
        ({"kind": "roi", "data": {"frame": 100, "x": 0.5, "y": 0.5}}, "beyond_last_frame"),
        ({"kind": "roi", "data": {"frame": 1, "x": float("nan"), "y": 0.5}}, "bad_op"),
        ({"kind": "roi", "data": {"frame": 1}}, "bad_op"),
        ({"kind": "complete", "data": {"value": 1}}, "bad_op"),
        ({"kind": "complete", "data": {"value": True}, "seconds": float("inf")}, "bad_op"),
        ({"kind": "complete", "data": {"value": True}, "at": "yesterday"}, "bad_op"),
        ({"kind": "complete", "data": {"value": True}, "who": "me"}, "bad_op"),
        ({"kind": "vanish"}, "bad_op"),
        ({"kind": ["add"]}, "bad_op"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_code(lane, body, code):
    assert refused(lane, {"id": str(uuid.uuid4()), **body}).code == code


def test_a_video_without_frames_cannot_be_labelled_yet(alice, video):
    lane = records.lane(video=video(n_frames=0, fps=1.0), expert=alice)
    assert refused(lane, op("complete", value=True)).code == "not_ready"


def test_a_suggestion_taken_untouched_edited_and_edited_back(lane, suggest):
    (one,) = suggest(lane.video, (10, 20, FLIP))
    key = uuid.uuid4()
    row = take(lane, op("accept", key, one.pk)).strokes[0]
    assert (row.begin, row.end, row.move, row.source, row.suggestion_id) == (10, 20, FLIP, "accepted", one.pk)
    assert take(lane, op("change", key, note="hm")).strokes[0].source == "accepted"
    assert take(lane, op("change", key, end=25)).strokes[0].source == "edited"
    assert Decision.objects.get(lane=lane, number=3).before == {"end": 20}
    assert take(lane, op("change", key, end=20)).strokes[0].source == "accepted"


def test_accept_is_taken_back_by_reopen_and_can_be_done_again(lane, suggest):
    (one,) = suggest(lane.video, (10, 20, FLIP))
    key = uuid.uuid4()
    accept = op("accept", key, one.pk, end=30)
    assert take(lane, accept).verdicts == {one.pk: True}
    undone = take(lane, op("reopen", suggestion=one.pk) | {"undoes": accept["id"]})
    assert undone.removed == [key] and undone.verdicts == {one.pk: None}
    assert Decision.objects.get(lane=lane, number=2).before["stroke"]["end"] == 30
    again = take(lane, op("accept", key, one.pk, end=30))
    assert again.strokes[0].end == 30 and again.strokes[0].source == "edited"


def test_reject_is_taken_back_by_reopen(lane, suggest):
    (one,) = suggest(lane.video, (10, 20, FLIP))
    assert take(lane, op("reject", suggestion=one.pk)).verdicts == {one.pk: False}
    assert take(lane, op("reopen", suggestion=one.pk)).verdicts == {one.pk: None}
    assert refused(lane, op("reopen", suggestion=one.pk)).code == "already_decided"


def test_one_suggestion_never_becomes_two_strokes(lane, suggest):
    (one,) = suggest(lane.video, (10, 20, FLIP))
    first, second = uuid.uuid4(), uuid.uuid4()
    take(lane, op("accept", first, one.pk))
    assert refused(lane, op("accept", second, one.pk)).code == "already_decided"
    take(lane, op("remove", first), op("reopen", suggestion=one.pk), op("accept", second, one.pk))
    assert refused(lane, op("restore", first)).code == "unknown_stroke"
    take(lane, op("remove", second))
    batch = [op("reopen", suggestion=one.pk), op("restore", second)]
    assert refused(lane, *batch).code == "unknown_stroke"


def test_a_rejected_suggestion_can_be_accepted_after_all(lane, suggest):
    (one,) = suggest(lane.video, (10, 20, FLIP))
    take(lane, op("reject", suggestion=one.pk))
    assert take(lane, op("accept", uuid.uuid4(), one.pk)).verdicts == {one.pk: True}


def test_a_suggestion_of_another_video_is_unknown(lane, video, suggest):
    (other,) = suggest(video(), (10, 20, FLIP))
    assert refused(lane, op("accept", uuid.uuid4(), other.pk)).code == "unknown_suggestion"


def test_a_strokes_id_is_used_once_over_all_lanes(lane, bob):
    key = uuid.uuid4()
    take(lane, op("add", key, begin=1, end=5))
    his = records.lane(video=lane.video, expert=bob)
    assert refused(his, op("add", key, begin=1, end=5)).params == {"field": "stroke"}
    take(lane, op("remove", key))
    assert refused(lane, op("add", key, begin=1, end=5)).params == {"field": "stroke"}
    assert refused(his, op("change", key, begin=2)).code == "unknown_stroke"


def test_complete_and_roi_are_undone_by_what_was_before(lane):
    take(lane, op("complete", value=True), op("roi", frame=3, x=0.1, y=0.2), op("roi", frame=3, x=0.5, y=0.6))
    befores = [entry.before for entry in Decision.objects.filter(lane=lane)]
    assert befores == [{"value": False}, {}, {"x": 0.1, "y": 0.2}]
    applied = take(lane, op("roi", frame=3, x=0.1, y=0.2), op("complete", value=False))
    assert applied.roi_changed and not applied.complete
    assert records.rows(lane).roi == {3: (0.1, 0.2)}


def test_clock_of_the_browser_never_runs_ahead(lane):
    take(lane, op("complete", value=True) | {"at": "2999-01-01T00:00:00Z", "seconds": 2.5})
    entry = Decision.objects.get(lane=lane)
    assert entry.at.year < 2999 and entry.seconds == 2.5


def test_queries_do_not_grow_with_the_batch(lane, django_assert_max_num_queries):
    batch = [op("add", uuid.uuid4(), begin=n, end=n + 1) for n in range(60)]
    with django_assert_max_num_queries(20):
        take(lane, *batch)


@pytest.mark.django_db(transaction=True)
def test_two_writers_in_one_lane_lose_and_double_nothing(alice, video):
    made = video()
    lane = records.lane(video=made, expert=alice)
    each, writers, wrong = 12, 2, []
    start = threading.Barrier(writers)

    def write() -> None:
        try:
            start.wait()
            for n in range(each):
                one = op("add", uuid.uuid4(), begin=n, end=n + 1)
                for _ in range(2):  # every one is sent twice, as after a lost answer
                    decisions.apply(lane=Lane.objects.get(pk=lane.pk), expert=alice, ops=[one], base=None)
        except Exception as error:
            wrong.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write) for _ in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    numbers = list(Decision.objects.filter(lane=lane).values_list("number", flat=True))
    assert numbers == list(range(1, writers * each + 1))
    assert Stroke.objects.count() == writers * each
    lane.refresh_from_db()
    assert lane.version == writers * each


@pytest.mark.django_db(transaction=True)
def test_of_two_writers_on_the_same_base_one_is_told(alice, video):
    lane = records.lane(video=video(), expert=alice)
    outcomes: list[str] = []
    start = threading.Barrier(4)

    def write() -> None:
        mine = Lane.objects.get(pk=lane.pk)
        try:
            start.wait()
            decisions.apply(lane=mine, expert=alice, ops=[op("complete", value=True)], base=0)
            outcomes.append("taken")
        except Conflict as conflict:
            outcomes.append(conflict.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["stale"] * 3 + ["taken"]


def test_a_stroke_from_a_suggestion_is_brought_back_and_changed_in_one_batch(lane, suggest):
    (one,) = suggest(lane.video, (10, 20, FLIP))
    key = uuid.uuid4()
    take(lane, op("accept", key, one.pk))
    take(lane, op("remove", key))
    assert take(lane, op("restore", key), op("change", key, end=30)).strokes[0].source == "edited"
    assert records.rows(lane) == records.fold(lane)
