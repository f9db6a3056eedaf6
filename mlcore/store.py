"""The prepared folder: stored pictures, their flow and the region of interest, compact and quick to read at random.

    prepared.json   formats.Prepared; written last, so its presence means that the folder is whole
    rgb.npy         (N,H,W,3) uint8 RGB, uncompressed: a clip of 100 pictures is read 12 to 20 times faster through a
                    memory map than out of a compressed array of 1/2 to 6/7 of the bytes
    flow.b2nd       (N,H,W,2) int16 in 1/64 px (+-512 px), blosc2 zstd + bitshuffle, `CHUNK` pictures a chunk
    centres.npy     (N,2) float32: centre of motion (x, y) in stored pixels, NaN where nothing moves; makes the ROI
    roi.json        formats.RoiTrack; the only file that changes afterwards

While it is being made the folder holds `segment-NNNNN.b2nd` files, one per finished segment of pictures, each
written by rename after its pictures are on disk. A new run goes on at the first segment that is missing.
Shapes: N stored pictures, H x W stored size, flow vectors (x, y) in pixels of the stored size.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import blosc2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlcore import roi as roi_of
from mlcore.formats import FormatError, Prepared, RoiTrack

VERSION = 1
SEGMENT = 256  # pictures a segment; a multiple of CHUNK, so that chunks move to the final array as they are
CHUNK = 8
FLOW_UNIT = 64.0  # steps per pixel
TICK = 120.0  # velocities are in pixels per 1/120 s, the unit in which the papers give their thresholds

UInt8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Box = tuple[slice, slice]  # rows, columns


def durations(seconds: Float64) -> Float64:
    """(N,) seconds that flow i lasted: from picture i-1 to i; the first takes the second's."""
    if len(seconds) < 2:
        return np.full(len(seconds), 1.0 / TICK)
    steps = np.diff(seconds)
    return np.concatenate((steps[:1], steps))


