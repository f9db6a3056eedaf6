"""`python -m mlcore.probe VIDEO --out DIR --sha256 HEX --max-seconds S`: do we take it, and which pictures has it?

Writes DIR/frames.json. How the table is made, cheap and exact:
1. The packets of the chosen stream, without decoding: their times, sorted, are the pictures. Packets that an edit list
   discards and packets that hold only a hidden picture (VP8, VP9) are left out.
2. Spots at the beginning, middle and end are decoded and compared with it. Pictures before the first one that can be
   decoded have no ordinal (nothing could be shown for them), but count as declared.
3. Everything is decoded instead where a spot differs, where times are missing or repeated, and where the video is so
   short that it costs nothing.
The proxy decodes every picture anyway; where damage between the spots makes the table wrong, `mlcore.proxy` writes the
true one before anybody labels by it. There are three outcomes: fine; fine with the loss stated (`unreadable` pictures,
`declared` > n); refused.
"""

from __future__ import annotations

from mlcore import limits

if __name__ == "__main__":
    limits.apply(memory_gb=2, no_network=True)  # before numpy and av start threads

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av

from mlcore.container import broken, share
from mlcore.formats import FrameTable
from mlcore.progress import Progress, StepError, run_step
from mlcore.video import AUDIO_CODECS, Stamps, Video, check_size, fit, open_video, reconciled

FULL_PIXELS = 300 * 1280 * 720
SPOT = 24
MAX_RATE = 1000


@dataclass
class Packets:
    """What the container says about the stream: times of what will be shown (sorted), key frames, what is left out.

    `rising`: every picture has a time of its own; `exact`: these are the very times that the decoder will give.
    """

    pts: list[int] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    left_out: int = 0
    exact: bool = True
    rising: bool = False


def probe(path: Path, *, sha256: str, max_seconds: float, progress: Progress | None = None) -> FrameTable:
    """The frame table of the video `path`.

    Raises StepError: those of `mlcore.video.open_video`, too_long{minutes}, no_frames, truncated{declared, found},
    not_a_video{found}.
    """
    progress = progress or Progress("index")
    with open_video(path) as video:
        packets = _read_packets(video, max_seconds, progress, path.stat().st_size)
        promised = _promised(video, packets, path)
        audio = any(s.codec_context is not None and s.codec_context.codec.canonical_name in AUDIO_CODECS
                    for s in video.container.streams.audio)
        chosen = video.stream.index
    first = _first_picture(path)
    pts, unreadable, counted = _pictures(path, packets, first, progress)
    declared = max(len(pts), promised)
    if len(pts) * 2 < declared:
        raise StepError("truncated", declared=declared, found=len(pts))
    ordinals = {stamp: k for k, stamp in enumerate(pts)}
    keys = [] if counted else sorted({0, *(ordinals[key] for key in packets.keys if key in ordinals)})
    table = FrameTable(
        sha256=sha256, stream=chosen, codec=first.codec, width=first.width, height=first.height,
        rotation=first.rotation, time_base=first.time_base.as_integer_ratio(), pts=pts, keyframes=keys,
        unreadable=unreadable, audio=audio, declared_frames=declared, bytes=path.stat().st_size)
    if table.duration_s > max_seconds:
        raise StepError("too_long", minutes=round(max_seconds / 60))
    return table


