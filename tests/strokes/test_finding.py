"""Finding strokes: who may find what, each filter, the counts beside them, pages, and what it costs."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from strokes import decisions, finding, records, registry, taxonomy
from strokes.finding import Wanted
from strokes.models import Decision, Player, Stroke, Video
from tests.strokes.conftest import FLIP, PUSH, op

LOOP = "Offensive Forehand Loop"


def spans(user: Any, **wanted: Any) -> list[tuple[int, int]]:
    rows = finding.matching(finding.visible(user, Video.objects.all()), Wanted(**wanted))
    return sorted((row.begin, row.end) for row in rows)


def moves(user: Any, **wanted: Any) -> set[str]:
    return {row.move for row in finding.matching(finding.visible(user, Video.objects.all()), Wanted(**wanted))}


# -- who may find what ---------------------------------------------------------------------------------------------------


def test_own_strokes_and_the_consensus_of_what_is_complete(alice: Any, bob: Any, admin: Any, video: Any, label: Any) -> None:
    open_, done = video(), video()
    label(open_, (10, 20, FLIP))
    label(done, (30, 40, FLIP), complete=True)
    label(open_, (110, 120, FLIP), expert=bob)
    label(done, (130, 140, FLIP), expert=bob)
    for row, begin in ((open_, 210), (done, 230)):
        lane = records.lane(video=row, expert=None)
        decisions.apply(lane=lane, expert=admin, ops=[op("add", uuid.uuid4(), begin=begin, end=begin + 10, move=FLIP)], base=None)
    assert spans(alice) == [(10, 20), (30, 40), (230, 240)]
    assert spans(bob) == [(110, 120), (130, 140)]
    assert spans(admin) == [(10, 20), (30, 40), (110, 120), (130, 140), (210, 220), (230, 240)]
    assert spans(admin, expert=("bob",)) == [(110, 120), (130, 140)]
    assert spans(admin, expert=(finding.CONSENSUS, "alice")) == [(10, 20), (30, 40), (210, 220), (230, 240)]
    assert spans(alice, expert=("bob",)) == [], "asking for it by name gives nothing either"


def test_practice_is_nobodys_data(alice: Any, video: Any, label: Any) -> None:
    label(video(practice=True), (10, 20, FLIP))
    assert spans(alice) == []


def test_only_of_the_videos_given(alice: Any, video: Any, label: Any) -> None:
    label(video(), (10, 20, FLIP))
    assert not finding.visible(alice, Video.objects.none()).exists()


# -- filters -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ((FLIP,), {FLIP}),
        (("Offensive Forehand",), {FLIP, LOOP, "Offensive Forehand"}),
        (("Offensive Forehand", PUSH), {FLIP, LOOP, "Offensive Forehand", PUSH}),
        ((finding.PARTIAL,), {"Offensive Forehand"}),
        ((finding.UNCLASSED,), {""}),
        (("Smash of Doom",), set()),
        ((), {FLIP, LOOP, "Offensive Forehand", PUSH, ""}),
    ],
)
def test_by_class(alice: Any, video: Any, label: Any, wanted: tuple[str, ...], found: set[str]) -> None:
    names = [FLIP, LOOP, "Offensive Forehand", PUSH, ""]
    label(video(), *[(k * 20, k * 20 + 10, move) for k, move in enumerate(names)])
    assert moves(alice, move=wanted) == found


def test_by_score_source_and_what_the_model_said(alice: Any, video: Any, suggest: Any, run: Any, label: Any) -> None:
    row = video()
    given = suggest(row, (10, 50, FLIP), (100, 150, FLIP), (200, 250, FLIP), run=run)
    for one, score in zip(given, (0.9, 0.7, 0.3), strict=True):
        type(one).objects.filter(pk=one.pk).update(score=score)
    lane = records.lane(video=row, expert=alice)
    ops = [op("accept", uuid.uuid4(), suggestion=one.pk) for one in given[:2]]
    ops.append(op("accept", uuid.uuid4(), suggestion=given[2].pk, move=PUSH))
    decisions.apply(lane=lane, expert=alice, ops=ops, base=None)
    label(row, (300, 350, PUSH))
    assert spans(alice, step=("sure",)) == [(10, 50)]
    assert spans(alice, step=("likely", "unsure")) == [(100, 150), (200, 250)]
    assert spans(alice, score_from=0.5, score_to=0.8) == [(100, 150)]
    assert spans(alice, source=("edited",)) == [(200, 250)]
    assert spans(alice, source=("blind", "accepted")) == [(10, 50), (100, 150), (300, 350)]
    assert spans(alice, model=(FLIP,), move=(PUSH,)) == [(200, 250)], "a cell of a confusion matrix"
    ordered = [row.begin for row in finding.matching(finding.visible(alice, Video.objects.all()), Wanted(order="score"))]
    assert ordered == [200, 100, 10, 300], "what came from no model stands last"


def test_by_player_video_marks_and_note(alice: Any, video: Any) -> None:
    one, two = video(players=["Ana", "Bo"]), video()
    lane = records.lane(video=one, expert=alice)
    ops = [
        op("add", uuid.uuid4(), begin=10, end=20, move=FLIP, player="Ana"),
        op("add", uuid.uuid4(), begin=30, end=40, move=FLIP, player="Bo", unsure=True),
        op("add", uuid.uuid4(), begin=50, end=60, move=FLIP, note="left hand?"),
    ]
    decisions.apply(lane=lane, expert=alice, ops=ops, base=None)
    other = records.lane(video=two, expert=alice)
    decisions.apply(lane=other, expert=alice, ops=[op("add", uuid.uuid4(), begin=70, end=80, move=FLIP)], base=None)
    assert spans(alice, player=("Ana",)) == [(10, 20)]
    assert spans(alice, player=("Bo", finding.NOBODY)) == [(30, 40), (50, 60), (70, 80)]
    assert spans(alice, video=(str(two.pk),)) == [(70, 80)]
    assert spans(alice, mark=("unsure",)) == [(30, 40)]
    assert spans(alice, mark=("unsure", "noted")) == [(30, 40), (50, 60)]
    assert spans(alice, text="LEFT") == [(50, 60)]
    assert Player.objects.count() == 2


def test_by_date(alice: Any, video: Any, label: Any) -> None:
    label(video(), (10, 20, FLIP))
    label(video(), (30, 40, FLIP))
    early = timezone.make_aware(dt.datetime(2026, 3, 14, 23, 30))
    Decision.objects.filter(data__begin=10).update(at=early)
    day = dt.date(2026, 3, 14)
    assert spans(alice, since=day, until=day) == [(10, 20)]
    assert spans(alice, until=day - dt.timedelta(days=1)) == []
    assert spans(alice, since=day + dt.timedelta(days=1)) == [(30, 40)]


# -- counts, order, pages ------------------------------------------------------------------------------------------------------


def test_counts_are_those_under_the_other_filters(alice: Any, bob: Any, admin: Any, video: Any, label: Any) -> None:
    one, two = video(title="a"), video(title="b")
    label(one, (10, 20, FLIP), (30, 40, FLIP), (50, 60, PUSH))
    label(two, (10, 20, FLIP), expert=bob)
    counts = finding.facets(finding.visible(admin, Video.objects.all()), Wanted(move=(FLIP,), video=(str(one.pk),)))
    assert counts["move"] == {FLIP: 2, PUSH: 1}, "what another class would find in this video"
    assert counts["video"] == {str(one.pk): 2, str(two.pk): 1}
    assert counts["expert"] == {"alice": 2} and counts["player"] == {finding.NOBODY: 2}
    assert counts["source"] == {"blind": 2} and counts["step"] == {}


def test_how_many_and_how_long(alice: Any, video: Any, label: Any) -> None:
    label(video(fps=100), (0, 150, FLIP), (200, 250, FLIP))
    label(video(fps=50), (0, 50, FLIP))
    rows = finding.matching(finding.visible(alice, Video.objects.all()), Wanted())
    assert finding.totals(rows) == (3, pytest.approx(3.0))
    assert next(row.seconds for row in finding.matching(rows, Wanted(order="long"))) == pytest.approx(1.5)
    assert finding.totals(rows.none()) == (0, 0.0)


def test_pages_show_each_stroke_once(alice: Any, video: Any, label: Any) -> None:
    label(video(n_frames=100_000), *[(k * 20, k * 20 + 10, FLIP) for k in range(60)])
    rows = finding.matching(finding.visible(alice, Video.objects.all()), Wanted(order="video"))
    pages = [finding.page(rows, number) for number in (1, 2, 3, 4)]
    assert [len(each) for each in pages] == [24, 24, 12, 0]
    assert [row.begin for each in pages for row in each] == [k * 20 for k in range(60)]


def test_a_group_is_known_in_every_set_of_classes(alice: Any, video: Any, label: Any) -> None:
    other = taxonomy.add(["Forehand", "Backhand"], name="Two")
    label(video(taxonomy=other), (10, 20, "Forehand"))
    assert moves(alice, move=("1–2",)) == {"Forehand"}
    assert {move["name"] for move in finding.moves_of(Video.objects.all())} == {"Forehand", "Backhand"}


def test_cost_does_not_grow(alice: Any, admin: Any, video: Any, label: Any) -> None:
    registry.start(taxonomy=taxonomy.default(), preset="tiny")

    def cost(n: int) -> int:
        for _ in range(n):
            label(video(n_frames=100_000, players=["Ana"]), *[(k * 20, k * 20 + 10, FLIP) for k in range(n)])
        with CaptureQueriesContext(connection) as queries:
            mine = finding.visible(admin, Video.objects.all())
            rows = finding.matching(mine, Wanted())
            finding.totals(rows)
            [(row.lane.video.title, row.lane.expert, row.player, row.suggestion) for row in finding.page(rows, 1)]
            finding.facets(mine, Wanted())
        return len(queries)

    assert cost(1) == cost(4) == cost(12)
    assert Stroke.objects.count() == 1 + 16 + 144


def test_parse_leaves_out_what_says_nothing() -> None:
    wanted = finding.parse({"move": [FLIP], "player": [], "text": "", "page": 3, "order": "long", "since": None})
    assert wanted == Wanted(move=(FLIP,), order="long")
    assert wanted.narrowed and not Wanted().narrowed and not Wanted(order="long").narrowed
    assert Wanted(score_from=0.0).narrowed
