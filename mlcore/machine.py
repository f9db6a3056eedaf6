"""What the machine under a training does: give the same bits again, and say when its memory is used up."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def repeatable(on: bool) -> Iterator[None]:
    """Inside, algorithms that give the same bits again, and a warning where there are none. On CUDA torch has none for max pooling and
    trilinear growing; pooling without overlap is repeatable all the same, the attention of `networks` is not."""
    if not on:
        yield
        return
    mode, cudnn = torch.get_deterministic_debug_mode(), torch.backends.cudnn
    before = cudnn.deterministic, cudnn.benchmark
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_deterministic_debug_mode("warn")
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(mode)
        cudnn.deterministic, cudnn.benchmark = before


def no_memory(error: BaseException) -> bool:
    """Whether this is how a device or the system says that memory is used up."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "allocate memory" in str(error) or "out of memory" in str(error)
