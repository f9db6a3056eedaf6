"""The full gate: champion against challenger over the videos of one hold-out, with a reason for every no."""

import random
import time

import pytest

from strokes import gate, registry, taxonomy
from strokes.models import Run

MOVE, OTHER = "Offensive Forehand Loop", "Serve Forehand Loop"


def counts(found, predicted=10, truth=10):
    return {"found": found, "predicted": predicted, "truth": truth}


def unseen(model, rival=None, base=2, **more):
    """What a run measured: `model` and `rival` found so many of ten strokes in each video; other evidence as given."""
    videos = {
        f"v{i}": {"model": counts(m), "baseline": counts(base), "champion": None if rival is None else counts(rival[i])}
        for i, m in enumerate(model)
    }
    score = lambda rows: {"f1": sum(rows) / (10 * len(rows)), "f1_any": 0.9}  # noqa: E731
    body = {
        "strokes": 10 * len(model),
        "model": score(model),
        "baseline": score([base] * len(model)),
        "champion": None if rival is None else score(rival),
        "classes_checkable": True,
        "videos": videos,
    }
    return {"protocol": "hold-out", "unseen": {**body, **more}}


def trained(body) -> Run:
    return registry.finish(run=registry.start(taxonomy=taxonomy.default(), preset="tiny"), metrics=body)


def codes(run: Run) -> list[str]:
    return [reason["code"] for reason in run.reasons]


CHAMPION = [7, 6, 8, 7, 7, 6, 8, 7]


def classes(found, truth=20, move=MOVE):
    return {move: counts(found, truth, truth)}


@pytest.fixture
def champion(db) -> Run:
    run = trained(unseen(CHAMPION))
    assert run.state == "promoted" and codes(run) == ["beats_baseline"]
    return run


def against(model, **more):
    return trained(unseen(model, CHAMPION, **more))


@pytest.mark.parametrize(
    ("model", "state", "code"),
    [
        (CHAMPION, "promoted", "passed_against_champion"),
        ([f + 1 for f in CHAMPION], "promoted", "passed_against_champion"),
        ([*CHAMPION[:-1], CHAMPION[-1] - 1], "trained", "worse_than_champion"),
        ([10, 10, 10, 3, 3, 10, 10, 3], "trained", "maybe_worse_than_champion"),
    ],
    ids=["the same", "better", "a little worse", "better or worse by video"],
)
def test_right_time_and_class(champion, model, state, code):
    run = against(model)
    assert (run.state, codes(run)) == (state, [code])
    assert registry.current(run.taxonomy) == (run if state == "promoted" else champion)


@pytest.mark.parametrize(("spread", "passes"), [(49, True), (73, False)], ids=["0.8 points", "1.2 points"])
def test_a_point_may_be_lost_in_the_worst_case_and_no_more(spread, passes):
    """100 videos, half of them better and half worse by as much: on the whole nothing changes, but it might."""
    pairs = [((500 + spread * (1 if i % 2 else -1), 1000, 1000), (500, 1000, 1000)) for i in range(100)]
    change, worst = gate.difference(pairs)
    assert change == 0 and worst == pytest.approx(-1.645 * spread / 10_000, abs=0.0012)
    assert gate.judge({}, pairs, "champion", {})[0] is passes


def test_the_bootstrap_is_paired_seeded_and_quick():
    rng = random.Random(1)
    champion = [(rng.randrange(3, 9), 10, 10) for _ in range(300)]
    better = [((found + 1, 10, 10), (found, 10, 10)) for found, _, _ in champion]
    began = time.monotonic()
    change, worst = gate.difference(better)
    assert time.monotonic() - began < 5
    assert change == pytest.approx(0.1) == worst, "the same videos for both: nothing varies"
    assert gate.difference(better) == (change, worst)


def test_the_quantile_is_that_of_the_normal_distribution():
    rng = random.Random(3)
    pairs = [((5 + rng.randrange(-2, 3), 10, 10), (5, 10, 10)) for _ in range(200)]
    differences = [(mine[0] - other[0]) / 10 for mine, other in pairs]
    mean = sum(differences) / 200
    spread = (sum((d - mean) ** 2 for d in differences) / 200 / 200) ** 0.5
    change, worst = gate.difference(pairs)
    assert change == pytest.approx(mean) and worst == pytest.approx(mean - 1.645 * spread, abs=0.003)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"classes": {"model": classes(9), "champion": classes(12)}}, "recall_fell"),
        ({"classes": {"model": {}, "champion": classes(12)}}, "recall_fell"),
        ({"classes": {"model": classes(10), "champion": classes(12)}}, None),
        ({"classes": {"model": classes(0, 19), "champion": classes(19, 19)}}, None),
        ({"classes": {"model": classes(9), "champion": None}}, None),
        ({"ece": {"model": 0.081, "champion": 0.06}}, "calibration_worse"),
        ({"ece": {"model": 0.08, "champion": 0.06}}, None),
        ({"ece": {"model": None, "champion": 0.06}}, None),
        ({"false": {"model": [3, 40], "champion": [2, 40]}}, "more_false"),
        ({"false": {"model": [2, 40], "champion": [2, 40]}}, None),
        ({"false": {"model": [2, 40], "champion": None}}, None),
        ({"classes": "damaged", "ece": {"model": "x", "champion": 0}, "false": {"model": [], "champion": []}}, None),
    ],
)
def test_the_other_questions(champion, more, code):
    run = against([f + 1 for f in CHAMPION], **more)
    assert codes(run) == [code or "passed_against_champion"]
    assert run.state == ("trained" if code else "promoted")


def test_every_no_is_said(champion):
    run = against(
        [f - 1 for f in CHAMPION],
        classes={
            "model": {**classes(5), **classes(5, 30, OTHER)},
            "champion": {**classes(15), **classes(6, 30, OTHER)},
        },
        ece={"model": 0.3, "champion": 0.1},
        false={"model": [9, 40], "champion": [2, 40]},
    )
    assert codes(run) == ["worse_than_champion", "recall_fell", "calibration_worse", "more_false"]
    assert run.reasons[1]["params"] == {"move": MOVE, "now": 0.25, "before": 0.75, "strokes": 20}
    assert run.reasons[0]["params"]["number"] == champion.number


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("model", "state", "code"),
    [
        ([3] * 6, "promoted", "beats_baseline"),
        ([2] * 6, "trained", "not_better_than_baseline"),
        ([9, 0, 0, 9, 0, 0], "trained", "maybe_worse_than_baseline"),
    ],
)
def test_a_first_model_has_to_beat_motion_alone(model, state, code):
    run = trained(unseen(model, ece={"model": 0.9, "champion": 0.1}))
    assert (run.state, codes(run)) == (state, [code]), "there is no champion to be calibrated like"


@pytest.mark.django_db
def test_below_fifty_strokes_the_provisional_rule_stays():
    run = trained(unseen([3] * 4))
    assert (run.state, codes(run)) == ("provisional", ["beats_baseline", "few_strokes"])


@pytest.mark.parametrize(
    "videos", [None, {}, "x", {"v0": None}, {"v0": {"model": counts(7)}}, {"v0": {"model": {}, "champion": {}}}]
)
def test_a_run_without_counts_by_video_is_judged_by_its_figures(champion, videos):
    assert codes(against([6] * 8, videos=videos)) == ["worse_than_champion"]
    assert codes(against([7] * 8, videos=videos)) == ["not_worse_than_champion"]


def test_a_champion_that_could_not_be_measured_stays(champion):
    run = trained(unseen([9] * 8))
    assert (run.state, codes(run)) == ("trained", ["champion_not_measured"])
