"""Intervals over videos: right in size where the truth is known, the same for both contestants, honest where nothing can be said."""

from __future__ import annotations

import numpy as np
import pytest

from mlcore import bootstrap


def test_the_interval_covers_the_truth_as_often_as_it_says():
    """200 samples of 40 videos with 10 strokes each, a recall of 0.7 that varies by video: about 95 % of the intervals hold it."""
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(200):
        p = np.clip(rng.normal(0.7, 0.1, 40), 0, 1)
        low, high = bootstrap.interval(np.column_stack([rng.binomial(10, p), np.full(40, 10)]), bootstrap.share, draws=400)[1:]
        held += low <= 0.7 <= high
    assert 180 <= held <= 199


def test_strokes_of_one_video_are_drawn_together():
    """10 videos all right or all wrong: the interval is that of 10 trials, not of 1,000."""
    counts = np.array([[100 * (i % 2), 100] for i in range(10)])
    value, low, high = bootstrap.interval(counts, bootstrap.share)
    assert value == 0.5 and low <= 0.2 and high >= 0.8


def test_the_same_seed_gives_the_same_interval_and_another_another():
    counts = np.random.default_rng(0).integers(1, 9, (20, 3))
    assert bootstrap.interval(counts) == bootstrap.interval(counts) != bootstrap.interval(counts, seed=1)
    assert bootstrap.drawn(7, 50).sum(1).tolist() == [7.0] * 50


def test_paired_draws_the_same_videos_for_both():
    champion = np.array([[5, 10, 10], [9, 10, 10], [2, 10, 10], [7, 10, 10]])
    same = bootstrap.paired(champion, champion)
    assert same == (0.0, 0.0, 0.0, 0.0, 0.0), "drawn apart they would differ"
    better = bootstrap.paired(champion + np.array([1, 0, 0]), champion)
    assert better.value == pytest.approx(0.1) == better.mean and better.worst == pytest.approx(0.1)
    with pytest.raises(ValueError, match="the same videos"):
        bootstrap.paired(champion, champion[:3])


def test_the_worst_is_the_five_percent_quantile():
    rng = np.random.default_rng(3)
    champion = np.column_stack([rng.integers(2, 9, 30), np.full(30, 10), np.full(30, 10)])
    challenger = champion + np.column_stack([rng.integers(-2, 3, 30), np.zeros((30, 2), int)])
    found = bootstrap.paired(challenger, champion)
    spread = (challenger - champion)[:, 0].std() / 10 / 30**0.5
    assert found.worst == pytest.approx(found.value - 1.645 * spread, abs=0.01) and found.low < found.worst < found.mean < found.high


def test_one_video_says_nothing_about_others():
    for made in (bootstrap.interval([[3, 4, 5]]), bootstrap.pooled([np.array([1.0, 2.0])], lambda v: float(np.median(v)))):
        assert made.value > 0 and np.isnan([made.low, made.high]).all()
    assert np.isnan(bootstrap.paired([[3, 4, 5]], [[2, 4, 5]]).worst)
    assert bootstrap.interval(np.zeros((0, 3))).value == 0.0 and np.isnan(bootstrap.pooled([], np.median).value)


def test_pooled_joins_the_values_of_the_drawn_videos():
    videos = [np.full(3, float(i)) for i in range(9)]
    value, low, high = bootstrap.pooled(videos, lambda v: float(np.median(v)))
    assert value == 4 and 0 <= low < 4 < high <= 8


def test_rows_are_the_counts_of_each_video_by_name():
    videos = {"b": {"found": 1, "predicted": 2, "truth": 3}, "a": {"found": 4, "predicted": 5, "truth": 6}}
    assert bootstrap.rows(videos).tolist() == [[4, 5, 6], [1, 2, 3]]
    assert float(bootstrap.f1(bootstrap.rows(videos).sum(0))) == pytest.approx(10 / 16)
    assert bootstrap.rows({}).shape == (0, 3)
