"""The campaign of the two recipes: what the published side learns from and how it decides."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks import recipes
from mlcore import dataset
from mlcore.decide import Strip
from mlcore.formats import Dataset
from tests.mlcore import squares


def test_strokes_and_chunks_of_the_gaps_between_them_are_learned(tmp_path):
    path = squares.dataset(tmp_path, "hold-out", [squares.video(tmp_path, "a", ["Right", "Up"])])
    films = dataset.open_films(Dataset.read(path), tmp_path, 15.0)
    films[0].spans[1] = type(films[0].spans[1])(films[0].spans[0].end + 3.5, films[0].spans[0].end + 4.0, (2,), films[0].spans[1].interval)
    region = dataset.Region(0, 0.0, 60.0)
    found = recipes.intervals(films, [region], 3)
    labels = [label for *_, label in found]
    assert labels == [0, 2, 3, 3]  # two strokes; a gap of 3.5 s holds two chunks of 200 pictures at 120 Hz
    assert found[2][2] - found[2][1] == pytest.approx(200 / 120)


def test_runs_that_are_no_negative_become_strokes_of_their_commonest_class():
    curve = np.full((60, 4), 0.05, np.float32)
    curve[:, 3] = 0.85
    curve[10:22] = (0.8, 0.1, 0.05, 0.05)
    curve[14:16] = (0.1, 0.8, 0.05, 0.05)
    curve[40:42] = (0.8, 0.1, 0.05, 0.05)  # shorter than 30 pictures at 120 Hz
    (one,) = recipes.published_strokes(Strip(curve, 15.0, 2.0, np.zeros(60, bool)), "centre", ["a", "b", "c", "Negative"])
    assert (one.begin, one.end, one.move) == (pytest.approx(2 + 9.5 / 15), pytest.approx(2 + 21.5 / 15), "a")
    smooth = recipes.published_strokes(Strip(curve, 15.0, 2.0, np.zeros(60, bool)), "mean", ["a", "b", "c", "Negative"])
    assert len(smooth) == 1 and smooth[0].move == "a"


def test_the_summary_says_means_with_intervals_over_seeds(tmp_path):
    (tmp_path / "cells").mkdir()
    (tmp_path / "rates.json").write_text('{"0.01": 0.9}')
    for seed, accuracy in ((1, 0.7), (2, 0.8), (3, 0.9)):
        body = {"accuracy": accuracy, "f1": 0.5, "map": 0.4, "seconds": 100.0, "epochs": 10, "decisions": [[0.9, True], [0.6, False]]}
        (tmp_path / "cells" / f"{seed}-ours-equal.json").write_text(json.dumps(body))
    found = recipes.summary(tmp_path)
    mean, low, high = found["sides"]["ours-equal"]["accuracy"]
    assert mean == pytest.approx(0.8) and low == pytest.approx(0.8 - 4.303 * 0.1 / 3**0.5, abs=1e-3) and high == pytest.approx(2 * mean - low)
    assert found["calibration"]["n"] == 6 and set(found["sides"]) == {"ours-equal"}
