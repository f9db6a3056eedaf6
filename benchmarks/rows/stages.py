"""Is the published side a fair one? No stage of it may cost more, relative to the others, than the original code was measured to.

A stage that costs less than its share (files on a faster disk) makes the other rows' ratios smaller and is let pass.
"""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from benchmarks import films
from benchmarks.measuring import Bench, Line, Row, processor, seconds
from benchmarks.published import clips, frames, motion, network

# ms, by the original code on another machine: decoding and resizing, PNG, DeepFlow (153 to 345), .npy a picture; clips of 100
# pictures; the Twin forwards, forwards and backwards, for one window
REFERENCE = {"decode and resize": 2.4, "PNG write": 2.8, "DeepFlow": 230.0, ".npy write": 1.9, "clip, plain": 532.0,
             "clip, augmented": 885.0, "forward": 1260.0, "forward and backward": 4900.0}  # fmt: skip
SPREAD = {"DeepFlow": 345.0}
TOLERANCE = 1.3


def prepared(bench: Bench) -> Path:
    """A folder of published files of at least one clip, made once."""
    n = bench.pick(140, 104)
    folder = bench.folder / f"published-{n}"
    if not (folder / "roi.txt").exists():
        shutil.rmtree(folder, ignore_errors=True)
        motion.prepare(films.drawn(bench.folder, 4), folder, most=n)
    return folder


def pictures(bench: Bench) -> dict[str, float]:
    """ms per picture of the preparation's stages."""
    film, folder, few = films.drawn(bench.folder, 4), bench.folder / "stages", bench.pick(40, 10)
    for kind in ("rgb", "flow"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    shown = list(frames.resized(film, most=240))
    grey = [cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) for picture in shown]
    deep = cv2.optflow.createOptFlow_DeepFlow()
    flow = motion.pair(deep, grey[0], grey[8])
    calls: dict[str, tuple[int, Callable[[int], Any]]] = {
        "decode and resize": (1, lambda _: list(frames.resized(film, most=len(shown)))),
        "PNG write": (len(shown), lambda k: frames.write(folder, k, shown[k])),
        "DeepFlow": (few, lambda k: motion.pair(deep, grey[k], grey[k + 1])),
        ".npy write": (few, lambda k: np.save(frames.name(folder, "flow", k), flow)),
    }
    found = {}
    for name, (times, call) in calls.items():
        spent = median(lambda times=times, call=call: [call(k) for k in range(times)], bench)
        found[name] = 1000 * spent / (len(shown) if times == 1 else times)
    shutil.rmtree(folder)
    return found


def loading(bench: Bench, folder: Path) -> dict[str, float]:
    """ms per clip of 100 pictures."""
    normal, rng = motion.normalisation([folder]), np.random.default_rng(0)
    calls: dict[str, Callable[[], Any]] = {
        "clip, plain": lambda: clips.load(folder, 2, normal),
        "clip, augmented": lambda: clips.load(folder, 2, normal, clips.draw(rng)),
    }
    return {name: 1000 * median(call, bench) for name, call in calls.items()}


def network_steps(bench: Bench) -> dict[str, float]:
    """ms per window of the network."""
    torch.manual_seed(0)
    net = network.Twin()
    rgb, flow, labels = torch.rand(1, 3, 100, 120, 120), torch.rand(1, 2, 100, 120, 120) * 2 - 1, torch.tensor([3])

    def forward() -> None:
        with torch.no_grad():
            net(rgb, flow)

    def both_ways() -> None:
        net.zero_grad()
        torch.nn.functional.cross_entropy(net(rgb, flow), labels).backward()

    return {name: 1000 * median(call, bench) for name, call in (("forward", forward), ("forward and backward", both_ways))}


def median(call: Callable[[], Any], bench: Bench) -> float:
    """Processor seconds of one call, the median of as many as there are pairs, after one to warm up."""
    call()
    return statistics.median(seconds(call, processor) for _ in range(bench.pairs))


def compared(found: dict[str, float]) -> list[Line]:
    """Each stage over its reference, relative to the median of its group (files and flow; network)."""
    machine = statistics.median(ms / REFERENCE[name] for name, ms in found.items())
    total, reference = sum(found.values()), sum(REFERENCE[name] for name in found)
    lines = []
    for name, ms in found.items():
        share, most = ms / REFERENCE[name] / machine, SPREAD.get(name, REFERENCE[name]) / REFERENCE[name] * TOLERANCE
        other = f"{ms:.3g} ms, {ms / total:.1%} of its group; reference {REFERENCE[name]:g} ms, {REFERENCE[name] / reference:.1%}"
        lines.append(Line(f"published {name}", share, None, None, "x", "", other, f"<= {most:.2f}x", share <= most))
    return lines


def measure(bench: Bench) -> list[Line]:
    """The groups apart: files and flow were measured on one thread, the network on two."""
    film = prepared(bench)
    return [*compared({**pictures(bench), **loading(bench, film)}), *compared(network_steps(bench))]


ROWS = [Row("stages", "no published stage costs more than 1.3 times its share by the original code", measure)]
