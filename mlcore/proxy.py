"""`python -m mlcore.proxy VIDEO --frames DIR/frames.json --out DIR`: the copy that browsers step through exactly.

One pass decodes every picture and makes proxy.mp4, proxy360.mp4, poster.jpg, thumbs.jpg, thumbs.json and motion.json. The pass also
checks the frame table picture by picture; if damage made it wrong, frames.json is rewritten (`corrected`) first.

proxy.mp4: H.264 yuv420p limited range, at most 1280x720 (720x1280), upright, square pixels; picture k is shown at
exactly `pts[k] - pts[0]`, so a variable rate stays variable; no B-pictures, a key frame every 12 pictures and nowhere
else (every seek of a browser is cheap), the index in front; an unreadable ordinal shows the picture before it. Audio is
kept in step: AAC is copied, what else we read becomes AAC, an unreadable track is left out (`audio`: false). A source
that already is like this is copied without encoding. proxy360.mp4 is the same at most 640x360 (360x640) large, picture for
picture and time for time, for slow lines (a link to proxy.mp4 where that is no larger). Both are read back and compared
before they get their names.
"""

from __future__ import annotations

from mlcore import limits

if __name__ == "__main__":
    limits.apply(memory_gb=6, no_network=True)  # before numpy and av start threads

import argparse
import os
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import FrameType
from typing import Any

import av

from mlcore.encoder import GOP, Encoder, Sound
from mlcore.files import FormatError
from mlcore.formats import FrameTable, MotionStrip
from mlcore.motion_strip import Strip
from mlcore.progress import Progress, StepError, Stopped, run_step
from mlcore.thumbs import Thumbs
from mlcore.video import AUDIO_CODECS, Stamps, Video, fit, open_video, reconciled

BOX, QUALITY = (1280, 720), 21
SMALL_BOX, SMALL_QUALITY = (640, 360), 24
MAKING = ".making"
PROXY, SMALL = "proxy.mp4", "proxy360.mp4"
FILES = ("poster.jpg", "thumbs.jpg", "thumbs.json", "motion.json", SMALL, PROXY)


def make(path: Path, *, frames: Path, out: Path, threads: int = 2) -> dict[str, Any]:
    """Make the files named in the module's docstring from the video `path` and its table; return what was done.

    Keys: seconds (taken), speed (video seconds per second), n, unreadable (count), corrected, audio, copied.
    Raises StepError no_frames, proxy_differs{frame}; those of `mlcore.video.open_video`.
    """
    began = time.monotonic()
    table = FrameTable.read(frames)
    _clean(out)
    if _whole(out, table):
        return _report(table, began, corrected=False, copied=False, audio=table.audio)
    making = out / MAKING
    making.mkdir(parents=True)
    try:
        copied = complies(path, table)
        true, audio = _pass(path, table, making, threads, encode=not copied)
        corrected = (true.pts, true.unreadable) != (table.pts, table.unreadable)
        if copied:
            audio = _copy(path, table, making / PROXY)
            copied = not corrected and check(making / PROXY, true) is None
            if not copied:
                true, audio = _pass(path, table, making, threads, encode=True)
        if not _smaller(table):
            os.link(making / PROXY, making / SMALL)
        for name in (PROXY, SMALL):
            wrong = check(making / name, true)
            if wrong is not None:
                raise StepError("proxy_differs", frame=wrong)
        if corrected:
            true.write(frames)
        for name in FILES:
            _flush(making / name)
            os.replace(making / name, out / name)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return _report(true, began, corrected=corrected, copied=copied, audio=audio)


def _report(table: FrameTable, began: float, **more: bool) -> dict[str, Any]:
    seconds = time.monotonic() - began
    return {"seconds": round(seconds, 2), "speed": round(table.duration_s / max(seconds, 1e-3), 2), "n": table.n,
            "unreadable": len(table.unreadable), **more}


def _clean(out: Path) -> None:
    """Remove what an interrupted run left behind."""
    shutil.rmtree(out / MAKING, ignore_errors=True)
    for left in out.glob(".frames.json.*"):
        left.unlink(missing_ok=True)


def _whole(out: Path, table: FrameTable) -> bool:
    """Whether a finished run for this very table is here."""
    if not all((out / name).is_file() for name in FILES):
        return False
    try:
        return all(check(out / name, table) is None for name in (PROXY, SMALL)) and bool(MotionStrip.read(out / "motion.json").values)
    except (StepError, av.FFmpegError, FormatError):
        return False


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _smaller(table: FrameTable) -> bool:
    """Whether the copy for slow lines is smaller than the proxy."""
    large, small = (fit(table.width, table.height, *box, even=True) for box in (BOX, SMALL_BOX))
    return small != large


class Copies:
    """The one or two copies that one pass writes: large (if `encode`) and small (where that is smaller)."""

    def __init__(self, making: Path, table: FrameTable, threads: int, *, encode: bool) -> None:
        self.large = Encoder(making / PROXY, table, BOX, QUALITY, threads) if encode else None
        self.small = Encoder(making / SMALL, table, SMALL_BOX, SMALL_QUALITY, threads) if _smaller(table) else None
        self.all = [encoder for encoder in (self.large, self.small) if encoder]

    def add(self, frame: Any, stamp: int) -> None:
        upright = self.large.add(frame, stamp) if self.large else None
        if self.small and upright is not None:
            self.small.add_upright(upright, stamp)
        elif self.small:
            self.small.add(frame, stamp)

    def close(self) -> None:
        for encoder in self.all:
            encoder.close()


