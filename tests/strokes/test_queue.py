"""The stroke queue: its shares, the same queue for the same seed, what may not be in it, and what it costs."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from strokes import decisions, queue, records, scores
from strokes.models import Suggestion, Video
from strokes.queue import Candidate
from tests.strokes.conftest import FLIP, PUSH, op

VIDEOS = [uuid.UUID(int=k) for k in range(1, 5)]


def candidate(number: int, *, useful: float = 0.5, rarity: float = 1.0, move: str = FLIP, video: int = 0,
              player: str = "p") -> Candidate:  # fmt: skip
    return Candidate(uuid.UUID(int=number), VIDEOS[video], move, 0.5, {move: 0.9}, frozenset({player}), useful, rarity)


def many(n: int) -> list[Candidate]:
    drawn = random.Random(1)
    return [candidate(k, useful=drawn.random(), move=drawn.choice([FLIP, PUSH]), video=drawn.randrange(4)) for k in range(n)]


@pytest.mark.parametrize(
    ("n", "wanted"), [(20, (12, 4, 4)), (50, (30, 10, 10)), (5, (3, 1, 1)), (1, (1, 0, 0)), (3, (2, 1, 0)), (0, (0, 0, 0))]
)
def test_the_shares(n: int, wanted: tuple[int, int, int]) -> None:
    assert tuple(queue.quotas(n).values()) == wanted
    picked = queue.mix(many(200), n, seed=3)
    counts = Counter(one.share for one in picked)
    assert tuple(counts[name] for name in queue.SHARES) == wanted
    assert len({one.candidate.id for one in picked}) == n, "nothing twice"


def test_whoever_stops_early_has_seen_the_same_mix() -> None:
    for seed in range(20):
        first = Counter(one.share for one in queue.mix(many(200), 100, seed)[:20])
        assert 11 <= first["uncertain"] <= 13 and 3 <= first["diverse"] <= 5 and 3 <= first["random"] <= 5


def test_the_same_seed_gives_the_same_queue() -> None:
    candidates = many(300)
    shuffled = candidates[::-1]
    assert queue.mix(candidates, 20, 7) == queue.mix(shuffled, 20, 7)
    assert queue.mix(candidates, 20, 7) != queue.mix(candidates, 20, 8)


def test_fewer_than_asked() -> None:
    assert len(queue.mix(many(3), 20, 0)) == 3
    assert queue.mix([], 20, 0) == []


def test_the_uncertain_ones_are_those_that_teach_most() -> None:
    candidates = [candidate(k, useful=k / 100) for k in range(100)]
    chosen = [one.candidate.useful for one in queue.mix(candidates, 20, 0) if one.share == "uncertain"]
    assert sorted(chosen, reverse=True) == [k / 100 for k in range(99, 87, -1)]
    rare = candidate(200, useful=0.9, rarity=2.0)
    assert rare in [one.candidate for one in queue.mix([*candidates, rare], 5, 0) if one.share == "uncertain"]


def test_the_blind_share_is_drawn_from_all() -> None:
    """Over many seeds the least useful are drawn as often as the others: the sample is fair."""
    candidates = [candidate(k, useful=k / 100) for k in range(50)]
    hits = Counter(
        one.candidate.useful < 0.1 for seed in range(300) for one in queue.mix(candidates, 10, seed) if one.share == "random"
    )
    assert 0.15 < hits[True] / sum(hits.values()) < 0.35, "10 of the 42 or so that the other shares leave"


def test_the_diverse_ones_lie_apart() -> None:
    same = [candidate(k, useful=0.9) for k in range(40)]
    other = [candidate(100 + k, useful=0.0, move=PUSH, video=k, player=f"other {k}") for k in range(4)]
    diverse = {one.candidate.id for one in queue.mix([*same, *other], 20, 0) if one.share == "diverse"}
    assert diverse == {one.id for one in other}


def test_distance() -> None:
    one = candidate(1)
    assert queue.distance(one, candidate(2)) == 0
    assert queue.distance(one, candidate(2, video=1)) == pytest.approx(0.3)
    assert queue.distance(one, candidate(2, player="q")) == pytest.approx(0.2)
    assert queue.distance(one, candidate(2, move=PUSH)) == pytest.approx(0.5 * 0.9)
    assert queue.distance(one, candidate(2, move=PUSH, video=1, player="q")) == queue.distance(
        candidate(2, move=PUSH, video=1, player="q"), one
    )


def test_rare_classes_weigh_more() -> None:
    weights = queue.rarities({FLIP: 300, PUSH: 2}, [FLIP, PUSH, "Serve Forehand Loop"])
    assert weights[FLIP] < 1 < weights[PUSH] <= 2.0 and weights["Serve Forehand Loop"] == 2.0
    assert queue.rarities({}, []) == {}


@pytest.mark.parametrize(
    ("score", "top", "move", "wanted"),
    [
        (0.5, [[FLIP, 0.9], [PUSH, 0.1]], FLIP, 1.0),
        (0.99, [[FLIP, 0.5], [PUSH, 0.5]], FLIP, 1.0),
        (1.0, [[FLIP, 1.0], [PUSH, 0.0]], FLIP, 0.0),
        (0.7, [], "", 0.7),
    ],
)
def test_usefulness(score: float, top: list[Any], move: str, wanted: float) -> None:
    assert scores.usefulness(score, top, move) == pytest.approx(wanted)


def test_steps() -> None:
    assert [scores.step_of(score) for score in (1.0, 0.85, 0.849, 0.6, 0.59, 0.0)] == [
        "sure", "sure", "likely", "likely", "unsure", "unsure",
    ]  # fmt: skip
    for name, _ in scores.STEPS:
        least, most = scores.bounds(name)
        assert scores.step_of(least) == name and scores.step_of(min(1.0, most - 1e-9)) == name


# -- on the database -----------------------------------------------------------------------------------------------------


def open_ids(expert: Any) -> set[uuid.UUID]:
    return {one.id for one in queue.open_to(expert=expert, videos=Video.objects.all())}


def test_only_what_this_person_has_still_to_decide(alice: Any, bob: Any, video: Any, suggest: Any, label: Any) -> None:
    one, two = video(players=["p1"]), video()
    first, second, third = suggest(one, (100, 150, FLIP), (300, 350, FLIP), (500, 550, PUSH))
    (other,) = suggest(two, (100, 150, PUSH))
    assert open_ids(alice) == {first.pk, second.pk, third.pk, other.pk}
    lane = records.lane(video=one, expert=alice)
    decisions.apply(lane=lane, expert=alice, ops=[op("reject", suggestion=first.pk)], base=None)
    label(one, (305, 352, FLIP))
    assert open_ids(alice) == {third.pk, other.pk}
    assert open_ids(bob) == {first.pk, second.pk, third.pk, other.pk}, "everybody decides for themselves"
    Suggestion.objects.filter(pk=third.pk).update(current=False)
    assert open_ids(alice) == {other.pk}


def test_nothing_of_a_blind_video(alice: Any, video: Any, suggest: Any) -> None:
    row = video()
    suggest(row, (100, 150, FLIP))
    assert len(open_ids(alice)) == 1
    Video.objects.filter(pk=row.pk).update(blind=True)
    picked, n = queue.build(expert=alice, videos=Video.objects.all(), n=20, seed=0)
    assert (picked, n) == ([], 0)


def test_only_of_the_videos_given(alice: Any, video: Any, suggest: Any) -> None:
    suggest(video(), (100, 150, FLIP))
    assert queue.build(expert=alice, videos=Video.objects.none(), n=20, seed=0) == ([], 0)


def test_what_a_candidate_knows(alice: Any, video: Any, suggest: Any, label: Any) -> None:
    row = video(players=["p1", "p2"])
    suggest(row, (100, 150, FLIP), (300, 350, ""))
    label(video(), *[(k * 100, k * 100 + 50, PUSH) for k in range(9)])
    known = {one.move: one for one in queue.open_to(expert=alice, videos=Video.objects.all())}
    assert known[FLIP].players == {"p1", "p2"} and known[FLIP].shares == {FLIP: 0.8}
    assert known[FLIP].rarity == pytest.approx(((9 + 20) / 20) ** 0.5), "nine strokes over 20 classes, none of it"
    assert known[""].useful == pytest.approx(0.8) and known[""].shares == {} and known[""].rarity == 1.0


def test_cost_does_not_grow(alice: Any, video: Any, suggest: Any) -> None:
    def cost(videos: int, each: int) -> int:
        for _ in range(videos):
            suggest(video(n_frames=100_000, players=["p"]), *[(k * 100, k * 100 + 50, FLIP) for k in range(each)])
        with CaptureQueriesContext(connection) as queries:
            picked, _ = queue.build(expert=alice, videos=Video.objects.all(), n=20, seed=0)
            queue.rows_of(picked)
        return len(queries)

    assert cost(1, 1) == cost(3, 5) == cost(5, 40) == 5
