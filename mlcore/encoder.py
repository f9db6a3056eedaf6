"""Writes the browsers' copies: pictures as H.264 with given times into an mp4, each with a key frame every GOP, and sound beside them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from mlcore.formats import FrameTable
from mlcore.video import colour_of, fit

GOP = 12
# Plain entropy coding and whole-pixel motion: at the same quality a tenth more bytes, but a third less work here and in the
# browser at every seek (docs/decisions/0011-server-pictures.md).
PRESET, PLAIN = "superfast", "cabac=0:subme=0:weightp=0"
AAC_RATES = (16_000, 22_050, 32_000, 44_100, 48_000)


class Encoder:
    """One copy: pictures at most `box` = (long, short) large at x264's `quality`, with the times they are given."""

    def __init__(self, path: Path, table: FrameTable, box: tuple[int, int], quality: int, threads: int) -> None:
        self.file = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        self.time_base = Fraction(*table.time_base)
        self.size = fit(table.width, table.height, *box, even=True)
        self._turns = table.rotation // 90 % 4
        stream = self.file.add_stream("libx264", rate=Fraction(table.fps).limit_denominator(60_000))
        stream.width, stream.height, stream.pix_fmt = *self.size, "yuv420p"
        stream.time_base = stream.codec_context.time_base = self.time_base
        stream.codec_context.thread_count = threads
        stream.codec_context.gop_size, stream.codec_context.max_b_frames = GOP, 0
        stream.options = {"preset": PRESET, "crf": str(quality), "x264-params": (
            f"keyint={GOP}:min-keyint=1:scenecut=0:bframes=0:rc-lookahead=0:sync-lookahead=0:mbtree=0:force-cfr=0:ref=1:{PLAIN}")}
        self.stream = stream
        self._tagged = False
        self._reformatter = VideoReformatter()
        self._count = 0

    def add(self, frame: Any, stamp: int) -> Any:
        """Encode one picture of the source, shown from `stamp` (in the table's time base, 0 for the first).

        Returns the upright picture that was encoded, for `add_upright` of a smaller copy.
        """
        return self._encode(self._upright(frame), stamp)

    def add_upright(self, picture: Any, stamp: int) -> None:
        """The same of a picture that another encoder made upright."""
        space, _ = colour_of(picture)
        self._tag(space)
        width, height = self.size
        self._encode(self._reformatter.reformat(
            picture, width=width, height=height, format="yuv420p", src_colorspace=space, dst_colorspace=space,
            src_color_range=ColorRange.MPEG, dst_color_range=ColorRange.MPEG, interpolation=Interpolation.BILINEAR, threads=1), stamp)

    def _encode(self, picture: Any, stamp: int) -> Any:
        picture.pts, picture.time_base = stamp, self.time_base
        picture.pict_type = 1 if self._count % GOP == 0 else 0  # an I-picture each GOP, whatever the encoder thinks
        self._count += 1
        self.file.mux(self.stream.encode(picture))
        return picture

    def _tag(self, space: Colorspace) -> None:
        if not self._tagged:
            tag = {Colorspace.ITU709: 1, Colorspace.BT2020: 9}.get(space, 6)
            context = self.stream.codec_context
            context.color_range, context.colorspace = 1, tag
            context.color_primaries = context.color_trc = 1 if tag == 1 else 6
            self._tagged = True

    def _upright(self, frame: Any) -> Any:
        space, spread = colour_of(frame)
        self._tag(space)
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
    """Carries one audio stream over into each of `encoders`, `shift` seconds earlier; what lies before the first picture is left out."""

    def __init__(self, source: Any, encoders: Sequence[Encoder], shift: Fraction) -> None:
        self.source, self._shift = source, shift
        codec = source.codec_context.codec.canonical_name
        self._copied = codec == "aac"
        self._tracks = [_Track(source, encoder.file, copied=self._copied) for encoder in encoders]

    def add(self, packet: Any) -> None:
        if self._copied:
            if packet.pts is None or packet.pts * packet.time_base < self._shift:
                return
            offset = round(self._shift / packet.time_base)
            for track in self._tracks:
                track.copy(packet, offset)
            return
        try:
            sounds = packet.decode()
        except av.FFmpegError:
            return  # a broken stretch of sound stays silent; the pictures are what counts
        for sound in sounds:
            if sound.pts is not None and sound.pts * sound.time_base >= self._shift:
                sound.pts -= round(self._shift / sound.time_base)
                for track in self._tracks:
                    track.encode(sound)

    def close(self) -> None:
        if not self._copied:
            for track in self._tracks:
                track.close()


class _Track:
    """The sound of one file."""

    def __init__(self, source: Any, file: Any, *, copied: bool) -> None:
        self._file = file
        if copied:
            self._target = file.add_stream_from_template(source)
            return
        rate = source.codec_context.sample_rate
        self._target = file.add_stream("aac", rate=rate if rate in AAC_RATES else 48_000)
        self._target.bit_rate = 128_000
        self._resampler = av.AudioResampler(format="fltp", layout="stereo", rate=self._target.rate, frame_size=1024)

    def copy(self, packet: Any, offset: int) -> None:
        own = av.Packet(bytes(packet))
        own.time_base, own.duration = packet.time_base, packet.duration
        own.pts, own.dts = packet.pts - offset, packet.pts - offset
        own.is_keyframe = True
        own.stream = self._target
        self._file.mux(own)

    def encode(self, sound: Any) -> None:
        for piece in self._resampler.resample(sound):
            self._file.mux(self._target.encode(piece))

    def close(self) -> None:
        self.encode(None)
        self._file.mux(self._target.encode(None))
