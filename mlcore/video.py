"""The one decoder of the product: every step that looks at pictures opens and reads videos through this module.

* Opening: only local files, only the containers of FORMATS (a playlist named .mp4 cannot make it read another file),
  only the codecs of CODECS, at most MAX_PIXELS a picture; all checked before a picture is decoded for us.
* Stream: the one that libav calls best (default first, then most pictures and bits), as ffmpeg chooses; no cover.
* Pictures: in presentation order. Edit lists are honoured and hidden pictures are not counted, because the decoder
  does not show them. A picture is found by its time, never by counting after a seek.
* Clock: a picture's own presentation time ("pts"); in AVI, which has none, its decoding time as long as nothing is
  reordered ("dts"). Where neither rises, pictures are counted from the beginning ("count"), and `FrameTable.keyframes`
  is empty: such a video is never sought in, because counting is exact only from the first picture on.
* Rotation (`FrameTable.rotation`): degrees counter-clockwise that make the stored picture upright: 0, 90, 180 or 270.
* Colour: a video that does not say its matrix is taken as BT.709 from 720 rows on, else BT.601, and limited range.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

from mlcore.container import found
from mlcore.formats import FrameTable
from mlcore.progress import StepError

FORMATS = "mov,mp4,matroska,webm,avi"
CODECS = frozenset({"h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "mjpeg"})
AUDIO_CODECS = frozenset({"aac", "mp3", "opus", "vorbis", "flac", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s16be",
                          "pcm_s24le", "pcm_f32le", "pcm_u8"})
DECODERS = ",".join(sorted(CODECS | AUDIO_CODECS | {"libdav1d", "libvpx", "libvpx-vp9", "mp3float", "libopus"}))
MAX_PIXELS = 4096 * 2304
MAX_STREAMS = 32
MAX_ERRORS = 64
Pixels = NDArray[np.uint8]


@dataclass
class Video:
    """An open video. `clock` is explained above; `known`: times of the pictures where they are counted by a table."""

    container: Any
    stream: Any
    codec: str
    clock: str
    known: Sequence[int] = ()
    errors: int = 0

    @property
    def time_base(self) -> Fraction:
        return Fraction(self.stream.time_base)

    @property
    def step(self) -> int:
        """The nominal time from one picture to the next, in the time base, at least 1."""
        rate = self.stream.average_rate or self.stream.guessed_rate or Fraction(25)
        return max(1, round(1 / (Fraction(rate) * self.time_base)))

    def seek(self, pts: int) -> None:
        """Go to a key frame at or before `pts`, as the container finds it; the caller drops what comes too early."""
        if self.clock != "count":
            with suppress(av.FFmpegError):
                self.container.seek(pts, stream=self.stream, backward=True)

    def packets(self, *more: Any) -> Iterator[Any]:
        """Packets of the stream (and of `more` streams) from here on, past places that cannot be read."""
        failures = 0
        while failures < MAX_ERRORS:
            try:
                for packet in self.container.demux(self.stream, *more):
                    if packet.size:
                        yield packet
                return
            except av.FFmpegError:
                failures += 1
                self.errors += 1

    def decode(self, packet: Any) -> list[Any]:
        """The pictures that come out when `packet` (None: no more) goes in; a broken one gives none and is counted."""
        try:
            return list(self.stream.codec_context.decode(packet))
        except av.EOFError:
            return []
        except av.FFmpegError:
            self.errors += 1
            return []

    def pictures(self) -> Iterator[tuple[int, Any]]:
        """(stamp, av.VideoFrame) in presentation order from here on."""
        return Stamps(self).of(self.packets())


class Stamps:
    """Decodes packets and gives each picture, in presentation order, its strictly rising time in the time base.

    `repaired` tells that a time was missing or did not rise, and was set one step after the picture before.
    """

    def __init__(self, video: Video) -> None:
        self._video, self._count, self.repaired = video, 0, False
        self._last: int | None = None

    def of(self, packets: Iterator[Any]) -> Iterator[tuple[int, Any]]:
        for packet in chain(packets, (None,)):
            for frame in self._video.decode(packet):
                yield self._stamp(frame), frame

    def _stamp(self, frame: Any) -> int:
        video = self._video
        if self._count < len(video.known):
            stamp: int | None = video.known[self._count]
        else:
            stamp = frame.dts if video.clock == "dts" else frame.pts
        if stamp is None or (self._last is not None and stamp <= self._last):
            stamp, self.repaired = 0 if self._last is None else self._last + video.step, True
        self._count, self._last = self._count + 1, stamp
        return stamp


@contextmanager
def open_video(path: Path, *, table: FrameTable | None = None, threads: int = 1) -> Iterator[Video]:
    """Open `path` for reading: the stream that `table` is about, or the best one.

    Raises StepError not_a_video{found}, empty_file, truncated, no_video_stream, codec_not_allowed{codec},
    too_large_picture{width, height}.
    """
    if path.stat().st_size == 0:
        raise StepError("empty_file")
    with _opened(path) as container:
        video = _chosen(container, table)
        context = video.codec_context
        codec = context.codec.canonical_name if context is not None else "unknown"
        if codec not in CODECS:
            raise StepError("codec_not_allowed", codec=codec)
        check_size(context.width, context.height)
        context.options = {"max_pixels": str(MAX_PIXELS)}
        context.thread_type = "AUTO"
        context.thread_count = threads
        clock = "pts"
        if container.format.name == "avi":
            clock = "count" if context.has_b_frames else "dts"
        counted = table is not None and not table.keyframes
        yield Video(container, video, codec, "count" if counted else clock, table.pts if table and counted else ())


def check_size(width: int, height: int) -> None:
    """Refuse a picture that is larger than what we decode: StepError too_large_picture."""
    if width * height > MAX_PIXELS or max(width, height) > 8192:
        raise StepError("too_large_picture", width=width, height=height)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    options = {"protocol_whitelist": "file", "format_whitelist": FORMATS, "codec_whitelist": DECODERS,
               "max_streams": str(MAX_STREAMS), "max_pixels": str(MAX_PIXELS)}
    try:
        container = av.open(f"file:{path}", options=options, metadata_errors="replace")
    except FileNotFoundError:
        raise
    except (av.FFmpegError, ValueError, IndexError) as error:
        raise found(path) from error
    try:
        yield container
    finally:
        container.close()


def _chosen(container: Any, table: FrameTable | None) -> Any:
    if table is not None and table.stream < len(container.streams):
        return container.streams[table.stream]
    stream = container.streams.best("video")
    if stream is None or "attached_pic" in str(stream.disposition):
        raise StepError("no_video_stream")
    return stream


def colour_of(frame: Any) -> tuple[Colorspace, ColorRange]:
    """Matrix and range of a decoded picture, guessed as the module's docstring says where the video is silent."""
    matrix = int(frame.colorspace)
    if matrix == 1 or (matrix == 2 and max(frame.height, frame.width * 9 // 16) >= 720):
        space = Colorspace.ITU709
    elif matrix in (9, 10):
        space = Colorspace.BT2020
    else:
        space = Colorspace.ITU601
    full = int(frame.color_range) == int(ColorRange.JPEG) or frame.format.name.startswith("yuvj")
    return space, ColorRange.JPEG if full else ColorRange.MPEG


def fit(width: int, height: int, long: int, short: int | None = None, *, even: bool = False) -> tuple[int, int]:
    """The largest size of the same shape whose sides are at most `long` and `short`; never larger than the picture."""
    scale = min(1.0, long / max(width, height), (short or long) / min(width, height))
    if even:
        return max(2, 2 * round(width * scale / 2)), max(2, 2 * round(height * scale / 2))
    return max(1, round(width * scale)), max(1, round(height * scale))


class Painter:
    """Turns decoded pictures into upright arrays of one size: (H, W, 3) uint8 RGB, or (H, W) uint8 where `gray`.

    `size` is (width, height) as displayed. Area averaging by swscale, then rotation of the small picture.
    """

    def __init__(self, size: tuple[int, int], rotation: int, *, gray: bool = False) -> None:
        self._turns = rotation // 90 % 4
        self._size = size if self._turns % 2 == 0 else (size[1], size[0])
        self._format = "gray" if gray else "rgb24"
        self._reformatter = VideoReformatter()

    def paint(self, frame: Any) -> Pixels:
        space, spread = colour_of(frame)
        small = self._reformatter.reformat(
            frame, width=self._size[0], height=self._size[1], format=self._format, src_colorspace=space,
            src_color_range=spread, dst_color_range=ColorRange.JPEG, interpolation=Interpolation.AREA, threads=1)
        array = np.asarray(small.to_ndarray(), np.uint8)
        return np.ascontiguousarray(np.rot90(array, self._turns)) if self._turns else array


def reconciled(expected: Sequence[int], pictures: Iterator[tuple[int, Any]]) -> Iterator[tuple[int, Any | None]]:
    """The true table while decoding from the beginning: (stamp, picture) for each ordinal, picture None if unreadable.

    `expected` are the rising stamps of the packets. What is expected before the first picture does not exist; a picture
    that the decoder calls damaged is unreadable; a picture nobody expected gets a place of its own.
    """
    at, begun = 0, False
    for stamp, frame in pictures:
        while at < len(expected) and expected[at] < stamp:
            if begun:
                yield expected[at], None
            at += 1
        if at < len(expected) and expected[at] == stamp:
            at += 1
        yield stamp, None if frame.is_corrupt and begun else frame
        begun = True
    if begun:
        for stamp in expected[at:]:
            yield stamp, None


def frames(path: Path, table: FrameTable, begin: int = 0, end: int | None = None, *,
           size: tuple[int, int] | None = None, gray: bool = False, only: Set[int] | None = None,
           threads: int = 1) -> Iterator[tuple[int, Pixels]]:
    """Yield exactly one (ordinal, picture) for each ordinal of [begin, end) (and of `only`), in order.

    Pictures are (H, W, 3) uint8 RGB or (H, W) uint8 (`gray`), upright, of `size` = (width, height) (default: the
    table's). An ordinal in `table.unreadable` repeats the picture before it. Begins at a key frame before `begin` and
    drops by time; if what follows a seek lacks a picture, reads again from the beginning.
    Raises StepError frame_lost{frame} if a picture that the table calls readable cannot be read; and as open_video.
    """
    end = table.n if end is None else min(end, table.n)
    painter = Painter(size or (table.width, table.height), table.rotation, gray=gray)
    at, last = begin, None
    for seek in (True, False):
        with open_video(path, table=table, threads=threads) as video:
            if seek and begin > 0:
                _seek(video, table, begin)
            for picture in _matched(video, table, at, end, painter, last, only):
                if picture is not None and (only is None or at in only):
                    yield at, picture
                at, last = at + 1, picture
        if at >= end:
            return
    raise StepError("frame_lost", frame=at)


def _seek(video: Video, table: FrameTable, begin: int) -> None:
    index = bisect_left(table.keyframes, begin + 1) - 1
    if index >= 0 and table.keyframes[index] > 0:
        video.seek(table.pts[table.keyframes[index]])


def _matched(video: Video, table: FrameTable, begin: int, end: int, painter: Painter,
             last: Pixels | None, only: Set[int] | None) -> Iterator[Pixels | None]:
    """Pictures of ordinals begin, begin + 1, ... until `end` or until one is missing that should be there; None where not in `only`."""
    unreadable = set(table.unreadable)
    at, held = begin, None
    for stamp, frame in video.pictures():
        ordinal = bisect_left(table.pts, stamp)
        known = ordinal < table.n and table.pts[ordinal] == stamp
        readable = known and ordinal not in unreadable
        while at < min(ordinal, end):
            if at not in unreadable or (last is None and held is None):
                return
            last = painter.paint(held) if last is None else last
            yield last
            at += 1
        if readable and ordinal < begin:
            held = frame
        elif readable and ordinal == at and at < end:
            held, last = frame, painter.paint(frame) if only is None or at in only else None
            yield last
            at += 1
        if at >= end:
            return
    while at < end and at in unreadable and (last is not None or held is not None):
        last = painter.paint(held) if last is None else last
        yield last
        at += 1
