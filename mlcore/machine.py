"""What the machine under a training does: give the same bits again, keep its memory at hand, and say when it is used up."""

from __future__ import annotations

import ctypes
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

A = TypeVar("A")
B = TypeVar("B")
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3  # of glibc's mallopt


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


def keep_memory() -> None:
    """Have the C library keep freed memory for the next tensor instead of giving it back: a step's tensors are as large as those of the
    step before, and every page that the system hands out anew is cleared first. Nothing happens where there is no glibc."""
    try:
        libc = ctypes.CDLL(None)
        for name, value in ((M_MMAP_THRESHOLD, 2**30), (M_TRIM_THRESHOLD, 2**31 - 1), (M_TOP_PAD, 2**26)):
            libc.mallopt(name, value)
    except (OSError, AttributeError):
        return


def ahead(work: Callable[[A], B], items: Iterable[A], depth: int = 4) -> Iterator[B]:
    """`work` of each item in order, `depth` of them made ahead in a thread (OpenCV and blosc2 let go of the interpreter)."""
    rest = iter(items)
    with ThreadPoolExecutor(1) as pool:
        waiting = [pool.submit(work, item) for item in itertools.islice(rest, depth)]
        while waiting:
            done = waiting.pop(0).result()
            waiting += [pool.submit(work, item) for item in itertools.islice(rest, 1)]
            yield done
