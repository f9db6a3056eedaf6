"""A training step of the published-size Twin on the CPU, float32, one thread.

Each side has a process of its own, because ours also tells the C library to keep its memory (`machine.keep_memory`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from benchmarks.measuring import Bench, Line, Row, apart, serve
from benchmarks.published import network, training
from mlcore import machine, networks, optim, presets
from mlcore.networks import Sizes

BATCH = 1


def inputs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    rgb = torch.rand(BATCH, 3, 100, 120, 120, generator=generator)
    return rgb, torch.rand(BATCH, 2, 100, 120, 120, generator=generator) * 2 - 1, torch.arange(BATCH)


def ours(half: bool = False) -> tuple[torch.nn.Module, Callable[[], Any]]:
    """Channels last, pooling before ReLU, fused SGD; `half`: convolutions in bf16."""
    net = networks.build(Sizes(21), seed=0)
    fused = optim.optimiser_for(net, replace(presets.PUBLISHED, lr=training.LR))
    rgb, flow, labels = inputs()
    last = tuple(x.contiguous(memory_format=torch.channels_last_3d) for x in (rgb, flow))

    def step() -> None:
        fused.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            logits = net(*last)
        torch.nn.functional.cross_entropy(logits.float(), labels).backward()
        fused.step()

    return net, step


def theirs() -> tuple[torch.nn.Module, Callable[[], Any]]:
    net = network.Twin()
    net.load_state_dict(networks.build(Sizes(21), seed=0).state_dict())
    plain, batch = training.optimiser_for(net), inputs()
    return net, lambda: training.step(net, plain, batch)


def measure(bench: Bench) -> list[Line]:
    """The same weights, the same clips; forwards, backwards, update."""
    (net, step), (other, their_step) = ours(), theirs()
    for _ in range(2):
        step()
        their_step()
    same = max(float((a.detach() - b.detach()).abs().max()) for a, b in zip(net.state_dict().values(), other.state_dict().values()))
    del net, step, other, their_step
    run = [sys.executable, "-m", "benchmarks.rows.training"]
    lines = [Line.ratio("training step of the published Twin, float32", apart([*run, "ours"], [*run, "theirs"], pairs=bench.pairs, units=(BATCH, BATCH)), 2.7, "sample")]
    half = apart([*run, "half"], [*run, "theirs"], pairs=bench.pairs, units=(BATCH, BATCH))
    amx = bool(getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)())
    claim = "training step of the published Twin, bf16 convolutions"
    lines.append(Line.ratio(claim, half, 3.5, "sample") if amx else replace(Line.ratio(f"{claim} (no AMX here, so no bar)", half, 0, "sample"), bar="", met=None))
    return [*lines, Line.at_most("largest difference of any weight after two steps", same, 1e-4, "", ours="both sides from the same weights")]


ROWS = [Row("training", "a training step of the published Twin on the CPU >= 2.7x cheaper in float32", measure)]

if __name__ == "__main__":
    torch.set_num_threads(1)
    side = sys.argv[1]
    if side != "theirs":
        machine.keep_memory()
    serve((theirs() if side == "theirs" else ours(side == "half"))[1])
