"""`python -m mlcore.pictures`: single pictures of proxies as JPEG, for browsers that cannot decode exactly themselves.

It stays: each line on standard input asks for one picture, {"folder": DIR, "frame": 412}, and the answer on standard
output is one JSON line and then as many bytes as it says:
  {"frame": 412, "pts": 3433333, "bytes": 151022, "unreadable": false}      and a JPEG of that size
  {"error": {"code": "no_such_frame", "params": {...}}}                     and nothing
A picture is found by its presentation time, which the frame table names, never by counting. `unreadable`: the source's
picture cannot be decoded, and the proxy shows the one before it there. While nobody asks, the rest of the group of pictures is
packed too, because the neighbours are asked for next. It ends when its input ends, when nobody has asked for
IDLE_S seconds, or when one picture takes longer than PICTURE_S.
"""

from __future__ import annotations

from mlcore import limits

if __name__ == "__main__":
    limits.apply(memory_gb=2, no_network=True)  # before numpy and av start threads

import argparse
import io
import json
import os
import select
import signal
import sys
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av
from PIL import Image

from mlcore.files import FormatError
from mlcore.formats import FrameTable
from mlcore.progress import StepError
from mlcore.video import Painter, Video, open_video

IDLE_S, PICTURE_S = 120.0, 10
FILMS, CACHE_BYTES = 4, 64 * 1024**2
QUALITY = 90
GROUP = 12  # pictures from one key frame of a proxy to the next (mlcore.proxy)


class Film:
    """An open proxy with its frame table; it gives its pictures by ordinal."""

    def __init__(self, folder: Path) -> None:
        self.stamp = _changed(folder)
        self.table = FrameTable.read(folder / "frames.json")
        self._open = ExitStack()
        self._video: Video = self._open.enter_context(open_video(folder / "proxy.mp4"))
        context = self._video.stream.codec_context
        self._painter = Painter((context.width, context.height), 0)
        scale = Fraction(*self.table.time_base) / self._video.time_base
        times = [divmod((pts - self.table.pts[0]) * scale.numerator, scale.denominator) for pts in self.table.pts]
        if any(rest for _, rest in times):
            raise FormatError("frames.json names times that proxy.mp4 cannot have")
        self._stamps = [stamp for stamp, _ in times]
        self._unreadable = frozenset(self.table.unreadable)
        self._coming: Iterator[tuple[int, Any]] = iter(())
        self._next = self._end = 0  # ordinals that `_coming` still gives
        self._passed: list[tuple[int, Any]] = []  # decoded on the way to a picture, not packed yet

    def close(self) -> None:
        self._open.close()

    def about(self, frame: int) -> dict[str, Any]:
        """What is said of a picture beside its bytes."""
        return {"frame": frame, "pts": self.table.pts[frame], "unreadable": frame in self._unreadable}

    def jpeg(self, frame: int) -> bytes:
        """The picture as JPEG. Raises StepError frame_lost{frame} if the proxy has none at that time."""
        for at, (ordinal, picture) in enumerate(self._passed):
            if ordinal == frame:
                del self._passed[at]
                return self._packed(picture)
        if not self._next <= frame < self._end:
            self._passed.clear()
            self._next = frame // GROUP * GROUP
            self._end = min(self._next + GROUP, self.table.n)
            self._coming = self._decoded(frame)
        for ordinal, picture in self._coming:
            self._next = ordinal + 1
            if ordinal == frame:
                return self._packed(picture)
            if ordinal > frame:
                break
            self._passed.append((ordinal, picture))
        self._next = self._end = 0
        raise StepError("frame_lost", frame=frame)

    def neighbour(self) -> tuple[int, bytes] | None:
        """One more picture of the group that was read last; None when all of them have been given."""
        if self._passed:
            ordinal, picture = self._passed.pop()
            return ordinal, self._packed(picture)
        ordinal, picture = next(self._coming, (self._end, None))
        self._next = ordinal + 1
        if picture is None or ordinal >= self._end:
            self._next = self._end = 0
            return None
        return ordinal, self._packed(picture)

    def _decoded(self, frame: int) -> Iterator[tuple[int, Any]]:
        """(ordinal, picture) from the key frame before `frame` to the end of its group, each known by its time."""
        self._video.seek(self._stamps[frame])
        for stamp, picture in self._video.pictures():
            ordinal = bisect_left(self._stamps, stamp)
            if ordinal >= self._end:
                return
            if self._stamps[ordinal] == stamp and ordinal >= self._next:
                yield ordinal, picture

    def _packed(self, picture: Any) -> bytes:
        out = io.BytesIO()
        Image.fromarray(self._painter.paint(picture)).save(out, "JPEG", quality=QUALITY)
        return out.getvalue()


