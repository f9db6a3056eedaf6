"""Drawn table-tennis videos whose truth is known: for the demo, the tests and the benchmarks.

A scene is a function of time made from a seed: at any size and frame rate it shows the same events. What happens:
`mlcore.rally`; how strokes move: `mlcore.kinematics`; pictures: `mlcore.drawing`. `python -m mlcore.synthetic OUT
--videos 4 --strokes 20 --seed 1` writes videos, their truth as MediaEval 2020 XML (inclusive ends) and players.json.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import av
import numpy as np
from numpy.typing import NDArray

from mlcore import files, formats, kinematics
from mlcore.drawing import Figure, Painter, Picture, Point
from mlcore.kinematics import NEGATIVES, READY, Event, Vector, moves
from mlcore.progress import Progress, StepError, run_step
from mlcore.rally import Player, Scene, make_player, make_scene, random_of

__all__ = [
    "NEGATIVES",
    "Event",
    "Player",
    "Scene",
    "make_player",
    "make_scene",
    "mediaeval",
    "moves",
    "render",
    "render_at",
    "sound",
    "truth",
    "write_video",
]

SOUND_RATE = 48_000


def _figures(scene: Scene, seconds: float, joints: dict[str, Point], pose: Vector) -> list[Figure]:
    figures = []
    if scene.second:
        other, place = scene.second
        sway = READY + other.style
        sway[kinematics.CROUCH] += 0.12 * math.sin(1.7 * seconds)
        figures.append(
            _figure(
                other,
                -scene.facing,
                kinematics.joints(sway, other.body, place + 0.05 * math.sin(0.6 * seconds), -scene.facing),
                sway,
            )
        )
    return [*figures, _figure(scene.player, scene.facing, joints, pose)]


def _figure(player: Player, facing: int, joints: dict[str, Point], pose: Vector) -> Figure:
    angle = float(pose[kinematics.RACKET])
    return Figure(
        joints,
        player.look,
        player.body.height,
        facing,
        (player.hand == "right") == (facing == 1),
        angle if facing == 1 else 180 - angle,
        float(pose[kinematics.FACE]),
    )


def render_at(scene: Scene, times_s: Iterable[float], width: int, height: int) -> Iterator[Picture]:
    """The pictures (height, width, 3) RGB uint8 of the scene at these seconds."""
    painter = Painter(scene.setting, width, height)
    for seconds in times_s:
        pose = scene.pose(seconds)
        joints = kinematics.joints(pose, scene.player.body, scene.feet(seconds), scene.facing)
        yield painter.paint(seconds, _figures(scene, seconds, joints, pose), scene.balls(seconds, joints))


def render(
    scene: Scene, *, width: int, height: int, fps: float, begin: int = 0, end: int | None = None
) -> Iterator[Picture]:
    """Pictures `begin` to `end` (half-open, default: all) of the scene at `fps`, (height, width, 3) RGB uint8."""
    last = round(scene.duration_s * fps) if end is None else end
    return render_at(scene, (k / fps for k in range(begin, last)), width, height)


def truth(scene: Scene, fps: float, *, negatives: bool = False) -> list[formats.Interval]:
    """The strokes as half-open intervals in pictures at `fps`; with `negatives` also what is done between them, as
    "Negative"."""
    return [
        formats.Interval(round(event.begin_s * fps), round(event.end_s * fps), event.move or formats.NEGATIVE)
        for event in scene.events
        if event.move or negatives
    ]


def sound(scene: Scene) -> NDArray[np.float32]:
    """The sound of the scene, mono at 48 kHz, (samples,) in -1..1: a click per hit and bounce over a little hiss."""
    random = random_of(scene.seed, 3)
    wave = random.standard_normal(round(scene.duration_s * SOUND_RATE), dtype=np.float32) * np.float32(0.003)
    t = np.arange(round(0.05 * SOUND_RATE), dtype=np.float32) / SOUND_RATE
    for second, kind in scene.sounds:
        pitch, decay, loud = (1250, 90, 0.5) if kind == "hit" else (830, 140, 0.3)
        click = loud * np.sin(2 * np.pi * pitch * t) * np.exp(-decay * t)
        first = max(0, round(second * SOUND_RATE))
        part = wave[first : first + len(t)]
        part += click[: len(part)].astype(np.float32)
    return np.asarray(np.clip(wave, -1, 1), np.float32)


def write_video(scene: Scene, path: Path, *, width: int = 1280, height: int = 720, fps: int = 120) -> int:
    """Write the scene as MP4 (H.264 and AAC) with exactly round(duration * fps) pictures; returns their number."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=fps, options={"preset": "veryfast", "crf": "20"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.time_base = video.codec_context.time_base = Fraction(1, fps)
        audio = container.add_stream("aac", rate=SOUND_RATE, layout="mono")
        samples, sent, count = sound(scene), 0, 0
        for count, picture in enumerate(render(scene, width=width, height=height, fps=fps), 1):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = count - 1, Fraction(1, fps)
            container.mux(video.encode(frame))
            while sent < min(len(samples), count * SOUND_RATE / fps):
                block = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(samples[None, sent : sent + 1024]), format="fltp", layout="mono"
                )
                block.sample_rate, block.pts, block.time_base = SOUND_RATE, sent, Fraction(1, SOUND_RATE)
                container.mux(audio.encode(block))
                sent += block.samples
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return count


def mediaeval(scene: Scene, fps: float) -> bytes:
    """The truth as MediaEval 2020 XML: one action per stroke, `end` inclusive."""
    root = ElementTree.Element("video")
    for stroke in truth(scene, fps):
        ElementTree.SubElement(root, "action", begin=str(stroke.begin), end=str(stroke.end - 1), move=stroke.move)
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def write_set(out: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Write the videos of the command line with their XML and players.json into `out`."""
    if options.videos < 1 or options.strokes < 0 or options.fps < 1 or options.width % 2 or options.height % 2:
        raise StepError(
            "bad_scene",
            videos=options.videos,
            strokes=options.strokes,
            width=options.width,
            height=options.height,
            fps=options.fps,
        )
    out.mkdir(parents=True, exist_ok=True)
    players, progress, pictures = {}, Progress("draw"), 0
    for k in range(options.videos):
        player = make_player(options.seed * 1000 + k % options.players, options.split)
        scene = make_scene(options.seed * 1000 + k, split=options.split, strokes=options.strokes, player=player)
        stem = f"scene-{options.split}-{options.seed:03d}-{k:02d}"
        pictures += write_video(scene, out / f"{stem}.mp4", width=options.width, height=options.height, fps=options.fps)
        files.write_atomic(out / f"{stem}.xml", mediaeval(scene, options.fps))
        players[stem] = [
            {"pseudonym": player.pseudonym, "hand": player.hand, "side": "left" if scene.facing == 1 else "right"}
        ]
        progress.at((k + 1) / options.videos)
    files.write_atomic(out / "players.json", json.dumps(players, indent=1).encode())
    return {"videos": options.videos, "pictures": pictures}


def main(argv: Sequence[str] | None = None) -> int:
    """The command line of this module."""
    parser = argparse.ArgumentParser(prog="python -m mlcore.synthetic", description=__doc__)
    parser.add_argument("out", type=Path)
    for name, value in (
        ("videos", 4),
        ("strokes", 20),
        ("seed", 1),
        ("players", 4),
        ("width", 1280),
        ("height", 720),
        ("fps", 120),
    ):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--split", choices=("train", "test"), default="train")
    options = parser.parse_args(argv)
    return run_step(lambda: write_set(options.out, options))


if __name__ == "__main__":
    raise SystemExit(main())
