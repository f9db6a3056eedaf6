"""A training step of the published-size Twin on the CPU, float32, one thread."""

from __future__ import annotations

from dataclasses import replace

import torch

from benchmarks.measuring import Bench, Line, Row, interleaved
from benchmarks.published import network, training
from mlcore import networks, optim, presets
from mlcore.networks import Sizes

BATCH = 1


def step(bench: Bench) -> list[Line]:
    """The same weights, the same clips; forwards, backwards, update. Ours: channels last, pooling first, fused SGD."""
    generator = torch.Generator().manual_seed(0)
    rgb = torch.rand(BATCH, 3, 100, 120, 120, generator=generator)
    flow = torch.rand(BATCH, 2, 100, 120, 120, generator=generator) * 2 - 1
    labels = torch.arange(BATCH)
    ours = networks.build(Sizes(21), seed=0)
    theirs = network.Twin()
    theirs.load_state_dict(ours.state_dict())
    fused = optim.optimiser_for(ours, replace(presets.PUBLISHED, lr=training.LR))
    plain = training.optimiser_for(theirs)
    last = tuple(x.contiguous(memory_format=torch.channels_last_3d) for x in (rgb, flow))

    def our_step() -> None:
        fused.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(ours(*last), labels).backward()
        fused.step()

    pairs = interleaved(our_step, lambda: training.step(theirs, plain, (rgb, flow, labels)), pairs=bench.pairs, units=(BATCH, BATCH))
    same = max(float((a.detach() - b.detach()).abs().max()) for a, b in zip(ours.state_dict().values(), theirs.state_dict().values()))
    return [
        Line.ratio("training step of the published Twin, float32", pairs, 2.7, "sample"),
        Line.at_most("largest difference of any weight after these steps", same, 1e-4, "", ours=f"{bench.pairs + 1} steps on both sides from the same weights"),
    ]


ROWS = [Row("training", "a training step of the published Twin on the CPU >= 2.7x cheaper in float32", step)]
