"""The log backwards: pages that meet, never in the middle of a step, with the suggestions that were decided."""

import uuid

from mlcore.formats import Interval
from strokes import decisions, history, imports, records
from strokes.models import Decision
from tests.strokes.conftest import FLIP, op


def test_pages_meet_and_end_with_the_first(alice, video):
    lane = records.lane(video=video(n_frames=5000), expert=alice)
    ops = [op("add", uuid.uuid4(), begin=n, end=n + 1) for n in range(25)]
    decisions.apply(lane=lane, expert=alice, ops=ops, base=0)
    seen, before, pages = [], None, 0
    while True:
        page = history.page(lane=lane, before=before, size=10)
        seen += [entry.number for entry in page.entries]
        pages += 1
        if not page.more:
            break
        before = page.entries[-1].number
    assert seen == list(range(25, 0, -1)) and pages == 3
    assert history.page(lane=None) == history.Page()


def test_a_page_holds_a_step_whole(alice, video):
    made = video(n_frames=5000)
    lane = records.lane(video=made, expert=alice)
    decisions.apply(lane=lane, expert=alice, ops=[op("add", uuid.uuid4(), begin=4000, end=4001)], base=0)
    intervals = [Interval(n * 10, n * 10 + 5, FLIP, 1.0, "") for n in range(30)]
    imports.apply(video=made, expert=alice, intervals=intervals, complete=True)
    assert Decision.objects.filter(lane=lane, step=None).count() == 1
    assert Decision.objects.filter(lane=lane).exclude(step=None).values("step").distinct().count() == 1
    page = history.page(lane=lane, size=10)
    assert [entry.number for entry in page.entries] == list(range(32, 1, -1)) and page.more


def test_what_was_decided_comes_along(alice, video, suggest):
    made = video()
    one, two, three = suggest(made, (0, 10, FLIP), (20, 30, FLIP), (40, 50, FLIP))
    lane = records.lane(video=made, expert=alice)
    ops = [op("accept", uuid.uuid4(), one.pk), op("reject", suggestion=two.pk), op("reject", suggestion=three.pk)]
    decisions.apply(lane=lane, expert=alice, ops=[*ops, op("reopen", suggestion=three.pk)], base=0)
    assert [(row.pk, said) for row, said in history.page(lane=lane).decided] == [(one.pk, True), (two.pk, False)]
