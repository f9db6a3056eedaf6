"""Prepare a video: stored pictures, masked flow, region of interest, in a folder that `mlcore.store` reads.

    python -m mlcore.prepare VIDEO --frames frames.json --out DIR [--flow dis] [--rate 30] [--roi corrections.json]

The folder is DIR/<key>; the key names the video and everything that its values depend on. A folder that is whole is
done at once; when only the corrections changed, only `roi.json` is written anew. Pictures are processed in segments;
after a kill the run goes on at the first segment that is missing, with the same bytes as a run that was never
interrupted: OpenCV cannot save a background model, so every segment starts its own and warms it with the pictures of
the 4.2 s before it (the first one with its own pictures, backwards), at most about 30 a second.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import math
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mlcore import flow, limits, roi, store, video
from mlcore.formats import FormatError, FrameTable, Prepared, RoiTrack
from mlcore.progress import Progress, StepError, Stopped, run_step, say

RATE = 30.0
LONG_SIDE = 320
SHORTEST = 16  # the flow methods need a few pixels to look at
KEEP_ALL = 1.05  # a source at most this much faster than the rate keeps all its pictures
LONGEST_GAP_S = 1.0  # no flow over a longer stretch that could not be decoded

UInt8 = NDArray[np.uint8]
Steps = NDArray[np.int16]
Feed = Callable[[int], Iterator[UInt8]]  # stored index -> stored pictures (H,W,3) RGB from it on
Corrections = Sequence[Mapping[str, Any]]
Say = Callable[..., None]


def select(seconds: Sequence[float], rate: float) -> list[int]:
    """Ordinals to store of a video with pictures at `seconds`: nearest to the ticks of `rate` Hz; all if not faster."""
    times = np.asarray(seconds, np.float64)
    if len(times) < 2 or (len(times) - 1) / (times[-1] - times[0]) <= KEEP_ALL * rate:
        return list(range(len(times)))
    ticks = np.arange(math.floor((times[-1] - times[0]) * rate + 1e-6) + 1) / rate + times[0]
    after = np.clip(np.searchsorted(times, ticks), 1, len(times) - 1)
    nearest = np.where(ticks - times[after - 1] <= times[after] - ticks + 1e-9, after - 1, after)
    return [int(k) for k in np.unique(nearest)]


def stored_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) of stored pictures: the long side at most 320, never enlarged, no side under 16 px."""
    wide, high = video.fit(width, height, LONG_SIDE)
    return max(SHORTEST, wide), max(SHORTEST, high)


def planned(
    *,
    sha256: str,
    seconds: Sequence[float],
    width: int,
    height: int,
    rate: float,
    method: str,
    segment: int = store.SEGMENT,
) -> Prepared:
    """What the folder of a video of this size with pictures at `seconds` will say; `flow_maxima` is still empty."""
    if not seconds:
        raise StepError("no_frames")
    if not (math.isfinite(rate) and rate > 0):
        raise StepError("bad_rate", rate=f"{rate:g}")
    ordinals = select(seconds, rate)
    wide, high = stored_size(width, height)
    how = {**flow.versions(method), "segment": segment, "store": store.VERSION}
    named = json.dumps([sha256, how, float(rate), wide, high, LONG_SIDE, KEEP_ALL, LONGEST_GAP_S], sort_keys=True)
    key = hashlib.sha256(named.encode()).hexdigest()[:16]
    return Prepared(key, sha256, wide, high, float(rate), how, ordinals, [float(seconds[k]) for k in ordinals], [])


def run(path: Path, table: FrameTable, out: Path, *, rate: float = RATE, method: str = "dis",
        corrections: Corrections = (), segment: int = store.SEGMENT, workers: int | None = None,
        say: Say | None = None) -> dict[str, Any]:
    """Prepare the video at `path` into `out`/<key>; {"key", "n", "roi_version"}.

    StepError already_preparing, no_frames, bad_rate, unknown_flow, bad_corrections, and those of `mlcore.video`.
    """
    seconds = [table.seconds(k) for k in range(table.n)]
    prepared = planned(sha256=table.sha256, seconds=seconds, width=table.width, height=table.height, rate=rate,
                       method=method, segment=segment)
    workers = workers or default_workers()

    def feed(first: int) -> Iterator[UInt8]:
        wanted = set(prepared.ordinals[first:])
        begin, end = prepared.ordinals[first], prepared.ordinals[-1] + 1
        size = (prepared.width, prepared.height)
        for ordinal, picture in video.frames(path, table, begin, end, size=size, threads=workers):
            if ordinal in wanted:
                yield picture

    unreadable = set(table.unreadable)
    lost = {i for i, ordinal in enumerate(prepared.ordinals) if ordinal in unreadable}
    folder = out / prepared.key
    return _make(folder, prepared, feed, corrections, lost=lost, segment=segment, workers=workers, say=say)


