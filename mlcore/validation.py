"""What a network in training is worth on the validation part: mean loss and balanced accuracy, the same whatever the batches."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from mlcore import distributed
from mlcore.batches import Prefetch
from mlcore.clips import View
from mlcore.machine import no_memory
from mlcore.networks import mixed_precision
from mlcore.task import Task

LOOK = 32  # clips at a time


def validate(task: Task, nets: Sequence[nn.Module], prefetch: Prefetch, look: int = LOOK) -> list[tuple[float, float]]:
    """(mean loss per sample, balanced accuracy over label sets) of `task.validation` for each net, in evaluation mode, `look` clips at a
    time. The processes share the work and all get the result."""
    keys = sorted({s.allowed for s in task.validation})
    row = {key: i for i, key in enumerate(keys)}
    groups = [task.validation[i : i + look] for i in range(0, len(task.validation), look)][distributed.rank() :: distributed.world()]
    sums = torch.zeros(len(nets), len(keys) + 1, 2, dtype=torch.float64)  # per label set (right, samples); last the loss and out of memory
    try:
        for samples, batch in zip(groups, prefetch([(g, [View()] * len(g)) for g in groups])):
            given, rows = batch.to(task.device), torch.tensor([row[s.allowed] for s in samples])
            for k, net in enumerate(nets):
                net.eval()
                with torch.inference_mode(), mixed_precision(task.device):
                    logits = net(*given.inputs).float()
                    losses = task.loss(logits, given.allowed, task.preset.smoothing).double()
                    right = given.allowed.gather(1, logits.argmax(1, keepdim=True)).double()
                sums[k].index_add_(0, rows, torch.cat([right, torch.ones_like(right)], 1).cpu())
                sums[k, -1, 0] += losses.sum().cpu()
    except (RuntimeError, MemoryError) as error:
        if distributed.world() == 1 or not no_memory(error):
            raise
        sums[:, -1, 1] = 1.0
    sums = distributed.summed(sums.to(task.device))
    if sums[:, -1, 1].any():
        raise torch.OutOfMemoryError("one of the processes is out of memory")
    return [(float(one[-1, 0]) / len(task.validation), float((one[:-1, 0] / one[:-1, 1]).mean())) for one in sums]
