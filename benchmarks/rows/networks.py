"""The network computes what it says: logits against an independent reference in float64."""

from __future__ import annotations

import torch

from benchmarks.measuring import Bench, Line, Row
from benchmarks.published import network
from mlcore import networks
from mlcore.networks import Sizes


def logits(bench: Bench) -> list[Line]:
    """Published size, with and without attention: the published side in double precision from the same weights."""
    lines = []
    for attention in (False, True):
        size = (100, 120, 120) if not attention else bench.pick((100, 120, 120), (40, 48, 48))
        sizes = Sizes(21, T=size[0], H=size[1], W=size[2], attention=attention)
        ours = networks.build(sizes, seed=1).eval()
        theirs = network.Twin(21, size, attention=attention)
        theirs.load_state_dict(ours.state_dict())
        generator = torch.Generator().manual_seed(2)
        rgb, flow = torch.rand(1, 3, *size, generator=generator), torch.rand(1, 2, *size, generator=generator) * 2 - 1
        with torch.inference_mode():
            found = ours(*(x.contiguous(memory_format=torch.channels_last_3d) for x in (rgb, flow)))
            reference = theirs.double().eval()(rgb.double(), flow.double())
        error = float((found - reference).norm() / reference.norm())
        name = "Twin with attention" if attention else "Twin"
        lines.append(Line.at_most(f"logits of the {name} at {size[0]}x{size[1]}x{size[2]}, relative error", error, 1e-4, "", other="published network in float64"))
    return lines


ROWS = [Row("logits", "logits agree with an independent float64 reference to 1e-4", logits)]
