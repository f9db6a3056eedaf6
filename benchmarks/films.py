"""The films that the rows look at: a drawn rally at 1280x720, made once and kept, and longer ones of its packets.

Drawn pictures are flatter than a camera's. They get the texture of a hall, so that a stored picture takes about as
many bytes as one of a real video (110 KiB as PNG at 320x180 with the published pipeline): else files would look smaller and quicker.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from mlcore import probe, synthetic
from mlcore.formats import FrameTable
from mlcore.progress import Progress

SEED = 7
TEXTURE, ALIKE = 16.0, 10  # standard deviation; how far the drawn noise goes; of 255
UInt8 = NDArray[np.uint8]


def drawn(folder: Path, seconds: float, fps: int = 120, *, texture: float = TEXTURE) -> Path:
    """`seconds` of a rally at 1280x720 from its first stroke on, H.264, `fps` pictures a second."""
    path = folder / f"rally-{seconds:g}s-{fps}fps{'' if texture == TEXTURE else f'-{texture:g}'}.mp4"
    if not path.exists():
        scene = synthetic.make_scene(SEED, strokes=max(2, round(seconds)))
        begin = round(scene.events[0].begin_s * fps)
        pictures = synthetic.render(scene, width=1280, height=720, fps=fps, begin=begin, end=begin + round(seconds * fps))
        part = path.with_suffix(f".{os.getpid()}.mp4")
        encode(part, detailed(pictures, texture), fps)
        part.replace(path)
    return path


def detailed(pictures: Iterator[UInt8], deviation: float = TEXTURE) -> Iterator[UInt8]:
    """The pictures (h,w,3) with texture wherever they show what the first one does."""
    rng = np.random.default_rng(SEED)
    first = next(pictures)
    low, high = first.clip(ALIKE) - ALIKE, first.clip(max=255 - ALIKE) + ALIKE
    texture = np.rint(rng.normal(0, deviation, first.shape)).astype(np.int16)
    for picture in chain([first], pictures):
        still = ((picture >= low) & (picture <= high)).all(axis=2, keepdims=True)
        yield np.asarray(np.clip(picture + texture * still, 0, 255), np.uint8)


def encode(path: Path, pictures: Iterable[UInt8], fps: int) -> None:
    """Write (h,w,3) RGB pictures as H.264 in MP4."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=fps, options={"preset": "veryfast", "crf": "18"})
        stream.pix_fmt = "yuv420p"
        for number, picture in enumerate(pictures):
            if number == 0:
                stream.height, stream.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def repeated(source: Path, times: int) -> Path:
    """The video stream of `source` `times` one after the other, packets as they are."""
    path = source.with_name(f"{source.stem}-x{times}.mp4")
    if path.exists():
        return path
    part = path.with_suffix(f".{os.getpid()}.mp4")
    with av.open(str(source)) as first, av.open(str(part), "w") as out:
        stream = out.add_stream_from_template(first.streams.video[0])
        length = first.streams.video[0].duration
        for turn in range(times):
            with av.open(str(source)) as again:
                for packet in again.demux(again.streams.video[0]):
                    if packet.dts is None:
                        continue
                    packet.pts, packet.dts = packet.pts + turn * length, packet.dts + turn * length
                    packet.stream = stream
                    out.mux(packet)
    part.replace(path)
    return path


def table(path: Path, folder: Path | None = None) -> FrameTable:
    """The frame table, made once and kept beside the film or in `folder`."""
    kept = (folder or path.parent) / f"{path.stem}.json"
    if not kept.exists():
        made = probe.probe(path, sha256=path.name, max_seconds=7200, progress=Progress("index", out=lambda **line: None))
        made.write(kept)
    return FrameTable.read(kept)
