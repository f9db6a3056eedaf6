"""Trainings of a few steps on squares."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from mlcore import clips, dataset, presets
from mlcore.cache import Cache
from mlcore.dataset import Pool
from mlcore.formats import Dataset
from mlcore.task import Task
from tests.mlcore import squares

MOVES = ["Right", "Up", "Down", "Up", "Right", "Down"]


def data(root: Path) -> Path:
    """A dataset of one film to learn from and one to validate on."""
    if not (root / "dataset.json").exists():
        videos = [squares.video(root, "a", MOVES), squares.video(root, "b", ["Up", "Right", "Down"], part="validation", seed=1)]
        squares.dataset(root, "hold-out", videos)
    return root


def task(root: Path, name: str, *, epochs: int = 2, validate: bool = False, sizes: dict[str, Any] | None = None, given: dict[str, Any] | None = None,
         **changes: Any) -> Task:  # fmt: skip
    """The tiny preset on `data(root)`; `sizes` and `changes` replace fields of the network's sizes and of the preset, `given` of the task."""
    preset = presets.named("tiny")
    preset = replace(preset, **{"sizes": {**preset.sizes, **(sizes or {})}, **changes})
    films = dataset.open_films(Dataset.read(data(root) / "dataset.json"), root, preset.grid.rate)
    train, valid = dataset.regions(films, "train"), dataset.regions(films, "validation")
    pool = Pool(films, train, 3)
    fields = {"validation": Pool(films, valid, 3).fixed(24, pool.classes) if validate else [], "preset": preset, "sizes": preset.network(4),
              "normal": clips.normalisation(dataset.maxima(films, train), preset.gain), "seed": 5, "epochs": epochs, "seconds": 3600.0,
              "folder": root / "checkpoint" / name, "cache": Cache(root / "cache", 2**26), "device": torch.device("cpu")}  # fmt: skip
    return Task(name, films, pool, **(fields | (given or {})))


def weights(net: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in net.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())
