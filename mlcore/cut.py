"""`python -m mlcore.cut VIDEO --frames frames.json --clips clips.json --out DIR`: strokes as files of their own.

clips.json is [{"name": "a/b.mp4", "begin": 318, "end": 468}, ...] in ordinals, half-open. Each clip holds exactly the pictures
[begin, end) at the source's size, upright, at the source's own time differences, as H.264 of high quality without sound; it is
counted and compared before it gets its name. Clips are cut by ordinal, never by seconds.
"""

from __future__ import annotations

from mlcore import limits

if __name__ == "__main__":
    limits.apply(memory_gb=6, no_network=True)  # before numpy and av start threads

import argparse
import json
import os
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Any

import av

from mlcore.formats import FrameTable
from mlcore.progress import Progress, StepError, run_step
from mlcore.video import frames, open_video


def cut(path: Path, table: FrameTable, begin: int, end: int, target: Path) -> None:
    """Write pictures [begin, end) of `path` to `target`, whole or not at all.

    Raises StepError bad_frames{found} for an interval outside the video, clip_differs{name} if the file read back is not exact.
    """
    if not 0 <= begin < end <= table.n:
        raise StepError("bad_frames", found=f"[{begin}, {end}) of {table.n}")
    target.parent.mkdir(parents=True, exist_ok=True)
    making = target.with_name(f".{target.name}.making.mp4")
    width, height = table.width // 2 * 2, table.height // 2 * 2
    try:
        with av.open(str(making), "w", format="mp4", options={"movflags": "+faststart"}) as file:
            stream = file.add_stream("libx264", rate=Fraction(table.fps).limit_denominator(60_000),
                                     options={"preset": "fast", "crf": "12", "x264-params": "bframes=0:force-cfr=0"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.time_base = stream.codec_context.time_base = Fraction(*table.time_base)
            for ordinal, picture in frames(path, table, begin, end, size=(width, height)):
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = table.pts[ordinal] - table.pts[begin], stream.codec_context.time_base
                file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
        if times(making) != [Fraction(*table.time_base) * (pts - table.pts[begin]) for pts in table.pts[begin:end]]:
            raise StepError("clip_differs", name=target.name)
        os.replace(making, target)
    finally:
        making.unlink(missing_ok=True)


def times(path: Path) -> list[Fraction]:
    """Seconds of each picture of a clip, in order, from its packets."""
    with open_video(path) as video:
        return sorted(packet.pts * video.time_base for packet in video.packets() if packet.pts is not None)


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog="python -m mlcore.cut", description=__doc__.splitlines()[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)
    table, clips = FrameTable.read(args.frames), json.loads(args.clips.read_text("utf-8"))
    progress = Progress("cut")
    for number, clip in enumerate(clips):
        name = PurePosixPath(clip["name"])
        if name.is_absolute() or ".." in name.parts:
            raise StepError("bad_frames", found=str(name))
        cut(args.video, table, int(clip["begin"]), int(clip["end"]), args.out / name)
        progress.at((number + 1) / len(clips))
    return {"clips": len(clips)}


if __name__ == "__main__":
    sys.exit(run_step(main))
