"""Prepare a video: stored pictures, masked flow, region of interest, in a folder that `mlcore.store` reads.

    python -m mlcore.prepare VIDEO --frames frames.json --out DIR [--flow dis] [--rate 30] [--roi corrections.json]

The folder is DIR/<key>; the key names the video and everything that its values depend on. A folder that is whole is
done at once; when only the corrections changed, only `roi.json` is written anew. Pictures are processed in segments, one
picture at a time; a long video is shared by several processes, each with its own decoder and contiguous segments. Every
finished segment is kept, whoever made it, with the same bytes: OpenCV cannot save a background model, so every segment
starts its own and warms it with the pictures of the 4.2 s before it (the first one with its own pictures, backwards), at
most about 30 a second.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mlcore import flow, folders, limits, roi, segments, store, video
from mlcore.files import FormatError
from mlcore.formats import FrameTable, Prepared, RoiTrack
from mlcore.progress import EXIT_STOPPED, Progress, StepError, Stopped, run_step, say
from mlcore.segments import Feed, Pipeline, Share

RATE = 30.0
LONG_SIDE = 320
SHORTEST = 16  # the flow methods need a few pixels to look at
KEEP_ALL = 1.05  # a source at most this much faster than the rate keeps all its pictures
LEAST = 1024  # pictures that are worth a process of their own
_PR_SET_PDEATHSIG = 1

UInt8 = NDArray[np.uint8]
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
    named = json.dumps([sha256, how, float(rate), wide, high, LONG_SIDE, KEEP_ALL, segments.LONGEST_GAP_S, segments.HELD], sort_keys=True)
    key = hashlib.sha256(named.encode()).hexdigest()[:16]
    return Prepared(key, sha256, wide, high, float(rate), how, ordinals, [float(seconds[k]) for k in ordinals], [])


def run(path: Path, table: FrameTable, out: Path, *, rate: float = RATE, method: str = "dis",
        corrections: Corrections = (), segment: int = store.SEGMENT, workers: int | None = None, check: bool = False,
        say: Say | None = None) -> dict[str, Any]:
    """Prepare the video at `path` into `out`/<key> with at most `workers` processes; {"key", "n", "roi_version"}.

    `check` reads all that a whole folder holds, and makes anew the segments in which a piece is damaged.
    StepError already_preparing, no_frames, bad_rate, unknown_flow, bad_corrections, and those of `mlcore.video`.
    """
    prepared, pipeline, feed = _opened(path, table, rate, method, segment)

    def fill(writer: store.Writer) -> None:
        shares = _shares(writer, workers or default_workers())
        begun = writer.done
        progress = Progress("flow", start=begun / writer.n, out=say) if say else None

        def tell(made: int) -> None:
            if progress:
                progress.at((begun + made) / writer.n)

        if len(shares) < 2:
            pipeline.fill(writer, feed, (0, len(writer.names)), tell)
        else:
            options = ["--out", out, "--flow", method, "--rate", rate, "--segment", segment]
            _in_processes(path, table, options, writer.folder, shares, tell)

    return _make(out / prepared.key, prepared, fill, corrections, segment, check)


def _opened(path: Path, table: FrameTable, rate: float, method: str, segment: int) -> tuple[Prepared, Pipeline, Feed]:
    seconds = [table.seconds(k) for k in range(table.n)]
    prepared = planned(sha256=table.sha256, seconds=seconds, width=table.width, height=table.height, rate=rate,
                       method=method, segment=segment)

    def feed(first: int) -> Iterator[UInt8]:
        wanted, size = prepared.ordinals[first:], (prepared.width, prepared.height)
        for _, picture in video.frames(path, table, wanted[0], wanted[-1] + 1, size=size, only=set(wanted)):
            yield picture

    unreadable = set(table.unreadable)
    return prepared, Pipeline(prepared, {i for i, k in enumerate(prepared.ordinals) if k in unreadable}), feed


def from_pictures(folder: Path, pictures: Iterable[UInt8], seconds: Sequence[float], *, identity: str,
                  rate: float = RATE, method: str = "dis", corrections: Corrections = (),
                  segment: int = store.SEGMENT) -> store.Store:
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

    def fill(writer: store.Writer) -> None:
        Pipeline(prepared, set()).fill(writer, feed, (0, len(writer.names)))

    _make(folder, prepared, fill, corrections, segment)
    return store.read(folder)


def default_workers() -> int:
    """Processes for one video: the processors this one may use, at most 4."""
    return min(4, len(os.sched_getaffinity(0)))


def _make(folder: Path, prepared: Prepared, fill: Callable[[store.Writer], None], corrections: Corrections,
          segment: int, check: bool = False) -> dict[str, Any]:
    checked = [{"frame": frame, "x": x, "y": y} for frame, x, y in roi.checked(corrections)]
    with folders.alone(folder):
        whole = _whole(folder, prepared.key)
        if check or not whole:
            for damaged in store.damaged(folder):
                damaged.unlink()
                whole = False
        if not whole:
            (folder / "prepared.json").unlink(missing_ok=True)
            n, height, width = len(prepared.ordinals), prepared.height, prepared.width
            writer = store.Writer(folder, n=n, height=height, width=width, segment=segment)
            fill(writer)
            centres = writer.finish(prepared)
            writer.seal(prepared, _track(prepared, centres, checked))
        else:
            opened = store.read(folder)
            track = _track(opened.prepared, opened.centres, checked)
            if track != opened.roi:
                track.write(folder / "roi.json")
    version = hashlib.sha256((folder / "roi.json").read_bytes()).hexdigest()[:16]
    return {"key": prepared.key, "n": len(prepared.ordinals), "roi_version": version}


def _shares(writer: store.Writer, workers: int) -> list[Share]:
    """Contiguous ranges of segments with about as many missing ones each; as many as are worth a process."""
    missing = writer.missing
    count = max(1, min(workers, (writer.n - writer.done) // LEAST))
    parts = [part.tolist() for part in np.array_split(np.array(missing, np.int64), count)]
    return [(part[0], part[-1] + 1) for part in parts if part]


def _in_processes(path: Path, table: FrameTable, options: Sequence[Any], folder: Path, shares: Sequence[Share],
                  tell: Callable[[int], None]) -> None:
    """Make the shares in a process each. They write whole segments, talk on one pipe and die with this process."""
    frames = folder / ".frames.json"
    table.write(frames)
    argv = [sys.executable, "-m", "mlcore.prepare", path, "--frames", frames, *options]
    home = {**os.environ, "PYTHONPATH": os.pathsep.join((str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")))}
    reader, end = os.pipe()
    children: list[subprocess.Popen[bytes]] = []
    with os.fdopen(reader, encoding="utf-8") as lines:
        try:
            with os.fdopen(end, "wb") as pipe:
                for low, high in shares:
                    one = [str(part) for part in (*argv, "--share", f"{low}:{high}")]
                    children.append(subprocess.Popen(one, stdout=pipe, env=home))
            _listen(lines, tell)
            codes = [child.wait() for child in children]
        finally:
            for child in children:
                child.terminate()
            for child in children:
                child.wait()
            frames.unlink(missing_ok=True)
    if EXIT_STOPPED in codes:
        raise Stopped(phase="flow")
    if any(codes):
        raise RuntimeError(f"processes of the preparation ended with {codes}")


def _listen(lines: Iterable[str], tell: Callable[[int], None]) -> None:
    """Add up what the processes made until the last one ends. Raises what one of them refused."""
    made: dict[str, int] = {}
    for line in map(json.loads, lines):
        if "error" in line:
            raise StepError(line["error"]["code"], **line["error"]["params"])
        if "share" in line:
            made[line["share"]] = line["made"]
            tell(sum(made.values()))


def _track(prepared: Prepared, centres: NDArray[np.float32], corrections: Corrections) -> RoiTrack:
    return roi.track(centres, prepared.seconds, prepared.ordinals, prepared.width, prepared.height, corrections)


def _whole(folder: Path, key: str) -> bool:
    try:
        return store.read(folder).prepared.key == key
    except FormatError:
        return False


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
    parser.add_argument("--workers", type=int, help="processes for a long video (default: one a processor, at most 4)")
    parser.add_argument("--check", action="store_true", help="read all of a whole folder and repair what is damaged")
    parser.add_argument("--share", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _stop)
    limits.apply(memory_gb=4)
    try:
        table = FrameTable.read(given.frames)
    except (FormatError, OSError) as error:
        raise StepError("bad_frames", found=str(error)) from error
    if given.share:
        return _share(given, table)
    corrections = read_corrections(given.roi) if given.roi else []
    return run(given.video, table, given.out, rate=given.rate, method=given.flow, corrections=corrections,
               segment=given.segment, workers=given.workers, check=given.check, say=say)


def _share(given: argparse.Namespace, table: FrameTable) -> Mapping[str, Any]:
    """Make some segments of a folder that the parent process holds; the end of the parent is the end of this one."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    prepared, pipeline, feed = _opened(given.video, table, given.rate, given.flow, given.segment)
    writer = store.Writer(given.out / prepared.key, n=len(prepared.ordinals), height=prepared.height,
                          width=prepared.width, segment=given.segment)
    low, high = (int(number) for number in given.share.split(":"))

    def tell(made: int) -> None:
        if made % 32 == 0:
            say(share=given.share, made=made)

    pipeline.fill(writer, feed, (low, high), tell)
    return {}


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
