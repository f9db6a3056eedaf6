"""A class that was never learned: strokes of it look less known than the others (max logit; Vaze et al., ICLR 2022)."""

from __future__ import annotations

import numpy as np
import torch

from mlcore import calibration, dataset, loop, presets
from mlcore.cache import OwnCache
from mlcore.clips import Pictures, normalisation
from mlcore.dataset import Pool
from mlcore.dense import scan
from mlcore.formats import Dataset
from mlcore.task import Task
from tests.mlcore import squares

MOVES = ["Right", "Up", "Down", "Up", "Right", "Down"]


def test_a_class_left_out_looks_less_known_than_those_learned(tmp_path):
    videos = [squares.video(tmp_path, name, MOVES * 2, seed=k) for k, name in enumerate("ab")]
    videos.append(squares.video(tmp_path, "c", MOVES * 3, part="test", seed=9))
    path = squares.dataset(tmp_path, "hold-out", videos)
    preset = presets.named("tiny")
    films = dataset.open_films(Dataset.read(path), tmp_path, preset.grid.rate)
    left_out = squares.TAXONOMY.classes.index("Up")
    train = dataset.regions(films, "train")
    for film in films[:2]:  # its strokes are neither learned nor called Negative
        for i, span in enumerate(film.spans):
            if span.allowed == (left_out,):
                film.owner[film.owner == i] = dataset.UNKNOWN
    pool, normal = Pool(films, train, 3, preset.negatives), normalisation(dataset.maxima(films, train), preset.gain)
    assert left_out not in pool.classes
    cache = OwnCache(2**26)
    net = loop.fit(Task("open", films, pool, [], preset, preset.network(4), normal, 3, 16, 600.0, tmp_path / "c0", cache, torch.device("cpu"))).net
    seen = scan(net, Pictures(films[2].store, preset.grid, cache), normal, 0, films[2].n, stride=1)
    known, foreign = [], []
    for span in films[2].spans:
        inside = (seen.at / preset.grid.rate >= span.begin) & (seen.at / preset.grid.rate < span.end)
        moves = np.delete(seen.logits[inside].mean(0), [left_out, 3])
        (foreign if span.allowed == (left_out,) else known).append(moves)
    area = calibration.auroc(calibration.max_logit(known), calibration.max_logit(foreign))
    assert len(known) == 12 and len(foreign) == 6
    assert area > 0.75, area
    assert abs(calibration.auroc([1.0, 2.0], [1.0, 2.0]) - 0.5) < 1e-9  # what chance gives
