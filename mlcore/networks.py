"""The networks of CRISP: Twin (RGB branch + flow branch + bilinear), three-stream (with pose) and one-branch forms, with or without 3-D attention.

One file, one dataclass of sizes (`Sizes`), logits out: softmax belongs to whoever wants probabilities. Own code after
Martin, Benois-Pineau, Peteri, Morlier: Twin in MTAP 2020 (doi 10.1007/s11042-020-08917-3), attention in ICPR 2020
(arXiv 2012.05342), three streams in MMSports 2021 (arXiv 2109.14306); the published CRISP code is CC BY 4.0 and is hereby
credited. Parameter names are the published ones, so that a published state dict loads by name.

Shapes: B batch, C channels, T time, H height, W width; `rgb_BCTHW` has C = 3, `flow_BCTHW` C = 2,
`pose_BCT` C = 42 (14 entries of x, y, score; `mlcore.pose`); logits are (B, classes).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from math import prod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mlcore.progress import StepError

STREAMS = {"twin": ("RGB", "Flow"), "rgb": ("RGB",), "flow": ("Flow",), "pose": ("Pose",), "three": ("RGB", "Flow", "Pose")}
INPUTS = {"RGB": 3, "Flow": 2, "Pose": 42}


@dataclass(frozen=True)
class Sizes:
    """Every size of a network; the defaults are the published Twin. Frozen: no network changes its caller's sizes.

    `branches`: twin, rgb, flow, pose or three (RGB, flow and pose). `pools`: pooling of each stage as (time, space). `stem`: spatial
    stride of the first convolution. `temporal_padding` 1 is the published net; 0 is meant for T = 7 + 96 + 7 (one pass over a
    video then equals every window; see `context`). `attention` acts on the RGB and flow branches; the pose branch only convolves
    over time. `norm`: BatchNorm after each pooling. `affine`: the vectors are scaled and get a constant before the bilinear
    form, which so contains the linear ones. `dropout` acts on the branch vectors.
    """

    classes: int
    branches: str = "twin"
    T: int = 100
    H: int = 120
    W: int = 120
    channels: tuple[int, ...] = (30, 60, 80)
    pools: tuple[tuple[int, int], ...] = ((2, 2), (2, 2), (2, 2))
    fc: int = 500
    attention: bool = False
    temporal_padding: int = 1
    stem: int = 1
    norm: bool = False
    affine: bool = False
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.branches not in STREAMS:
            raise StepError("unknown_network", found=self.branches)
        if len(self.pools) != len(self.channels):
            raise StepError("unknown_network", found=f"{len(self.channels)} stages, {len(self.pools)} pools")

    def body(self) -> dict[str, Any]:
        """As JSON goes into run.json; `Sizes.parse` reads it back."""
        return asdict(self)

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Sizes:
        """From run.json. Raises StepError("unknown_network") when a field is foreign."""
        try:
            return cls(**{**body, "channels": tuple(body["channels"]), "pools": tuple((t, s) for t, s in body["pools"])})
        except (TypeError, KeyError, ValueError) as error:
            raise StepError("unknown_network", found=str(error)) from error

    @property
    def stride(self) -> int:
        """Ticks between two slots, product of the temporal pools: windows this far apart share every convolution."""
        return prod(pool for pool, _ in self.pools)

    @property
    def slots(self) -> int:
        """Length in time of the last stage."""
        return self.stages()[-1][0]

    def frames(self, slots: int) -> int:
        """The T that a net of these pools without temporal padding needs for `slots` final slots: 110 for the published 12."""
        for pool, _ in reversed(self.pools):
            slots = slots * pool + 2
        return slots

    def context(self) -> Sizes:
        """The same weights' shapes without temporal padding: as many slots, with the frames around that padding stood for."""
        return replace(self, temporal_padding=0, T=self.frames(self.slots))

    def stages(self) -> list[tuple[int, int, int]]:
        """(T, H, W) after each stage; StepError("network_too_small") when nothing is left."""
        t, h, w, out = self.T, self.H, self.W, []
        for stage, (pool_t, pool_s) in enumerate(self.pools):
            t = t - 2 + 2 * self.temporal_padding
            h, w = ((h + self.stem - 1) // self.stem, (w + self.stem - 1) // self.stem) if stage == 0 else (h, w)
            t, h, w = t // pool_t, h // pool_s, w // pool_s
            if min(t, h, w) < 1:
                raise StepError("network_too_small", T=self.T, H=self.H, W=self.W)
            out.append((t, h, w))
        return out


class Residual(nn.Module):
    """Pre-activation bottleneck in 3-D: (B, c_in, T, H, W) -> (B, c_out, T, H, W); ICPR 2020, figure 3."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        middle = -(-c_out // 4)
        self.bn1, self.bn2, self.bn3 = nn.BatchNorm3d(c_in), nn.BatchNorm3d(middle), nn.BatchNorm3d(middle)
        self.conv1 = nn.Conv3d(c_in, middle, 1, bias=False)
        self.conv2 = nn.Conv3d(middle, middle, 3, padding=1, bias=False)
        self.conv3 = nn.Conv3d(middle, c_out, 1, bias=False)
        self.shortcut = nn.Conv3d(c_in, c_out, 1, bias=False) if c_in != c_out else None

    def forward(self, x: Tensor) -> Tensor:
        a = F.relu(self.bn1(x))
        y = self.conv3(F.relu(self.bn3(self.conv2(F.relu(self.bn2(self.conv1(a)))))))
        out: Tensor = y + (self.shortcut(a) if self.shortcut is not None else x)
        return out


class Attention(nn.Module):
    """Residual attention in 3-D with a mask of three levels: output = R((1 + mask) * trunk), same shape; ICPR 2020, figure 2."""

    def __init__(self, channels: int) -> None:
        super().__init__()

        def block() -> Residual:
            return Residual(channels, channels)

        self.first, self.last = block(), block()
        self.trunk = nn.Sequential(block(), block())
        self.down1, self.down2, self.down3 = block(), block(), nn.Sequential(block(), block())
        self.skip1, self.skip2 = block(), block()
        self.up3, self.up2 = block(), block()
        self.mask = nn.Sequential(
            nn.BatchNorm3d(channels), nn.ReLU(), nn.Conv3d(channels, channels, 1, bias=False),
            nn.BatchNorm3d(channels), nn.ReLU(), nn.Conv3d(channels, channels, 1, bias=False))  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        def pool(y: Tensor) -> Tensor:
            return F.max_pool3d(y, 3, 2, 1)

        def grow(y: Tensor, like: Tensor) -> Tensor:
            return F.interpolate(y, size=like.shape[2:], mode="trilinear", align_corners=True)

        x = self.first(x)
        b1 = self.down1(pool(x))
        b2 = self.down2(pool(b1))
        b3 = self.down3(pool(b2))
        u = self.up3(grow(b3, b2) + self.skip2(b2))
        u = self.up2(grow(u, b1) + self.skip1(b1))
        mask = torch.sigmoid(self.mask(grow(u, x)))
        out: Tensor = self.last((1 + mask) * self.trunk(x))
        return out


class Net(nn.Module):
    """Network of `sizes`; `net(rgb_BCTHW, flow_BCTHW, pose_BCT)` -> logits (B, classes). `head(vectors(...))` is the same in two steps.

    Inputs that its branches do not read are ignored and may be None.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.streams = STREAMS[sizes.branches]
        for stream in self.streams:
            self._add_branch(stream, self.tail(stream))
        self.pairs = list(combinations(self.streams, 2))
        extra = int(sizes.affine)
        for pair in self.pairs:
            bilinear = nn.Bilinear(sizes.fc + extra, sizes.fc + extra, sizes.classes)
            if sizes.affine:  # the linear parts lead at first, the products begin small
                nn.init.normal_(bilinear.weight, std=0.05)
                nn.init.normal_(bilinear.weight[:, -1, :], std=0.15)
                nn.init.normal_(bilinear.weight[:, :, -1], std=0.15)
            self.add_module(self._bilinear(pair), bilinear)
        if not self.pairs:
            self.linear2 = nn.Linear(sizes.fc, sizes.classes)

    def _add_branch(self, stream: str, tail: str) -> None:
        sizes, c_in = self.sizes, INPUTS[stream]
        for stage, c_out in enumerate(sizes.channels, 1):
            if stream == "Pose":
                self.add_module(f"conv{stage}{tail}", nn.Conv1d(c_in, c_out, 3, padding=sizes.temporal_padding))
            else:
                stride = (1, sizes.stem, sizes.stem) if stage == 1 else 1
                padding = (sizes.temporal_padding, 1, 1)
                self.add_module(f"conv{stage}{tail}", nn.Conv3d(c_in, c_out, 3, stride=stride, padding=padding))
            if sizes.norm:
                self.add_module(f"norm{stage}{tail}", nn.BatchNorm1d(c_out) if stream == "Pose" else nn.BatchNorm3d(c_out))
            if sizes.attention and stream != "Pose":
                self.add_module(f"attention{stage}{tail}", Attention(c_out))
            c_in = c_out
        t, h, w = sizes.stages()[-1]
        self.add_module(f"linear{tail or '1'}", nn.Linear(c_in * (t if stream == "Pose" else t * h * w), sizes.fc))
        if sizes.norm:
            self.add_module(f"norm{tail}", nn.BatchNorm1d(sizes.fc))

    def tail(self, stream: str) -> str:
        """End of the names of this stream's layers: the published ones, which name no stream where there is one only."""
        return f"_{stream}" if len(self.streams) > 1 else ""

    def _bilinear(self, pair: tuple[str, str]) -> str:
        return "linear" if len(self.pairs) == 1 else "linear_" + "_".join(pair)

    def features(self, x_BCT: Tensor, stream: str) -> Tensor:
        """The last stage of one branch, (B, C, slots, h, w), for pose (B, C, slots). Pooling before ReLU gives the same bits as
        after it and touches an eighth of them."""
        tail = self.tail(stream)
        for stage, (pool_t, pool_s) in enumerate(self.sizes.pools, 1):
            x_BCT = self.get_submodule(f"conv{stage}{tail}")(x_BCT)
            x_BCT = F.max_pool1d(x_BCT, pool_t) if stream == "Pose" else F.max_pool3d(x_BCT, (pool_t, pool_s, pool_s))
            if self.sizes.norm:
                x_BCT = self.get_submodule(f"norm{stage}{tail}")(x_BCT)
            x_BCT = F.relu(x_BCT)
            if self.sizes.attention and stream != "Pose":
                x_BCT = self.get_submodule(f"attention{stage}{tail}")(x_BCT)
        return x_BCT

    def vector(self, features_BCT: Tensor, stream: str) -> Tensor:
        """(B, fc) of one branch from its `features`, always in float32."""
        with torch.autocast(features_BCT.device.type, enabled=False):
            flat = features_BCT.float().contiguous().flatten(1)  # (C, T, H, W) order, also after channels_last_3d
            return self.activated(self.linear_of(stream)(flat), stream)

    def linear_of(self, stream: str) -> nn.Linear:
        """The layer from all slots of a branch to its vector."""
        layer = self.get_submodule(f"linear{self.tail(stream) or '1'}")
        assert isinstance(layer, nn.Linear)
        return layer

    def activated(self, vector: Tensor, stream: str) -> Tensor:
        """What follows the linear layer of a branch."""
        if self.sizes.norm:
            vector = self.get_submodule(f"norm{self.tail(stream)}")(vector)
        return F.dropout(F.relu(vector), self.sizes.dropout, self.training)

    def branch(self, x_BCT: Tensor, stream: str) -> Tensor:
        """The vector (B, fc) of one branch."""
        return self.vector(self.features(x_BCT, stream), stream)

    def vectors(self, rgb_BCTHW: Tensor | None, flow_BCTHW: Tensor | None, pose_BCT: Tensor | None = None) -> list[Tensor]:
        """One (B, fc) vector per stream, in the order of `streams`. ValueError when an input is missing."""
        inputs = {"RGB": rgb_BCTHW, "Flow": flow_BCTHW, "Pose": pose_BCT}
        out = []
        for stream in self.streams:
            x = inputs[stream]
            if x is None:
                raise ValueError(f"this network needs the {stream} input")
            out.append(self.branch(x, stream))
        return out

    def head(self, vectors: list[Tensor]) -> Tensor:
        """Logits (B, classes) from the vectors of `streams`, always in float32; three streams: the sum over their pairs."""
        with torch.autocast(vectors[0].device.type, enabled=False):
            vectors = [vector.float() for vector in vectors]
            if not self.pairs:
                out: Tensor = self.linear2(vectors[0])
                return out
            if self.sizes.affine:
                # small vectors: else one step of Adam on fc x fc products moves the logits by more than all before it
                vectors = [F.pad(vector * (2 / self.sizes.fc**0.5), (0, 1), value=2.0) for vector in vectors]
            of = dict(zip(self.streams, vectors))
            scores = [self.get_submodule(self._bilinear(pair))(of[pair[0]], of[pair[1]]) for pair in self.pairs]
            return torch.stack(scores).sum(0) if len(scores) > 1 else scores[0]

    def forward(self, rgb_BCTHW: Tensor | None, flow_BCTHW: Tensor | None, pose_BCT: Tensor | None = None) -> Tensor:
        return self.head(self.vectors(rgb_BCTHW, flow_BCTHW, pose_BCT))


def build(sizes: Sizes, *, device: torch.device | str = "cpu", seed: int | None = None) -> Net:
    """A network of `sizes` on `device` in channels_last_3d; with `seed` its first weights are the same everywhere."""
    if seed is not None:
        torch.manual_seed(seed)
    with torch.device(device):
        net = Net(sizes)
    return net.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload,no-any-return]


def multiplies_bf16(device: torch.device) -> bool:
    """Whether the hardware multiplies bfloat16 so much faster that it is the default (CUDA; AMX on CPUs)."""
    return device.type == "cuda" or bool(getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)())


def mixed_precision(device: torch.device) -> torch.autocast:
    """bfloat16 convolutions where `multiplies_bf16`, float32 elsewhere. The head is always float32."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=multiplies_bf16(device))