def from_pictures(folder: Path, pictures: Iterable[UInt8], seconds: Sequence[float], *, identity: str,
                  rate: float = RATE, method: str = "dis", corrections: Corrections = (),
                  segment: int = store.SEGMENT, workers: int | None = None) -> store.Store:
    """Prepare pictures (H,W,3) uint8 RGB, one for each of rising `seconds`, into `folder` as videos are prepared.

    `identity` stands for the video's SHA-256 and must change whenever the pictures do (put the version of what draws
    them in it): a folder that is whole is not made again. The pictures are read once, from the first to the last.
    """
    source = iter(pictures)
    one = next(source, None)
    if one is None:
        raise StepError("no_frames")
    prepared = planned(sha256=identity, seconds=seconds, width=one.shape[1], height=one.shape[0], rate=rate,
                       method=method, segment=segment)

    def feed(first: int) -> Iterator[UInt8]:
        wanted, size = set(prepared.ordinals[first:]), (prepared.width, prepared.height)
        for ordinal, picture in enumerate(chain([one], source)):
            if ordinal in wanted:
                if picture.shape[1::-1] != size:
                    picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
                yield picture

    workers = workers or default_workers()
    _make(folder, prepared, feed, corrections, lost=set(), segment=segment, workers=workers, say=None)
    return store.read(folder)


def default_workers() -> int:
    """Threads for the flow: the processors this process may use, at most 4."""
    return min(4, len(os.sched_getaffinity(0)))


def _make(folder: Path, prepared: Prepared, feed: Feed, corrections: Corrections, *, lost: set[int], segment: int,
          workers: int, say: Say | None) -> dict[str, Any]:
    checked = [{"frame": frame, "x": x, "y": y} for frame, x, y in roi.checked(corrections)]
    with _alone(folder):
        if not _whole(folder, prepared.key):
            n, height, width = len(prepared.ordinals), prepared.height, prepared.width
            writer = store.Writer(folder, n=n, height=height, width=width, segment=segment)
            _Pipeline(prepared, lost, workers, say).fill(writer, feed)
            centres = writer.finish(prepared)
            writer.seal(prepared, _track(prepared, centres, checked))
        else:
            opened = store.read(folder)
            track = _track(opened.prepared, opened.centres, checked)
            if track != opened.roi:
                track.write(folder / "roi.json")
            store.sweep(folder)
    version = hashlib.sha256((folder / "roi.json").read_bytes()).hexdigest()[:16]
    return {"key": prepared.key, "n": len(prepared.ordinals), "roi_version": version}


def _track(prepared: Prepared, centres: NDArray[np.float32], corrections: Corrections) -> RoiTrack:
    return roi.track(centres, prepared.seconds, prepared.ordinals, prepared.width, prepared.height, corrections)


def _whole(folder: Path, key: str) -> bool:
    try:
        return store.read(folder).prepared.key == key
    except FormatError:
        return False


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder; a second process on it is refused, a killed one lets go by itself."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StepError("already_preparing", key=folder.name) from error
        yield
    finally:
        os.close(handle)


@dataclass
class _Past:
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


