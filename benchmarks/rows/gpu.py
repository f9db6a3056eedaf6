"""Training on a GPU: clips a second, utilisation and memory of the published-size Twin, where there is a GPU."""

from __future__ import annotations

import subprocess
import time

import torch

from benchmarks.measuring import Bench, Line, Row
from mlcore import networks
from mlcore.networks import Sizes

CLAIMS = ("clips a second, training the published Twin", "utilisation while training", "memory while training")
BATCH = 10


def measure(bench: Bench) -> list[Line]:
    """Steps of batch 10 in mixed precision with the head in float32."""
    if not torch.cuda.is_available():
        return [Line.missing(claim, "no GPU could be reached") for claim in CLAIMS]
    device, steps = torch.device("cuda"), bench.pick(100, 5)
    net = networks.build(Sizes(21), seed=0, device=device)
    optimiser = torch.optim.SGD(net.parameters(), 0.01, momentum=0.5, nesterov=True, fused=True)
    rgb = torch.rand(BATCH, 3, 100, 120, 120, device=device).contiguous(memory_format=torch.channels_last_3d)
    flow = torch.rand(BATCH, 2, 100, 120, 120, device=device).contiguous(memory_format=torch.channels_last_3d)
    labels, busy, begun = torch.arange(BATCH, device=device), [], 0.0
    for k in range(steps + 3):
        if k == 3:  # the first steps choose kernels
            torch.cuda.synchronize()
            begun = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        with networks.mixed_precision(device):
            logits = net(rgb, flow)
        torch.nn.functional.cross_entropy(logits.float(), labels).backward()
        optimiser.step()
        if k % 10 == 9:
            said = subprocess.run(["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"], capture_output=True, text=True, check=False)
            busy += [float(value) for value in said.stdout.split()[:1]]
    torch.cuda.synchronize()
    name, took = torch.cuda.get_device_name(), time.perf_counter() - begun
    return [Line.reported(CLAIMS[0], steps * BATCH / took, "clips/s", other=name), Line.reported(CLAIMS[1], max(busy or [float("nan")]), "%", other=name),
            Line.reported(CLAIMS[2], torch.cuda.max_memory_allocated() / 2**30, "GiB", other=name)]  # fmt: skip


ROWS = [Row("gpu", "the published Twin on a GPU", measure)]
