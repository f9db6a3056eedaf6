"""What a figure was measured on: processor, cores, memory, versions of the libraries, GPU."""

from __future__ import annotations

import importlib.metadata
import platform
from pathlib import Path
from typing import Any

from benchmarks.measuring import cores

LIBRARIES = ("torch", "numpy", "opencv-contrib-python-headless", "av", "blosc2", "openvino")


def processor_name() -> str:
    """As the system calls it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def features() -> list[str]:
    """Vector and matrix extensions that decide about reduced precision."""
    try:
        flags = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags")).split()
    except (OSError, StopIteration):
        return []
    return [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in flags]


def versions() -> dict[str, str]:
    """Of the libraries that the figures depend on; those that are not installed are left out."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def gpu() -> str:
    """The first GPU's name, or "none"."""
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none"


def machine() -> dict[str, Any]:
    """All of it, as it goes into results.json."""
    return {"processor": processor_name(), "features": features(), "cores": cores(), "gpu": gpu(), "versions": versions()}
