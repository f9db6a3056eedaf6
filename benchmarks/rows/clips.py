"""Clips for training out of the product's cache, against the published loading picture by picture."""

from __future__ import annotations

import cv2
import numpy as np

from benchmarks.measuring import Bench, Line, Row, interleaved
from benchmarks.published import clips as published
from benchmarks.published import frames, motion
from benchmarks.rows.flow import RATE
from benchmarks.rows.stages import prepared
from benchmarks.rows.storage import GRID, archive
from mlcore import clips
from mlcore.cache import Cache
from mlcore.clips import Augmentation, Pictures


def measure(bench: Bench) -> list[Line]:
    """100 pictures of 120x120, RGB and flow; ours from blocks that have been read once."""
    files = prepared(bench)
    opened = archive(bench, frames.count(files))
    pictures = Pictures(opened, GRID, Cache(bench.folder / "clips", 2**30))
    normal, theirs = clips.normalisation([np.asarray(opened.prepared.flow_maxima)]), motion.normalisation([files])
    rng, other_rng, times = np.random.default_rng(1), np.random.default_rng(1), bench.pick(8, 3)

    def ours(augmentation: Augmentation) -> None:
        for _ in range(times):
            clips.clip(pictures, 51.5 / RATE, normal, clips.draw(augmentation, rng))

    still = Augmentation(0, 0, 0, 0)
    lines = []
    for name, augmentation, least in (("plain", still, 20), ("augmented", Augmentation(), 13)):
        def other(augmented: bool = name == "augmented") -> None:
            published.load(files, 2, theirs, published.draw(other_rng) if augmented else None)

        pairs = interleaved(lambda a=augmentation: ours(a), other, pairs=bench.pairs, units=(times, 1))
        lines.append(Line.ratio(f"clip from the cache, {name}", pairs, least, "clip"))
    return lines


cv2.setNumThreads(1)
ROWS = [Row("clips", "clips of 100 pictures from the cache >= 20x (plain) and >= 13x (augmented) cheaper", measure)]
