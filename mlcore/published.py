"""`python -m mlcore.published model.tar --out DIR`: weights trained with the published CRISP code, for our networks.

Reads a `model.tar` or a bare state dict by `torch.load(weights_only=True)`: tensors and plain containers, nothing that could run code. The
names are the published ones of Twin (conv1_RGB .. linear) and of one branch (conv1 .. linear2), with or without `module.` in
front; the sizes follow from the tensors' shapes and the length, height and width of the clips that the weights were trained on.

The published nets end in softmax and ours do not: our logits through softmax are their output. Their flow was normalised by
the statistics of their own training, which such a file does not hold; their pictures came in OpenCV's order (blue, green, red), which
`--bgr` turns to ours. After Martin et al., MTAP 2020; the published CRISP code is CC BY 4.0 and is hereby credited.
"""

from __future__ import annotations

import argparse
import json
import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mlcore import checkpoint, networks
from mlcore.files import write_atomic
from mlcore.networks import Sizes
from mlcore.progress import StepError, run_step

INSIDE = ("model_state_dict", "state_dict", "model")  # under which of its entries a checkpoint holds the weights


def convert(path: Path, *, T: int = 100, H: int = 120, W: int = 120, bgr: bool = False) -> tuple[Sizes, dict[str, Tensor]]:
    """The sizes of the net in `path` and its weights under our names, float32.

    T, H, W: the clips' ticks, height and width in its training, which the weights alone do not tell apart. `bgr`: turn the first RGB
    convolution from blue-green-red input to ours. Raises StepError: no_weights{path}; damaged_weights{path, found};
    unsafe_checkpoint{path} for a file that can only be read by running code; foreign_weights{found} for weights of another
    network; other_clip_size{found, expected} if T, H, W do not fit.
    """
    tensors = _tensors(path)
    sizes = _sizes(tensors, T, H, W)
    net = networks.build(sizes, device="meta")
    wanted = {name: value.shape for name, value in net.state_dict().items()}
    found = {name: value.shape for name, value in tensors.items()}
    if found != wanted:
        differing = sorted(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))
        raise StepError("foreign_weights", found=", ".join(differing[:5]))
    first = next((name for name in ("conv1_RGB.weight", "conv1.weight") if name in tensors and tensors[name].shape[1] == 3), None)
    if bgr and first:
        tensors[first] = tensors[first].flip(1)
    return sizes, tensors


def _tensors(path: Path) -> dict[str, Tensor]:
    """The state dict of a checkpoint, by our names."""
    if not path.is_file():
        raise StepError("no_weights", path=str(path))
    with path.open("rb") as file:
        pickled = file.read(1) == b"\x80"
    if not pickled and not zipfile.is_zipfile(path):
        raise StepError("damaged_weights", path=str(path), found="neither of the two formats of torch.save")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old pickle protocols, for developers
            body: Any = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise StepError("unsafe_checkpoint", path=str(path)) from error
    except (RuntimeError, ValueError, EOFError, KeyError) as error:
        raise StepError("damaged_weights", path=str(path), found=str(error).splitlines()[0][:200] if str(error) else "empty") from error
    for name in INSIDE:
        if isinstance(body, Mapping) and isinstance(body.get(name), Mapping):
            body = body[name]
    if not isinstance(body, Mapping) or not body or not all(isinstance(value, Tensor) for value in body.values()):
        raise StepError("foreign_weights", found=f"no state dict in {path.name}")
    named = {str(name).removeprefix("module."): value for name, value in body.items()}
    return {name: value.float() if value.is_floating_point() else value for name, value in named.items()}


def _sizes(tensors: Mapping[str, Tensor], T: int, H: int, W: int) -> Sizes:
    """Read off the shapes."""
    convolutions = sorted(name for name in tensors if re.fullmatch(r"conv\d+(_RGB)?\.weight", name))
    twin = any(name.endswith("_RGB.weight") for name in convolutions)
    linear, last = ("linear_RGB.weight", "linear.weight") if twin else ("linear1.weight", "linear2.weight")
    if not convolutions or linear not in tensors or last not in tensors or tensors[convolutions[0]].dim() != 5:
        raise StepError("foreign_weights", found=", ".join(sorted(tensors)[:5]))
    channels_in = tensors[convolutions[0]].shape[1]
    branches = "twin" if twin else {3: "rgb", 2: "flow"}.get(channels_in, "")
    if not branches:
        raise StepError("foreign_weights", found=f"{channels_in} input channels")
    channels = tuple(len(tensors[name]) for name in convolutions)
    sizes = Sizes(len(tensors[last]), branches, T, H, W, channels, ((2, 2),) * len(channels), len(tensors[linear]),
                  attention=any(name.startswith("attention") for name in tensors))  # fmt: skip
    t, h, w = sizes.stages()[-1]
    if tensors[linear].shape[1] != channels[-1] * t * h * w:
        slots, left = divmod(tensors[linear].shape[1], channels[-1])
        raise StepError("other_clip_size", found=f"{slots}{' and a bit' if left else ''}", expected=f"{t} x {h} x {w}")
    return sizes


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog="mlcore.published", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder for weights.safetensors and sizes.json")
    parser.add_argument("--ticks", type=int, default=100, help="length of the clips it was trained on")
    parser.add_argument("--height", type=int, default=120)
    parser.add_argument("--width", type=int, default=120)
    parser.add_argument("--bgr", action="store_true", help="it was trained on pictures in the order blue, green, red")
    options = parser.parse_args(arguments)
    sizes, tensors = convert(options.checkpoint, T=options.ticks, H=options.height, W=options.width, bgr=options.bgr)
    write_atomic(options.out / "weights.safetensors", checkpoint.to_bytes(tensors))
    write_atomic(options.out / "sizes.json", json.dumps(sizes.body(), indent=1).encode())
    return {"branches": sizes.branches, "classes": sizes.classes, "out": str(options.out)}


if __name__ == "__main__":
    raise SystemExit(run_step(main))
