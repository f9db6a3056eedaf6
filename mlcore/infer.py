"""`python -m mlcore.infer PREPARED_DIR --frames F --run RUN_DIR --out suggestions.json`: a model looks at a whole video.

Windows every `stride` ticks give class probabilities, interpolated to a curve over all ticks of the network's grid; `decide` makes
intervals of it; their edges become ordinals of the source through the exact frame table: the first picture whose time is
at or after the edge, half-open. A run is refused for a video prepared with another flow method or version.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from mlcore import checkpoint, clips, decide, limits, motion, networks
from mlcore import store as stores
from mlcore.clips import Cache, Grid, Normalisation, Pictures
from mlcore.decide import Curve, Decision, Strip
from mlcore.formats import FormatError, FrameTable, Run, SuggestedStroke, Suggestions
from mlcore.networks import Net, Sizes
from mlcore.progress import Progress, StepError, run_step
from mlcore.store import Store

A = TypeVar("A")
B = TypeVar("B")
CACHE_BYTES = 256 * 2**20


def ahead(work: Callable[[A], B], items: Iterable[A], threads: int = 1, depth: int = 4) -> Iterator[B]:
    """`work` of each item in order, a few of them made ahead in threads (OpenCV and blosc2 let go of the interpreter)."""
    with ThreadPoolExecutor(threads) as pool:
        waiting: list[Future[B]] = []
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > depth:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()


@dataclass
class Model:
    """A network with all it needs to look at a video. `stride`: ticks between windows; `classes`: names, Negative last."""

    net: Net
    grid: Grid
    normal: Normalisation
    decision: Decision
    classes: list[str]
    stride: int
    flow: dict[str, Any]
    device: torch.device
    batch: int = 16

    def probabilities(self, rgb: NDArray[np.float32], flow: NDArray[np.float32]) -> NDArray[np.float32]:
        """(B, classes) of clips (B, 3, T, H, W) and (B, 2, T, H, W)."""
        with torch.inference_mode(), networks.mixed_precision(self.device):
            logits = self.net(*to_device(rgb, flow, self.device))
            return torch.softmax(logits.float(), 1).cpu().numpy()

    def curve(self, store: Store, begin: float = 0.0, end: float | None = None, *, cache: Cache | None = None,
              tell: Callable[[float], None] = lambda share: None) -> Curve:  # fmt: skip
        """(n, classes) probabilities at ticks k / rate of `[begin, end)` seconds (the whole video by default), k from ceil(begin * rate)."""
        first, last = ticks_of(store, self.grid.rate, begin, end)
        at = np.unique(np.append(np.arange(first, last, self.stride), last - 1))
        pictures = Pictures(store, self.grid, cache or Cache(CACHE_BYTES))

        def load(ticks: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            made = [clips.clip(pictures, float(k) / self.grid.rate, self.normal) for k in ticks]
            return np.stack([rgb for rgb, _ in made]), np.stack([flow for _, flow in made])

        self.net.eval()
        rows = []
        batches = [at[i : i + self.batch] for i in range(0, len(at), self.batch)]
        for i, (rgb, flow) in enumerate(ahead(load, batches)):
            rows.append(self.probabilities(rgb, flow))
            tell((i + 1) / len(batches))
        found = np.concatenate(rows)
        ticks = np.arange(first, last)
        return np.stack([np.interp(ticks, at, found[:, c]) for c in range(found.shape[1])], 1).astype(np.float32)


def to_device(rgb: NDArray[np.float32], flow: NDArray[np.float32], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Clips as channels_last_3d tensors."""
    def one(x: NDArray[np.float32]) -> torch.Tensor:
        return torch.from_numpy(x).to(device, memory_format=torch.channels_last_3d)

    return one(rgb), one(flow)


def ticks_of(store: Store, rate: float, begin: float = 0.0, end: float | None = None) -> tuple[int, int]:
    """First tick and the one past the last of `[begin, end)` seconds; at least one."""
    seconds = np.asarray(store.seconds)
    step = (seconds[-1] - seconds[0]) / max(1, len(seconds) - 1)
    until = float(seconds[-1] + step) if end is None else end
    first = int(np.ceil(begin * rate - 1e-9))
    return first, max(first + 1, int(np.ceil(until * rate - 1e-9)))


