"""The clip cache: pictures at a network's scale, unpacked once and kept on disk, shared by all processes that learn or look.

A shelf is one video at one size and rate: a sparse file `<name>.shelf` that is mapped into memory and filled block by block on
first use. It can be deleted at any time: what is missing is made again from the prepared folder.

    table    for each block: CRC-32 of its bytes (u4), then MADE (u4) once it is written; padded to a page
    blocks   `BLOCK` pictures (h, w, 3) uint8 RGB, then as many velocities (2, h, w) int16

* A block counts only if its checksum fits, looked at once by each process: what a power cut tore is made again.
* Several processes may fill the same block at once: they write the same bytes.
* A process holds a shared lock on the shelves it uses. When the folder would grow beyond its limit, the shelves used longest
  ago that nobody holds are removed; where that is not enough, or the disk is full, pictures are read from the prepared
  folder each time, with the last ones kept in memory.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import shutil
import tempfile
import threading
import weakref
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 16  # pictures
RECENT_BYTES = 64 * 2**20  # in memory, of what could not be put on a shelf
_MADE = 0x544B4F50
_ENTRY = np.dtype([("crc", "<u4"), ("made", "<u4")])
_PAGE = 4096

Pair = tuple[NDArray[np.uint8], NDArray[np.int16]]  # (n, h, w, 3) pictures and (n, 2, h, w) velocities
Make = Callable[[int, int], Pair]  # the pictures [begin, end) of a shelf


class Cache:
    """The shelves in `folder`, together at most `limit` bytes on disk."""

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder, self.limit = Path(folder), limit
        self._recent: OrderedDict[tuple[str, int], Pair] = OrderedDict()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return Cache, (self.folder, self.limit)

    def shelf(self, name: str, n: int, size: tuple[int, int], make: Make) -> Shelf:
        """The shelf `name` of `n` pictures of `size` = (width, height). The name must tell all that its values depend on."""
        return Shelf(self, name, n, size, make)

    @property
    def bytes(self) -> int:
        """What the shelves take on disk."""
        return sum(used for _, used, _ in self._shelves())

    def _shelves(self) -> list[tuple[float, int, Path]]:
        """(when used last, bytes on disk, path), the one used longest ago first."""
        found: list[tuple[float, int, Path]] = []
        if not self.folder.is_dir():
            return found
        with os.scandir(self.folder) as entries:
            for entry in entries:
                if entry.name.endswith(".shelf"):
                    try:
                        about = entry.stat()
                    except FileNotFoundError:
                        continue
                    found.append((about.st_mtime, about.st_blocks * 512, Path(entry.path)))
        return sorted(found)

    @contextmanager
    def room(self, wanted: int) -> Iterator[bool]:
        """Whether `wanted` bytes may be written inside this context, after removing what nobody holds; one process at a time."""
        handle = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            shelves = self._shelves()
            total = sum(used for _, used, _ in shelves) + wanted
            for _, used, path in shelves:
                if total <= self.limit:
                    break
                total -= used if _removed(path) else 0
            yield total <= self.limit
        finally:
            os.close(handle)

    def remember(self, name: str, number: int, pair: Pair) -> None:
        """Keep a block that found no room, as one of the last ones."""
        with self._lock:
            self._recent[name, number] = pair
            while len(self._recent) > 1 and sum(a.nbytes + b.nbytes for a, b in self._recent.values()) > RECENT_BYTES:
                self._recent.popitem(last=False)

    def remembered(self, name: str, number: int) -> Pair | None:
        with self._lock:
            if (name, number) in self._recent:
                self._recent.move_to_end((name, number))
            return self._recent.get((name, number))


class OwnCache(Cache):
    """A cache in a folder of its own that ends with it. With the limit 0 only the last blocks are kept, in memory: right where every
    picture is looked at once."""

    def __init__(self, limit: int = 0) -> None:
        folder = tempfile.mkdtemp(prefix="clips-") if limit else os.devnull
        super().__init__(Path(folder), limit)
        if limit:
            weakref.finalize(self, shutil.rmtree, folder, True)


class Shelf:
    """One video's pictures. Made by `Cache.shelf`; safe in threads."""

    def __init__(self, cache: Cache, name: str, n: int, size: tuple[int, int], make: Make) -> None:
        self.cache, self.name, self.n, self.make = cache, name, n, make
        self.path = cache.folder / f"{name}.shelf"
        width, height = size
        self._shapes = (BLOCK, height, width, 3), (BLOCK, 2, height, width)
        self._rgb_bytes, self._bytes = BLOCK * height * width * 3, BLOCK * height * width * 7
        self.blocks = -(-n // BLOCK)
        self._begin = -(-self.blocks * _ENTRY.itemsize // _PAGE) * _PAGE
        self._views: list[Pair | None] = [None] * self.blocks
        self._lock = threading.Lock()
        self._map: mmap.mmap | None = None
        self._inode = 0
        if cache.limit:
            try:
                self._open()
            except OSError:  # no disk for it: every block is made when it is asked for
                self._map = None

    def _open(self) -> None:
        self.cache.folder.mkdir(parents=True, exist_ok=True)
        while self._map is None:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_SH)
                self._inode = os.fstat(handle).st_ino
                if not self.path.exists() or self.path.stat().st_ino != self._inode:
                    continue  # removed between opening and locking
                os.ftruncate(handle, self._begin + self.blocks * self._bytes)
                os.utime(handle)
                self._map = mmap.mmap(handle, 0, prot=mmap.PROT_READ)  # keeps a handle of its own, and so the lock
            finally:
                os.close(handle)

    def at(self, index: int) -> Pair:
        """((h, w, 3) RGB, (2, h, w) velocity) of picture `index`; not to be written to."""
        number, k = divmod(index, BLOCK)
        pair = self._views[number] or self._block(number)
        return pair[0][k], pair[1][k]

    def _block(self, number: int) -> Pair:
        with self._lock:
            pair = self._views[number]
            if pair is None and self._map is not None and self._fits(number):
                pair = self._views[number] = self._view(number)
            pair = pair or self.cache.remembered(self.name, number)
            if pair is None:
                pair = self.make(number * BLOCK, min(self.n, (number + 1) * BLOCK))
                if self._put(number, pair):
                    self._views[number] = self._view(number)
                else:
                    self.cache.remember(self.name, number, pair)
            return pair

    def _view(self, number: int) -> Pair:
        assert self._map is not None
        at = self._begin + number * self._bytes
        rgb = np.frombuffer(self._map, np.uint8, self._rgb_bytes, at).reshape(self._shapes[0])
        steps = np.frombuffer(self._map, np.int16, (self._bytes - self._rgb_bytes) // 2, at + self._rgb_bytes)
        return rgb, steps.reshape(self._shapes[1])

    def _fits(self, number: int) -> bool:
        """Whether the block is written and whole."""
        assert self._map is not None
        crc, made = np.frombuffer(self._map, _ENTRY, 1, number * _ENTRY.itemsize)[0]
        if made != _MADE:
            return False
        at = self._begin + number * self._bytes
        return bool(zlib.crc32(memoryview(self._map)[at : at + self._bytes]) == crc)

    def _put(self, number: int, pair: Pair) -> bool:
        """Write a block; False if there is no room for it."""
        data = bytearray(self._bytes)  # the last block is padded with zeros
        data[: pair[0].nbytes] = pair[0].tobytes()
        data[self._rgb_bytes : self._rgb_bytes + pair[1].nbytes] = pair[1].tobytes()
        entry = np.array((zlib.crc32(data), _MADE), _ENTRY).tobytes()
        try:
            with self.cache.room(self._bytes) as free:
                if self._map is None or not free:
                    return False
                handle = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)
                try:
                    if os.fstat(handle).st_ino != self._inode:
                        return False  # somebody emptied the folder
                    _write(handle, data, self._begin + number * self._bytes)
                    _write(handle, entry, number * _ENTRY.itemsize)
                finally:
                    os.close(handle)
        except OSError:
            return False
        return True


def _write(handle: int, data: bytes | bytearray, at: int) -> None:
    rest = memoryview(data)
    while rest:
        done = os.pwrite(handle, rest, at)
        rest, at = rest[done:], at + done


def _removed(path: Path) -> bool:
    """Remove a shelf unless somebody holds it."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