def _promised(video: Video, packets: Packets, path: Path) -> int:
    """How many pictures the container promises: by its index, by bytes missing at its end, by holes in damage.

    An estimate where only times are left to go by; never more than the packets in a container that is whole.
    """
    here, name, whole = len(packets.pts), video.container.format.name, share(path)
    if "mp4" in name and video.stream.frames:
        return max(here, int(video.stream.frames) - packets.left_out)
    by_bytes = round(here / whole) if whole < 0.999 else here
    steps = [b - a for a, b in pairwise(packets.pts)]
    middle = max(1, sorted(steps)[len(steps) // 2]) if steps else video.step
    if name == "avi" and by_bytes == here:
        listed = sum(entry.size > 0 for entry in video.stream.index_entries)
        after = round(((video.stream.duration or 0) - packets.pts[-1]) / middle) - 1 if here else 0
        return int(max(here, listed, here + after if 0 < after < 4 * here else 0))
    if name == "avi" or not here or not broken(path):
        return by_bytes
    usual = min(middle, video.step)
    end = round(Fraction(video.container.duration or 0, 1_000_000) / video.time_base)
    steps.append(end - packets.pts[-1])
    return max(here + 1, by_bytes, here + sum(round(step / usual) - 1 for step in steps if step > 1.6 * usual))


def _read_packets(video: Video, max_seconds: float, progress: Progress, size: int) -> Packets:
    found, limit = Packets(), max_seconds * MAX_RATE
    for packet in video.packets():
        if packet.is_discard or _hidden(video.codec, packet):
            found.left_out += 1
            continue
        stamp = packet.pts if video.clock == "pts" else packet.dts
        found.exact &= stamp is not None
        found.pts.append(stamp or 0)
        if packet.is_keyframe:
            found.keys.append(stamp or 0)
        if len(found.pts) > limit or (found.pts[-1] - found.pts[0]) * video.time_base > max_seconds + 60:
            raise StepError("too_long", minutes=round(max_seconds / 60))
        if packet.pos is not None and len(found.pts) % 512 == 0:
            progress.at(0.5 * packet.pos / max(size, 1))
    found.pts.sort()
    found.rising = found.exact and all(a < b for a, b in zip(found.pts, found.pts[1:]))
    found.exact = found.rising and video.clock != "count"
    return found


def _hidden(codec: str, packet: Any) -> bool:
    """True if the packet holds no picture to show: the show_frame bit of VP8 (RFC 6386, 9.1) and VP9 (spec, 6.2)."""
    if codec not in ("vp8", "vp9"):
        return False
    data = memoryview(packet)
    if codec == "vp8":
        return not data[0] & 0x10
    if data[-1] & 0xE0 == 0xC0:
        return False  # a superframe ends with the picture to show
    shift = 1 if data[0] & 0x30 == 0x30 else 0
    return not data[0] >> (3 - shift) & 1 and not data[0] >> (1 - shift) & 1


@dataclass
class First:
    """What the first decoded picture tells about all: stamp, upright size, rotation."""

    stamp: int
    width: int
    height: int
    rotation: int
    codec: str
    time_base: Fraction


def _first_picture(path: Path) -> First:
    with open_video(path) as video:
        for stamp, frame in video.pictures():
            check_size(frame.width, frame.height)
            shape = video.stream.sample_aspect_ratio
            width = round(frame.width * shape) if shape and Fraction(1, 4) <= shape <= 4 else frame.width
            rotation = round(frame.rotation / 90) * 90 % 360
            upright = (width, frame.height) if rotation % 180 == 0 else (frame.height, width)
            return First(stamp, *upright, rotation, video.codec, video.time_base)
    raise StepError("no_frames")


def _pictures(path: Path, packets: Packets, first: First, progress: Progress) -> tuple[list[int], list[int], bool]:
    """(pts, unreadable ordinals, whether pictures have to be counted)."""
    if packets.exact:
        expected = [pts for pts in packets.pts if pts >= first.stamp]
        short = len(packets.pts) * first.width * first.height <= FULL_PIXELS
        if not short and _spots_agree(path, expected):
            return expected, [], False
        pts, unreadable, repaired = _decoded(path, expected, len(packets.pts), progress)
        if not repaired:
            return pts, unreadable, False
    pts, unreadable, _ = _decoded(path, [], len(packets.pts), progress)
    return (packets.pts if packets.rising and len(pts) == len(packets.pts) else pts), unreadable, True


def _decoded(path: Path, expected: list[int], total: int, progress: Progress) -> tuple[list[int], list[int], bool]:
    """Decode everything: (pts, unreadable ordinals, whether a time had to be repaired)."""
    pts: list[int] = []
    unreadable: list[int] = []
    with open_video(path, threads=2) as video:
        stamps = Stamps(video)
        for ordinal, (stamp, frame) in enumerate(reconciled(expected, stamps.of(video.packets()))):
            pts.append(stamp)
            if frame is None:
                unreadable.append(ordinal)
            progress.at(0.5 + 0.5 * ordinal / max(total, 1))
        return pts, unreadable, stamps.repaired


def _spots_agree(path: Path, expected: list[int]) -> bool:
    """Whether decoding gives exactly the expected pictures at the beginning, in the middle and at the end."""
    for begin in (0, len(expected) // 2, max(0, len(expected) - SPOT)):
        wanted = expected[begin:begin + SPOT]
        seen = []
        with open_video(path) as video:
            if begin:
                video.seek(wanted[0])
            for stamp, frame in video.pictures():
                if stamp > wanted[-1]:
                    break
                if stamp >= wanted[0] and not frame.is_corrupt:
                    seen.append(stamp)
        if seen != wanted:
            return False
    return True


def disk_estimate(table: FrameTable, *, rate: float = 30.0) -> int:
    """Bytes that this video will take beside its source.

    Proxy: 0.09 bytes per pixel and picture (x264 at quality 21, a key frame each 12, handheld footage), but not more
    than twice the source's bytes plus a tenth of that; its small copy a quarter of it. Prepared store: pictures at most 320 on the long side at `rate`,
    3 bytes per pixel of RGB and 0.45 of flow. Thumbnails and tables: 40 bytes per picture and 2 MB.
    """
    width, height = fit(table.width, table.height, 1280, 720)
    proxy = min(0.09 * width * height * table.n, 2 * table.bytes + 0.009 * width * height * table.n)
    width, height = fit(table.width, table.height, 320)
    stored = min(table.n, round(table.duration_s * rate) + 1)
    return round(1.25 * proxy + 3.45 * width * height * stored + 40 * table.n + 2e6)


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog="python -m mlcore.probe", description=__doc__.splitlines()[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sha256", required=True)
    parser.add_argument("--max-seconds", type=float, default=4 * 3600.0)
    parser.add_argument("--rate", type=float, default=30.0, help="of prepared pictures, Hz (disk estimate)")
    args = parser.parse_args(argv)
    try:
        table = probe(args.video, sha256=args.sha256, max_seconds=args.max_seconds)
    except av.FFmpegError as error:
        raise StepError("not_a_video", found=f"damaged video ({error.strerror})") from error
    table.write(args.out / "frames.json")
    return {"n": table.n, "fps": round(table.fps, 3), "duration_s": round(table.duration_s, 3), "width": table.width,
            "height": table.height, "rotation": table.rotation, "codec": table.codec, "audio": table.audio,
            "unreadable": len(table.unreadable), "declared": table.declared_frames,
            "disk_estimate": disk_estimate(table, rate=args.rate)}


if __name__ == "__main__":
    raise SystemExit(run_step(main))