class _Pipeline:
    """Pictures in, segments out: decoding and masks in this thread, flow in `workers` others."""

    def __init__(self, prepared: Prepared, lost: set[int], workers: int, say: Say | None) -> None:
        self.prepared, self.lost, self.workers, self.say = prepared, lost, workers, say
        self.progress: Progress | None = None
        self.seconds = np.asarray(prepared.seconds, np.float64)
        self.durations = store.durations(self.seconds)
        self.n = len(self.seconds)
        self.rate = (self.n - 1) / (self.seconds[-1] - self.seconds[0]) if self.n > 1 else prepared.rate
        self.past = _Past(max(1, math.ceil(flow.HISTORY_S * self.rate)), max(1, round(self.rate / flow.WARM_UP_HZ)))
        self._own = threading.local()

    def fill(self, writer: store.Writer, feed: Feed) -> None:
        """Compute and write the segments that are missing."""
        first = writer.finished * writer.segment
        if first >= self.n:
            return
        if self.say:
            self.progress = Progress("flow", start=first / self.n, out=self.say)
        start = max(0, first - self.past.reach)
        pictures = feed(start)
        for index in range(start, first):
            self.past.add(index, self._next(pictures, index), self.seconds[index], index not in self.lost)
        with ThreadPoolExecutor(self.workers, "flow") as pool:
            try:
                for begin in range(first, self.n, writer.segment):
                    writer.add(*self._segment(begin, min(begin + writer.segment, self.n), pictures, pool))
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _next(self, pictures: Iterator[UInt8], index: int) -> UInt8:
        picture = next(pictures, None)
        if picture is None:
            raise StepError("frame_lost", frame=self.prepared.ordinals[index])
        return picture

    def _segment(self, begin: int, end: int, pictures: Iterator[UInt8],
                 pool: ThreadPoolExecutor) -> tuple[UInt8, Steps, NDArray[np.float32], NDArray[np.float64]]:
        """Pictures, flow steps, centres and maxima of stored pictures [begin, end)."""
        shape = (end - begin, self.prepared.height, self.prepared.width)
        rgb, steps = np.empty((*shape, 3), np.uint8), np.zeros((*shape, 2), np.int16)
        centres = np.full((shape[0], 2), np.nan, np.float32)
        if begin == 0:
            for index in range(end):
                rgb[index] = self._next(pictures, index)
        own = rgb[:: -self.past.stride][: math.ceil(self.past.reach / self.past.stride)]
        background = flow.Foreground(self.rate, own if begin == 0 else self.past.warm_up(begin))
        jobs: list[Future[None]] = []
        for k, index in enumerate(range(begin, end)):
            if begin > 0:
                rgb[k] = self._next(pictures, index)
            mask, grey, before = background.mask(rgb[k]), flow.grey(rgb[k]), self.past.grey
            waited = self.seconds[index] - self.past.at
            if before is not None and index not in self.lost and waited <= max(LONGEST_GAP_S, self.durations[index]):
                part = self.durations[index] / waited  # over a picture that could not be decoded: this picture's share
                jobs.append(pool.submit(self._flow, before, grey, mask, part, steps[k], centres[k]))
            self.past.add(index, rgb[k], self.seconds[index], index not in self.lost, grey)
            if self.progress:
                self.progress.at(index / self.n)
        for job in jobs:
            job.result()
        return rgb, steps, centres, store.maxima(steps, self.durations[begin:end])

    def _flow(self, before: UInt8, after: UInt8, mask: UInt8, part: float, steps: Steps,
              centre: NDArray[np.float32]) -> None:
        """Fill `steps` (H,W,2) and `centre` (2,) of one picture."""
        if not hasattr(self._own, "estimate"):
            self._own.estimate = flow.estimator(str(self.prepared.method["method"]))
        vectors = flow.masked(self._own.estimate(before, after), mask)
        steps[:] = store.to_steps(vectors if part == 1.0 else vectors * np.float32(part))
        centre[:] = roi.centre(steps)


def main(arguments: Sequence[str] | None = None) -> Mapping[str, Any]:
    """The step on the command line."""
    parser = argparse.ArgumentParser(prog="mlcore.prepare", description="Stored pictures, flow, region")
    parser.add_argument("video", type=Path)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="the folder <key> is made in here")
    parser.add_argument("--flow", default="dis", choices=sorted(flow.METHODS))
    parser.add_argument("--rate", type=float, default=RATE, help="stored pictures a second")
    parser.add_argument("--roi", type=Path, help='corrections: [{"frame": 12, "x": 0.5, "y": 0.4}]')
    parser.add_argument("--segment", type=int, default=store.SEGMENT, help="pictures a segment")
    parser.add_argument("--workers", type=int, help="threads for the flow")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _stop)
    try:
        table = FrameTable.read(given.frames)
    except (FormatError, OSError) as error:
        raise StepError("bad_frames", found=str(error)) from error
    wide, high = stored_size(table.width, table.height)
    mapped = table.n * wide * high * 3 / limits.GIB  # the stored pictures are read through a memory map
    limits.apply(memory_gb=4 + mapped)
    corrections = read_corrections(given.roi) if given.roi else []
    return run(given.video, table, given.out, rate=given.rate, method=given.flow, corrections=corrections,
               segment=given.segment, workers=given.workers, say=say)


def read_corrections(path: Path) -> list[Mapping[str, Any]]:
    """The list in a corrections file. StepError bad_corrections{found}."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise StepError("bad_corrections", found=str(error)) from error
    if not isinstance(found, list):
        raise StepError("bad_corrections", found=type(found).__name__)
    return found


def _stop(*_: Any) -> None:
    raise Stopped(phase="flow")


if __name__ == "__main__":
    sys.exit(run_step(main))
