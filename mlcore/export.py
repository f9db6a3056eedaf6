"""`python -m mlcore.export RUN_DIR --out DIR`: a trained network as a folder that runs without PyTorch.

    model.onnx           the network; inputs `rgb` (batch, 3, T, H, W), `flow` (batch, 2, T, H, W), `pose` (batch, 42, T), those that it reads;
                         outputs `logits` (batch, classes) and `vectors` (batch, F), what its branches say before they are joined
    head.onnx            the temporal head, where the run has one; input `features` (1, F + classes, n): vectors and log-probabilities at n evenly
                         spaced moments; outputs `classes`, `actionness`, `edges` (`mlcore.detect`)
    labels.json          class names in the order of the logits
    preprocessing.json   everything between a video and those inputs, and between the logits and intervals, in numbers
    run.json             the run's own description (formats.Run), which `mlcore.predict` reads
    README.txt           the same in words

Written by torch's dynamo exporter (the older TorchScript one cannot write a bilinear form). Before the folder appears, ONNX Runtime
and PyTorch are asked the same for 1 and for 3 clips; a difference above `TOLERANCE` is an error. The folder appears by rename.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import json
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mlcore import clips, files, infer, limits, networks, pose
from mlcore.cache import Cache, OwnCache
from mlcore.clips import Grid, Normalisation, Pictures
from mlcore.decide import Decision
from mlcore.dense import Scan
from mlcore.detect import Head
from mlcore.files import FormatError
from mlcore.formats import Run
from mlcore.infer import Model, load_model
from mlcore.networks import INPUTS, Net, Sizes
from mlcore.progress import StepError, run_step
from mlcore.roi import SIDE
from mlcore.store import TICK, Store

OPSET = 20
TOLERANCE = 1e-3
IN_ONE_FILE = 1_500_000_000  # bytes of weights; an ONNX file holds 2 GB at most, larger weights lie beside it
NAMES = {"RGB": "rgb", "Flow": "flow", "Pose": "pose"}
BATCH = 8  # windows asked for at a time


class _Graph(nn.Module):
    """The network with exactly the inputs it uses, in the order of its streams: logits and vectors."""

    def __init__(self, net: Net) -> None:
        super().__init__()
        self.net = net

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        given = dict(zip(self.net.streams, inputs))
        vectors = self.net.vectors(given.get("RGB"), given.get("Flow"), given.get("Pose"))
        return self.net.head(vectors), torch.cat(vectors, 1)


class OnnxHead(nn.Module):
    """Stands where a temporal head stands: `head(features_1Fn)` -> class logits, actionness, seconds to the edges."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.session = _session(path, "cpu")

    def forward(self, features_1Fn: Tensor) -> tuple[Tensor, ...]:
        found = self.session.run(["classes", "actionness", "edges"], {"features": features_1Fn.numpy()})
        return tuple(torch.from_numpy(x) for x in found)


@dataclass
class Exported(Model):
    """A model whose network is asked through ONNX Runtime (`net` is None), window by window."""

    sizes: Sizes | None = None
    session: Any = None

    def scan(self, store: Store, begin: float = 0.0, end: float | None = None, *, cache: Cache | None = None,
             tell: Callable[[float], None] = lambda share: None) -> Scan:  # fmt: skip
        """As `Model.scan`: windows centred on every `stride`-th tick of `[begin, end)` seconds."""
        assert self.sizes is not None
        first, last = infer.ticks_of(store, self.grid.rate, begin, end)
        at, streams = np.arange(first, last, self.stride), networks.STREAMS[self.sizes.branches]
        rows = []
        pictures = Pictures(store, self.grid, cache or OwnCache())
        for begun in range(0, len(at), BATCH):
            made = [_window(pictures, float(k) / self.grid.rate, self.normal, streams) for k in at[begun : begun + BATCH]]
            rows.append(self.session.run(["logits", "vectors"], {NAMES[s]: np.stack([one[s] for one in made]) for s in streams}))
            tell(min(1.0, (begun + BATCH) / len(at)))
        return Scan(at, np.concatenate([logits for logits, _ in rows]), np.concatenate([vectors for _, vectors in rows]))


