"""The published training: SGD (Nesterov 0.5, weight decay 0.005), rate 0.01 in steps of 10 down to 1e-5, warm restarts from the best state.

When the validation loss has not improved for `patience` epochs (published: 30), the best state is loaded again and the rate
falls by 10; below 1e-5 it starts again at 0.01. The best state by validation loss is what comes out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LR, LR_MIN, MOMENTUM, WEIGHT_DECAY, PATIENCE, BATCH = 0.01, 1e-5, 0.5, 0.005, 30, 10
Batch = tuple[Tensor, Tensor, Tensor]  # rgb (B,3,T,H,W), flow (B,2,T,H,W), labels (B,)
Batches = Callable[[int], Iterable[Batch]]  # epoch -> its batches


@dataclass
class Course:
    """What happened: a rate and two losses per epoch, and the epochs at which the best state was loaded again."""

    lr: list[float] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    restarts: list[int] = field(default_factory=list)

    @property
    def best(self) -> int:
        return min(range(len(self.validation)), key=self.validation.__getitem__)


def optimiser_for(net: nn.Module, lr: float = LR) -> torch.optim.SGD:
    """PyTorch's SGD as it comes, not fused."""
    return torch.optim.SGD(net.parameters(), lr, momentum=MOMENTUM, nesterov=True, weight_decay=WEIGHT_DECAY)


def step(net: nn.Module, optimiser: torch.optim.Optimizer, batch: Batch) -> float:
    """One batch forwards, backwards, one update; its mean loss."""
    optimiser.zero_grad()
    loss = F.cross_entropy(net(batch[0], batch[1]), batch[2])
    loss.backward()
    optimiser.step()
    return float(loss.detach())


def evaluated(net: nn.Module, batches: Iterable[Batch]) -> float:
    """Mean loss per sample in evaluation mode."""
    net.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for rgb, flow, labels in batches:
            total += float(F.cross_entropy(net(rgb, flow), labels, reduction="sum"))
            count += len(labels)
    return total / count


def fit(net: nn.Module, train: Batches, validation: Batches, epochs: int, *, lr: float = LR, patience: int = PATIENCE,
        stop: Callable[[], bool] = lambda: False) -> Course:  # fmt: skip
    """Train in place for `epochs` (or until `stop()` at the end of one); the network ends in its best state."""
    optimiser, course, best, since = optimiser_for(net, lr), Course(), deepcopy(net.state_dict()), 0
    for epoch in range(epochs):
        net.train()
        losses = [step(net, optimiser, batch) for batch in train(epoch)]
        found = evaluated(net, validation(epoch))
        since += 1
        if not course.validation or found < min(course.validation):
            best, since = deepcopy(net.state_dict()), 0
        course.lr.append(optimiser.param_groups[0]["lr"])
        course.loss.append(sum(losses) / len(losses))
        course.validation.append(found)
        if stop():
            break
        if since >= patience:
            net.load_state_dict(best)
            course.restarts.append(epoch)
            since, lower = 0, course.lr[-1] / 10
            optimiser.param_groups[0]["lr"] = lower if lower > LR_MIN * 0.99 else lr
    net.load_state_dict(best)
    return course
