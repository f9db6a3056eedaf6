"""What the first bytes of a file say, without a decoder: what it is, and whether it was cut off.

Standard library only. `found` names what a refused file seems to be; `share` tells how much of a container's declared
bytes are there, from its own box, segment or chunk sizes; `broken` whether a Matroska file is damaged inside.
"""

from __future__ import annotations

from pathlib import Path

from mlcore.progress import StepError

MEDIA = {b"FLV": "Flash video", b"OggS": "Ogg", b"GIF8": "GIF picture", b"\x30\x26\xb2\x75": "Windows Media",
         b"\x00\x00\x01\xba": "MPEG programme stream", b"#EXTM3U": "playlist"}
OTHER = {b"\x89PNG": "PNG picture", b"\xff\xd8\xff": "JPEG picture", b"%PDF": "PDF document",
         b"PK\x03\x04": "ZIP archive",
         b"\x1f\x8b": "gzip archive", b"7z\xbc\xaf": "7-Zip archive", b"Rar!": "RAR archive", b"ID3": "MP3 audio",
         b"fLaC": "FLAC audio", b"MZ": "Windows program", b"\x7fELF": "program"}
MATROSKA = b"\x1a\x45\xdf\xa3"
SEGMENT, CLUSTER = 0x18538067, 0x1F43B675
ELEMENTS = frozenset({0x1A45DFA3, 0x1C53BB6B, 0x1254C367, 0x1549A966, 0x1654AE6B, 0x1043A770, 0x1941A469, 0x114D9B74,
                      0xE7, 0xA3, 0xA0, 0xAB, 0xA7, 0xEC, 0xBF, 0x5854, 0xAF})  # RFC 9559: of segments and clusters


def found(path: Path) -> StepError:
    """The refusal for a file that does not open: format_not_allowed{found}, no_index or not_a_video{found}."""
    with path.open("rb") as file:
        head = file.read(4096)
    for magic, name in MEDIA.items():
        if head.startswith(magic):
            return StepError("format_not_allowed", found=name)
    if len(head) > 376 and head[0] == head[188] == head[376] == 0x47:
        return StepError("format_not_allowed", found="MPEG transport stream")
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free") and "moov" not in _boxes(path):
        return StepError("no_index")
    for magic, name in OTHER.items():
        if head.startswith(magic):
            return StepError("not_a_video", found=name)
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return StepError("not_a_video", found="WAVE audio")
    return StepError("not_a_video", found=_text(head))


def _text(head: bytes) -> str:
    if b"\0" in head:
        return "unknown data"
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            return "unknown data"
        text = head[: error.start].decode("utf-8")
    return "web page" if "<html" in text.lower() else "text"


def share(path: Path) -> float:
    """How much of the bytes that the container declares is in the file: 0..1 (1 where it declares nothing)."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(4096)
    if head[:4] == b"RIFF":
        return min(1.0, size / (8 + int.from_bytes(head[4:8], "little")))
    if head.startswith(MATROSKA):
        return _segment_share(head, size)
    ends = _boxes(path).values()
    return min(1.0, size / max(ends, default=1))


def _boxes(path: Path) -> dict[str, int]:
    """Top-level boxes of an mp4 and where each ends by its own word."""
    boxes: dict[str, int] = {}
    size, at = path.stat().st_size, 0
    with path.open("rb") as file:
        while at + 8 <= size and len(boxes) < 100_000:
            file.seek(at)
            head = file.read(16)
            length, kind = int.from_bytes(head[:4], "big"), head[4:8].decode("latin-1")
            if length == 1:
                length = int.from_bytes(head[8:16], "big")
            if length == 0:
                length = size - at
            if length < 8:
                break
            at += length
            boxes[kind if kind not in boxes else f"{kind}@{at}"] = at
    return boxes


def _segment_share(head: bytes, size: int) -> float:
    """Matroska: the first level holds the EBML header and one segment with its size (or none, for live recordings)."""
    at = 0
    while at < len(head) - 12:
        identity, at = _number(head, at, keep_marker=True)
        length, after = _number(head, at, keep_marker=False)
        if identity == SEGMENT:
            unknown = (1 << 7 * (after - at)) - 1
            return 1.0 if length == unknown else min(1.0, size / (after + length))
        at = after + length
    return 1.0


def broken(path: Path) -> bool:
    """Whether a Matroska file is damaged inside: its elements do not follow each other by their own sizes."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(4) != MATROSKA:
            return False
        at = 0
        while at < size:
            file.seek(at)
            head = file.read(16)
            if len(head) < 2:
                break
            identity, after = _number(head, 0, keep_marker=True)
            length, after = _number(head, after, keep_marker=False)
            at += after
            if identity in (SEGMENT, CLUSTER):
                continue
            if identity not in ELEMENTS:
                return True
            at += length
    return at != size


def _number(data: bytes, at: int, *, keep_marker: bool) -> tuple[int, int]:
    """An EBML variable-length number and the place after it."""
    first = data[at]
    width = 9 - first.bit_length() if first else 8
    value = int.from_bytes(data[at:at + width], "big")
    return (value if keep_marker else value & ((1 << 7 * width) - 1)), at + width
