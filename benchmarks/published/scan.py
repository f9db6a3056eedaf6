"""A recording window by window, and the four published ways to decide from the windows of a stroke."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

Floats = NDArray[np.float32]
Load = Callable[[int], tuple[Floats, Floats]]  # first picture of a window -> rgb (3,T,H,W), flow (2,T,H,W)


def windows(net: nn.Module, load: Load, begins: Iterable[int], *, batch: int = 1) -> Floats:
    """(n, classes) probabilities of the windows that begin at these pictures; each window goes through the whole network."""
    net.eval()
    rows = []
    for group in _groups(begins, batch):
        made = [load(begin) for begin in group]
        with torch.no_grad():
            logits = net(*(torch.from_numpy(np.stack(side)) for side in zip(*made)))
        rows.append(torch.softmax(logits, 1).numpy())
    return np.concatenate(rows)


def _groups(items: Iterable[int], size: int) -> Iterator[list[int]]:
    left = iter(items)
    while group := list(islice(left, size)):
        yield group


def decide(probabilities: NDArray[np.floating], rule: str) -> int:
    """The class of a stroke from the probabilities (n, classes) of its windows: `centre`, `vote`, `mean` or `gaussian`
    (mean weighted by a Gaussian around the middle window, sigma a sixth of the windows)."""
    n, classes = probabilities.shape
    if rule == "centre":
        return int(probabilities[n // 2].argmax())
    if rule == "vote":
        return int(np.bincount(probabilities.argmax(axis=1), minlength=classes).argmax())
    weights = np.ones(n)
    if rule == "gaussian":
        weights = np.exp(-0.5 * ((np.arange(n) - (n - 1) / 2) / max(n / 6, 0.5)) ** 2)
    elif rule != "mean":
        raise ValueError(f"no rule is called {rule}")
    return int((weights[:, None] * probabilities).sum(axis=0).argmax())