def load_model(folder: Path, device: torch.device | str = "cpu") -> tuple[Run, Model]:
    """The model of a run folder. Raises StepError: not_a_run, unknown_network, no_weights, damaged_weights, foreign_weights."""
    try:
        run = Run.read(folder / "run.json")
        grid = Grid(**run.config["grid"])
        normal, stride = Normalisation.parse(run.normalisation), int(run.config["stride"])
    except (FormatError, FileNotFoundError, KeyError, TypeError) as error:
        raise StepError("not_a_run", path=str(folder), found=str(error)) from error
    net = networks.build(Sizes.parse(run.network), device=device)
    checkpoint.load_weights(net, checkpoint.read_tensors(folder / "weights.safetensors"))
    model = Model(net, grid, normal, Decision.parse(run.decision), run.taxonomy.classes, stride, run.flow, torch.device(device))
    return run, model


def check_flow(model_flow: dict[str, Any], store: Store) -> None:
    """StepError("other_flow") unless the video was prepared by the method and versions the run learned from."""
    found = dict(store.prepared.method)
    if found != model_flow:
        differing = sorted(k for k in {*found, *model_flow} if found.get(k) != model_flow.get(k))
        raise StepError("other_flow", prepared=", ".join(f"{k} {found.get(k)}" for k in differing),
                        run=", ".join(f"{k} {model_flow.get(k)}" for k in differing))  # fmt: skip


def suggest(model: Model, store: Store, curve: Curve, frames: FrameTable) -> list[SuggestedStroke]:
    """Intervals of a whole video's curve in source ordinals; scores are mean probabilities; empty ones are not suggestions."""
    rate, times = model.grid.rate, np.array([frames.seconds(k) for k in range(frames.n + 1)])
    bursts = motion.propose(store) if model.decision.motion else []
    inside = decide.within(np.arange(len(curve)) / rate, [(times[begin], times[end]) for begin, end, _ in bursts])
    out = []
    for found in decide.intervals(Strip(curve, rate, 0.0, inside), model.decision):
        begin, end = (min(frames.n, int(np.searchsorted(times, (tick - 0.5) / rate, "left"))) for tick in (found.begin, found.end))
        if end > begin:
            top = [(model.classes[c], round(p, 4)) for c, p in found.top]
            out.append(SuggestedStroke(begin, end, model.classes[found.move], round(found.score, 4), top))
    return out


def infer(*, prepared: Path, frames: FrameTable, run: Path, out: Path, device: str = "auto", progress: Progress | None = None) -> dict[str, Any]:
    """Write the suggestions of `run` for one prepared video to `out`; {"strokes": n, "run": id}."""
    try:
        store = stores.read(prepared)
    except (FormatError, FileNotFoundError) as error:
        raise StepError("not_prepared", video=prepared.name, found=str(error)) from error
    if store.prepared.sha256 and frames.sha256 and store.prepared.sha256 != frames.sha256:
        raise StepError("other_video", prepared=store.prepared.sha256[:12], frames=frames.sha256[:12])
    made, model = load_model(run, choose_device(device))
    check_flow(model.flow, store)
    progress = progress or Progress("suggest")
    curve = model.curve(store, tell=lambda share: progress.at(share))
    strokes = suggest(model, store, curve, frames)
    Suggestions(made.id, strokes).write(out)
    return {"strokes": len(strokes), "run": made.id}


def choose_device(name: str) -> str:
    """auto -> cuda where there is one. Raises StepError("no_gpu") when cuda is asked for in vain."""
    if name == "cuda" and not torch.cuda.is_available():
        raise StepError("no_gpu")
    return ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog="mlcore.infer", description=__doc__)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    options = parser.parse_args(arguments)
    limits.apply()
    try:
        frames = FrameTable.read(options.frames)
    except (FormatError, FileNotFoundError) as error:
        raise StepError("not_prepared", video=options.frames.parent.name, found=str(error)) from error
    return infer(prepared=options.prepared, frames=frames, run=options.run, out=options.out, device=options.device)


if __name__ == "__main__":
    raise SystemExit(run_step(main))
