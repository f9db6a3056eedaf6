"""Ways to train: `tiny` (tests, seconds), `cpu` (two cores, minutes), `published` (the papers' size, a GPU) and `context` (the same with
7 frames of context on both sides of a window in the place of temporal padding, so that one pass over a video equals every window).

One frozen dataclass; every field of it goes into run.json.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from mlcore.clips import Augmentation, Grid
from mlcore.detect import Recipe
from mlcore.networks import Sizes
from mlcore.progress import StepError


@dataclass(frozen=True)
class Preset:
    """`per_stroke` samples per stroke make an epoch, within `epoch_samples` (least, most). `stride`: ticks between the windows of
    inference. `restarts`: the published schedule (SGD, rate falls by 10 and restarts from the best state) instead of AdamW
    with warm-up and cosine. `fold_share`: epochs of a fold against the final fit. `patience`: epochs without a better validation.

    `batch` counts the samples of one optimiser step over all processes; each process takes its share in `accumulate` parts.
    `ema`: decay of the running average of the weights, 0 for none; it is kept where a validation part can say when it is better.
    `spare_vectors`: no weight decay on biases and norms. `class_weights`: losses weigh (mean count / count of the class) to this power;
    0 is right where samples are drawn evenly over classes, as `dataset.Pool` does. `deterministic`: the same bits again on the same
    machine, at some cost on a GPU; time then has no say in the schedule. `workers`: processes that make batches; None: a
    thread on a CPU, up to 8 processes for a GPU. `head`: how the temporal head is trained.
    """

    name: str
    grid: Grid
    sizes: dict[str, Any]
    epochs: int
    per_stroke: int
    epoch_samples: tuple[int, int]
    batch: int
    lr: float
    weight_decay: float
    augmentation: Augmentation
    max_minutes: float
    stride: int = 2
    gain: float = 1.0
    negatives: float = 0.25
    smoothing: float = 0.0
    restarts: bool = False
    lr_min: float = 0.0
    patience: int = 1000
    fold_share: float = 0.34
    validation: int = 400
    cache_mb: int = 6144
    accumulate: int = 1
    ema: float = 0.0
    spare_vectors: bool = False
    class_weights: float = 0.0
    deterministic: bool = False
    workers: int | None = None
    head: Recipe = field(default_factory=Recipe)
    own: dict[str, Any] = field(default_factory=dict)

    def network(self, classes: int) -> Sizes:
        """Sizes of this preset's network for `classes` classes."""
        return Sizes(classes=classes, T=self.grid.T, H=self.grid.H, W=self.grid.W, **self.sizes)

    def body(self) -> dict[str, Any]:
        return asdict(self)


TINY = Preset(
    name="tiny", grid=Grid(15.0, 14, 24, 24),
    sizes={"channels": (6, 8), "pools": ((2, 2), (2, 2)), "fc": 16, "norm": True, "affine": True, "stem": 2, "temporal_padding": 0},
    epochs=12, per_stroke=8, epoch_samples=(32, 128), batch=8, lr=5e-3, weight_decay=1e-3,
    augmentation=Augmentation(light=0.2), max_minutes=2.0, gain=3.0, validation=64, cache_mb=256, head=Recipe(steps=80, piece=64))  # fmt: skip

CPU = Preset(
    name="cpu", grid=Grid(30.0, 46, 64, 64),
    sizes={"channels": (16, 32, 64), "fc": 128, "norm": True, "affine": True, "stem": 2, "dropout": 0.1, "temporal_padding": 0},
    epochs=40, per_stroke=8, epoch_samples=(192, 1280), batch=16, lr=1.5e-3, weight_decay=0.02,
    augmentation=Augmentation(tempo=0.15, light=0.4, grey=0.2), max_minutes=20.0, gain=3.0, smoothing=0.05, ema=0.98)  # fmt: skip

PUBLISHED = Preset(
    name="published", grid=Grid(120.0, 100, 120, 120), sizes={}, epochs=500, per_stroke=1, epoch_samples=(64, 4096), batch=10,
    lr=0.01, lr_min=1e-5, weight_decay=0.005, augmentation=Augmentation(), max_minutes=24 * 60.0, stride=8, restarts=True,
    patience=250, fold_share=0.1, cache_mb=16384)  # fmt: skip

CONTEXT = replace(PUBLISHED, name="context", grid=replace(PUBLISHED.grid, T=110), sizes={"temporal_padding": 0})

PRESETS = {preset.name: preset for preset in (TINY, CPU, PUBLISHED, CONTEXT)}


def named(name: str, **changes: Any) -> Preset:
    """The preset of that name, with some fields replaced. Raises StepError("unknown_preset")."""
    if name not in PRESETS:
        raise StepError("unknown_preset", preset=name, known=", ".join(PRESETS))
    return replace(PRESETS[name], **changes)
