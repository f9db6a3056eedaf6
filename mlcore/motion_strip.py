"""The motion strip: how much the whole picture moves, ten times a second, seen while the proxy is made."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlcore.formats import FrameTable, MotionStrip
from mlcore.video import Painter, fit

RATE = 10.0
LOOK_S = 1 / 32  # pictures closer than this to the last one looked at are passed over: noise would drown the motion
NOISE = 5


class Strip:
    """Mean absolute grey difference above the noise, per second, of pictures at most 96 pixels wide."""

    def __init__(self, table: FrameTable) -> None:
        self._painter = Painter(fit(table.width, table.height, 96), table.rotation, gray=True)
        self._seconds = table.duration_s
        self._last: tuple[float, NDArray[np.int16]] | None = None
        self._seen: list[tuple[float, float, float]] = []

    def see(self, second: float, frame: Any) -> None:
        """Look at the picture shown from `second` on."""
        if self._last is not None and second - self._last[0] < LOOK_S:
            return
        gray = self._painter.paint(frame).astype(np.int16)
        if self._last is not None:
            began, before = self._last
            change = np.maximum(np.abs(gray - before) - NOISE, 0)
            self._seen.append((began, second, float(change.mean()) / (second - began)))
        self._last = (second, gray)

    def strip(self) -> MotionStrip:
        """Values 0..1: 0 is the 5th percentile of this video, 1 the 99th; the share of each tenth of a second."""
        bins = max(1, int(np.ceil(self._seconds * RATE)))
        total, weight = np.zeros(bins), np.zeros(bins)
        for begin, end, value in self._seen:
            for k in range(int(begin * RATE), min(bins, int(end * RATE) + 1)):
                overlap = min(end, (k + 1) / RATE) - max(begin, k / RATE)
                if overlap > 0:
                    total[k] += value * overlap
                    weight[k] += overlap
        values = np.divide(total, weight, out=np.zeros(bins), where=weight > 0)
        low, high = np.percentile(values, [5, 99])
        values = np.clip((values - low) / max(high - low, 1.0), 0, 1)
        return MotionStrip(rate=RATE, values=[round(float(v), 3) for v in values])
