"""A network over a whole video: one dense pass, or windows with better kernels, against windows one by one.

All sides see the same pictures of the same prepared film, read by the product (the published way of reading is a row of its own), on one
thread. The film is looked at from tick `FIRST` on, where every window lies inside it. Costs are per window.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmarks.measuring import Bench, Line, Row, interleaved, processor, seconds
from benchmarks.published import network, scan
from benchmarks.rows.flow import RATE
from benchmarks.rows.storage import archive
from mlcore import clips, dense, networks
from mlcore.cache import Cache
from mlcore.clips import Grid, Normalisation, Pictures
from mlcore.networks import Net, Sizes

FIRST = 56
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Case:
    """A net of published size with its published twin brother of the same weights, and the film both look at."""

    ours: Net
    theirs: nn.Module
    pictures: Pictures
    normal: Normalisation

    @classmethod
    def made(cls, bench: Bench, *, attention: bool) -> Case:
        """With attention padded windows of 100; without, windows of 7 + 96 + 7 that share their convolutions."""
        sizes = Sizes(21, attention=True) if attention else Sizes(21, T=110, temporal_padding=0)
        store = archive(bench, bench.pick(1440, 260))
        pictures = Pictures(store, Grid(RATE, sizes.T, 120, 120), Cache(bench.folder / "clips", 2**30))
        normal = clips.normalisation([np.asarray(store.prepared.flow_maxima)])
        ours = networks.build(sizes, seed=3).eval()
        theirs = network.Twin(21, (sizes.T, 120, 120), attention=attention, context=not attention)
        case = cls(ours, theirs.eval(), pictures, normal)
        with torch.no_grad():  # fresh logits are all alike; spread, their probabilities can disagree
            ours.linear.bias.zero_()
            logits = ours(*(torch.from_numpy(x[None]) for x in case.load(FIRST)))
            ours.linear.weight *= 2 / logits.std()
        theirs.load_state_dict(ours.state_dict())
        return case

    def load(self, tick: int) -> tuple[Floats, Floats]:
        """The window centred at `tick`, as `dense` places it."""
        return clips.clip(self.pictures, tick / RATE, self.normal)

    def dense(self, count: int, stride: int, precision: str = "float32", **road: Any) -> Floats:
        """(count, classes) probabilities by the product, on one of its roads."""
        found = dense.scan(self.ours, self.pictures, self.normal, FIRST, FIRST + count * stride, stride=stride, precision=precision, **road)
        return torch.softmax(torch.from_numpy(found.logits), 1).numpy()

    def one_by_one(self, count: int, stride: int) -> Floats:
        """The same by the product's network in its ordinary form, channels last, a window at a time."""
        rows = []
        for tick in range(FIRST, FIRST + count * stride, stride):
            rgb, flow = (torch.from_numpy(x[None]).contiguous(memory_format=torch.channels_last_3d) for x in self.load(tick))
            with torch.inference_mode():
                rows.append(torch.softmax(self.ours(rgb, flow), 1)[0].numpy())
        return np.stack(rows)

    def published(self, count: int, stride: int) -> Floats:
        """The same by the published network, a window at a time."""
        return scan.windows(self.theirs, self.load, range(FIRST, FIRST + count * stride, stride))


def line(bench: Bench, claim: str, ours: Callable[[int], Floats], other: Callable[[int], Floats], counts: tuple[int, int], least: float, within: float) -> list[Line]:
    """Ratio per window and largest difference of a probability; `counts`: windows of (ours, other) in one call."""
    kept: dict[str, Floats] = {}
    pairs = interleaved(lambda: kept.update(ours=ours(counts[0])), lambda: kept.update(other=other(counts[1])), pairs=bench.pairs, units=counts)
    both = min(counts)
    difference = float(np.abs(kept["ours"][:both] - kept["other"][:both]).max())
    highest = f"highest probability {kept['other'].max():.2f}"
    return [Line.ratio(claim, pairs, least, "window"), Line.at_most(f"{claim}: largest difference of a probability", difference, within, "", other=highest)]


def plain(bench: Bench) -> list[Line]:
    """The Twin without attention, at strides 8 and 1."""
    case, many, few = Case.made(bench, attention=False), bench.pick(160, 12), bench.pick(4, 2)
    return [
        *line(bench, "dense, stride 8, float32, against channels-last windows", lambda n: case.dense(n, 8), lambda n: case.one_by_one(n, 8), (many, few), 4, 1e-5),
        *line(bench, "dense, stride 8, float32, against published windows", lambda n: case.dense(n, 8), lambda n: case.published(n, 8), (many, few), 8, 1e-5),
        *line(bench, "dense, stride 8, bf16, against published windows", lambda n: case.dense(n, 8, "bf16"), lambda n: case.published(n, 8), (many, few), 25, 0.01),
        *line(bench, "dense, stride 1, float32, against windows with the same kernels", lambda n: case.dense(n, 1),
              lambda n: case.dense(n, 1, windows=True), (bench.pick(320, 96), 2 * few), 25, 1e-5),
    ]  # fmt: skip


def attention(bench: Bench) -> list[Line]:
    """The Twin with attention: every window by itself, with the modules by OpenVINO, and by PyTorch alone (only reported in float32).

    OpenVINO compiles the modules once for a process; that is a line of its own, since a worker scans thousands of windows.
    """
    case, few = Case.made(bench, attention=True), bench.pick(4, 1)
    begin = seconds(lambda: case.dense(1, 8, batch=1, openvino=True), processor)
    lines = [Line.reported("attention windows, the first one with OpenVINO, which compiles", begin, "s")]
    for words, precision, vino, least, within in (("bf16, OpenVINO", "bf16", True, 2.5, 0.01), ("float32, OpenVINO", "float32", True, 2.5, 1e-5),
                                                  ("bf16, PyTorch alone", "bf16", False, 2.5, 0.01), ("float32, PyTorch alone", "float32", False, 0, 1e-5)):  # fmt: skip
        found = line(bench, f"attention windows, stride 8, {words}, against published windows",
                     lambda n, p=precision, v=vino: case.dense(n, 8, p, batch=1, openvino=v), lambda n: case.published(n, 8), (few, few), least, within)  # fmt: skip
        lines += found if least else [replace(found[0], bar="", met=None), found[1]]
    return lines


torch.set_num_threads(1)
ROWS = [
    Row("scan", "dense scan: stride 8 >= 4x and >= 8x, reduced precision >= 25x, stride 1 >= 25x, same probabilities", plain),
    Row("attention", "windows of the attention Twin >= 2.5x cheaper, same probabilities", attention),
]
