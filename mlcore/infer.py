"""`python -m mlcore.infer PREPARED_DIR --frames F --run RUN_DIR --out suggestions.json`: a model looks at a whole video.

One pass (`dense.scan`) gives class scores and features every `stride` ticks; the temporal head, where the run has one, makes proposals
of them, else the class curve is cut (`decide`). Edges become ordinals of the source through the exact frame table: the first picture whose time is
at or after the edge, half-open. A run is refused for a video prepared with another flow method or version.
"""

from __future__ import annotations

import argparse
import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mlcore import checkpoint, decide, dense, detect, limits, machine, motion, networks
from mlcore import store as stores
from mlcore.cache import Cache, OwnCache
from mlcore.clips import Grid, Normalisation, Pictures
from mlcore.decide import Curve, Decision, Strip
from mlcore.dense import Scan
from mlcore.detect import Head, HeadSizes
from mlcore.files import FormatError
from mlcore.formats import Curves, FrameTable, Run, SuggestedStroke, Suggestions
from mlcore.networks import Net, Sizes
from mlcore.progress import Progress, StepError, run_step
from mlcore.store import Store

CURVES_HZ = 25.0


@dataclass
class Model:
    """A network with all it needs to look at a video. `stride`: ticks between windows; `classes`: names, Negative last; `precision` and
    `openvino`: as in `dense.scan`."""

    net: Net
    grid: Grid
    normal: Normalisation
    decision: Decision
    classes: list[str]
    stride: int
    flow: dict[str, Any]
    device: torch.device
    head: Head | None = None
    precision: str = "auto"
    openvino: bool = False

    def scan(self, store: Store, begin: float = 0.0, end: float | None = None, *, cache: Cache | None = None,
             tell: Callable[[float], None] = lambda share: None) -> Scan:  # fmt: skip
        """Class scores and features at every `stride`-th tick of `[begin, end)` seconds (the whole video by default)."""
        first, last = ticks_of(store, self.grid.rate, begin, end)
        pictures = Pictures(store, self.grid, cache or OwnCache())
        return dense.scan(self.net, pictures, self.normal, first, last, stride=self.stride, device=self.device, precision=self.precision,
                          openvino=self.openvino, tell=tell)  # fmt: skip

    def look(self, store: Store, begin: float = 0.0, end: float | None = None, *, cache: Cache | None = None,
             tell: Callable[[float], None] = lambda share: None) -> Strip:  # fmt: skip
        """What this model sees there: the class curve at ticks k / rate from ceil(begin * rate) on, and the head's proposals; no bursts."""
        first, last = ticks_of(store, self.grid.rate, begin, end)
        seen = self.scan(store, begin, end, cache=cache, tell=tell)
        proposals = detect.propose(self.head, features(seen), seen.at / self.grid.rate) if self.head else []
        return Strip(curve_of(seen, first, last), self.grid.rate, first / self.grid.rate, np.zeros(last - first, bool), tuple(proposals))

    def curve(self, store: Store, begin: float = 0.0, end: float | None = None, *, cache: Cache | None = None,
              tell: Callable[[float], None] = lambda share: None) -> Curve:  # fmt: skip
        """The class curve of `look` alone."""
        return self.look(store, begin, end, cache=cache, tell=tell).curve


