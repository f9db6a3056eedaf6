"""The prepared folder: stored pictures, their flow and the region of interest, compact and quick to read at random.

    prepared.json        formats.Prepared; written last, so its presence means that the folder is whole
    segment-NNNNN.pile   `segment` pictures each (`mlcore.pile`: numbered pieces with checksums), in this order:
                         `STRIPES` JPEGs a picture (quality 95, 4:4:4), upright stripes from left to right, so that a crop unpacks
                         little more than itself; flow, int16 in 1/64 px (+-512 px), `CHUNK` pictures of one stripe a piece
                         (blosc2, zstd + shuffle), stripe by stripe, chunk by chunk;
                         centres (m,2) float32: centre of motion (x, y) in stored pixels, NaN where nothing moves; makes the ROI;
                         maxima (m,2) float64: largest |velocity| of a picture
    roi.json             formats.RoiTrack; the only file that changes afterwards

A segment is written by rename, so any set of finished segments is kept by a new run. Where flow is zero the mask was
zero (or nothing moved): the mask is not stored a second time. Pictures are JPEG because they come out of a lossy video and
a clip is read as fast as from uncompressed pictures of five times the bytes; flow is exact to half a step (0.008 px).
Shapes: N stored pictures, H x W stored size, flow vectors (x, y) in pixels of the stored size.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import blosc2
import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlcore import pile
from mlcore import roi as roi_of
from mlcore.files import FormatError
from mlcore.formats import Prepared, RoiTrack
from mlcore.pile import Pile

VERSION = Prepared.STORE
SEGMENT = 512  # pictures a segment
CHUNK = 8
STRIPES = 8
FLOW_UNIT = 64.0  # steps per pixel
TICK = 120.0  # velocities are in pixels per 1/120 s, the unit in which the papers give their thresholds
EXPECTED = 0.7  # bytes a pixel of a finished folder: a disk too small is known before hours of work, not after
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)

UInt8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Box = tuple[slice, slice]  # rows, columns
Picture = tuple[UInt8, NDArray[np.int16], tuple[float, float], tuple[float, float]]  # RGB, flow steps, centre, largest |velocity|


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
    def _piles(self) -> list[Pile]:
        return [Pile(path) for path in _names(self.folder, self.n, self.segment)]

    @property
    def segment(self) -> int:
        return int(self.prepared.method["segment"])

    @cached_property
    def centres(self) -> Float32:
        """(N,2) raw centre of motion (x, y) in stored pixels, NaN where nothing moves."""
        return np.concatenate([_last(one)[0] for one in self._piles])

    def _parts(self, begin: int, end: int) -> Iterator[tuple[Pile, int, int, int]]:
        """(segment's pile, first picture in it, the one past the last, how many pictures it has) of [begin, end)."""
        if not 0 <= begin <= end <= self.n:
            raise IndexError(f"pictures [{begin}, {end}) of {self.n}")
        for number in range(begin // self.segment, -(-end // self.segment)):
            first = number * self.segment
            m = min(self.segment, self.n - first)
            yield self._piles[number], max(begin - first, 0), min(end - first, m), m

    def rgb(self, begin: int, end: int, box: Box | None = None) -> UInt8:
        """(n,H,W,3) uint8 stored pictures [begin, end); with `box` (rows, columns) only that part of each. FormatError."""
        rows, columns = self._box(box)
        out = np.empty((max(0, end - begin), rows.stop - rows.start, columns.stop - columns.start, 3), np.uint8)
        stripes, at = self._touched(columns), 0
        for part, low, high, _ in self._parts(begin, end):
            numbers = [index * STRIPES + k for index in range(low, high) for k, _, _ in stripes]
            for i, piece in enumerate(part.pieces(numbers)):
                _, left, right = stripes[i % len(stripes)]
                near, far = max(left, columns.start), min(right, columns.stop)
                picture = np.asarray(cv2.imdecode(np.frombuffer(piece, np.uint8), cv2.IMREAD_COLOR_RGB))
                out[at + i // len(stripes), :, near - columns.start : far - columns.start] = picture[rows, near - left : far - left]
            at += high - low
        return out

    def _touched(self, columns: slice) -> list[tuple[int, int, int]]:
        """(number, left, right) of the stripes that hold some of these columns."""
        return [(k, left, right) for k, (left, right) in enumerate(_stripes(self.prepared.width)) if left < columns.stop and right > columns.start]

    def flow_steps(self, begin: int, end: int, box: Box | None = None) -> NDArray[np.int16]:
        """(n,H,W,2) int16: flow in 1/64 px as stored. Only the stripes that `box` touches are unpacked. FormatError."""
        rows, columns = self._box(box)
        out = np.empty((max(0, end - begin), rows.stop - rows.start, columns.stop - columns.start, 2), np.int16)
        stripes, at = self._touched(columns), 0
        for part, low, high, m in self._parts(begin, end):
            chunks = range(low - low % CHUNK, high, CHUNK)
            numbers = [(m + first // CHUNK) * STRIPES + k for first in chunks for k, _, _ in stripes]
            for number, packed in zip(numbers, part.pieces(numbers)):
                first, (left, right) = (number // STRIPES - m) * CHUNK, _stripes(self.prepared.width)[number % STRIPES]
                block = np.empty((min(CHUNK, m - first), self.prepared.height, right - left, 2), np.int16)
                blosc2.decompress2(packed, block, nthreads=1)
                bottom, top = max(low, first), min(high, first + CHUNK)
                near, far = max(left, columns.start), min(right, columns.stop)
                out[at + bottom - low : at + top - low, :, near - columns.start : far - columns.start] = block[
                    bottom - first : top - first, rows, near - left : far - left]  # fmt: skip
            at += high - low
        return out

    def _box(self, box: Box | None) -> Box:
        rows, columns = box or (slice(None), slice(None))
        return slice(*rows.indices(self.prepared.height)[:2]), slice(*columns.indices(self.prepared.width)[:2])

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
        if prepared.method.get("store") != VERSION or opened.segment < 1:
            raise ValueError(f"made by version {prepared.method.get('store', 1)} of the store; this Topspin reads {VERSION}")
        found = [len(one) for one in opened._piles]
    except FileNotFoundError as error:
        missing = Path(error.filename or "a file").name
        raise FormatError(f"{folder.name} is not a finished prepared folder: {missing} is missing") from error
    except FormatError as error:
        raise FormatError(f"{folder.name} is not a whole prepared folder: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{folder.name} is not a prepared folder that can be read: {error}") from error
    lengths = {len(prepared.ordinals), len(prepared.flow_maxima), len(roi.x), len(roi.y), opened.n}
    due = [_pieces(min(opened.segment, opened.n - first)) for first in range(0, opened.n, opened.segment)]
    if found != due or len(lengths) > 1:
        raise FormatError(f"{folder.name}: its parts {found}, {sorted(lengths)} do not fit {opened.n} pictures")
    return opened


def _names(folder: Path, n: int, segment: int) -> list[Path]:
    return [folder / f"segment-{number:05d}.pile" for number in range(-(-n // segment))]


def _pieces(m: int) -> int:
    """How many pieces a segment of `m` pictures has."""
    return (m + -(-m // CHUNK)) * STRIPES + 2


def _stripes(width: int) -> list[tuple[int, int]]:
    return [(width * k // STRIPES, width * (k + 1) // STRIPES) for k in range(STRIPES)]


def _last(part: Pile) -> tuple[Float32, Float64]:
    """Centres and maxima of a segment."""
    centres, peaks = part.pieces((len(part) - 2, len(part) - 1))
    return np.frombuffer(centres, "<f4").reshape(-1, 2).astype(np.float32), np.frombuffer(peaks, "<f8").reshape(-1, 2)


class Writer:
    """Writes one prepared folder segment by segment, in any order; what a run before it finished is kept.

    OSError ENOSPC at once if the disk has not the room that is to be expected.
    """

    def __init__(self, folder: Path, *, n: int, height: int, width: int, segment: int = SEGMENT) -> None:
        if segment % CHUNK:
            raise ValueError(f"a segment is a multiple of {CHUNK} pictures")
        self.folder, self.n, self.height, self.width, self.segment = folder, n, height, width, segment
        folder.mkdir(parents=True, exist_ok=True)
        self.names = _names(folder, n, segment)
        if shutil.disk_usage(folder).free < EXPECTED * (n - self.done) * height * width:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))

    @property
    def missing(self) -> list[int]:
        """Numbers of the segments that are not on disk."""
        return [number for number, name in enumerate(self.names) if not name.exists()]

    @property
    def done(self) -> int:
        """How many pictures are on disk."""
        return self.n - sum(self.length(number) for number in self.missing)

    def length(self, number: int) -> int:
        return min(self.segment, self.n - number * self.segment)

    def add(self, number: int, pictures: Iterable[Picture]) -> None:
        """Write segment `number` from its pictures, which are taken one by one and packed at once."""
        jpegs: list[bytes] = []
        flow: list[bytes] = []
        chunk = np.empty((CHUNK, self.height, self.width, 2), np.int16)
        centres, peaks = [], []
        for k, (rgb, steps, centre, peak) in enumerate(pictures):
            if rgb.shape != (self.height, self.width, 3) or steps.shape != (self.height, self.width, 2):
                raise ValueError(f"a picture {self.width} x {self.height} is due, not {rgb.shape}, {steps.shape}")
            bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
            jpegs += [cv2.imencode(".jpg", bgr[:, left:right], _JPEG)[1].tobytes() for left, right in _stripes(self.width)]
            chunk[k % CHUNK] = steps
            if k % CHUNK == CHUNK - 1 or k == self.length(number) - 1:
                flow += _packed(chunk[: k % CHUNK + 1])
            centres.append(centre)
            peaks.append(peak)
        if len(peaks) != self.length(number):
            raise ValueError(f"segment {number} has {self.length(number)} pictures, not {len(peaks)}")
        pile.write(self.names[number], [*jpegs, *flow, np.array(centres, "<f4").tobytes(), np.array(peaks, "<f8").tobytes()])

    def finish(self, prepared: Prepared) -> Float32:
        """Fill `prepared.flow_maxima`, return the (N,2) centres; then comes `seal`. FormatError if a segment is damaged."""
        ends = [_last(Pile(name)) for name in self.names]
        peaks = np.concatenate([peak for _, peak in ends])
        prepared.flow_maxima = [(round(float(x), 4), round(float(y), 4)) for x, y in peaks]
        return np.concatenate([centres for centres, _ in ends])

    def seal(self, prepared: Prepared, roi: RoiTrack) -> None:
        """Write `roi.json`, then `prepared.json`: from here on the folder is whole."""
        roi.write(self.folder / "roi.json")
        prepared.write(self.folder / "prepared.json")
        sweep(self.folder)


def damaged(folder: Path) -> list[Path]:
    """The segments of a folder, whole or not, in which a piece is not what was written. Reads everything."""
    found = []
    for path in sorted(folder.glob("segment-*.pile")):
        try:
            part = Pile(path)
            deque(part.pieces(range(len(part))), maxlen=0)
        except FormatError:
            found.append(path)
    return found


def sweep(folder: Path) -> None:
    """Remove what an interrupted write left in a folder."""
    for path in (*folder.glob(".*.pile.*"), *folder.glob(".frames.json*")):
        path.unlink(missing_ok=True)


def _packed(chunk: NDArray[np.int16]) -> list[bytes]:
    # one thread: the bytes of a piece made by several depend on which was faster
    return [blosc2.compress2(np.ascontiguousarray(chunk[:, :, left:right]), codec=blosc2.Codec.ZSTD, clevel=1,
                             filters=[blosc2.Filter.SHUFFLE], typesize=2, nthreads=1)
            for left, right in _stripes(chunk.shape[2])]  # fmt: skip


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
        {**(method or {"method": "given"}), "segment": SEGMENT, "store": VERSION},
        [int(o) for o in ordinals],
        [float(s) for s in seconds],
        [],
    )
    if folder.exists():
        for old in (folder / "prepared.json", *folder.glob("segment-*")):
            old.unlink(missing_ok=True)
    writer = Writer(folder, n=n, height=height, width=width)
    steps, lasted = to_steps(vectors), durations(times)
    for number in writer.missing:
        part = range(number * SEGMENT, number * SEGMENT + writer.length(number))
        writer.add(number, ((pictures[k], steps[k], roi_of.centre(steps[k]), largest(steps[k], lasted[k])) for k in part))
    centres = writer.finish(prepared)
    writer.seal(prepared, roi or roi_of.track(centres, prepared.seconds, prepared.ordinals, width, height))
    return read(folder)


def to_steps(flow: Float32) -> NDArray[np.int16]:
    """Flow in px to int16 steps of 1/64 px, rounded and clipped to +-512 px."""
    return np.asarray(np.clip(np.rint(flow * FLOW_UNIT), -32768, 32767), np.int16)


def largest(steps: NDArray[np.int16], duration: float) -> tuple[float, float]:
    """Largest |u| and |v| of (H,W,2) flow steps that lasted `duration` seconds, in px per 1/120 s."""
    scale = 1 / (FLOW_UNIT * TICK * duration)
    u, v = (cv2.minMaxLoc(plane)[:2] for plane in cv2.split(steps))
    return max(-u[0], u[1]) * scale, max(-v[0], v[1]) * scale