@dataclass(frozen=True)
class Store:
    """An open prepared folder. Reads are bounded by [0, n): a picture that is not there is an IndexError."""

    folder: Path
    prepared: Prepared
    roi: RoiTrack
    seconds: Float64
    ordinals: NDArray[np.int64]

    @property
    def n(self) -> int:
        return len(self.seconds)

    def __reduce__(self) -> tuple[Any, ...]:
        return read, (self.folder,)  # workers of a data loader open the files anew

    @cached_property
    def _rgb(self) -> UInt8:
        return np.load(self.folder / "rgb.npy", mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]

    @cached_property
    def _flow(self) -> Any:
        return blosc2.open(str(self.folder / "flow.b2nd"), mode="r", dparams=blosc2.DParams(nthreads=1))

    @cached_property
    def centres(self) -> Float32:
        """(N,2) raw centre of motion (x, y) in stored pixels, NaN where nothing moves."""
        return np.load(self.folder / "centres.npy", allow_pickle=False)  # type: ignore[no-any-return]

    def _check(self, begin: int, end: int) -> None:
        if not 0 <= begin <= end <= self.n:
            raise IndexError(f"pictures [{begin}, {end}) of {self.n}")

    def rgb(self, begin: int, end: int, box: Box | None = None) -> UInt8:
        """(n,H,W,3) uint8 stored pictures [begin, end); with `box` (rows, columns) only that part of each."""
        self._check(begin, end)
        rows, columns = box or (slice(None), slice(None))
        return np.array(self._rgb[begin:end, rows, columns])

    def flow_steps(self, begin: int, end: int, box: Box | None = None) -> NDArray[np.int16]:
        """(n,H,W,2) int16: flow in 1/64 px as stored."""
        self._check(begin, end)
        rows, columns = box or (slice(None), slice(None))
        _, height, width, _ = self._flow.shape
        chunk = np.empty((CHUNK, height, width, 2), np.int16)  # whole chunks: 2.5 times faster than slicing the array
        out = np.empty((end - begin, *chunk[0, rows, columns].shape), np.int16)
        for first in range(begin - begin % CHUNK, end, CHUNK):
            self._flow.schunk.decompress_chunk(first // CHUNK, dst=chunk)
            low, high = max(begin, first), min(end, first + CHUNK)
            out[low - begin : high - begin] = chunk[low - first : high - first, rows, columns]
        return out

    def flow(self, begin: int, end: int, box: Box | None = None) -> Float32:
        """(n,H,W,2) float32 px: masked motion from stored picture i-1 to i (zero for picture 0)."""
        return self.flow_steps(begin, end, box) * np.float32(1.0 / FLOW_UNIT)

    def velocity(self, begin: int, end: int, box: Box | None = None) -> Float32:
        """(n,H,W,2) float32 px per 1/120 s: flow / (duration * 120), the same at every frame rate."""
        scale = 1.0 / (FLOW_UNIT * TICK * durations(self.seconds)[begin:end])
        return self.flow_steps(begin, end, box) * scale.astype(np.float32)[:, None, None, None]


def read(folder: Path) -> Store:
    """Open the prepared folder; FormatError if it is incomplete, damaged or of a foreign version."""
    folder = Path(folder)
    try:
        prepared = Prepared.read(folder / "prepared.json")
        roi = RoiTrack.read(folder / "roi.json")
        opened = Store(
            folder, prepared, roi, np.asarray(prepared.seconds, np.float64), np.asarray(prepared.ordinals, np.int64)
        )
        shape = (opened.n, prepared.height, prepared.width)
        found = (opened._rgb.shape, opened._flow.shape, opened.centres.shape)
    except FileNotFoundError as error:
        missing = Path(error.filename or "a file").name
        raise FormatError(f"{folder.name} is not a finished prepared folder: {missing} is missing") from error
    except (ValueError, RuntimeError) as error:
        raise FormatError(f"{folder.name} is not a whole prepared folder: {error}") from error
    lengths = {len(prepared.ordinals), len(prepared.flow_maxima), len(roi.x), len(roi.y), opened.n}
    if found != ((*shape, 3), (*shape, 2), (opened.n, 2)) or len(lengths) > 1:
        raise FormatError(f"{folder.name}: arrays {found} do not fit {opened.n} pictures of {shape[2]} x {shape[1]}")
    return opened


class Writer:
    """Writes one prepared folder segment by segment; on a folder left behind it goes on after the last segment."""

    def __init__(self, folder: Path, *, n: int, height: int, width: int, segment: int = SEGMENT) -> None:
        if segment % CHUNK:
            raise ValueError(f"a segment is a multiple of {CHUNK} pictures")
        self.folder, self.n, self.height, self.width, self.segment = folder, n, height, width, segment
        self._bytes = height * width * 3
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "prepared.json").unlink(missing_ok=True)
        if not (folder / "rgb.npy").exists():
            sweep(folder)
        self.finished = 0  # leading segments that are on disk
        while self.finished * segment < n and self._name(self.finished).exists():
            self.finished += 1
        self._data = self._reserve()

    def _name(self, index: int) -> Path:
        return self.folder / f"segment-{index:05d}.b2nd"

    def _reserve(self) -> int:
        """Make `rgb.npy` if there is none to go on with; where its first picture begins."""
        path, length = self.folder / "rgb.npy", self.n * self._bytes
        if not self.finished:
            with open(path, "wb") as file:
                header = {"descr": "|u1", "fortran_order": False, "shape": (self.n, self.height, self.width, 3)}
                np.lib.format.write_array_header_1_0(file, header)
                file.flush()
                # the whole length now: a disk too small is known before hours of work, not after
                os.posix_fallocate(file.fileno(), 0, file.tell() + length)
        return path.stat().st_size - length

    def add(self, rgb: UInt8, flow: NDArray[np.int16], centres: Float32, maxima: Float64) -> None:
        """The next segment: (m,H,W,3) pictures, (m,H,W,2) flow in 1/64 px, (m,2) centres, (m,2) largest |velocity|."""
        first = self.finished * self.segment
        m = min(self.segment, self.n - first)
        if rgb.shape != (m, self.height, self.width, 3) or flow.shape != (m, self.height, self.width, 2):
            raise ValueError(f"{m} pictures {self.width} x {self.height} are due, not {rgb.shape}, {flow.shape}")
        with open(self.folder / "rgb.npy", "r+b") as file:
            file.seek(self._data + first * self._bytes)
            file.write(np.ascontiguousarray(rgb).data)
            file.flush()
            os.fsync(file.fileno())
        array = blosc2.asarray(np.ascontiguousarray(flow), **_layout(self.height, self.width))
        array.schunk.vlmeta["centres"] = np.asarray(centres, "<f4").tobytes()
        array.schunk.vlmeta["maxima"] = np.asarray(maxima, "<f8").tobytes()
        _replace(self._name(self.finished), array.to_cframe())
        self.finished += 1

    def finish(self, prepared: Prepared) -> Float32:
        """Join the segments into arrays, fill `prepared.flow_maxima`, return the (N,2) centres; then comes `seal`."""
        shape = (self.n, self.height, self.width, 2)
        temporary = self.folder / ".flow.b2nd"
        layout = _layout(self.height, self.width)
        joined = blosc2.empty(shape, dtype=np.int16, urlpath=str(temporary), mode="w", **layout)
        centres, maxima = [], []
        for index in range(self.finished):
            part = blosc2.open(str(self._name(index)), mode="r")
            for k in range(part.schunk.nchunks):
                joined.schunk.update_chunk(index * self.segment // CHUNK + k, part.schunk.get_chunk(k))
            centres.append(np.frombuffer(part.schunk.vlmeta["centres"], "<f4").reshape(-1, 2))
            maxima.append(np.frombuffer(part.schunk.vlmeta["maxima"], "<f8").reshape(-1, 2))
        del joined
        _sync(temporary)
        os.replace(temporary, self.folder / "flow.b2nd")
        together = np.concatenate(centres).astype(np.float32)
        with open(self.folder / "centres.npy", "wb") as file:
            np.save(file, together)
            os.fsync(file.fileno())
        prepared.flow_maxima = [(round(float(x), 4), round(float(y), 4)) for x, y in np.concatenate(maxima)]
        return together

    def seal(self, prepared: Prepared, roi: RoiTrack) -> None:
        """Write `roi.json`, then `prepared.json`: from here on the folder is whole."""
        roi.write(self.folder / "roi.json")
        prepared.write(self.folder / "prepared.json")
        sweep(self.folder)


def sweep(folder: Path) -> None:
    """Remove the segment files of a folder that is whole."""
    for path in (*folder.glob("segment-*.b2nd"), *folder.glob(".*.b2nd*")):
        path.unlink(missing_ok=True)


def build(
    folder: Path,
    rgb: ArrayLike,
    flow: ArrayLike,
    seconds: Sequence[float],
    ordinals: Sequence[int],
    *,
    key: str = "",
    sha256: str = "",
    rate: float | None = None,
    method: Mapping[str, Any] | None = None,
    roi: RoiTrack | None = None,
) -> Store:
    """Write a small prepared folder from whole arrays and open it.

    `rgb` (N,H,W,3) uint8; `flow` (N,H,W,2) px, rounded to 1/64 px. Without `roi` the region follows the flow. Videos
    and pictures without flow go through `mlcore.prepare`.
    """
    pictures, vectors = np.asarray(rgb, np.uint8), np.asarray(flow, np.float32)
    n, height, width, _ = pictures.shape
    times = np.asarray(seconds, np.float64)
    mean_rate = (n - 1) / (times[-1] - times[0]) if n > 1 else TICK
    prepared = Prepared(
        key or folder.name,
        sha256,
        width,
        height,
        rate or float(mean_rate),
        dict(method or {"method": "given"}),
        [int(o) for o in ordinals],
        [float(s) for s in seconds],
        [],
    )
    for old in (folder / "prepared.json", folder / "rgb.npy"):
        old.unlink(missing_ok=True)
    writer = Writer(folder, n=n, height=height, width=width)
    steps = to_steps(vectors)
    where = np.array([roi_of.centre(picture) for picture in steps], np.float32).reshape(n, 2)
    peaks = maxima(steps, durations(times))
    for first in range(writer.finished * writer.segment, n, writer.segment):
        part = slice(first, first + writer.segment)
        writer.add(pictures[part], steps[part], where[part], peaks[part])
    writer.finish(prepared)
    writer.seal(prepared, roi or roi_of.track(where, prepared.seconds, prepared.ordinals, width, height))
    return read(folder)


def to_steps(flow: Float32) -> NDArray[np.int16]:
    """Flow in px to int16 steps of 1/64 px, rounded and clipped to +-512 px."""
    return np.asarray(np.clip(np.rint(flow * FLOW_UNIT), -32768, 32767), np.int16)


def maxima(steps: NDArray[np.int16], duration: Float64) -> Float64:
    """(m,2) largest |velocity| per picture, px per 1/120 s, of (m,H,W,2) flow steps lasting (m,) seconds."""
    peaks = np.maximum(steps.max(axis=(1, 2)).astype(np.float64), np.abs(steps.min(axis=(1, 2)).astype(np.float64)))
    return np.asarray(peaks / (FLOW_UNIT * TICK * duration[:, None]), np.float64)


def _layout(height: int, width: int) -> dict[str, Any]:
    # one thread: the bytes of a chunk made by several depend on which was faster
    return {
        "chunks": (CHUNK, height, width, 2),
        "blocks": (1, height, width, 2),
        "cparams": blosc2.CParams(
            codec=blosc2.Codec.ZSTD, clevel=1, filters=[blosc2.Filter.BITSHUFFLE], typesize=2, nthreads=1
        ),
        "dparams": blosc2.DParams(nthreads=1),
    }


def _sync(path: Path) -> None:
    with open(path, "r+b") as file:
        os.fsync(file.fileno())


def _replace(path: Path, data: bytes) -> None:
    fd, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}", suffix=".b2nd")
    with os.fdopen(fd, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
