"""What one training is: its data, its preset, its functions, and what comes of it.

Own losses, optimisers, schedules and networks are plain functions given to `Task`; nothing has to be registered.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mlcore import clips
from mlcore.batches import Item
from mlcore.cache import Cache
from mlcore.clips import Normalisation
from mlcore.dataset import Film, Pool, Sample
from mlcore.networks import Net, Sizes
from mlcore.optim import optimiser_for, rate, set_loss
from mlcore.presets import Preset


@dataclass
class Task:
    """One training. `validation` may be empty: then the last state counts. `seconds`: time it may take in all, over all resumptions.

    `network` makes the net from its sizes (called as net(rgb, flow) or, with a pose branch, net(rgb, flow, pose); gives logits (B, classes));
    `loss` takes logits (B, K), allowed classes (B, K) and the preset's smoothing, gives (B,); `optimiser` makes one for a net; `rate` gives the
    learning rate at (preset, share of the run, falls so far). `board`: folder for TensorBoard files.
    """

    name: str
    films: list[Film]
    pool: Pool
    validation: list[Sample]
    preset: Preset
    sizes: Sizes
    normal: Normalisation
    seed: int
    epochs: int
    seconds: float
    folder: Path
    cache: Cache
    device: torch.device
    stop: Callable[[], bool] = lambda: False
    tell: Callable[[float], None] = lambda share: None
    epoch_done: Callable[[dict[str, Any]], None] = lambda line: None
    every: float = 30.0
    network: Callable[[Sizes], nn.Module] = Net
    loss: Callable[[Tensor, Tensor, float], Tensor] = set_loss
    optimiser: Callable[[nn.Module, Preset], torch.optim.Optimizer] = optimiser_for
    rate: Callable[[Preset, float, int], float] = rate
    board: Path | None = None

    @property
    def per_epoch(self) -> int:
        """Batches an epoch."""
        least, most = self.preset.epoch_samples
        return max(1, min(most, max(least, self.preset.per_stroke * self.pool.strokes)) // self.preset.batch)

    @property
    def identity(self) -> str:
        """Hash of all that decides the weights; a checkpoint is gone on with only where it agrees."""
        preset = {k: v for k, v in self.preset.body().items() if k not in ("workers", "cache_mb", "max_minutes", "stride")}
        labels = sorted((k, n) for k, n in self.pool.counts.items())
        own = [getattr(f, "__qualname__", type(f).__name__) for f in (self.network, self.loss, self.optimiser, self.rate)]
        parts = [own, preset, self.sizes.body(), self.normal.body(), self.seed, self.epochs, labels, len(self.validation)]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


@dataclass
class Fitted:
    """What came of it. `history`: a line per epoch; `best`: the epoch whose weights these are."""

    net: Net
    history: list[dict[str, Any]]
    best: int


def epoch_batches(task: Task, epoch: int) -> list[Item]:
    """The epoch's samples and views, each view from its own generator of (seed, epoch, sample)."""
    size = task.preset.batch
    samples = task.pool.draw(task.per_epoch * size, np.random.default_rng([task.seed, epoch]))
    views = [clips.draw(task.preset.augmentation, np.random.default_rng([task.seed, epoch, i])) for i in range(len(samples))]
    return [(samples[i : i + size], views[i : i + size]) for i in range(0, len(samples), size)]


def built(task: Task) -> nn.Module:
    """The task's network on its device in channels_last_3d; its first weights are those of its seed."""
    torch.manual_seed(task.seed)
    with torch.device(task.device):
        net = task.network(task.sizes)
    return net.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload,no-any-return]
