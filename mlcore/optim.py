"""How weights move: losses, optimisers, learning rates, the published falls and restarts, and the running average of the weights.

SGD with Nesterov momentum 0.5, 0.01 -> 1e-5 by tens with warm restarts from the best state: Martin et al., MMSports 2021 (arXiv
2109.14306); the rule for when the rate falls: the SportTaskME22 baseline (CC BY 4.0, credited). Averages with re-estimated
batch norm: Izmailov et al., UAI 2018 (arXiv 1803.05407, section 3.2).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mlcore.presets import Preset

PLATEAU = 30  # epochs without a better validation before the published rate falls
STAGES = 4  # 0.01, 1e-3, 1e-4, 1e-5


def set_loss(logits_BK: Tensor, allowed_BK: Tensor, smoothing: float = 0.0) -> Tensor:
    """(B,) -log of the summed probability of the allowed classes: cross-entropy on logits for a full label, and the
    honest extension for a partial one. `smoothing` mixes in the mean over all classes."""
    log_p = torch.log_softmax(logits_BK, 1)
    loss = -torch.logsumexp(log_p.masked_fill(~allowed_BK, -math.inf), 1)
    return (1 - smoothing) * loss - smoothing * log_p.mean(1) if smoothing else loss


def class_weights(counts: Sequence[int], power: float) -> Tensor:
    """(K,) (mean count / count) ** power; 1 for classes that were never labelled."""
    found = torch.tensor(counts, dtype=torch.float32)
    seen = found > 0
    return torch.where(seen, (found[seen].mean() / found.clamp(min=1)) ** power, 1.0)


def optimiser_for(net: nn.Module, preset: Preset) -> torch.optim.Optimizer:
    """Fused; SGD with Nesterov momentum 0.5 as published, or AdamW."""
    groups = grouped(net, preset)
    if preset.restarts:
        return torch.optim.SGD(groups, preset.lr, momentum=0.5, nesterov=True, fused=True)
    return torch.optim.AdamW(groups, preset.lr, fused=True)


def grouped(net: nn.Module, preset: Preset) -> list[dict[str, Any]]:
    """Parameters with their weight decay; where the preset spares vectors, biases and norms (one dimension) have none."""
    found = [p for p in net.parameters() if p.requires_grad]
    if not preset.spare_vectors:
        return [{"params": found, "weight_decay": preset.weight_decay}]
    return [{"params": [p for p in found if p.dim() > 1], "weight_decay": preset.weight_decay},
            {"params": [p for p in found if p.dim() < 2], "weight_decay": 0.0}]  # fmt: skip


def rate(preset: Preset, share: float, restart: int) -> float:
    """Learning rate at `share` of the run: 5 % warm-up and cosine to zero; or, with restarts, lr / 10 per stage down to lr_min."""
    if preset.restarts:
        return max(preset.lr * 0.1**restart, preset.lr_min)
    warm = min(1.0, (share + 1e-3) / 0.05)
    return preset.lr * warm * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))


def after(preset: Preset, restart: int) -> int:
    """The stage that follows `restart`: a tenth of the rate, or the first one again once lr_min is passed."""
    return 0 if preset.lr * 0.1 ** (restart + 1) < preset.lr_min * 0.99 else restart + 1


def falls(history: Sequence[Mapping[str, Any]], best: int) -> bool:
    """Whether the published rate falls after the last epoch of `history`: nothing better for 30 epochs, neither since `best` nor since the
    last fall, and the training loss does not sink any more (the last 10 epochs against the 20 before them, less 1 %)."""
    last = max([best, *(line["epoch"] for line in history if line.get("restarted"))])
    if not history or history[-1]["epoch"] - last <= PLATEAU:
        return False
    losses = [line["loss"] for line in history[-PLATEAU:]]
    before, now = losses[:-10], losses[-10:]
    return bool(0.99 * sum(before) / len(before) < sum(now) / len(now))


class Average:
    """Running average of a network's parameters in a network of its own (`net`), as slow as `decay` once it has seen enough steps.

    Running statistics of batch norm belong to weights, so those of the average are estimated (`estimate_norms`), never copied.
    """

    def __init__(self, net: nn.Module, decay: float) -> None:
        self.net, self.decay = copy.deepcopy(net).requires_grad_(False), decay
        self._mine: list[Tensor] = list(self.net.parameters())

    def update(self, net: nn.Module, step: int) -> None:
        """After optimiser step number `step` (from 0); the first steps count more, or the first weights would linger."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self._mine, [p.detach() for p in net.parameters()], 1 - decay)

    def follow(self, weights: Mapping[str, Tensor]) -> None:
        """Begin again from `weights`."""
        self.net.load_state_dict(dict(weights))


def norms(net: nn.Module) -> list[_BatchNorm]:
    """The batch norms with running statistics."""
    return [m for m in net.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]


@torch.no_grad()
def estimate_norms(net: nn.Module, inputs: Iterable[Sequence[Tensor | None]]) -> None:
    """Running statistics of every batch norm from `inputs` (the net's arguments, batch by batch) at its present weights: plain means over
    the batches. Everything else is in evaluation mode meanwhile, and the net is left so."""
    net.eval()
    found = norms(net)
    momenta = [norm.momentum for norm in found]
    for norm in found:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    for batch in inputs:
        net(*batch)
    for norm, momentum in zip(found, momenta):
        norm.momentum = momentum
        norm.eval()
