"""Pictures in, segments out: the part of `mlcore.prepare` that computes, one picture at a time, in one process."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

import numpy as np
from numpy.typing import NDArray

from mlcore import flow, roi, store
from mlcore.formats import Prepared
from mlcore.progress import StepError

HELD = 256  # pictures of the beginning that wait until the background model has seen them
LONGEST_GAP_S = 1.0  # no flow over a longer stretch that could not be decoded

UInt8 = NDArray[np.uint8]
Feed = Callable[[int], Iterator[UInt8]]  # stored index -> stored pictures (H,W,3) RGB from it on
Share = tuple[int, int]  # segments [first, last)


@dataclass
class Past:
    """What a segment must know of the pictures before it: some to warm its background model, and the last readable."""

    reach: int  # stored pictures that a warm-up looks back
    stride: int
    warm: deque[tuple[int, UInt8]] = field(default_factory=deque)
    grey: UInt8 | None = None
    at: float = 0.0

    def add(self, index: int, rgb: UInt8, second: float, readable: bool, grey: UInt8 | None = None) -> None:
        if index % self.stride == 0:
            self.warm.append((index, rgb.copy()))
            while self.warm[0][0] <= index - self.reach:
                self.warm.popleft()
        if readable:
            self.grey, self.at = flow.grey(rgb) if grey is None else grey, second

    def warm_up(self, begin: int) -> list[UInt8]:
        return [rgb for index, rgb in self.warm if index >= begin - self.reach]


class Pipeline:
    """Pictures in, segments out, one picture at a time."""

    def __init__(self, prepared: Prepared, lost: set[int]) -> None:
        self.prepared, self.lost = prepared, lost
        self.seconds = np.asarray(prepared.seconds, np.float64)
        self.durations = store.durations(self.seconds)
        self.n = len(self.seconds)
        self.rate = (self.n - 1) / (self.seconds[-1] - self.seconds[0]) if self.n > 1 else prepared.rate
        self.past = Past(max(1, math.ceil(flow.HISTORY_S * self.rate)), max(1, round(self.rate / flow.WARM_UP_HZ)))
        self.estimate = flow.estimator(str(prepared.method["method"]))

    def fill(self, writer: store.Writer, feed: Feed, share: Share, tell: Callable[[int], None] = lambda made: None) -> None:
        """Compute and write the segments of `share` that are missing, telling after each picture how many are made."""
        wanted = [number for number in writer.missing if share[0] <= number < share[1]]
        if not wanted:
            return
        made = count()
        start = max(0, wanted[0] * writer.segment - self.past.reach)
        pictures = feed(start)
        for index in range(start, wanted[0] * writer.segment):
            self._skip(pictures, index)
        for number in range(wanted[0], wanted[-1] + 1):
            begin = number * writer.segment
            part = range(begin, begin + writer.length(number))
            if number not in wanted:
                for index in part:
                    self._skip(pictures, index)
                continue
            writer.add(number, self._segment(part, pictures, lambda: tell(next(made))))

    def _skip(self, pictures: Iterator[UInt8], index: int) -> None:
        self.past.add(index, self._next(pictures, index), self.seconds[index], index not in self.lost)

    def _next(self, pictures: Iterator[UInt8], index: int) -> UInt8:
        picture = next(pictures, None)
        if picture is None:
            raise StepError("frame_lost", frame=self.prepared.ordinals[index])
        return picture

    def _segment(self, part: range, pictures: Iterator[UInt8], begun: Callable[[], None]) -> Iterator[store.Picture]:
        """The stored pictures `part`, each with its flow."""
        held: deque[UInt8] = deque()
        if part.start == 0:
            held.extend(self._next(pictures, index) for index in part[: min(HELD, self.past.reach)])
        warm = list(held)[:: -self.past.stride] if held else self.past.warm_up(part.start)
        background = flow.Foreground(self.rate, warm)
        del warm
        for index in part:
            begun()
            rgb = held.popleft() if held else self._next(pictures, index)
            mask, grey = background.mask(rgb), flow.grey(rgb)
            steps = self._flow(index, grey, mask)
            self.past.add(index, rgb, self.seconds[index], index not in self.lost, grey)
            yield rgb, steps, roi.centre(steps), store.largest(steps, self.durations[index])

    def _flow(self, index: int, grey: UInt8, mask: UInt8) -> NDArray[np.int16]:
        """(H,W,2) masked flow from the last readable picture to this one, in steps; zero where there is none."""
        before, waited = self.past.grey, self.seconds[index] - self.past.at
        if before is None or index in self.lost or waited > max(LONGEST_GAP_S, self.durations[index]):
            return np.zeros((*grey.shape, 2), np.int16)
        vectors = flow.masked(self.estimate(before, grey), mask)
        part = self.durations[index] / waited  # over a picture that could not be decoded: this picture's share
        return store.to_steps(vectors if part == 1.0 else vectors * np.float32(part))
