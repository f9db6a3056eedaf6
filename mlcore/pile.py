"""A pile: numbered pieces of bytes in one file, each with its checksum, read one by one.

    pieces   one after the other
    index    for each piece where it ends (u8) and its CRC-32 (u4), little-endian
    foot     MAGIC, number of pieces (u8), CRC-32 of the index (u4)
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlcore.files import FormatError, write_atomic

MAGIC = b"TSPILE01"
_INDEX = np.dtype([("end", "<u8"), ("crc", "<u4")])
_FOOT = struct.Struct("<8sQI")


def write(path: Path, pieces: Sequence[bytes | memoryview]) -> None:
    """Write the pile as a whole or not at all."""
    index = np.empty(len(pieces), _INDEX)
    index["end"] = np.cumsum([len(piece) for piece in pieces])
    index["crc"] = [zlib.crc32(piece) for piece in pieces]
    table = index.tobytes()
    write_atomic(path, b"".join((*pieces, table, _FOOT.pack(MAGIC, len(pieces), zlib.crc32(table)))))


class Pile:
    """The pile at `path`. It holds no file open. FormatError if the file is not whole; FileNotFoundError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _FOOT.size))
            foot = file.read(_FOOT.size)
            magic, count, crc = _FOOT.unpack(foot) if len(foot) == _FOOT.size else (b"", 0, 0)
            begin = size - _FOOT.size - count * _INDEX.itemsize
            if magic != MAGIC or begin < 0:
                raise FormatError(f"{path.name} is cut off or not one of our files")
            file.seek(begin)
            table = file.read(count * _INDEX.itemsize)
        index: np.ndarray[Any, Any] = np.frombuffer(table, _INDEX)
        if zlib.crc32(table) != crc or (int(index["end"][-1]) if count else 0) != begin:
            raise FormatError(f"the index of {path.name} is damaged")
        self._ends = np.concatenate(([0], index["end"].astype(np.int64)))
        self._crcs = index["crc"].copy()

    def __len__(self) -> int:
        return len(self._crcs)

    def pieces(self, numbers: Iterable[int]) -> Iterator[bytes]:
        """The pieces of these numbers. FormatError where one is not what was written."""
        handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            for number in numbers:
                begin, end = int(self._ends[number]), int(self._ends[number + 1])
                piece = os.pread(handle, end - begin, begin)
                if zlib.crc32(piece) != self._crcs[number]:
                    raise FormatError(f"{self.path.parent.name}/{self.path.name} is damaged at piece {number}")
                yield piece
        finally:
            os.close(handle)