def _window(pictures: Pictures, second: float, normal: Normalisation, streams: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    rgb, flow = clips.clip(pictures, second, normal) if set(streams) & {"RGB", "Flow"} else (np.empty(0, np.float32),) * 2
    return {s: pose.clip(pictures, second) if s == "Pose" else rgb if s == "RGB" else flow for s in streams}


def load_bundle(folder: Path, device: str = "cpu") -> tuple[Run, Model]:
    """The model of an exported folder, as `infer.load_model` gives that of a run folder. Raises StepError: not_a_bundle, not_installed."""
    try:
        run = Run.read(folder / "run.json")
        grid, normal, stride = Grid(**run.config["grid"]), Normalisation.parse(run.normalisation), int(run.config["stride"])
        model = Exported(cast(Net, None), grid, normal, Decision.parse(run.decision), run.taxonomy.classes, stride, run.flow, torch.device("cpu"),
                         sizes=Sizes.parse(run.network), session=_session(folder / "model.onnx", device))  # fmt: skip
        model.head = cast(Head, OnnxHead(folder / "head.onnx")) if run.head else None
    except (FormatError, FileNotFoundError, KeyError, TypeError) as error:
        raise StepError("not_a_bundle", path=str(folder), found=str(error)[:200]) from error
    return run, model


def export(run_folder: Path, out: Path) -> dict[str, Any]:
    """Write the folder `out`; {"difference": greatest, "bytes": of model.onnx}.

    StepError: those of `infer.load_model`, folder_in_use{path} when `out` holds something else, not_installed{package},
    export_differs{found}.
    """
    run, model = load_model(run_folder, "cpu")
    _free(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
    try:
        write_onnx(model.net, making / "model.onnx")
        difference = parity(model.net, making / "model.onnx")
        if model.head:
            write_head(model.head, making / "head.onnx")
            difference = max(difference, head_parity(model.head, making / "head.onnx"))
        if not difference <= TOLERANCE:
            raise StepError("export_differs", found=f"{difference:.2g}")
        spec = specification(run, model, difference)
        for name, body in (("labels.json", model.classes), ("preprocessing.json", spec)):
            files.write_atomic(making / name, json.dumps(body, indent=1, ensure_ascii=False).encode())
        files.write_atomic(making / "README.txt", readme(run, spec).encode())
        run.write(making / "run.json")
        making.chmod(0o755)
        size = (making / "model.onnx").stat().st_size
        shutil.rmtree(out, ignore_errors=True)
        os.replace(making, out)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return {"difference": difference, "bytes": size}


def _free(out: Path) -> None:
    """An older export may be replaced, nothing else."""
    if out.exists() and not (out.is_dir() and (not any(out.iterdir()) or (out / "preprocessing.json").exists())):
        raise StepError("folder_in_use", path=str(out))


def write_onnx(net: Net, path: Path) -> None:
    """`net` as ONNX with any batch size. Raises StepError("not_installed")."""
    graph = _Graph(net).to(memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload]
    names, batch = [NAMES[stream] for stream in net.streams], torch.export.Dim("batch", min=1)
    _write(graph, tuple(examples(net.sizes, 2)), path, names, ["logits", "vectors"], (tuple({0: batch} for _ in names),))


def write_head(head: Head, path: Path) -> None:
    """A temporal head as ONNX for any number of moments. Raises StepError("not_installed")."""
    example = torch.rand(1, head.sizes.features, 64)
    _write(head.eval(), (example,), path, ["features"], ["classes", "actionness", "edges"], ({2: torch.export.Dim("n", min=2)},))


def _write(module: nn.Module, given: tuple[Tensor, ...], path: Path, names: list[str], outputs: list[str], dynamic: Any) -> None:
    weights = sum(v.numel() * v.element_size() for v in module.state_dict().values())
    with _quiet(), _installed():
        torch.onnx.export(module, given, str(path), dynamo=True, opset_version=OPSET, input_names=names, output_names=outputs,
                          dynamic_shapes=dynamic, external_data=weights > IN_ONE_FILE, verbose=False)  # fmt: skip


def examples(sizes: Sizes, count: int, seed: int = 0) -> list[Tensor]:
    """`count` random clips per stream: RGB in 0..1, flow and pose in -1..1."""
    generator, out = torch.Generator().manual_seed(seed), []
    for stream in networks.STREAMS[sizes.branches]:
        shape = (sizes.T,) if stream == "Pose" else (sizes.T, sizes.H, sizes.W)
        x = torch.rand((count, INPUTS[stream], *shape), generator=generator)
        out.append(x if stream == "RGB" else 2 * x - 1)
    return out


def parity(net: Net, path: Path) -> float:
    """Greatest difference of logits and vectors, ONNX Runtime on the CPU against PyTorch in float32, for 1 and for 3 clips."""
    graph, names = _Graph(net).eval(), [NAMES[s] for s in net.streams]
    return max(_differ(graph, path, names, examples(net.sizes, count, seed=count)) for count in (1, 3))


def head_parity(head: Head, path: Path) -> float:
    """The same of a temporal head, for 40 and for 200 moments."""
    return max(_differ(head.eval(), path, ["features"], [torch.rand(1, head.sizes.features, n)]) for n in (40, 200))


def _differ(module: nn.Module, path: Path, names: Sequence[str], given: Sequence[Tensor]) -> float:
    found = _session(path, "cpu").run(None, {name: x.numpy() for name, x in zip(names, given)})
    with torch.inference_mode():
        wanted = [x.numpy() for x in module(*given)]
    if [x.shape for x in found] != [x.shape for x in wanted]:
        raise StepError("export_differs", found=f"{[x.shape for x in found]}, not {[x.shape for x in wanted]}")
    return max(float(np.abs(a - b).max()) for a, b in zip(found, wanted))


def specification(run: Run, model: Model, difference: float) -> dict[str, Any]:
    """preprocessing.json: what a program that knows nothing of Topspin needs."""
    grid, normal = model.grid, model.normal
    inputs = {NAMES[s]: ["batch", INPUTS[s], grid.T, *((grid.H, grid.W) if s != "Pose" else ())] for s in model.net.streams}
    return {
        "run": run.id, "inputs": inputs, "outputs": {"logits": ["batch", len(model.classes)], "vectors": ["batch", model.net.sizes.fc * len(model.net.streams)]}, "classes": model.classes, "opset": OPSET,
        "parity": {"greatest_difference": difference, "against": f"torch {torch.__version__}", "batches": [1, 3]},
        "time": {"rate_hz": grid.rate, "T": grid.T, "tick": "centre + (t - (T - 1) / 2) / rate_hz, t = 0 .. T - 1", "picture": "the one nearest to each tick",
                 "outside": "border picture repeated, zero flow", "stride_ticks": model.stride},
        "picture": {"long_side": 320, "resize": "area", "colour": "RGB", "value": "x / 255, 0..1"},
        "region": {"H": grid.H, "W": grid.W, "side_px": f"min({SIDE}, width, height) of the stored picture, times {grid.view:g}",
                   "centre": "0.6 strongest + 0.4 centroid of masked flow, Gaussian over 1/3 s (sigma 6.5/120 s), then per picture the mean over T / rate_hz "
                             "seconds around it, clamped so that the square stays inside", "warp": "one affine transform from picture to crop, bilinear"},
        "flow": {"unit": f"px of the stored picture per 1/{TICK:g} s, (x, y)", "from": "the picture before", "made_by": run.flow,
                 "normalisation": {"rule": "clip(v * gain / (mean + 3 std), -1, 1) per component", **normal.body(), "scale": [float(s) for s in normal.scale]}},
        "decision": {"probabilities": "softmax(logits)", **run.decision, "negative_class": model.classes[-1],
                     "rule": "smooth over time (Gaussian, s); stroke where (1 - motion) (1 - P(negative)) + motion [inside a burst of motion] > threshold; holes up to bridge closed; shorter than shortest dropped; "
                             "cut where the best path with cost switch changes class"
                             + ("; here by head.onnx instead: see mlcore/detect.py, propose" if run.decision.get("head") else "")},
    }  # fmt: skip


def readme(run: Run, spec: dict[str, Any]) -> str:
    inputs = "\n".join(f"  {name}: float32 {tuple(shape)}" for name, shape in spec["inputs"].items())
    flow = ", ".join(f"{key} {value}" for key, value in run.flow.items() if not isinstance(value, dict))
    return f"""Network of run {run.id}, exported by Topspin (mlcore.export).

model.onnx (opset {OPSET}) takes
{inputs}
and gives logits: float32 ('batch', {len(spec["classes"])}), and the branches' vectors. Softmax makes probabilities of the logits; labels.json
names them in order.
ONNX Runtime and PyTorch differ by at most {spec["parity"]["greatest_difference"]:.1e} on random clips.

A clip is {spec["time"]["T"]} pictures at {spec["time"]["rate_hz"]:g} Hz around a moment, cropped to {spec["region"]["H"]} x {spec["region"]["W"]} around the player.
RGB order, x / 255. Flow: {flow}; velocity in px per 1/{TICK:g} s,
blurred 3x3, masked by the moving foreground, scaled as preprocessing.json says, clipped to -1..1.
preprocessing.json holds every rule and number; `python -m mlcore.predict VIDEO --run THIS_FOLDER` follows them.

The architecture is after Martin, Benois-Pineau, Peteri, Morlier (MTAP 2020, doi 10.1007/s11042-020-08917-3; ICPR 2020, arXiv 2012.05342);
the published CRISP code is CC BY 4.0.
"""


def _session(path: Path, device: str) -> Any:
    with _installed():
        onnxruntime: Any = importlib.import_module("onnxruntime")
    if not path.exists():
        raise FileNotFoundError(f"{path.name} is missing")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    wanted = ["CUDAExecutionProvider"] if device == "cuda" else []
    providers = [p for p in [*wanted, "CPUExecutionProvider"] if p in onnxruntime.get_available_providers()]
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # ONNX Runtime's errors share no base class of their own
        raise StepError("not_a_bundle", path=str(path.parent), found=str(error)[:200]) from error


@contextlib.contextmanager
def _installed() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise StepError("not_installed", package=error.name or str(error)) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter speaks on both streams, in warnings and in logs; standard output belongs to our progress lines."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog="mlcore.export", description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    limits.apply(files=4096)
    return export(options.run, options.out)


if __name__ == "__main__":
    raise SystemExit(run_step(main))