def _pass(path: Path, table: FrameTable, making: Path, threads: int, *, encode: bool) -> tuple[FrameTable, bool]:
    """Decode everything once: write the proxy (if `encode`) and the other files; return the true table."""
    progress = Progress("proxy")
    thumbs, strip = Thumbs(table), Strip(table)
    with open_video(path, table=table, threads=threads) as video:
        copies = Copies(making, table, threads, encode=encode)
        sound = _sound(video, table, copies.all) if copies.all else None
        pictures = Stamps(video).of(_pictures_only(video, sound))
        pts: list[int] = []
        unreadable: list[int] = []
        shown = None
        for ordinal, (stamp, frame) in enumerate(reconciled(table.pts, pictures)):
            pts.append(stamp)
            if frame is None:
                unreadable.append(ordinal)
            shown = frame if frame is not None else shown
            second = float((stamp - pts[0]) * video.time_base)
            strip.see(second, shown)
            thumbs.see(ordinal, second, shown)
            copies.add(shown, stamp - pts[0])
            progress.at(0.98 * ordinal / table.n)
        if shown is None:
            raise StepError("no_frames")
        if sound:
            sound.close()
        copies.close()
    thumbs.write(making)
    strip.strip().write(making / "motion.json")
    body = {key: value for key, value in table.body().items() if key not in ("format", "version")}
    keys = _keyframes(table, pts)
    return FrameTable.parse({**body, "pts": pts, "unreadable": unreadable, "keyframes": keys}), sound is not None


def _keyframes(table: FrameTable, pts: list[int]) -> list[int]:
    """The key frames of `table` by their ordinals in the true `pts` (none where pictures are counted)."""
    at = {stamp: k for k, stamp in enumerate(pts)}
    return sorted({0, *(at[table.pts[k]] for k in table.keyframes if table.pts[k] in at)}) if table.keyframes else []


def _sound(video: Video, table: FrameTable, encoders: Sequence[Encoder]) -> Sound | None:
    source = video.container.streams.best("audio")
    if source is None or source.codec_context is None:
        return None
    if source.codec_context.codec.canonical_name not in AUDIO_CODECS or not source.codec_context.sample_rate:
        return None
    return Sound(source, encoders, table.pts[0] * video.time_base)


def _pictures_only(video: Video, sound: Sound | None) -> Iterator[Any]:
    """Packets of the video stream; those of sound go to `sound` on the way."""
    for packet in video.packets(*([sound.source] if sound else [])):
        if sound and packet.stream_index == sound.source.index:
            sound.add(packet)
        else:
            yield packet


def complies(path: Path, table: FrameTable) -> bool:
    """Whether the source already is what the proxy would be, so that it can be copied."""
    if table.codec != "h264" or table.rotation or table.unreadable or table.keyframes != list(range(0, table.n, GOP)):
        return False
    if fit(table.width, table.height, *BOX, even=True) != (table.width, table.height):
        return False
    with open_video(path, table=table) as video:
        context = video.stream.codec_context
        size = (context.width, context.height) == (table.width, table.height)
        plain = context.pix_fmt == "yuv420p" and context.color_range != 2
        if not size or not plain or "mp4" not in video.container.format.name:
            return False
        return all(p.pts == p.dts for p in video.packets())


def _copy(path: Path, table: FrameTable, target: Path) -> bool:
    """Copy the streams of a source that complies, times moved to begin at 0; whether there is audio."""
    with open_video(path, table=table) as video, av.open(
            str(target), "w", format="mp4", options={"movflags": "+faststart"}) as file:
        streams = {video.stream.index: file.add_stream_from_template(video.stream, opaque=True)}
        audio = video.container.streams.best("audio")
        if audio is not None and audio.codec_context.codec.canonical_name == "aac":
            streams[audio.index] = file.add_stream_from_template(audio)
        begin = table.pts[0] * video.time_base
        for packet in video.packets(*([audio] if len(streams) > 1 else [])):
            if packet.pts is None or packet.dts is None or packet.pts * packet.time_base < begin:
                continue
            offset = round(begin / packet.time_base)
            packet.pts, packet.dts = packet.pts - offset, packet.pts - offset
            packet.stream = streams[packet.stream_index]
            file.mux(packet)
        return len(streams) > 1


def check(proxy: Path, table: FrameTable) -> int | None:
    """The first ordinal at which `proxy` is not as promised for `table` (time, key frame, order); None if right."""
    with open_video(proxy) as video:
        base = video.time_base / Fraction(*table.time_base)
        at = 0
        for packet in video.packets():
            due = at < table.n and packet.pts * base == table.pts[at] - table.pts[0]
            if not due or packet.pts != packet.dts or packet.is_keyframe != (at % GOP == 0) or packet.is_discard:
                return at
            at += 1
    if at != table.n:
        return at
    with open_video(proxy) as video:
        return next((None for _ in video.pictures()), 0)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped()


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog="python -m mlcore.proxy", description=__doc__.splitlines()[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, _stop)
    return make(args.video, frames=args.frames, out=args.out, threads=args.threads)


if __name__ == "__main__":
    raise SystemExit(run_step(main))
