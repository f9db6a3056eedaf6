"""The registry: the rule in all its branches, and the way back."""

import uuid

import pytest

from strokes import registry, taxonomy
from strokes.errors import Conflict, Refused
from strokes.models import Run
from tests.strokes.conftest import FLIP


def metrics(
    strokes=20, model=0.5, base=0.2, champion=None, *, any_=None, base_any=0.3, checkable=True, protocol="hold-out"
):
    score = lambda f1, f1_any=None: {"f1": f1, "f1_any": f1 if f1_any is None else f1_any}  # noqa: E731
    return {
        "protocol": protocol,
        "unseen": {
            "strokes": strokes,
            "model": score(model, any_),
            "baseline": score(base, base_any),
            "champion": None if champion is None else score(champion),
            "classes_checkable": checkable,
        },
    }


def trained(body) -> Run:
    return registry.finish(run=registry.start(taxonomy=taxonomy.default(), preset="tiny"), metrics=body)


def codes(run: Run) -> list[str]:
    return [reason["code"] for reason in run.reasons]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "state", "code"),
    [
        (metrics(49, 0.21, 0.2), "provisional", "beats_baseline"),
        (metrics(49, 0.2, 0.2), "trained", "not_better_than_baseline"),
        (metrics(5, 0.0, 0.0, any_=0.25, base_any=0.3, checkable=False), "provisional", "classes_not_checkable"),
        (metrics(5, 0.0, 0.0, any_=0.23, base_any=0.3, checkable=False), "trained", "not_better_than_baseline"),
        (metrics(500, 0.9, 0.2, protocol="leave-one-video-out"), "provisional", "beats_baseline"),
        (metrics(50, 0.19, 0.2), "promoted", "not_worse_than_baseline"),
        (metrics(50, 0.18, 0.2), "trained", "worse_than_baseline"),
        (metrics(0), "trained", "not_measured"),
        (metrics(60, float("nan")), "trained", "not_measured"),
        ({}, "trained", "not_measured"),
        ({"unseen": {"strokes": 60, "model": {"f1": "x"}}}, "trained", "not_measured"),
    ],
)
def test_the_rule_for_a_first_model(body, state, code):
    run = trained(body)
    assert (run.state, codes(run)[0]) == (state, code)
    assert run.current is (state != "trained")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "state", "code"),
    [
        (metrics(20, 0.48, 0.2, 0.5), "provisional", "beats_baseline"),
        (metrics(20, 0.47, 0.2, 0.5), "trained", "worse_than_champion"),
        (metrics(20, 0.47, 0.2), "provisional", "beats_baseline"),
        (metrics(60, 0.49, 0.2, 0.5), "promoted", "not_worse_than_champion"),
        (metrics(60, 0.48, 0.2, 0.5), "trained", "worse_than_champion"),
        (metrics(60, 0.48, 0.2), "provisional", "beats_baseline"),
    ],
)
def test_the_rule_against_a_provisional_model(body, state, code):
    first = trained(metrics(20, 0.5, 0.2))
    second = trained(body)
    assert (second.state, codes(second)[0]) == (state, code)
    used = registry.current(taxonomy.default())
    assert used == (first if state == "trained" else second)


@pytest.mark.django_db
def test_a_promoted_model_is_only_replaced_by_one_measured_against_it():
    first = trained(metrics(60, 0.5, 0.2))
    second = trained(metrics(60, 0.9, 0.2))
    assert (second.state, codes(second)) == ("trained", ["champion_not_measured"])
    assert registry.current(taxonomy.default()) == first


@pytest.mark.django_db
def test_a_provisional_model_says_that_little_was_measured():
    assert codes(trained(metrics(20))) == ["beats_baseline", "few_strokes"]


@pytest.mark.django_db
def test_a_run_is_finished_once(run):
    registry.finish(run=run, metrics=metrics())
    with pytest.raises(Conflict, match="run_not_training"):
        registry.finish(run=run, metrics=metrics())
    with pytest.raises(Conflict, match="run_not_training"):
        registry.fail(run=run, code="killed")


def test_an_admin_promotes_by_hand_and_rolls_back(admin, alice):
    first, second, third = (
        trained(metrics(60, f1, 0.2, champion)) for f1, champion in ((0.5, None), (0.6, 0.5), (0.3, 0.6))
    )
    for verb in (
        lambda: registry.promote(run=third, user=alice),
        lambda: registry.roll_back(taxonomy=third.taxonomy, user=alice),
    ):
        with pytest.raises(Refused, match="not_admin"):
            verb()
    assert registry.promote(run=third, user=admin).current
    assert codes(third)[-1] == "chosen_by_admin"
    assert registry.roll_back(taxonomy=third.taxonomy, user=admin) == second
    third.refresh_from_db()
    assert (third.state, third.current) == ("rolled_back", False)
    assert registry.roll_back(taxonomy=third.taxonomy, user=admin) == first
    with pytest.raises(Refused, match="no_previous_run"):
        registry.roll_back(taxonomy=third.taxonomy, user=admin)
    assert registry.current(third.taxonomy) == first
    assert Run.objects.filter(current=True).count() == 1


def test_a_failed_run_cannot_be_promoted(admin, run):
    registry.fail(run=run, code="killed", params={"signal": 9})
    assert run.reasons == [{"code": "killed", "params": {"signal": 9}}]
    with pytest.raises(Refused, match="run_not_trained"):
        registry.promote(run=run, user=admin)


def test_new_decisions_count_from_the_last_run_trained_to_its_end(run, video, label):
    label(video(), (1, 5, FLIP), (6, 9, FLIP))
    assert registry.new_decisions(run.taxonomy) == 2
    second = registry.start(taxonomy=run.taxonomy, preset="tiny")
    assert (second.number, second.decisions_seen) == (2, 2)
    label(video(), (1, 5, FLIP))
    assert registry.new_decisions(run.taxonomy) == 3
    registry.finish(run=second, metrics={})
    assert registry.new_decisions(run.taxonomy) == 1


def test_a_run_trained_elsewhere_keeps_its_id_and_comes_once(db, data_root):
    known = uuid.uuid4()
    run = registry.start(taxonomy=taxonomy.default(), preset="published", id=known)
    assert run.pk == known and registry.folder(run) == data_root / "runs" / str(known)
    with pytest.raises(Refused, match="run_here"):
        registry.start(taxonomy=taxonomy.default(), preset="published", id=known)
    registry.use(run=run, dataset=data_root / "datasets" / "abc" / "dataset.json")
    assert Run.objects.get().dataset_sha256 == "abc"
