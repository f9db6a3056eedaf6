"""Several processes, one training: what `torchrun` starts, each with its share of every batch.

    torchrun --nproc-per-node 4 -m mlcore.train DATASET.json --out RUN_DIR --id RUN --preset published

Without torchrun's environment variables everything here is the identity, so the training loop is written once. The processes read
the same dataset and run folder (a shared disk where they are on several hosts); only the first (`rank` 0) writes. NCCL where
there is CUDA, else gloo. Sums are made in float64, so every process gets the same bits and takes the same decisions.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from mlcore import optim

PATIENCE = timedelta(hours=2)  # the others wait this long while the first one measures


def start(device: torch.device) -> tuple[int, int]:
    """Join the processes that torchrun started: (rank, number of processes); (0, 1) without torchrun. `device`: its kind decides the backend."""
    if "WORLD_SIZE" not in os.environ or int(os.environ["WORLD_SIZE"]) == 1:
        return 0, 1
    if device.type == "cuda":
        torch.cuda.set_device(local(device))
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    return rank(), world()


def finish() -> None:
    """Leave the group; nothing without one."""
    if dist.is_initialized():
        gc.collect()  # a wrapped net that nobody holds any more, but that is not yet freed, keeps the group's threads alive into the exit
        dist.destroy_process_group()


def rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def world() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def local(device: torch.device) -> torch.device:
    """This process's own GPU, where `device` is a GPU."""
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if device.type == "cuda" else device


def summed(values: Tensor) -> Tensor:
    """The sum of a small tensor over all processes, in float64 on the CPU."""
    values = values.detach().double()
    if world() > 1:
        dist.all_reduce(values)
    return values.cpu()


def wait(device: torch.device) -> None:
    """Until every process is here."""
    summed(torch.zeros(1, device=device))


def synced(net: nn.Module, device: torch.device) -> nn.Module:
    """The net with batch norm over all processes: there is such a thing on CUDA only; elsewhere each process takes the
    statistics of its own share, as if batches were smaller."""
    convert: Callable[[nn.Module], nn.Module] = nn.SyncBatchNorm.convert_sync_batchnorm
    return convert(net) if world() > 1 and device.type == "cuda" else net


def wrapped(net: nn.Module, device: torch.device) -> nn.Module:
    """The net whose `backward` averages gradients over all processes; the net itself when there is one process."""
    if world() == 1:
        return net
    return DistributedDataParallel(net, device_ids=[device.index] if device.type == "cuda" else None, forward_sync_buffers=False)


def alone(model: nn.Module) -> AbstractContextManager[Any]:
    """Inside, `backward` adds to the gradients of this process only."""
    return model.no_sync() if isinstance(model, DistributedDataParallel) else nullcontext()


def share_norms(net: nn.Module, device: torch.device) -> None:
    """Running statistics of the first process for all, where they are not the same anyway."""
    if world() > 1 and device.type != "cuda" and optim.norms(net):
        for buffer in net.buffers():
            dist.broadcast(buffer, 0)
