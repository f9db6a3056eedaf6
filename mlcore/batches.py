"""From samples to batches of tensors, made ahead of the network: by a thread, or by worker processes.

What a batch holds is a function of its samples and views alone, so one thread and any number of workers give the same bits in the same
order. A thread is right where the processor also trains (OpenCV and blosc2 let go of the interpreter); worker processes keep a GPU
fed. Workers are started fresh (spawn: nothing of the parent's threads or CUDA is inherited), open the stores anew, live as
long as their `Prefetch`, and die with their parent.
"""

from __future__ import annotations

import ctypes
import math
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from mlcore import clips, pose
from mlcore.cache import Cache
from mlcore.clips import Grid, Normalisation, Pictures, View
from mlcore.dataset import Sample
from mlcore.machine import ahead
from mlcore.progress import StepError
from mlcore.store import Store

PR_SET_PDEATHSIG = 1
SHARED = Path("/dev/shm")  # where finished batches of worker processes wait
Item = tuple[Sequence[Sample], Sequence[View]]


class Batch(NamedTuple):
    """rgb (B, 3, T, H, W) and flow (B, 2, T, H, W) in channels_last_3d, float32; classes that the labels allow (B, K), bool; for networks
    with a pose branch pose (B, 42, T), float32."""

    rgb: Tensor
    flow: Tensor
    allowed: Tensor
    pose: Tensor | None = None

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """What a network is called with."""
        return (self.rgb, self.flow) if self.pose is None else (self.rgb, self.flow, self.pose)

    def each(self, change: Callable[[Tensor], Tensor]) -> Batch:
        return Batch(*(None if t is None else change(t) for t in self))  # type: ignore[arg-type]

    def parts(self, size: int) -> list[Batch]:
        """Itself in as few parts of at most `size` samples as possible, about equal, so that none is too small for batch norm."""
        n = len(self.allowed)
        cuts = np.linspace(0, n, math.ceil(n / size) + 1).round().astype(int).tolist()
        return [self.each(lambda t, a=a, b=b: t[a:b]) for a, b in pairwise(cuts)]  # type: ignore[misc]

    def to(self, device: torch.device) -> Batch:
        """On `device`; from pinned memory the copy goes on beside other work."""
        return self.each(lambda t: t.to(device, non_blocking=True))

    def pinned(self) -> Batch:
        return self.each(lambda t: t.pin_memory())


@dataclass
class Loader:
    """Makes the batch of an item (samples and their views) from the stores of the films they are from; with `poses` also from their poses.

    Raises StepError no_pose, bad_pose.
    """

    stores: list[Store]
    grid: Grid
    normal: Normalisation
    classes: int
    cache: Cache
    poses: bool = False
    _pictures: dict[int, Pictures] = field(default_factory=dict, repr=False)

    def pictures(self, film: int) -> Pictures:
        if film not in self._pictures:
            self._pictures[film] = Pictures(self.stores[film], self.grid, self.cache)
        return self._pictures[film]

    def __call__(self, item: Item) -> Batch:
        samples, views = item
        grid, n = self.grid, len(samples)
        rgb, flow = (np.empty((n, grid.T, grid.H, grid.W, c), np.float32) for c in (3, 2))
        allowed = np.zeros((n, self.classes), bool)
        for i, (sample, view) in enumerate(zip(samples, views)):
            made = clips.clip(self.pictures(sample.film), sample.second, self.normal, view)
            rgb[i], flow[i] = (x.transpose(1, 2, 3, 0) for x in made)
            allowed[i, list(sample.allowed)] = True
        poses = [pose.clip(self.pictures(s.film), s.second, view) for s, view in zip(samples, views)] if self.poses else None
        return Batch(_channels_last(rgb), _channels_last(flow), torch.from_numpy(allowed), None if poses is None else torch.from_numpy(np.stack(poses)))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_pictures": {}}  # worker processes open their own, over the same cache on disk


def _channels_last(x_BTHWC: np.ndarray[Any, np.dtype[np.float32]]) -> Tensor:
    """(B, C, T, H, W) over the same memory."""
    return torch.from_numpy(x_BTHWC).permute(0, 4, 1, 2, 3)


@dataclass(frozen=True)
class _Refusal:
    """A StepError on its way out of a worker."""

    code: str
    params: dict[str, Any]


class _Made(Dataset[Any]):
    """The batch of an item, as a data set whose indices are the items themselves."""

    def __init__(self, load: Callable[[Any], Any]) -> None:
        self.load = load

    def __getitem__(self, item: Any) -> Any:
        try:
            return self.load(item)
        except StepError as error:
            return _Refusal(error.code, error.params)


class _Order(Sampler[Any]):
    """The items of the next round."""

    items: Sequence[Any] = ()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


def _as_it_is(made: Any) -> Any:
    return made


def _begin(number: int) -> None:
    """In a fresh worker: one thread, dead with the parent, deaf to signals for the whole group (the parent decides when to stop)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    libc = ctypes.CDLL(None)
    if hasattr(libc, "prctl"):
        libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    parent = multiprocessing.parent_process()
    if parent is not None and not parent.is_alive():  # it died before this one could ask to be told
        os._exit(1)
    cv2.setNumThreads(1)


class Prefetch:
    """`load` of each item, in order, made ahead. `workers`: processes; 0 is a thread. `pin`: into memory a GPU reads beside other work."""

    def __init__(self, load: Callable[[Any], Any], workers: int = 0, pin: bool = False) -> None:
        self.load, self.pin, self._order = load, pin, _Order()
        self._workers: DataLoader[Any] | None = None
        if workers:
            self._workers = DataLoader(_Made(load), batch_size=None, sampler=self._order, num_workers=workers, collate_fn=_as_it_is, pin_memory=pin,
                                       multiprocessing_context="spawn", worker_init_fn=_begin, persistent_workers=True, generator=torch.Generator())  # fmt: skip

    def __call__(self, items: Iterable[Any]) -> Iterator[Any]:
        """One round. Raises what `load` raises."""
        if self._workers is None:
            yield from ahead(partial(_pinned, self.load) if self.pin else self.load, items)
            return
        self._order.items = list(items)
        for made in self._workers:
            if isinstance(made, _Refusal):
                raise StepError(made.code, **made.params)
            yield made

    def close(self) -> None:
        """End the workers."""
        self._workers = None


def _pinned(load: Callable[[Any], Any], item: Any) -> Any:
    return load(item).pinned()


def workers_for(wanted: int | None, device: torch.device, batch_bytes: int, processes: int = 1) -> int:
    """How many worker processes each of `processes` trainings on this host gets: `wanted`, else none on a CPU and up to 8 for a GPU;
    fewer (or none) where shared memory, through which batches come back, is small, as in containers by default."""
    count = wanted if wanted is not None else min(8, max(0, (os.cpu_count() or 1) // processes - 1)) if device.type == "cuda" else 0
    room = shutil.disk_usage(SHARED).free // processes if SHARED.exists() else 0
    return min(count, room // (4 * batch_bytes)) if count else 0
