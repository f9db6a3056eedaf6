"""`python -m mlcore.proxy VIDEO --frames DIR/frames.json --out DIR`: the copy that browsers step through exactly.

One pass decodes every picture and makes proxy.mp4, poster.jpg, thumbs.jpg, thumbs.json and motion.json. The pass also
checks the frame table picture by picture; if damage made it wrong, frames.json is rewritten (`corrected`) first.

proxy.mp4: H.264 yuv420p limited range, at most 1280x720 (720x1280), upright, square pixels; picture k is shown at
exactly `pts[k] - pts[0]`, so a variable rate stays variable; no B-pictures, a key frame every 12 pictures and nowhere
else (every seek of a browser is cheap), the index in front; an unreadable ordinal shows the picture before it. Audio is
kept in step: AAC is copied, what else we read becomes AAC, an unreadable track is left out (`audio`: false). A source
that already is like this is copied without encoding. The file is read back and compared before it gets its name.
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
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from mlcore.formats import FormatError, FrameTable, MotionStrip
from mlcore.motion_strip import Strip
from mlcore.progress import Progress, StepError, Stopped, run_step
from mlcore.thumbs import Thumbs
from mlcore.video import AUDIO_CODECS, Stamps, Video, colour_of, fit, open_video, reconciled

LONG, SHORT, GOP = 1280, 720, 12
PRESET, QUALITY = "superfast", "21"
AAC_RATES = (16_000, 22_050, 32_000, 44_100, 48_000)
MAKING = ".making"
FILES = ("poster.jpg", "thumbs.jpg", "thumbs.json", "motion.json", "proxy.mp4")


class Encoder:
    """Writes pictures as H.264 with given times into an mp4, and audio beside it."""

    def __init__(self, path: Path, table: FrameTable, threads: int) -> None:
        self.file = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        self.time_base = Fraction(*table.time_base)
        self.size = fit(table.width, table.height, LONG, SHORT, even=True)
        self._turns = table.rotation // 90 % 4
        stream = self.file.add_stream("libx264", rate=Fraction(table.fps).limit_denominator(60_000))
        stream.width, stream.height, stream.pix_fmt = *self.size, "yuv420p"
        stream.time_base = stream.codec_context.time_base = self.time_base
        stream.codec_context.thread_count = threads
        stream.codec_context.gop_size, stream.codec_context.max_b_frames = GOP, 0
        stream.options = {"preset": PRESET, "crf": QUALITY, "x264-params": (
            f"keyint={GOP}:min-keyint=1:scenecut=0:bframes=0:rc-lookahead=0:sync-lookahead=0:mbtree=0:force-cfr=0:ref=1")}
        self.stream = stream
        self._tagged = False
        self._reformatter = VideoReformatter()
        self._count = 0

    def add(self, frame: Any, stamp: int) -> None:
        """Encode one picture, shown from `stamp` (in the table's time base, 0 for the first)."""
        picture = self._upright(frame)
        picture.pts, picture.time_base = stamp, self.time_base
        picture.pict_type = 1 if self._count % GOP == 0 else 0  # an I-picture each GOP, whatever the encoder thinks
        self._count += 1
        self.file.mux(self.stream.encode(picture))

    def _upright(self, frame: Any) -> Any:
        space, spread = colour_of(frame)
        if not self._tagged:
            tag = {Colorspace.ITU709: 1, Colorspace.BT2020: 9}.get(space, 6)
            context = self.stream.codec_context
            context.color_range, context.colorspace = 1, tag
            context.color_primaries = context.color_trc = 1 if tag == 1 else 6
            self._tagged = True
        width, height = self.size if self._turns % 2 == 0 else self.size[::-1]
        picture = self._reformatter.reformat(
            frame, width=width, height=height, format="yuv420p", src_colorspace=space, dst_colorspace=space,
            src_color_range=spread, dst_color_range=ColorRange.MPEG, interpolation=Interpolation.AREA, threads=1)
        return _rotated(picture, self._turns) if self._turns else picture

    def close(self) -> None:
        self.file.mux(self.stream.encode(None))
        self.file.close()


def _rotated(picture: Any, turns: int) -> Any:
    """A yuv420p picture turned counter-clockwise by quarter turns."""
    rows = picture.to_ndarray()
    width, height = picture.width, picture.height
    luma, chroma = rows[:height], rows[height:].reshape(2, height // 2, width // 2)
    flat = np.concatenate([np.rot90(plane, turns).ravel() for plane in (luma, *chroma)])
    size = (height, width) if turns % 2 else (width, height)
    return av.VideoFrame.from_ndarray(flat.reshape(size[1] * 3 // 2, size[0]), format="yuv420p")


class Sound:
    """Carries one audio stream over, `shift` seconds earlier; what lies before the first picture is left out."""

    def __init__(self, source: Any, encoder: Encoder, shift: Fraction) -> None:
        self.source, self._file, self._shift = source, encoder.file, shift
        codec = source.codec_context.codec.canonical_name
        self._copied = codec == "aac"
        if self._copied:
            self._target = self._file.add_stream_from_template(source)
        else:
            rate = source.codec_context.sample_rate
            self._target = self._file.add_stream("aac", rate=rate if rate in AAC_RATES else 48_000)
            self._target.bit_rate = 128_000
            self._resampler = av.AudioResampler(format="fltp", layout="stereo", rate=self._target.rate, frame_size=1024)

    def add(self, packet: Any) -> None:
        if self._copied:
            if packet.pts is None or packet.pts * packet.time_base < self._shift:
                return
            offset = round(self._shift / packet.time_base)
            packet.pts, packet.dts = packet.pts - offset, packet.pts - offset
            packet.stream = self._target
            self._file.mux(packet)
            return
        try:
            sounds = packet.decode()
        except av.FFmpegError:
            return  # a broken stretch of sound stays silent; the pictures are what counts
        for sound in sounds:
            if sound.pts is not None and sound.pts * sound.time_base >= self._shift:
                sound.pts -= round(self._shift / sound.time_base)
                self._encode(sound)

    def _encode(self, sound: Any) -> None:
        for piece in self._resampler.resample(sound):
            self._file.mux(self._target.encode(piece))

    def close(self) -> None:
        if not self._copied:
            self._encode(None)
            self._file.mux(self._target.encode(None))


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
            audio = _copy(path, table, making / "proxy.mp4")
            copied = not corrected and check(making / "proxy.mp4", true) is None
            if not copied:
                true, audio = _pass(path, table, making, threads, encode=True)
        wrong = None if copied else check(making / "proxy.mp4", true)
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
        return check(out / "proxy.mp4", table) is None and bool(MotionStrip.read(out / "motion.json").values)
    except (StepError, av.FFmpegError, FormatError):
        return False


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _pass(path: Path, table: FrameTable, making: Path, threads: int, *, encode: bool) -> tuple[FrameTable, bool]:
    """Decode everything once: write the proxy (if `encode`) and the other files; return the true table."""
    progress = Progress("proxy")
    thumbs, strip = Thumbs(table), Strip(table)
    with open_video(path, table=table, threads=threads) as video:
        encoder = Encoder(making / "proxy.mp4", table, threads) if encode else None
        sound = _sound(video, table, encoder) if encoder else None
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
            if encoder:
                encoder.add(shown, stamp - pts[0])
            progress.at(0.98 * ordinal / table.n)
        if shown is None:
            raise StepError("no_frames")
        if sound:
            sound.close()
        if encoder:
            encoder.close()
    thumbs.write(making)
    strip.strip().write(making / "motion.json")
    body = {key: value for key, value in table.body().items() if key not in ("format", "version")}
    keys = _keyframes(table, pts)
    return FrameTable.parse({**body, "pts": pts, "unreadable": unreadable, "keyframes": keys}), sound is not None


def _keyframes(table: FrameTable, pts: list[int]) -> list[int]:
    """The key frames of `table` by their ordinals in the true `pts` (none where pictures are counted)."""
    at = {stamp: k for k, stamp in enumerate(pts)}
    return sorted({0, *(at[table.pts[k]] for k in table.keyframes if table.pts[k] in at)}) if table.keyframes else []


def _sound(video: Video, table: FrameTable, encoder: Encoder) -> Sound | None:
    source = video.container.streams.best("audio")
    if source is None or source.codec_context is None:
        return None
    if source.codec_context.codec.canonical_name not in AUDIO_CODECS or not source.codec_context.sample_rate:
        return None
    return Sound(source, encoder, table.pts[0] * video.time_base)


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
    if fit(table.width, table.height, LONG, SHORT, even=True) != (table.width, table.height):
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
