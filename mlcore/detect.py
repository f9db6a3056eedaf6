"""The temporal head: from what the network sees along a video to strokes with begin, end, class and a calibrated score.

A classifier slid over a video is a poor detector (the published mAP is .131): it was never asked where a stroke ends. The head reads
the branch vectors and log-probabilities of `dense.scan` every few ticks and says at each of them, with dilated 1-D
convolutions: the class (Negative among them), how well the stroke around it is seen (`actionness`, trained to be the
temporal IoU of what it says), and how many seconds ago that stroke began and in how many it will end. After
ActionFormer (arXiv 2202.07925) and TriDet (arXiv 2303.07347), far smaller. Overlapping answers are thinned by soft-NMS (arXiv 1704.04503).

Shapes: n positions, F features (vectors, then log-probabilities), K classes with Negative last; times in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from mlcore.decide import Proposal
from mlcore.progress import StepError

Floats = NDArray[np.float32]
SHORTEST_S, LONGEST_S = 0.1, 6.0  # a stroke outside of these is not offered
LEAST_SCORE = 0.02
SIGMA = 0.5  # of soft-NMS


@dataclass(frozen=True)
class HeadSizes:
    """`features` in, `classes` out (Negative last); `hidden` channels; one residual block per dilation."""

    features: int
    classes: int
    hidden: int = 96
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1, 2)
    dropout: float = 0.3

    def body(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> HeadSizes:
        """From run.json. Raises StepError("unknown_network") when a field is foreign."""
        try:
            return cls(**{**body, "dilations": tuple(body["dilations"])})
        except (TypeError, KeyError) as error:
            raise StepError("unknown_network", found=str(error)) from error


class Block(nn.Module):
    """(B, h, n) -> the same shape; dilated convolution with a shortcut."""

    def __init__(self, hidden: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, hidden)
        self.wide = nn.Conv1d(hidden, hidden, 3, dilation=dilation, padding=dilation)
        self.point = nn.Conv1d(hidden, hidden, 1)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        y = self.point(F.relu(self.wide(F.relu(self.norm(x)))))
        return x + F.dropout(y, self.dropout, self.training)


class Head(nn.Module):
    """`head(features_BFn)` -> class logits (B, K, n), actionness logits (B, n), seconds to begin and end (B, 2, n), both >= 0."""

    mean: Tensor
    std: Tensor

    def __init__(self, sizes: HeadSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.register_buffer("mean", torch.zeros(sizes.features))
        self.register_buffer("std", torch.ones(sizes.features))
        self.enter = nn.Conv1d(sizes.features, sizes.hidden, 1)
        self.blocks = nn.ModuleList(Block(sizes.hidden, d, sizes.dropout) for d in sizes.dilations)
        self.leave = nn.GroupNorm(1, sizes.hidden)
        self.classes = nn.Conv1d(sizes.hidden, sizes.classes, 3, padding=1)
        self.actionness = nn.Conv1d(sizes.hidden, 1, 3, padding=1)
        self.edges = nn.Conv1d(sizes.hidden, 2, 3, padding=1)

    def forward(self, features_BFn: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = (features_BFn - self.mean[:, None]) / self.std[:, None]
        x = self.enter(F.dropout(x, self.sizes.dropout, self.training))
        for block in self.blocks:
            x = block(x)
        x = F.relu(self.leave(x))
        return self.classes(x), self.actionness(x)[:, 0], F.softplus(self.edges(x))


@dataclass(frozen=True)
class Stretch:
    """What one stretch of a video teaches: `features` (n, F) at `seconds` (n,), evenly spaced; `allowed` (n, K) the classes that
    the label at each position allows (all of them where nothing is known); `edges` (n, 2) begin and end of the stroke there,
    NaN outside of strokes; `weight` (n,) of each position, 0 where nothing is known, above 1 for hard negatives."""

    features: Floats
    seconds: NDArray[np.float64]
    allowed: NDArray[np.bool_]
    edges: Floats
    weight: Floats


@dataclass(frozen=True)
class Recipe:
    """How a head is trained: `steps` batches of `batch` pieces of `piece` positions; AdamW with warm-up and cosine."""

    steps: int = 600
    batch: int = 8
    piece: int = 192
    lr: float = 2e-3
    weight_decay: float = 0.05
    smoothing: float = 0.05


def fit(stretches: Sequence[Stretch], sizes: HeadSizes, *, seed: int, recipe: Recipe = Recipe(), stop: Callable[[], None] = lambda: None) -> Head:
    """Train a head on the CPU, the same for the same seed. StepError nothing_to_learn without a known stroke; diverged on a NaN."""
    usable = [s for s in stretches if len(s.seconds) >= 2 and s.weight.any()]
    if not any(np.isfinite(s.edges).any() for s in usable):
        raise StepError("nothing_to_learn")
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    head = Head(sizes)
    together = np.concatenate([s.features for s in usable])
    head.mean.copy_(torch.from_numpy(together.mean(0)))
    head.std.copy_(torch.from_numpy(together.std(0) + 1e-3))
    decayed = [p for p in head.parameters() if p.dim() > 1]
    plain = [p for p in head.parameters() if p.dim() <= 1]
    optimiser = torch.optim.AdamW([{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": plain, "weight_decay": 0.0}], recipe.lr)
    lengths = np.array([len(s.seconds) for s in usable], np.float64)
    head.train()
    for step in range(recipe.steps):
        stop()
        share = step / recipe.steps
        for group in optimiser.param_groups:
            group["lr"] = recipe.lr * min(1.0, (share + 1e-3) / 0.05) * 0.5 * (1 + math.cos(math.pi * share))
        picked = [usable[int(i)] for i in rng.choice(len(usable), recipe.batch, p=lengths / lengths.sum())]
        loss = _loss(head, [_piece(s, recipe.piece, rng) for s in picked], recipe)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(head.parameters(), 1.0)
        if not torch.isfinite(loss):
            raise StepError("diverged", times=1)
        optimiser.step()
    return head.eval()


def _piece(s: Stretch, length: int, rng: np.random.Generator) -> Stretch:
    """`length` positions from a random place; a shorter stretch is filled up with weight 0."""
    first = int(rng.integers(0, max(1, len(s.seconds) - length + 1)))
    cut = slice(first, first + length)
    fill = length - len(s.seconds[cut])

    def part(x: NDArray[Any], value: float) -> NDArray[Any]:
        return np.pad(x[cut], ((0, fill), *((0, 0) for _ in x.shape[1:])), constant_values=value)

    return Stretch(part(s.features, 0), part(s.seconds, 0), part(s.allowed, 1), part(s.edges, np.nan), part(s.weight, 0))


def _loss(head: Head, pieces: Sequence[Stretch], recipe: Recipe) -> Tensor:
    """Class + actionness + edges (1 - temporal IoU, and the distance of the edges on a log scale)."""
    def stack(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(p, name) for p in pieces]))

    seconds, edges, weight, allowed = stack("seconds").float(), stack("edges").float(), stack("weight"), stack("allowed")
    logits, actionness, to_edges = head(stack("features").transpose(1, 2))
    log_p = torch.log_softmax(logits, 1).transpose(1, 2)
    right = -torch.logsumexp(log_p.masked_fill(~allowed, -math.inf), 2)
    classes = (1 - recipe.smoothing) * right - recipe.smoothing * log_p.mean(2)
    known = weight.sum().clamp(min=1.0)
    inside = torch.isfinite(edges).all(2) & (weight > 0)
    truth = torch.stack((seconds - edges[..., 0], edges[..., 1] - seconds), 1).clamp(min=1e-3)
    a, b = to_edges.transpose(1, 2)[inside], truth.transpose(1, 2)[inside]
    shared, union = torch.minimum(a, b).sum(1), torch.maximum(a, b).sum(1)
    overlap = shared / union.clamp(min=1e-6)
    target = torch.zeros_like(actionness).masked_scatter(inside, overlap.detach())
    seen = F.binary_cross_entropy_with_logits(actionness, target, reduction="none")
    loss: Tensor = (classes * weight).sum() / known + (seen * weight).sum() / known
    if inside.any():
        far = F.smooth_l1_loss(torch.log(a + 0.05), torch.log(b + 0.05), reduction="none", beta=0.1).sum(1)
        loss = loss + ((1 - overlap) + far).mean()
    return loss


@torch.inference_mode()
def propose(head: Head, features: Floats, seconds: NDArray[np.float64], *, sigma: float = SIGMA) -> list[Proposal]:
    """Strokes of one stretch, the surest first: every position answers, soft-NMS (Gaussian, `sigma`) thins what overlaps."""
    head.eval()
    logits, actionness, to_edges = (x[0].float().numpy() for x in head(torch.from_numpy(np.ascontiguousarray(features.T))[None]))
    p = _softmax(logits.T)
    begin, end = seconds - to_edges[0], seconds + to_edges[1]
    score = (1 - p[:, -1]) * (1 / (1 + np.exp(-actionness)))
    score[(end - begin < SHORTEST_S) | (end - begin > LONGEST_S)] = 0
    out = []
    for i, value in soft_nms(begin, end, score, sigma):
        inside = (seconds >= begin[i]) & (seconds < end[i])
        inside[i] = True
        mean = p[inside].mean(0)[:-1]
        mean = mean / max(float(mean.sum()), 1e-9)
        order = np.argsort(-mean, kind="stable")[:3]
        top = tuple((int(c), float(mean[c])) for c in order)
        out.append(Proposal(float(begin[i]), float(end[i]), top[0][0], float(value * top[0][1]), top))
    return sorted(out, key=lambda proposal: -proposal.score)


def _softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    shifted = np.exp((logits - logits.max(1, keepdims=True)).astype(np.float64))
    return np.asarray(shifted / shifted.sum(1, keepdims=True))


def soft_nms(begin: NDArray[Any], end: NDArray[Any], score: NDArray[Any], sigma: float) -> list[tuple[int, float]]:
    """(index, score) in the order they are taken; each taken one weakens what overlaps it by exp(-tIoU^2 / sigma)."""
    left = score.astype(np.float64).copy()
    out: list[tuple[int, float]] = []
    while len(left):
        best = int(left.argmax())
        if left[best] < LEAST_SCORE:
            return out
        out.append((best, float(left[best])))
        shared = np.clip(np.minimum(end, end[best]) - np.maximum(begin, begin[best]), 0, None)
        union = np.maximum(end, end[best]) - np.minimum(begin, begin[best])
        left *= np.exp(-((shared / np.maximum(union, 1e-9)) ** 2) / sigma)
        left[best] = 0
    return out
