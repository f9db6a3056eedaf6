"""Calibration: a calibrated model is found so, a wrong temperature is found out, and chance has its floor."""

from __future__ import annotations

import numpy as np
import pytest

from mlcore import calibration


def calibrated(n: int, classes: int = 6, seed: int = 0) -> tuple[np.ndarray, list[int]]:
    """Probabilities, and classes drawn from them."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(classes, 0.4), n)
    return p, [int(rng.choice(classes, p=row)) for row in p]


def test_by_hand():
    # two bins: (.6, .7) with one right of two, (.8, 1.) with two right -> |.65 - .5| / 2 + |.9 - 1| / 2
    confidences, hits = [0.8, 0.6, 1.0, 0.7], [True, True, True, False]
    assert calibration.ece(confidences, hits, bins=2) == pytest.approx(0.15 / 2 + 0.1 / 2)
    low, high = calibration.reliability(confidences, hits, bins=2)
    assert (low["n"], low["low"], low["high"], low["confidence"], low["accuracy"]) == (2, 0.6, 0.7, pytest.approx(0.65), 0.5)
    assert high["accuracy"] == 1.0
    assert calibration.ece([0.9], [False]) == pytest.approx(0.9)


def test_bins_hold_equally_many():
    confidences = np.random.default_rng(0).beta(20, 1, 1501)
    bins = calibration.reliability(confidences, confidences > 0.9)
    assert len(bins) == 15 and {b["n"] for b in bins} <= {100, 101} and sum(b["n"] for b in bins) == 1501
    assert sum(b["n"] * abs(b["confidence"] - b["accuracy"]) for b in bins) / 1501 == pytest.approx(calibration.ece(confidences, confidences > 0.9))


def test_a_calibrated_model_is_at_its_floor_and_a_sharpened_one_above():
    p, truth = calibrated(2000)
    sure, right = calibration.decisions(p, truth)
    found, floor = calibration.ece(sure, right), calibration.floor(sure)
    assert 0.005 < floor < 0.04 and abs(found - floor) < 0.01
    sharp, right = calibration.decisions(calibration.scaled(p, 0.4), truth)
    assert calibration.ece(sharp, right) > calibration.floor(sharp) + 0.05
    assert calibration.floor(sure[:100]) > 2 * floor, "chance alone looks worse on fewer decisions"
    assert calibration.floor(sure) == floor != calibration.floor(sure, seed=1)


def test_the_floor_is_what_repeated_calibrated_answers_show():
    p, _ = calibrated(600)
    sure = p.max(1)
    shown = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        shown.append(calibration.ece(*calibration.decisions(p, [int(rng.choice(6, p=row)) for row in p])))
    assert calibration.floor(sure) == pytest.approx(np.mean(shown), abs=0.004)


@pytest.mark.parametrize("wrong", [0.3, 1.0, 2.5])
def test_the_temperature_that_was_put_in_is_found(wrong):
    p, truth = calibrated(3000, seed=4)
    assert calibration.temperature(calibration.scaled(p, wrong), truth) == pytest.approx(1 / wrong, rel=0.08)


def test_scaling_keeps_the_order_and_the_sum():
    p = np.array([[0.7, 0.2, 0.1], [0.0, 0.5, 0.5]])
    for temperature in (0.2, 1.0, 7.0):
        q = calibration.scaled(p, temperature)
        assert q.sum(1) == pytest.approx([1, 1]) and (q.argmax(1) == p.argmax(1)).all() and np.isfinite(q).all()
    assert calibration.scaled(p, 1.0)[0] == pytest.approx(p[0]) and calibration.scaled(p, 7.0)[0, 0] < 0.5


def test_little_data():
    assert calibration.temperature([], []) == 1.0
    assert np.isnan(calibration.ece([], [])) and np.isnan(calibration.floor([]))
    assert calibration.summary([], []) == {"n": 0, "ece": None, "floor": None, "enough": False, "bins": []}
    assert calibration.summary([0.5] * 1500, [True] * 1500)["enough"] and not calibration.summary([0.5] * 1499, [True] * 1499)["enough"]
    assert calibration.temperature([[0.9, 0.1]], [0]) < 0.1, "one right answer wants to be sure; the search ends at its border"


def test_open_set_score():
    known, foreign = np.array([[4.0, 1.0], [0.0, 3.0]]), np.array([[1.0, 0.5], [2.0, 3.5]])
    assert calibration.max_logit(known).tolist() == [4, 3]
    assert calibration.auroc(calibration.max_logit(known), calibration.max_logit(foreign)) == pytest.approx(0.75)
    assert calibration.auroc([1, 2], [1, 2]) == 0.5 and calibration.auroc([2, 3], [0, 1]) == 1.0
    assert np.isnan(calibration.auroc([], [1.0]))
