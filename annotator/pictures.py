"""Exact pictures of proxies as JPEG, from a few companions that decode them (mlcore.pictures): no decoder in a web process.

Each web process has at most READERS companions, started when first asked and ending by themselves when nobody asks for
two minutes. A video always goes to the same one, which keeps it open and its latest pictures in memory. Of the threads of a
web process at most WAITING wait for pictures, so that the others stay free for people's work.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import subprocess
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import Any

from annotator import engine
from annotator.engine import EngineError
from strokes.errors import Refused

READERS, WAITING = 2, 4
PATIENCE_S, ANSWER_S = 5.0, 15.0
HEAD_BYTES, JPEG_BYTES = 4096, 64 * 1024**2


@dataclass(frozen=True)
class Picture:
    """Ordinal `frame`; `unreadable`: the source has no readable picture there, and this is the one before it."""

    frame: int
    pts: int
    unreadable: bool
    jpeg: bytes


class Broken(Exception):
    """The companion ended, or said what it should not."""


class Reader:
    """One companion, started anew when it is gone. One question at a time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, folder: Path, frame: int) -> Picture:
        """EngineError with what the companion refused, pictures_busy, or pictures_failed{frame} after a second try."""
        if not self._lock.acquire(timeout=PATIENCE_S):
            raise EngineError("pictures_busy")
        try:
            for _attempt in range(2):
                try:
                    return self._asked(folder, frame)
                except (Broken, OSError):
                    self.close()
            raise EngineError("pictures_failed", {"frame": frame})
        finally:
            self._lock.release()

    def _asked(self, folder: Path, frame: int) -> Picture:
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._process = engine.companion("pictures")
        process, until = self._process, time.monotonic() + ANSWER_S
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps({"folder": str(folder), "frame": frame}).encode() + b"\n")
        head, rest = _until_newline(process.stdout.fileno(), until)
        if isinstance(error := head.get("error"), dict):
            raise EngineError(str(error.get("code")), error.get("params"))
        size = int(head.get("bytes", -1))
        if head.get("frame") != frame or not 0 < size <= JPEG_BYTES:
            raise Broken
        while len(rest) < size:
            rest += _read(process.stdout.fileno(), until)
        return Picture(frame, int(head["pts"]), bool(head["unreadable"]), bytes(rest))

    def close(self) -> None:
        """End the companion, if there is one."""
        process, self._process = self._process, None
        if process is None:
            return
        engine.kill_group(process.pid)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        process.wait()


def _read(fd: int, until: float) -> bytes:
    if not select.select([fd], [], [], max(0.0, until - time.monotonic()))[0]:
        raise Broken
    data = os.read(fd, 1 << 20)
    if not data:
        raise Broken
    return data


def _until_newline(fd: int, until: float) -> tuple[dict[str, Any], bytearray]:
    """The head of an answer, and what was read beyond it."""
    data = bytearray()
    while b"\n" not in data:
        if len(data) > HEAD_BYTES:
            raise Broken
        data += _read(fd, until)
    line, _, rest = data.partition(b"\n")
    try:
        head = json.loads(line)
    except ValueError as error:
        raise Broken from error
    if not isinstance(head, dict):
        raise Broken
    return head, rest


_readers = [Reader() for _ in range(READERS)]
_waiting = BoundedSemaphore(WAITING)


def version(folder: Path) -> str:
    """Which proxy the pictures are of; Refused not_found where there is none yet."""
    try:
        stat = (folder / "proxy.mp4").stat()
    except FileNotFoundError as error:
        raise Refused("not_found") from error
    return f"{stat.st_mtime_ns:x}-{stat.st_size:x}"


def picture(folder: Path, frame: int) -> Picture:
    """Picture `frame` of the video in `folder`.

    EngineError no_such_frame{frame, n}, frame_lost{frame}, bad_frames, not_found, pictures_busy, pictures_failed{frame}.
    """
    with _turn():
        return _readers[zlib.crc32(bytes(folder)) % READERS].ask(folder, frame)


@contextlib.contextmanager
def _turn() -> Iterator[None]:
    if not _waiting.acquire(timeout=PATIENCE_S):
        raise EngineError("pictures_busy")
    try:
        yield
    finally:
        _waiting.release()


def close() -> None:
    """End all companions of this process."""
    for reader in _readers:
        reader.close()


atexit.register(close)