class Pictures:
    """Some open films and their latest pictures, both bounded: the ones used longest ago go first."""

    def __init__(self, *, films: int = FILMS, cache_bytes: int = CACHE_BYTES) -> None:
        self._most_films, self._most_bytes = films, cache_bytes
        self._films: OrderedDict[Path, Film] = OrderedDict()
        self._packed: OrderedDict[tuple[Path, int], bytes] = OrderedDict()
        self._bytes = 0
        self._reading: Path | None = None  # whose group is not packed whole yet

    def picture(self, folder: Path, frame: int) -> tuple[dict[str, Any], bytes]:
        """What is said of the picture, and its JPEG.

        Raises StepError not_found, no_such_frame{frame, n}, frame_lost{frame}; FormatError; as mlcore.video.open_video.
        """
        film = self._film(folder)
        if not 0 <= frame < film.table.n:
            raise StepError("no_such_frame", frame=frame, n=film.table.n)
        jpeg = self._packed.get((folder, frame))
        if jpeg is None:
            jpeg = film.jpeg(frame)
            self._reading = folder
            self._keep(folder, frame, jpeg)
        self._packed.move_to_end((folder, frame))
        return film.about(frame), jpeg

    def work_ahead(self) -> bool:
        """Pack one more neighbour of the last picture; whether there was one."""
        film = self._films.get(self._reading) if self._reading else None
        found = film.neighbour() if film else None
        if found is None or self._reading is None:
            self._reading = None
            return False
        self._keep(self._reading, *found)
        return True

    def _film(self, folder: Path) -> Film:
        film = self._films.get(folder)
        if film is not None and film.stamp != _changed(folder):
            self._forget(folder)
            film = None
        if film is None:
            film = self._films[folder] = Film(folder)
            if len(self._films) > self._most_films:
                self._forget(next(iter(self._films)))
        self._films.move_to_end(folder)
        return film

    def _forget(self, folder: Path) -> None:
        self._films.pop(folder).close()
        for key in [key for key in self._packed if key[0] == folder]:
            self._bytes -= len(self._packed.pop(key))

    def _keep(self, folder: Path, frame: int, jpeg: bytes) -> None:
        self._bytes += len(jpeg) - len(self._packed.pop((folder, frame), b""))
        self._packed[folder, frame] = jpeg
        while self._bytes > self._most_bytes and len(self._packed) > 1:
            self._bytes -= len(self._packed.popitem(last=False)[1])


def _changed(folder: Path) -> tuple[int, int]:
    """When the two files were written; files change by rename only. Raises StepError not_found without them."""
    try:
        return (folder / "proxy.mp4").stat().st_mtime_ns, (folder / "frames.json").stat().st_mtime_ns
    except FileNotFoundError as error:
        raise StepError("not_found") from error


def answer(pictures: Pictures, line: bytes, out: BinaryIO) -> None:
    """Answer one question, as the module's docstring says."""
    jpeg = b""
    try:
        asked = json.loads(line)
        about, jpeg = pictures.picture(Path(asked["folder"]), int(asked["frame"]))
        head: dict[str, Any] = {**about, "bytes": len(jpeg)}
    except StepError as error:
        head = {"error": {"code": error.code, "params": error.params}}
    except (FormatError, OSError, av.FFmpegError) as error:
        head = {"error": {"code": "bad_frames", "params": {"found": str(error)[:200]}}}
    out.write(json.dumps(head).encode() + b"\n" + jpeg)
    out.flush()


def serve(source: int, out: BinaryIO, *, idle_s: float = IDLE_S) -> None:
    """Answer the lines that come from the file descriptor `source` until it ends or is silent for `idle_s`."""
    pictures, rest, busy = Pictures(), b"", False
    while select.select([source], [], [], 0 if busy else idle_s)[0] or busy:
        if busy and not select.select([source], [], [], 0)[0]:
            busy = pictures.work_ahead()
            continue
        data = os.read(source, 65536)
        if not data:
            return
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            signal.alarm(PICTURE_S)
            answer(pictures, line, out)
            signal.alarm(0)
            busy = True


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m mlcore.pictures", description=__doc__.splitlines()[0])
    parser.parse_args(argv)
    serve(sys.stdin.fileno(), sys.stdout.buffer)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
