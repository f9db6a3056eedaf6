"""Weights and training states on disk: safetensors and JSON only, nothing that could run code when it is read.

A checkpoint is a folder `ckpt-<step>/` with tensors, `state.json` and `MANIFEST.json` (SHA-256 of each file), the manifest last; the
folder appears by rename. Whoever loads takes the newest one whose sums are right and walks back over damaged ones.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from mlcore.files import write_atomic
from mlcore.progress import StepError

KEEP = 2


def to_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    """Tensors as safetensors; each gets memory of its own, in plain contiguous order, on the CPU."""
    data: bytes = save({name: t.detach().cpu().clone(memory_format=torch.contiguous_format) for name, t in tensors.items()})
    return data


def write_weights(path: Path, net: nn.Module) -> None:
    """The state dict of `net` (parameters and running statistics) to `path`, atomically."""
    write_atomic(path, to_bytes(net.state_dict()))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Raises StepError "no_weights" or "damaged_weights"."""
    try:
        tensors: dict[str, Tensor] = load(path.read_bytes())
        return tensors
    except FileNotFoundError as error:
        raise StepError("no_weights", path=str(path)) from error
    except (SafetensorError, ValueError, KeyError) as error:
        raise StepError("damaged_weights", path=str(path), found=str(error)) from error


def load_weights(net: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Load by name; all names and shapes must agree, else StepError("foreign_weights")."""
    try:
        net.load_state_dict(dict(tensors), strict=True)
    except RuntimeError as error:
        raise StepError("foreign_weights", found=str(error).splitlines()[-1].strip()[:200]) from error


@dataclass
class State:
    """A training state: named tensors (weights, optimiser, generator) and JSON values."""

    tensors: dict[str, Tensor]
    values: dict[str, Any]


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's state as tensors named `optimiser.<parameter index>.<name>`."""
    state = optimiser.state_dict()["state"]
    return {f"optimiser.{index}.{name}": torch.as_tensor(value) for index, values in state.items()
            for name, value in values.items() if value is not None}  # fmt: skip


def load_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put back what `optimiser_tensors` gave; hyperparameters stay those of `optimiser`."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimiser."):
            _, index, name = key.split(".", 2)
            state.setdefault(int(index), {})[name] = _like_weights(value)
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def _like_weights(value: Tensor) -> Tensor:
    """In the order that 3-D convolutions keep their weights in: a fused step walks weight and state side by side."""
    return value.contiguous(memory_format=torch.channels_last_3d) if value.dim() == 5 else value


def write(folder: Path, step: int, state: State, keep: int = KEEP) -> Path:
    """`folder/ckpt-<step>`, whole or not at all; older ones than the last `keep` are removed."""
    final = folder / f"ckpt-{step:08d}"
    temporary = folder / f".{final.name}.part"
    for unfinished in folder.glob(".ckpt-*.part"):  # what a killed process left
        shutil.rmtree(unfinished, ignore_errors=True)
    temporary.mkdir(parents=True)
    files = {"tensors.safetensors": to_bytes(state.tensors), "state.json": json.dumps(state.values).encode()}
    for name, data in files.items():
        write_atomic(temporary / name, data)
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    write_atomic(temporary / "MANIFEST.json", json.dumps(sums).encode())
    shutil.rmtree(final, ignore_errors=True)
    os.replace(temporary, final)
    for old in _newest_first(folder)[keep:]:
        shutil.rmtree(old, ignore_errors=True)
    return final


def read(folder: Path) -> State | None:
    """The newest whole checkpoint of `folder`; damaged or unfinished ones are walked over. None if there is none."""
    for path in _newest_first(folder):
        try:
            sums = json.loads((path / "MANIFEST.json").read_text())
            files = {name: (path / name).read_bytes() for name in ("tensors.safetensors", "state.json")}
            if any(hashlib.sha256(data).hexdigest() != sums.get(name) for name, data in files.items()):
                continue
            return State(load(files["tensors.safetensors"]), json.loads(files["state.json"]))
        except (OSError, ValueError, AttributeError, SafetensorError):
            continue
    return None


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("ckpt-*"), reverse=True)
