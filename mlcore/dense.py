"""A network over a whole video: class scores and feature vectors of the window around every `stride`-th tick.

Two roads. *Dense*, for nets without temporal padding and attention: one fully convolutional pass, each convolution computed
once for all windows that see it, then the linear layers per window. What a picture looks like depends on the video alone
(`clips.strip`), so this equals the windows one by one. While a pool's factor still divides the stride it stays a pool; from
there on it becomes a maximum over neighbours that are `dilation` positions apart, and later convolutions are dilated by as
much (a-trous; Holschneider et al. 1989; Giusti et al., ICIP 2013, for pooling nets). BatchNorm in eval mode is pointwise. *Windows*, for the others:
padding makes the border of each window its own, and attention looks at the window as a whole.

Ticks: window k is centred k / rate seconds into the video and holds the ticks m = k .. k+T-1, tick m lying at (m - (T-1)/2) / rate
seconds; for an even T these are half-integers. All windows take their pictures from this one lattice.
Memory is bounded by the block, not by the video. Shapes as in `networks`; x_1CTHW is one video's strip of T positions.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from mlcore import clips, machine, networks, pose
from mlcore.clips import Normalisation, Pictures
from mlcore.networks import Net, Sizes
from mlcore.progress import StepError

PRECISIONS = ("auto", "float32", "bf16")
HEAD = 64  # windows that go through the linear layers together; their 0.4 GB of weights are then read once for all of them
CACHED_BYTES = 12 * 2**20  # of a convolution's output on a CPU: what the cache holds until it is pooled
BLOCK_BYTES = {"cpu": 2**26, "cuda": 2**30}  # of pictures and first convolution for a block of ticks


@dataclass(frozen=True)
class Scan:
    """`at` (n,) ticks k of the window centres, k / rate seconds; `logits` (n, classes) float32; `vectors` (n, F) float32: the
    vectors of all branches side by side, as they enter the bilinear form."""

    at: NDArray[np.int64]
    logits: NDArray[np.float32]
    vectors: NDArray[np.float32]


def exact(sizes: Sizes) -> bool:
    """Whether one dense pass gives the same as windows one by one."""
    return not sizes.attention and sizes.temporal_padding == 0


def scan(net: Net, pictures: Pictures, normal: Normalisation, first: int, last: int, *, stride: int, device: torch.device | str = "cpu",
         precision: str = "auto", batch: int = 8, block: int | None = None, windows: bool = False, openvino: bool = False,
         tell: Callable[[float], None] = lambda share: None) -> Scan:  # fmt: skip
    """Scores at the ticks first, first + stride, .. < last.

    `precision`: float32; bf16 (convolutions and the large linear layers); auto is bf16 convolutions where the hardware multiplies them.
    `block`: ticks read and convolved at a time, by default as many as the cache (or the GPU) holds. `windows` takes the road of
    windows, `batch` at a time, also where the dense one is exact. `openvino` runs attention modules on a CPU by OpenVINO, about three times
    faster; plain convolutions gain nothing by it. ValueError for sizes that are not those of `pictures.grid`; StepError no_openvino{}.
    """
    sizes, grid = net.sizes, pictures.grid
    if (sizes.T, sizes.H, sizes.W) != (grid.T, grid.H, grid.W) or precision not in PRECISIONS or stride < 1 or last <= first:
        raise ValueError(f"{sizes} on {grid}, precision {precision}, [{first}, {last}) in steps of {stride}")
    at = np.arange(first, last, stride)
    work = _Work(net.eval(), torch.device(device), precision, openvino)
    ticks = range(first, int(at[-1]) + sizes.T)
    made, rows = 0, []
    with torch.inference_mode():
        length = block or _block(sizes, work.device)
        blocks = machine.ahead(lambda some: work.load(pictures, normal, some), _cut(ticks, length), depth=2)
        road = _windows(work, blocks, len(at), stride, batch) if windows or not exact(sizes) else _dense(work, blocks, len(at), stride)
        for found in road:
            rows.append((net.head(found).cpu(), torch.cat(found, 1).cpu()))
            made += len(found[0])
            tell(made / len(at))
    return Scan(at, torch.cat([logits for logits, _ in rows]).numpy(), torch.cat([vectors for _, vectors in rows]).numpy())


def _cut(ticks: range, length: int) -> Iterator[range]:
    for begin in range(0, len(ticks), length):
        yield ticks[begin : begin + length]


def _block(sizes: Sizes, device: torch.device) -> int:
    """Ticks of one block, a multiple of the net's stride."""
    per_tick = 4 * sizes.H * sizes.W * (5 + sizes.channels[0] // sizes.stem**2)
    limit = BLOCK_BYTES.get(device.type, BLOCK_BYTES["cpu"])
    return max(1, limit // per_tick // sizes.stride) * sizes.stride


class _Work:
    """A net on its device with the number format of its convolutions (`dtype`) and, for bf16, its large linear layers in it."""

    def __init__(self, net: Net, device: torch.device, precision: str, openvino: bool = False) -> None:
        self.net, self.device, self.openvino = net, device, openvino and device.type == "cpu"
        half = precision == "bf16" or (precision == "auto" and networks.multiplies_bf16(device))
        self.dtype = torch.bfloat16 if half else torch.float32
        self.linear = {s: net.linear_of(s).weight.bfloat16() for s in net.streams} if precision == "bf16" else {}

    def load(self, pictures: Pictures, normal: Normalisation, ticks: range) -> dict[str, Tensor]:
        """What each stream sees at these ticks of the lattice: (1, C, n, H, W)."""
        seconds = (np.asarray(ticks) - (pictures.grid.T - 1) / 2) / pictures.grid.rate
        found: dict[str, NDArray[np.float32]] = {}
        if {"RGB", "Flow"} & set(self.net.streams):
            found["RGB"], found["Flow"] = clips.strip(pictures, seconds, normal)
        if "Pose" in self.net.streams:
            found["Pose"] = pose.strip(pictures, seconds)[:, :, None, None]
        return {s: torch.from_numpy(found[s])[None].to(self.device, self.dtype) for s in self.net.streams}

    def vector(self, features_BCTHW: Tensor, stream: str) -> Tensor:
        """(B, fc) float32."""
        if not self.linear:
            return self.net.vector(features_BCTHW, stream)
        product = F.linear(features_BCTHW.flatten(1), self.linear[stream]).float()
        return self.net.activated(product + self.net.linear_of(stream).bias, stream)

    def attention(self, x_BCTHW: Tensor, name: str) -> Tensor:
        """The attention module of that name."""
        module = self.net.get_submodule(name)
        if self.openvino:
            return compiled(module, x_BCTHW, self.dtype == torch.bfloat16)(x_BCTHW.float()).to(self.dtype)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.dtype == torch.bfloat16):
            out: Tensor = module(x_BCTHW.contiguous(memory_format=torch.channels_last_3d))
            return out


_COMPILED: WeakKeyDictionary[nn.Module, dict[tuple[Any, ...], Callable[[Tensor], Tensor]]] = WeakKeyDictionary()


def compiled(module: nn.Module, example: Tensor, bf16: bool) -> Callable[[Tensor], Tensor]:
    """`module` for CPU tensors of the shape of `example`, float32 in and out. Measured on attention modules: relative difference to torch
    1e-7 in float32, 1e-3 in bf16. What was compiled is kept as long as the module lives unchanged. StepError no_openvino{} when it is not
    installed."""
    kept = _COMPILED.setdefault(module, {})
    key = (tuple(example.shape), bf16, torch.get_num_threads(), sum(p._version for p in module.parameters()))
    if key not in kept:
        kept[key] = _compile(module, example, bf16)
    return kept[key]


def _compile(module: nn.Module, example: Tensor, bf16: bool) -> Callable[[Tensor], Tensor]:
    try:
        openvino = import_module("openvino")
    except ImportError as error:
        raise StepError("no_openvino") from error
    with torch.inference_mode(False), torch.no_grad(), warnings.catch_warnings():  # the exporter cannot hold inference tensors
        warnings.simplefilter("ignore")  # of deprecations between these two libraries
        model = openvino.convert_model(torch.export.export(module, (torch.zeros(example.shape),)))
    options = {"INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32", "INFERENCE_NUM_THREADS": torch.get_num_threads()}
    request = openvino.Core().compile_model(model, "CPU", options).create_infer_request()

    def run(x: Tensor) -> Tensor:
        request.infer({0: x.contiguous().numpy()}, share_inputs=True)
        return torch.from_numpy(request.get_output_tensor(0).data.copy())

    return run


class _Kernel:
    """One convolution with its pool, bias, norm and ReLU: (B, C_in, T, H, W) -> (B, C_out, T', H', W').

    A maximum may be taken before a bias and ReLU as well as after them, so the pool comes first and the rest touches an eighth. On CPUs
    convolution and pool stay in oneDNN's blocked format, in which few input channels and pools run several times faster.
    """

    def __init__(self, work: _Work, stream: str, number: int, dilation: int = 1, pool: int | None = None) -> None:
        net, sizes = work.net, work.net.sizes
        conv = net.get_submodule(f"conv{number}{net.tail(stream)}")
        assert isinstance(conv, nn.Conv3d | nn.Conv1d) and conv.bias is not None
        flat = stream == "Pose"  # one pixel: 1-D convolutions as 3-D ones
        weight, shift = conv.weight[..., None, None] if flat else conv.weight, conv.bias
        scale, self.channels = torch.ones_like(shift), len(shift)
        if sizes.norm:
            norm = net.get_submodule(f"norm{number}{net.tail(stream)}")
            assert isinstance(norm, nn.BatchNorm3d | nn.BatchNorm1d) and norm.running_var is not None and norm.running_mean is not None
            scale = norm.weight / (norm.running_var + norm.eps).sqrt()
            shift = norm.bias + (shift - norm.running_mean) * scale
        self.scale, self.shift = scale.view(-1, 1, 1, 1), shift.view(-1, 1, 1, 1)
        self.dtype = work.dtype
        mkldnn = bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]
        if work.dtype == torch.bfloat16:
            mkldnn = mkldnn and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
        self.blocked = work.device.type == "cpu" and mkldnn
        self.weight = weight.to(work.dtype)
        self.weight = self.weight.to_mkldnn() if self.blocked else self.weight.contiguous(memory_format=torch.channels_last_3d)
        stem = sizes.stem if number == 1 and not flat else 1
        self.stride, self.dilation = (1, stem, stem), (dilation, 1, 1)
        self.padding, self.temporal_padding = (0, 0, 0) if flat else (0, 1, 1), sizes.temporal_padding
        pool_t, pool_s = sizes.pools[number - 1]
        self.pool = (pool or pool_t, 1, 1) if flat else (pool or pool_t, pool_s, pool_s)

    def pooled(self, x_BCTHW: Tensor) -> Tensor:
        """Convolution and pool, nothing else. On CPUs a few positions at a time, so that they are pooled while the cache holds them."""
        x = F.pad(x_BCTHW, (0, 0, 0, 0, self.temporal_padding, self.temporal_padding)) if self.temporal_padding else x_BCTHW
        if not self.blocked:
            return self._some(x.contiguous(memory_format=torch.channels_last_3d))
        halo, bytes_each = 2 * self.dilation[0], 4 * self.channels * x.shape[3] * x.shape[4] // self.stride[1] ** 2
        length = max(1, CACHED_BYTES // bytes_each // self.pool[0]) * self.pool[0]
        parts = [self._some(x[:, :, t : t + length + halo].contiguous().to_mkldnn()).to_dense(self.dtype)
                 for t in range(0, x.shape[2] - halo - self.pool[0] + 1, length)]  # fmt: skip
        return torch.cat(parts, 2) if len(parts) > 1 else parts[0]

    def _some(self, x_BCTHW: Tensor) -> Tensor:
        return F.max_pool3d(F.conv3d(x_BCTHW, self.weight, None, self.stride, self.padding, self.dilation), self.pool)

    def activated(self, y_BCTHW: Tensor) -> Tensor:
        return F.relu(torch.addcmul(self.shift, y_BCTHW.float(), self.scale)).to(self.dtype)


class _Stage:
    """A kernel fed block by block, which keeps the positions that the next block needs again.

    `strided`: the pool in time moves by its own size; else by one position, over neighbours `dilation` apart.
    """

    def __init__(self, work: _Work, stream: str, number: int, dilation: int, strided: bool) -> None:
        self.strided, self.dilation, self.pool = strided, dilation, work.net.sizes.pools[number - 1][0]
        self.kernel = _Kernel(work, stream, number, dilation, None if strided else 1)
        self.before: Tensor | None = None
        self.between: Tensor | None = None

    def push(self, x_1CTHW: Tensor) -> Tensor | None:
        """The positions that can be computed now, if any."""
        x = x_1CTHW if self.before is None else torch.cat([self.before, x_1CTHW], 2)
        n = x.shape[2] - 2 * self.dilation
        n -= n % self.pool if self.strided else 0
        self.before = x[:, :, max(n, 0) :]
        if n <= 0:
            return None
        y = self.kernel.pooled(x[:, :, : n + 2 * self.dilation])
        pooled = y if self.strided else self._neighbours(y)
        return None if pooled is None else self.kernel.activated(pooled)

    def _neighbours(self, y_1CTHW: Tensor) -> Tensor | None:
        y = y_1CTHW if self.between is None else torch.cat([self.between, y_1CTHW], 2)
        n = y.shape[2] - (self.pool - 1) * self.dilation
        self.between = y[:, :, max(n, 0) :]
        if n <= 0:
            return None
        out = y[:, :, :n]
        for k in range(1, self.pool):
            out = torch.maximum(out, y[:, :, k * self.dilation : k * self.dilation + n])
        return out


def _dense(work: _Work, blocks: Iterator[dict[str, Tensor]], count: int, stride: int) -> Iterator[list[Tensor]]:
    """Vectors of `count` windows in groups of `HEAD`, one (n, fc) per stream."""
    sizes, spacing, dilation = work.net.sizes, 1, 1  # ticks between positions; positions between neighbours of the lattice
    plan = []
    for pool, _ in sizes.pools:
        strided = dilation == 1 and stride % (spacing * pool) == 0
        plan.append((dilation, strided))
        spacing, dilation = (spacing * pool, dilation) if strided else (spacing, dilation * pool)
    step = stride // spacing
    branches = {s: [_Stage(work, s, i, *how) for i, how in enumerate(plan, 1)] for s in work.net.streams}
    features: dict[str, Tensor] = {}
    made = 0
    for block in blocks:
        for stream, x in block.items():
            found: Tensor | None = x
            for stage in branches[stream]:
                found = None if found is None else stage.push(found)
            if found is not None:
                features[stream] = torch.cat([features[stream], found], 2) if stream in features else found
        while ready := _ready(features, count - made, HEAD, step, (sizes.slots - 1) * dilation + 1):
            yield [work.vector(_windowed(f, ready, step, sizes.slots, dilation), s) for s, f in features.items()]
            features = {s: f[:, :, ready * step :] for s, f in features.items()}
            made += ready


def _ready(strips: dict[str, Tensor], left: int, group: int, step: int, reach: int) -> int:
    """How many windows, `step` apart and `reach` positions long, can be taken now: a whole `group` or all that are left, else none."""
    count = min(group, left)
    needed = (count - 1) * step + (reach if count == left else max(step, reach))
    return count if strips and min(x.shape[2] for x in strips.values()) >= needed else 0


def _windowed(x_1CTHW: Tensor, count: int, step: int, length: int, dilation: int = 1) -> Tensor:
    """(count, C, length, H, W): window i begins at position i * step and takes every `dilation`-th one. A view, not a copy."""
    _, c, t, h, w = x_1CTHW.stride()
    _, channels, _, height, width = x_1CTHW.shape
    return x_1CTHW.as_strided((count, channels, length, height, width), (step * t, c, dilation * t, h, w))


def _windows(work: _Work, blocks: Iterator[dict[str, Tensor]], count: int, stride: int, batch: int) -> Iterator[list[Tensor]]:
    """Vectors of `count` windows, `batch` at a time, each computed for itself; only a first stage that all see alike is shared."""
    sizes, pool = work.net.sizes, work.net.sizes.pools[0][0]
    shared = sizes.temporal_padding == 0 and stride % pool == 0
    length, step = ((sizes.T - 2) // pool, stride // pool) if shared else (sizes.T, stride)
    first = {s: _Stage(work, s, 1, 1, True) for s in work.net.streams}
    kernels = {s: [_Kernel(work, s, i) for i in range(1 + shared, len(sizes.pools) + 1)] for s in work.net.streams}
    strips: dict[str, Tensor] = {}
    made = 0
    for block in blocks:
        for stream, x in block.items():
            found = first[stream].push(x) if shared else x
            if found is not None:
                strips[stream] = torch.cat([strips[stream], found], 2) if stream in strips else found
        while ready := _ready(strips, count - made, batch, step, length):
            yield [work.vector(_features(work, kernels[s], _windowed(x, ready, step, length), s), s) for s, x in strips.items()]
            strips = {s: x[:, :, ready * step :] for s, x in strips.items()}
            made += ready


def _features(work: _Work, kernels: list[_Kernel], x_BCTHW: Tensor, stream: str) -> Tensor:
    """The last stage of windows that begin before the first of `kernels`; on a CPU one window at a time, for the cache's sake."""
    attentive, tail = work.net.sizes.attention and stream != "Pose", work.net.tail(stream)
    before, out = len(work.net.sizes.pools) - len(kernels), []
    for x in torch.split(x_BCTHW, 1 if work.device.type == "cpu" else len(x_BCTHW)):
        y = work.attention(x, f"attention{before}{tail}") if before and attentive else x
        for number, kernel in enumerate(kernels, before + 1):
            y = kernel.activated(kernel.pooled(y))
            y = work.attention(y, f"attention{number}{tail}") if attentive else y
        out.append(y)
    return torch.cat(out)