def curve_of(seen: Scan, first: int, last: int) -> Curve:
    """(last - first, classes) probabilities at every tick, interpolated between the positions of a scan."""
    found, ticks = softmax(seen.logits), np.arange(first, last)
    return np.stack([np.interp(ticks, seen.at, found[:, c]) for c in range(found.shape[1])], 1).astype(np.float32)


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, classes) probabilities of (n, classes) logits."""
    return torch.softmax(torch.from_numpy(logits), 1).numpy()


def features(seen: Scan) -> NDArray[np.float32]:
    """(n, F) what the temporal head reads: branch vectors, then log-probabilities."""
    log_p = torch.log_softmax(torch.from_numpy(seen.logits), 1).numpy()
    return np.concatenate((seen.vectors, log_p), 1).astype(np.float32)


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
    if run.head:
        model.head = Head(HeadSizes.parse(run.head))
        checkpoint.load_weights(model.head, checkpoint.read_tensors(folder / "head.safetensors"))
        model.head.eval()
    return run, model


def check_flow(model_flow: dict[str, Any], store: Store) -> None:
    """StepError("other_flow") unless the video was prepared by the method and versions the run learned from (how it is stored does not matter)."""
    found = dict(store.prepared.method)
    differing = sorted(k for k in {*found, *model_flow} - {"store", "segment"} if found.get(k) != model_flow.get(k))
    if differing:
        raise StepError("other_flow", prepared=", ".join(f"{k} {found.get(k)}" for k in differing),
                        run=", ".join(f"{k} {model_flow.get(k)}" for k in differing))  # fmt: skip


def suggest(model: Model, store: Store, seen: Strip, frames: FrameTable) -> list[SuggestedStroke]:
    """What a model saw of a whole video as strokes in source ordinals; empty ones are not suggestions. `score`: how often such a
    suggestion is right (the head, once calibrated), or its mean probability (the curve)."""
    times = np.array([frames.seconds(k) for k in range(frames.n + 1)])
    if model.decision.motion and not model.decision.head:
        bursts = [(times[begin], times[end]) for begin, end, _ in motion.propose(store)]
        seen = replace(seen, bursts=decide.within(np.arange(len(seen.curve)) / seen.rate, bursts))
    out = []
    for found in decide.strokes(seen, model.decision):
        begin, end = (min(frames.n, int(np.searchsorted(times, second - 1e-9, "left"))) for second in (found.begin, found.end))
        if end > begin:
            top = [(model.classes[c], round(p, 4)) for c, p in found.top]
            out.append(SuggestedStroke(begin, end, model.classes[found.move], round(found.score, 4), top))
    return out


def write_curves(path: Path, run: str, classes: list[str], seen: Strip) -> None:
    """Write the class curve of a whole video for people to look at, at most `CURVES_HZ` times a second."""
    step = max(1, round(seen.rate / CURVES_HZ))
    values = np.rint(255 * np.clip(seen.curve[::step], 0, 1)).astype(np.uint8)
    Curves(run, seen.start, seen.rate / step, classes, base64.b64encode(values.tobytes()).decode()).write(path)


def infer(*, prepared: Path, frames: FrameTable, run: Path, out: Path, curves: Path | None = None, device: str = "auto", precision: str = "auto",
          openvino: bool = False, progress: Progress | None = None) -> dict[str, Any]:  # fmt: skip
    """Write the suggestions of `run` for one prepared video to `out`, its class curve to `curves`; {"strokes": n, "run": id}."""
    try:
        store = stores.read(prepared)
    except (FormatError, FileNotFoundError) as error:
        raise StepError("not_prepared", video=prepared.name, found=str(error)) from error
    if store.prepared.sha256 and frames.sha256 and store.prepared.sha256 != frames.sha256:
        raise StepError("other_video", prepared=store.prepared.sha256[:12], frames=frames.sha256[:12])
    made, model = load_model(run, choose_device(device))
    model.precision, model.openvino = precision, openvino
    check_flow(model.flow, store)
    progress = progress or Progress("suggest")
    seen = model.look(store, tell=lambda share: progress.at(share))
    strokes = suggest(model, store, seen, frames)
    if curves is not None:
        write_curves(curves, made.id, model.classes, seen)
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
    parser.add_argument("--curves", type=Path, help="also write the class curve of the whole video (topspin-curves)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--precision", choices=dense.PRECISIONS, default="auto", help="bf16 halves the cost on processors that have it and moves probabilities by about 0.01")
    parser.add_argument("--openvino", action="store_true", help="attention networks on a processor through OpenVINO, where it is installed")
    options = parser.parse_args(arguments)
    limits.apply(files=1024)
    machine.keep_memory()
    try:
        frames = FrameTable.read(options.frames)
    except (FormatError, FileNotFoundError) as error:
        raise StepError("not_prepared", video=options.frames.parent.name, found=str(error)) from error
    return infer(prepared=options.prepared, frames=frames, run=options.run, out=options.out, curves=options.curves, device=options.device,
                 precision=options.precision, openvino=options.openvino)  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(run_step(main))
