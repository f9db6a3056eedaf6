"""The Twin network as published, with or without attention: contiguous memory, ReLU before pooling, nothing fused.

Names of parameters as published. Returns logits: a softmax inside the network under cross-entropy has a loss floor of 2.12.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Block(nn.Module):
    """Residual bottleneck with normalisation first (ICPR 2020); as many channels out as in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = (channels + 3) // 4
        self.bn1 = nn.BatchNorm3d(channels)
        self.conv1 = nn.Conv3d(channels, inner, 1, bias=False)
        self.bn2 = nn.BatchNorm3d(inner)
        self.conv2 = nn.Conv3d(inner, inner, 3, padding=1, bias=False)
        self.bn3 = nn.BatchNorm3d(inner)
        self.conv3 = nn.Conv3d(inner, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(torch.relu(self.bn1(x)))
        y = self.conv2(torch.relu(self.bn2(y)))
        out: Tensor = self.conv3(torch.relu(self.bn3(y))) + x
        return out


class Attention(nn.Module):
    """Trunk times (1 + mask), the mask an hourglass of three levels with trilinear growth to fixed sizes."""

    def __init__(self, channels: int, size: Sequence[int]) -> None:
        super().__init__()
        sizes = [tuple(size)]
        for _ in range(2):
            sizes.append(tuple((s + 1) // 2 for s in sizes[-1]))
        self.first, self.last = Block(channels), Block(channels)
        self.trunk = nn.Sequential(Block(channels), Block(channels))
        self.pool = nn.MaxPool3d(3, 2, 1)
        self.down1, self.down2 = Block(channels), Block(channels)
        self.down3 = nn.Sequential(Block(channels), Block(channels))
        self.skip1, self.skip2, self.up3, self.up2 = (Block(channels) for _ in range(4))
        self.grow1, self.grow2, self.grow3 = (nn.Upsample(size=s, mode="trilinear", align_corners=True) for s in sizes)
        self.mask = nn.Sequential(
            nn.BatchNorm3d(channels), nn.ReLU(), nn.Conv3d(channels, channels, 1, bias=False),
            nn.BatchNorm3d(channels), nn.ReLU(), nn.Conv3d(channels, channels, 1, bias=False))  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        trunk = self.trunk(x)
        b1 = self.down1(self.pool(x))
        b2 = self.down2(self.pool(b1))
        b3 = self.down3(self.pool(b2))
        u = self.up3(self.grow3(b3) + self.skip2(b2))
        u = self.up2(self.grow2(u) + self.skip1(b1))
        out: Tensor = self.last(trunk * (1 + torch.sigmoid(self.mask(self.grow1(u)))))
        return out


class Twin(nn.Module):
    """`twin(rgb_BCTHW, flow_BCTHW)` -> logits (B, classes).

    `context`: no padding in time, so that with T = 7 + 96 + 7 its windows can be compared with one pass over a recording.
    """

    def __init__(self, classes: int = 21, size: tuple[int, int, int] = (100, 120, 120), channels: Sequence[int] = (30, 60, 80), fc: int = 500, *,
                 attention: bool = False, context: bool = False) -> None:  # fmt: skip
        super().__init__()
        self.stages, self.attention = len(channels), attention
        for stream, c_in in (("RGB", 3), ("Flow", 2)):
            left = list(size)
            for stage, c_out in enumerate(channels, 1):
                left = [(left[0] - 2 * context) // 2, left[1] // 2, left[2] // 2]
                setattr(self, f"conv{stage}_{stream}", nn.Conv3d(c_in, c_out, 3, padding=(1 - context, 1, 1)))
                if attention:
                    setattr(self, f"attention{stage}_{stream}", Attention(c_out, left))
                c_in = c_out
            setattr(self, f"linear_{stream}", nn.Linear(c_in * left[0] * left[1] * left[2], fc))
        self.pool = nn.MaxPool3d(2, 2)
        self.linear = nn.Bilinear(fc, fc, classes)

    def branch(self, x: Tensor, stream: str) -> Tensor:
        for stage in range(1, self.stages + 1):
            x = self.pool(F.relu(getattr(self, f"conv{stage}_{stream}")(x)))
            if self.attention:
                x = getattr(self, f"attention{stage}_{stream}")(x)
        return F.relu(getattr(self, f"linear_{stream}")(x.flatten(1)))

    def forward(self, rgb_BCTHW: Tensor, flow_BCTHW: Tensor) -> Tensor:
        out: Tensor = self.linear(self.branch(rgb_BCTHW, "RGB"), self.branch(flow_BCTHW, "Flow"))
        return out
