"""The fold: whatever happens, rows written step by step equal the log replayed."""

import uuid
from random import Random

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mlcore.formats import NEGATIVE
from strokes import decisions, records
from strokes.errors import Refused
from strokes.models import Decision, Stroke
from tests.strokes.conftest import FLIP, PUSH, op

KINDS = ["add", "change", "remove", "restore", "accept", "reject", "reopen", "complete", "roi"]
SLOTS = 5  # strokes and suggestions that the random operations share, so that they meet


def make_op(chance: Random, strokes, suggestions, state):
    """A random operation, most often one that can be taken in `state`."""
    kind = chance.choice(KINDS)
    alive = [key for key in strokes if key in state.strokes]
    dead = [key for key in strokes if key not in state.strokes]
    likely = alive if kind in ("change", "remove") else dead
    stroke = chance.choice(likely if likely and chance.random() < 0.9 else strokes)
    decided = [one for one in suggestions if (one.pk in state.verdicts) == (kind == "reopen")]
    suggestion = chance.choice(decided if decided and chance.random() < 0.9 else suggestions)
    begin = chance.randint(0, 90)
    values = {"begin": begin, "end": begin + chance.randint(1, 10), "move": chance.choice(["", FLIP, PUSH])}
    if kind == "add":
        return op(kind, stroke, **values)
    if kind == "change":
        names = chance.choice([["begin", "end"], ["move"], ["begin", "end", "move"], ["note"], ["player"]])
        return op(kind, stroke, **{name: (values | {"note": "n", "player": "p1"})[name] for name in names})
    if kind == "accept":
        return op(kind, stroke, suggestion.pk, **(values if chance.random() < 0.5 else {}))
    if kind in ("reject", "reopen"):
        return op(kind, suggestion=suggestion.pk)
    if kind == "complete":
        return op(kind, value=chance.random() < 0.5)
    if kind == "roi":
        frame = chance.randint(0, 2)
        return op(kind, frame=frame, remove=True) if chance.random() < 0.5 else op(kind, frame=frame, x=0.5, y=0.25)
    return op(kind, stroke)


@settings(
    max_examples=6,
    deadline=None,
    phases=[Phase.generate],  # a seed does not shrink
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32))
def test_incremental_fold_equals_full_fold_and_rebuild(seed, alice, video, suggest):
    chance = Random(seed)
    made = video(players=["p1"], n_frames=100)
    lane = records.lane(video=made, expert=alice)
    proposed = suggest(made, (0, 5, FLIP), (10, 15, PUSH), (20, 25, ""))
    strokes = [uuid.uuid4() for _ in range(SLOTS)]
    taken = 0
    for _ in range(25):
        state, size = records.rows(lane), chance.choice([1, 1, 1, 3])
        batch = [make_op(chance, strokes, proposed, state) for _ in range(size)]
        try:
            decisions.apply(lane=lane, expert=alice, ops=batch, base=lane.version)
        except Refused:
            assert records.rows(lane) == state
            continue
        taken += len(batch)
        if chance.random() < 0.4:
            assert records.rows(lane) == records.fold(lane)
    state = records.rows(lane)
    assert state == records.fold(lane)
    assert taken >= 5 and lane.version == taken == Decision.objects.filter(lane=lane).count()
    assert records.rebuild(lane) == state == records.rows(lane)
    accepted = [mark.suggestion for mark in state.strokes.values() if mark.suggestion]
    assert len(accepted) == len(set(accepted))
    assert all(state.verdicts[suggestion] for suggestion in accepted)


def test_rebuild_repairs_rows_that_were_tampered_with(alice, video):
    lane = records.lane(video=video(), expert=alice)
    stroke = uuid.uuid4()
    decisions.apply(lane=lane, expert=alice, ops=[op("add", stroke, begin=1, end=9, move=FLIP)], base=0)
    Stroke.objects.filter(pk=stroke).update(begin=5)
    records.rebuild(lane)
    assert Stroke.objects.get(pk=stroke).begin == 1


def test_truth_is_the_consensus_else_the_lane_with_most_decisions(alice, bob, video):
    made = video()
    assert records.truth(made) == ([], False)
    hers, his = (records.lane(video=made, expert=who) for who in (alice, bob))
    decisions.apply(lane=hers, expert=alice, ops=[op("add", uuid.uuid4(), begin=1, end=9)], base=0)
    ops = [op("add", uuid.uuid4(), begin=20, end=29, move=FLIP), op("complete", value=True)]
    decisions.apply(lane=his, expert=bob, ops=ops, base=0)
    intervals, complete = records.truth(made)
    assert [(i.begin, i.end, i.move) for i in intervals] == [(20, 29, FLIP)] and complete
    both = records.lane(video=made, expert=None)
    assert records.true_lane(made) == his  # an empty consensus says nothing yet
    decisions.apply(lane=both, expert=alice, ops=[op("add", uuid.uuid4(), begin=3, end=7)], base=0)
    assert [i.begin for i in records.truth(made)[0]] == [3]


def test_weights_say_where_a_stroke_came_from(alice, video, suggest):
    made = video()
    one, two = suggest(made, (0, 10, FLIP), (20, 30, FLIP))
    lane = records.lane(video=made, expert=alice)
    ops = [
        op("accept", uuid.uuid4(), one.pk),
        op("accept", uuid.uuid4(), two.pk, end=35),
        op("add", uuid.uuid4(), begin=50, end=60, move=PUSH),
        op("add", uuid.uuid4(), begin=70, end=80, move=PUSH, source="imported"),
    ]
    decisions.apply(lane=lane, expert=alice, ops=ops, base=0)
    found = [(i.source, i.weight) for i in records.truth(made)[0]]
    assert found == [("accepted", 0.5), ("edited", 1.0), ("blind", 1.0), ("imported", 1.0)]


def test_rejected_suggestions_are_hard_negatives_unless_a_stroke_is_there(alice, video, suggest):
    made = video()
    one, two = suggest(made, (0, 10, FLIP), (20, 30, FLIP))
    lane = records.lane(video=made, expert=alice)
    ops = [op("reject", suggestion=one.pk), op("reject", suggestion=two.pk)]
    ops.append(op("add", uuid.uuid4(), begin=28, end=40, move=PUSH))
    decisions.apply(lane=lane, expert=alice, ops=ops, base=0)
    assert [(i.begin, i.end, i.move) for i in records.rejected(made)] == [(0, 10, NEGATIVE)]


def test_roi_corrections_of_all_experts_the_later_one_wins(alice, bob, video):
    made = video()
    hers, his = (records.lane(video=made, expert=who) for who in (alice, bob))
    decisions.apply(
        lane=hers, expert=alice, ops=[op("roi", frame=5, x=0.1, y=0.1), op("roi", frame=9, x=0.2, y=0.2)], base=0
    )
    decisions.apply(lane=his, expert=bob, ops=[op("roi", frame=5, x=0.7, y=0.7)], base=0)
    assert records.roi(made) == [{"frame": 5, "x": 0.7, "y": 0.7}, {"frame": 9, "x": 0.2, "y": 0.2}]
    decisions.apply(lane=his, expert=bob, ops=[op("roi", frame=5, remove=True)], base=1)
    assert records.roi(made)[0] == {"frame": 5, "x": 0.1, "y": 0.1}
    made.refresh_from_db()
    assert made.roi_version == 3
