"""Figures against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mlcore import metrics
from mlcore.formats import Move, Taxonomy
from mlcore.metrics import Span

A, B = "a", "b"
TRUTH = {"v": [Span(0, 10, A), Span(20, 30, B), Span(40, 50, A)]}


def test_tiou_is_half_open():
    assert metrics.tiou(Span(0, 10, A), Span(5, 15, A)) == pytest.approx(5 / 15)
    assert metrics.tiou(Span(0, 10, A), Span(10, 20, A)) == 0
    assert metrics.tiou(Span(3, 3, A), Span(3, 3, A)) == 0


def test_the_best_score_chooses_first_and_a_truth_is_taken_once():
    found = [Span(0, 10, A, 0.4), Span(1, 10, A, 0.9), Span(21, 30, A, 0.8)]
    assert metrics.match(found, TRUTH["v"]) == [None, 0, None]
    assert metrics.match(found, TRUTH["v"], with_class=False) == [None, 0, 1]


def test_f1_with_and_without_class():
    found = {"v": [Span(0, 10, A), Span(20, 30, A)], "w": [Span(0, 5, A)]}
    with_class, without = metrics.f1(found, TRUTH), metrics.f1(found, TRUTH, with_class=False)
    assert with_class["f1"] == pytest.approx(2 * 1 / (3 + 3)) and without["f1"] == pytest.approx(2 * 2 / (3 + 3))
    assert without["precision"] == pytest.approx(2 / 3) and without["recall"] == pytest.approx(2 / 3)
    assert metrics.f1({}, {})["f1"] == 0


def test_average_precision_by_hand():
    # scores .9 hit, .8 miss, .7 hit: precision 1, 1/2, 2/3; two truths of class a -> (1 + 2/3) / 2
    found = {"v": [Span(0, 10, A, 0.9), Span(12, 18, A, 0.8), Span(40, 50, A, 0.7)]}
    assert metrics.average_precision(found, TRUTH, A, 0.5) == pytest.approx((1 + 2 / 3) / 2)
    assert metrics.average_precision(found, TRUTH, B, 0.5) == 0.0
    assert metrics.average_precision(found, TRUTH, "c", 0.5) is None
    assert metrics.mean_average_precision(TRUTH, TRUTH) == pytest.approx(1.0)


def official(predicted, truth):
    """The counting of the official 2022 script, written out as it goes: per prediction in file order over all truths."""
    maps = []
    for threshold in np.arange(0.5, 1.0, 0.05):
        tp = fp = fn = 0
        for video in truth:
            left = {i: t for i, t in enumerate(truth[video])}
            for p in predicted.get(video, []):
                matched = [i for i, t in left.items() if metrics.tiou(p, t) >= threshold - 1e-12]
                for i in matched:
                    tp += 1
                    del left[i]
                if not matched:
                    fp += 1
            fn += len(left)
        maps.append((tp / (tp + fp)) * (tp / (tp + fn)))
    return float(np.mean(maps))


def test_mediaeval22_counts_like_the_official_script():
    rng = np.random.default_rng(5)
    truth = {f"v{v}": [Span(20 * k, 20 * k + 12, A) for k in range(6)] for v in range(3)}
    found = {v: [Span(s.begin + int(rng.integers(-4, 5)), s.end + int(rng.integers(-4, 5)), B, float(rng.random())) for s in spans] for v, spans in truth.items()}
    ours = metrics.mediaeval22(found, truth)
    assert ours["map"] == pytest.approx(official(found, truth), abs=1e-12) and 0 < ours["map"] < 1
    assert ours["map"] == metrics.mediaeval22({k: [Span(s.begin, s.end, A, 0.0) for s in v] for k, v in found.items()}, truth)["map"]


def test_mediaeval22_depends_on_the_order_and_lets_one_prediction_take_two():
    truth = {"v": [Span(0, 10, A), Span(0, 9, A)]}
    assert metrics.mediaeval22({"v": [Span(0, 10, A)]}, truth)["map"] > 0.8  # 1 prediction, 2 hits: precision 1, recall 1 up to .90
    assert metrics.mediaeval22({}, truth) == {"map": 0.0, "global_iou": 0.0}  # the official script gives NaN here


def test_global_iou_is_per_frame_over_all_videos():
    found = {"v": [Span(0, 10, A)], "w": [Span(0, 10, A)]}
    truth = {"v": [Span(5, 15, A)], "w": []}
    assert metrics.global_iou(found, truth) == pytest.approx(5 / 25)


def test_edges_in_frames_and_milliseconds():
    found = {"v": [Span(2, 10, A), Span(20, 29, B)]}
    errors = metrics.edges(found, TRUTH)
    assert errors["begin"].tolist() == [2, 0] and errors["end"].tolist() == [0, -1]
    assert metrics.edge_errors(found, TRUTH, 50.0)["begin_ms"] == pytest.approx(1 / 50 * 1000)
    assert metrics.edge_errors({}, TRUTH, 50.0) == {}


def test_wilson_against_published_values():
    assert metrics.wilson(0.9, 400) == pytest.approx((0.8667, 0.9257), abs=2e-4)
    assert metrics.wilson(0.0, 10) == pytest.approx((0.0, 0.2775), abs=2e-4)
    assert metrics.wilson(1.0, 0) == (0.0, 1.0)


def test_balanced_accuracy_is_the_mean_of_recalls_and_its_interval_knows_rare_classes():
    even = metrics.balanced_accuracy(np.array([[90, 10], [10, 90]]))
    uneven = metrics.balanced_accuracy(np.array([[9, 1], [19, 171]]))
    assert even["value"] == pytest.approx(0.9) == uneven["value"]
    assert (even["low"], even["high"]) == pytest.approx(metrics.wilson(0.9, 200))
    assert uneven["low"] < even["low"]
    assert metrics.balanced_accuracy(np.array([[8, 2], [0, 0]]))["value"] == pytest.approx(0.8)


def test_classification_knows_the_super_classes():
    taxonomy = Taxonomy("t", 1, [Move("Serve Forehand Loop", type="Serve", hand="Forehand"), Move("Serve Backhand Loop", type="Serve", hand="Backhand"),
                                 Move("Offensive Forehand Hit", type="Offensive", hand="Forehand")])  # fmt: skip
    found = metrics.classification([0, 1, 2, 3], [1, 1, 0, 3], taxonomy)
    assert found["accuracy"] == 0.5 and found["type_accuracy"] == 0.75 and found["hand_accuracy"] == 0.75 and found["both_accuracy"] == 0.5
    assert found["recalls"] == {"Serve Forehand Loop": 0, "Serve Backhand Loop": 1, "Offensive Forehand Hit": 0, "Negative": 1}
    plain = metrics.classification([0, 1], [0, 1], Taxonomy("flat", 1, [Move("x")]))
    assert "type_accuracy" not in plain


def test_mediaeval21_is_a_curve_over_thresholds():
    # tIoU 1 and .6 for two truths, one proposal beside: up to .60 precision 2/3 and recall 1, above 1/3 and 1/2 -> 1/2 * 2/3 + 1/2 * 2/3
    truth = {"v": [Span(0, 10, A), Span(20, 30, A)]}
    found = {"v": [Span(0, 10, A), Span(20, 26, A), Span(50, 60, A)]}
    assert metrics.official_counts(found, truth, 0.6) == pytest.approx((2 / 3, 1)) and metrics.official_counts(found, truth, 0.65) == pytest.approx((1 / 3, 0.5))
    assert metrics.mediaeval21(found, truth)["map"] == pytest.approx(2 / 3)
    assert metrics.mediaeval22(found, truth)["map"] == pytest.approx((3 * 2 / 3 + 7 / 6) / 10), "the tasks are not comparable"
    assert metrics.mediaeval21({}, truth) == {"map": 0.0, "global_iou": 0.0} and metrics.mediaeval21(truth, truth)["map"] == 1.0


def test_map_by_threshold_has_the_map_as_its_mean():
    found = {"v": [Span(1, 11, A, 0.9), Span(20, 30, B, 0.8), Span(41, 47, A, 0.7)]}
    by = metrics.map_by_threshold(found, TRUTH)
    assert list(by) == list(metrics.THRESHOLDS) and by[0.5] == 1.0 and by[0.95] == 0.5
    assert np.mean(list(by.values())) == pytest.approx(metrics.mean_average_precision(found, TRUTH))


def test_edit_score_by_hand():
    # a b a against a a: one deletion of three; the second video has nothing found: 0
    found = {"v": [Span(40, 50, A), Span(0, 1, A)]}
    assert metrics.edit_score(found, TRUTH) == pytest.approx(1 - 1 / 3)
    assert metrics.edit_score(found, {**TRUTH, "w": [Span(0, 5, B)]}) == pytest.approx((1 - 1 / 3) / 2)
    for ours, real, distance in (("ab", "bab", 1), ("bab", "ab", 1), ("abc", "a", 2), ("abc", "adc", 1), ("kitten", "sitting", 3), ("", "ab", 2)):
        a, b = ({"v": [Span(i, i + 1, move) for i, move in enumerate(moves)]} for moves in (ours, real))
        assert metrics.edit_score(a, b) == pytest.approx(1 - distance / max(len(ours), len(real)))
    assert metrics.edit_score(TRUTH, TRUTH) == 1.0 and metrics.edit_score({}, {}) == 0.0


def test_segmental_f1_lets_a_truth_be_found_once_and_knows_time_loosely():
    # tIoU 1, .3 and a second proposal on the first stroke: 2 of 3 found at .10 and .25, 1 at .50
    found = {"v": [Span(0, 10, A), Span(1, 10, A), Span(20, 23, B)]}
    out = metrics.segmental(found, TRUTH)
    assert (out["f1@10"], out["f1@25"], out["f1@50"]) == pytest.approx((2 * 2 / 6, 2 * 2 / 6, 2 * 1 / 6))
    assert metrics.segmental({}, {}) == {"edit": 0.0, "f1@10": 0.0, "f1@25": 0.0, "f1@50": 0.0}


def test_counts_by_video_join_the_stretches_of_a_film_and_sum_to_f1():
    found = {"0/3:0": [Span(0, 10, A), Span(12, 18, B)], "0/3:1+2": [Span(0, 10, B)], "1/4:0": []}
    truth = {"0/3:0": [Span(0, 10, A)], "0/3:1+2": [Span(0, 10, A)], "1/4:0": [Span(0, 10, A)]}
    by = metrics.per_video(found, truth)
    assert by == {"3": {"found": 1, "predicted": 3, "truth": 2}, "4": {"found": 0, "predicted": 0, "truth": 1}}
    whole = metrics.f1(found, truth)
    assert whole["f1"] == pytest.approx(2 * 1 / (3 + 3)) and whole["found"] == 1
    assert metrics.per_video(found, truth, with_class=False)["3"]["found"] == 2
    assert metrics.per_video(found, truth, video_of=str).keys() == found.keys()


def test_counts_by_class_and_by_super_class():
    found = {"v": [Span(0, 10, B), Span(20, 30, B), Span(60, 70, B)]}
    assert metrics.per_class(found, TRUTH, [A, B, "c"]) == {A: {"found": 0, "predicted": 0, "truth": 2}, B: {"found": 1, "predicted": 3, "truth": 1}}
    assert metrics.per_class(found, TRUTH, [A]) == {A: {"found": 0, "predicted": 0, "truth": 2}}, "the others are not asked for"
    coarse = {A: "x", B: "x"}
    assert metrics.per_class(metrics.renamed(found, coarse), metrics.renamed(TRUTH, coarse), ["x"]) == {"x": {"found": 2, "predicted": 3, "truth": 3}}


def test_stretches_that_are_no_stroke_but_taken_for_one():
    none = {"v": [Span(0, 10, "Negative"), Span(20, 30, "Negative")], "w": [Span(0, 10, "Negative")]}
    assert metrics.taken_for_strokes({"v": [Span(2, 11, A), Span(26, 40, A)]}, none) == (1, 3)
    assert metrics.taken_for_strokes({}, {}) == (0, 0)
