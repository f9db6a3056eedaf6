"""Drawn strokes that a newcomer can tell apart: the example loop of each class, and the practice video with its truth.

    python -m mlcore.lesson examples OUT      OUT/<class in small letters>.mp4, one loop for each of the 20 strokes
    python -m mlcore.lesson practice OUT      OUT/practice.mp4 with truth.json and suggestions.json

Other than `mlcore.synthetic`, whose strokes differ in order alone so that a network has to see time, these move as strokes
do: a loop goes from low to high, a chop from high to low, a block hardly moves. The rule of the edges is drawn too. Between
strokes the player stands still; a stroke begins with the first picture in which the racket leaves its rest, and ends when it
is back at rest. A bar along the lower edge fills while a stroke lasts: in every example, and in the practice video in its
first strokes only.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from mlcore import formats, kinematics
from mlcore.drawing import TABLE_END, TABLE_TOP, Figure, Look, Painter, Picture, Point, Setting
from mlcore.kinematics import (
    CROUCH,
    FACE,
    FREE_X,
    FREE_Y,
    HAND_X,
    HAND_Y,
    HEAD,
    LEAN,
    RACKET,
    SHIFT,
    STANCE,
    SWIVEL,
    TWIST,
    Body,
    Vector,
)
from mlcore.progress import Progress, StepError, run_step

FPS = 30
RED, BLACK = (214, 40, 46), (34, 34, 40)  # forehand and backhand side of a racket
BODY = Body(1.78, 1.78 * 0.34, 1.78 * 0.5, 1.78 * 0.31)
LOOK = Look((226, 178, 146), (70, 48, 34), (38, 96, 168), (44, 48, 58), (236, 236, 236), RED, 1.0)
SETTING = Setting(21, -0.8, -0.26, 2.36, 1.0, 0.0, (214, 220, 224), (166, 122, 88), (60, 92, 126), (28, 82, 160))
STAND = -(TABLE_END + 0.5)  # where the player stands, metres from the net; faces right
BALL, TRAIL = 0.034, 6
GRAVITY = 9.81
ON_TABLE = TABLE_TOP + 0.06
REST: Vector = np.array([0, 0.5, 20, 0.1, 0.62, -0.42, 0.9, 50, 0.6, 0.52, -0.5, 0.24, 0], dtype=np.float64)

Key = tuple[float, dict[int, float]]  # seconds from the begin, and what differs from rest


def _keys(*keys: Key) -> list[tuple[float, Vector]]:
    """Poses in time; each lasts on in what it does not say."""
    out, now = [], REST.copy()
    for second, changes in keys:
        now = now.copy()
        for place, value in changes.items():
            now[place] = value
        out.append((second, now))
    return out


@dataclass(frozen=True)
class Lesson:
    """How one class is played: length and contact in seconds from its begin, poses in between, speed of the ball out (m/s)."""

    move: str
    length_s: float
    contact_s: float
    keys: list[tuple[float, Vector]]
    out: float

    @property
    def serve(self) -> bool:
        return self.move.startswith("Serve")

    @property
    def backhand(self) -> bool:
        return " Backhand " in self.move

    def pose(self, seconds: float) -> Vector:
        """The pose, at rest before 0 and after `length_s`."""
        times = [0.0, *(t for t, _ in self.keys), self.length_s]
        poses = [REST, *(p for _, p in self.keys), REST]
        if not 0 < seconds < self.length_s:
            return REST
        k = int(np.searchsorted(times, seconds, "right")) - 1
        t0, t1 = times[k], times[k + 1]
        f = (seconds - t0) / (t1 - t0)
        m0, m1 = _slope(times, poses, k), _slope(times, poses, k + 1)
        h = (t1 - t0) * np.array([f**3 - 2 * f**2 + f, f**3 - f**2])
        return np.asarray((2 * f**3 - 3 * f**2 + 1) * poses[k] + (3 * f**2 - 2 * f**3) * poses[k + 1] + h[0] * m0 + h[1] * m1)


def _slope(times: Sequence[float], poses: Sequence[Vector], k: int) -> Vector:
    """Speed of the pose at key k; at the ends the neighbour's, so that the first and the last picture of a stroke move."""
    a, b = max(k - 1, 0), min(k + 1, len(times) - 1)
    return np.asarray((poses[b] - poses[a]) / (times[b] - times[a]))


def _rally(hand: str, technique: str) -> Lesson:
    """A returned ball. Forehand: drawn back beside the body; backhand: from before the belly."""
    fore = hand == "Forehand"
    turn = -1.0 if fore else 0.9
    swivel = 0.6 if fore else -0.9
    if technique == "Loop":  # far down, then up past the head
        low = {CROUCH: 1.0, LEAN: 24, TWIST: turn, HAND_X: -0.62 if fore else -0.1, HAND_Y: -0.78 if fore else -0.86, SWIVEL: swivel, RACKET: 215 if fore else 235}
        hit = {CROUCH: 0.5, LEAN: 16, TWIST: 0.2, HAND_X: 0.72, HAND_Y: -0.12, RACKET: 60, SHIFT: 0.08}
        high = {CROUCH: 0.15, LEAN: 8, TWIST: -turn * 0.9, HAND_X: 0.42 if fore else 0.72, HAND_Y: 0.95 if fore else 0.8, RACKET: 120 if fore else 70, HEAD: -8}
        return Lesson("", 1.3, 0.62, _keys((0.4, low), (0.62, hit), (0.82, high), (0.95, high)), 9.5)
    if technique == "Hit":  # level, at the height of the chest
        back = {CROUCH: 0.4, LEAN: 14, TWIST: turn, HAND_X: -0.85 if fore else -0.05, HAND_Y: 0.02 if fore else -0.05, SWIVEL: swivel, RACKET: 170 if fore else 150}
        hit = {TWIST: 0.2, HAND_X: 0.8, HAND_Y: 0.02, RACKET: 75}
        on = {TWIST: -turn * 0.8, HAND_X: 0.97, HAND_Y: 0.05, RACKET: 5, SHIFT: 0.12}
        return Lesson("", 35 / FPS, 0.56, _keys((0.36, back), (0.56, hit), (0.72, on), (0.82, on)), 10.5)
    if technique == "Flip":  # a step in over the table, then the wrist
        reach = {SHIFT: 0.4, CROUCH: 0.85, LEAN: 50, TWIST: 0.5 if fore else -0.2, HAND_X: 0.86, HAND_Y: -0.34, SWIVEL: swivel, RACKET: -35 if fore else -60, STANCE: 0.36, HEAD: -10}
        hit = {HAND_X: 0.95, HAND_Y: -0.2, RACKET: 60}
        over = {HAND_X: 0.9, HAND_Y: 0.02, RACKET: 125 if fore else 110}
        return Lesson("", 35 / FPS, 0.58, _keys((0.42, reach), (0.58, hit), (0.68, over), (0.78, over)), 7.5)
    if technique == "Push":  # low, the open racket slides forward under the ball
        ready = {CROUCH: 0.95, LEAN: 36, TWIST: 0.3 if fore else 0.1, HAND_X: 0.0, HAND_Y: 0.02, SWIVEL: swivel, RACKET: 25, FACE: 0.2, SHIFT: 0.05}
        hit = {HAND_X: 0.72, HAND_Y: -0.5, RACKET: 5, SHIFT: 0.16}
        slid = {HAND_X: 0.98, HAND_Y: -0.56, RACKET: -5, SHIFT: 0.22}
        return Lesson("", 38 / FPS, 0.66, _keys((0.32, ready), (0.66, hit), (0.86, slid), (0.95, slid)), 4.2)
    if technique == "Block":  # the racket stands upright in the ball's way, no swing
        wall = {CROUCH: 0.62, LEAN: 18, TWIST: -0.1 if fore else 0.1, HAND_X: 0.6 if fore else 0.5, HAND_Y: 0.0, SWIVEL: swivel, RACKET: 92, FACE: 0.9}
        give = {HAND_X: 0.68 if fore else 0.58, HAND_Y: 0.02, RACKET: 88}
        return Lesson("", 29 / FPS, 0.5, _keys((0.26, wall), (0.46, wall), (0.56, give), (0.68, give)), 5.5)
    # Backspin: the chop, from beside the ear down to the knee, one step back from the table
    high = {SHIFT: -0.3, CROUCH: 0.35, LEAN: 6, TWIST: turn, HAND_X: -0.35 if fore else 0.0, HAND_Y: 0.75 if fore else 0.55, SWIVEL: swivel, RACKET: 120, FACE: 0.4, HEAD: -4}
    hit = {CROUCH: 0.8, LEAN: 22, TWIST: 0.0, HAND_X: 0.72, HAND_Y: -0.3, RACKET: 10}
    low = {CROUCH: 1.0, LEAN: 32, TWIST: -turn * 0.5, HAND_X: 0.72, HAND_Y: -0.86, RACKET: -40}
    return Lesson("", 41 / FPS, 0.68, _keys((0.42, high), (0.68, hit), (0.88, low), (1.0, low)), 4.6)


def _serve(hand: str, technique: str) -> Lesson:
    """The ball is thrown from the free hand and struck as it falls: by way of the racket one of four."""
    fore = hand == "Forehand"
    turn, swivel = (-1.0, 0.8) if fore else (0.9, -0.9)
    palm = {CROUCH: 0.2, LEAN: 8, FREE_X: 0.62, FREE_Y: -0.3, STANCE: 0.2}
    thrown = {FREE_X: 0.6, FREE_Y: 0.25}
    if technique == "Topspin":  # from behind, level with the hip, forward and up over the ball
        back = {TWIST: turn, HAND_X: -0.7 if fore else -0.1, HAND_Y: -0.5 if fore else -0.45, RACKET: 190, SWIVEL: swivel}
        hit, on = {TWIST: 0.2, HAND_X: 0.75, HAND_Y: -0.3, RACKET: 55}, {TWIST: 0.5, HAND_X: 0.85, HAND_Y: 0.35, RACKET: 95}
    elif technique == "Loop":  # from far below the hip, in one long brush to above the head
        back = {CROUCH: 0.9, LEAN: 20, TWIST: turn, HAND_X: -0.55 if fore else -0.15, HAND_Y: -0.85, RACKET: 225, SWIVEL: swivel}
        hit, on = {CROUCH: 0.4, TWIST: 0.2, HAND_X: 0.7, HAND_Y: -0.25, RACKET: 65}, {CROUCH: 0.05, LEAN: 0, HAND_X: 0.4, HAND_Y: 0.95, RACKET: 120}
    elif technique == "Backspin":  # from above the shoulder, down and forward under the ball, racket open
        back = {TWIST: turn, HAND_X: -0.3 if fore else 0.1, HAND_Y: 0.6 if fore else 0.4, RACKET: 110, FACE: 0.3, SWIVEL: swivel}
        hit, on = {TWIST: 0.1, CROUCH: 0.5, HAND_X: 0.72, HAND_Y: -0.36, RACKET: 0}, {CROUCH: 0.7, LEAN: 22, HAND_X: 0.9, HAND_Y: -0.62, RACKET: -15}
    else:  # Sidespin, the pendulum: the racket hangs, its tip swings from behind through below to the front
        back = {TWIST: turn * 0.6, HAND_X: 0.3, HAND_Y: 0.12, RACKET: 200, SWIVEL: 1.0, FACE: 0.7}
        hit, on = {TWIST: 0.2, HAND_X: 0.5, HAND_Y: -0.12, RACKET: 275}, {TWIST: 0.4, HAND_X: 0.46, HAND_Y: 0.05, RACKET: 385}
    return Lesson("", 1.6, 1.02, _keys((0.28, palm), (0.5, thrown), (0.82, back), (1.02, hit), (1.2, on), (1.28, on)), 5.5)


def lesson(move: str) -> Lesson:
    """How `move` (one of the 20) is drawn. KeyError for others."""
    if move not in kinematics.moves():
        raise KeyError(move)
    kind, hand, technique = move.split(" ")
    made = _serve(hand, technique) if kind == "Serve" else _rally(hand, technique)
    return dataclasses.replace(made, move=move)


@dataclass(frozen=True)
class Played:
    """A lesson at its time in a video; `hint`: the bar is shown. Without `lesson`: the ball is bounced on the racket, no stroke."""

    begin: int
    end: int
    lesson: Lesson | None
    hint: bool = False

    @property
    def begin_s(self) -> float:
        return self.begin / FPS


def play(lessons: Sequence[Lesson | None], *, rest_s: float = 1.2, lead_s: float = 1.0, hints: int = 0) -> list[Played]:
    """`lessons` one after the other with rests between; on whole pictures."""
    out, now = [], round(lead_s * FPS)
    for k, one in enumerate(lessons):
        last = now + round((one.length_s if one else 1.5) * FPS)
        out.append(Played(now, last, one, hint=k < hints))
        now = last + round((rest_s + 0.35 * (k * 7 % 3)) * FPS)
    return out


def _joints(played: Played | None, seconds: float) -> tuple[dict[str, Point], Vector]:
    pose = REST
    if played and played.lesson:
        pose = played.lesson.pose(seconds - played.begin_s)
    elif played:
        pose = _bouncing(played, seconds)
    return kinematics.joints(pose, BODY, STAND, 1), pose


def _bouncing(played: Played, seconds: float) -> Vector:
    """The racket held flat in front, the ball hopping on it."""
    part = min(max((seconds - played.begin_s) / ((played.end - played.begin) / FPS), 0.0), 1.0)
    pose, weight = REST.copy(), kinematics.smooth(min(part, 1 - part) / 0.2)
    for place, value in {HAND_X: 0.6, HAND_Y: -0.35, RACKET: 2, FACE: 0.25, LEAN: 6, CROUCH: 0.15, HEAD: 10}.items():
        pose[place] += (value - pose[place]) * weight
    return pose


def ball(played: Played, seconds: float) -> Point | None:
    """Where the ball is, or None."""
    t, one = seconds - played.begin_s, played.lesson
    if one is None:
        part = t / ((played.end - played.begin) / FPS)
        x, y = _joints(played, seconds)[0]["racket"]
        return (x, y + 0.06 + 0.22 * abs(math.sin(3 * math.pi * part))) if 0.15 < part < 0.85 else None
    hit = _joints(played, played.begin_s + one.contact_s)[0]["racket"]
    if t < one.contact_s:
        return _toss(played, one, t, hit) if one.serve else _coming(t - one.contact_s, hit)
    return _going(t - one.contact_s, hit, one)


def _toss(played: Played, one: Lesson, t: float, hit: Point) -> Point | None:
    release = 0.5
    x, y = _joints(played, played.begin_s + min(t, release))[0]["free_wrist"]
    if t < release:
        return x + 0.05, y + 0.07
    return _throw((x + 0.05, y + 0.07), hit, one.contact_s - release, t - release)


def _coming(t: float, hit: Point) -> Point | None:
    """Over the net and once on the table; `t` seconds before the contact, negative."""
    bounce, flight = (-TABLE_END + 0.55, ON_TABLE), 0.28
    if t > -flight:
        return _throw(bounce, hit, flight, t + flight)
    return _throw((1.9, 1.1), bounce, 0.5, t + flight + 0.5) if t > -flight - 0.5 else None


def _going(t: float, hit: Point, one: Lesson) -> Point | None:
    """Away: a serve first on its own side, then over the net; fast balls fly low, slow ones high."""
    legs = [(-0.75, ON_TABLE), (0.8, ON_TABLE)] if one.serve else [(0.85, ON_TABLE)]
    at = hit
    for goal in [*legs, (3.2, 1.0)]:
        lasts = abs(goal[0] - at[0]) / one.out
        if t < lasts:
            return _throw(at, goal, lasts, t)
        t, at = t - lasts, goal
    return None


def _throw(start: Point, goal: Point, lasts: float, t: float) -> Point:
    return (start[0] + (goal[0] - start[0]) * t / lasts, start[1] + (goal[1] - start[1]) * t / lasts + GRAVITY * t * (lasts - t) / 2)


def pictures(played: Sequence[Played], n: int, width: int, height: int) -> Iterator[Picture]:
    """`n` pictures (height, width, 3) RGB uint8."""
    painter = Painter(SETTING, width, height)
    for k in range(n):
        seconds = (k + 0.5) / FPS  # in the first picture of a stroke the racket has left its rest already
        one = next((p for p in played if p.begin <= k < p.end), None)
        joints, pose = _joints(one, seconds)
        black = bool(one and one.lesson and one.lesson.backhand)
        look = dataclasses.replace(LOOK, racket=BLACK if black else RED)
        image = painter.paint(seconds, [Figure(joints, look, BODY.height, 1, True, float(pose[RACKET]), float(pose[FACE]))], [])
        near = next((p for p in played if p.begin_s - 1 <= seconds < p.end / FPS + 0.8), None)
        for back in range(TRAIL, -1, -1):
            place = ball(near, seconds - back / (FPS * 2)) if near else None
            if place:
                fade = 1 - back / (TRAIL + 1)
                painter.mark(image, place, BALL * (0.45 + 0.55 * fade), (round(255 * fade + 180 * (1 - fade)),) * 3 if back else (255, 250, 235))
        _bar(image, next((p for p in played if p.hint and p.begin - FPS <= k < p.end + FPS), None), k)
        yield image


def _bar(image: Picture, one: Played | None, k: int) -> None:
    """The bar along the lower edge: empty before the stroke, filling while it lasts, full after."""
    if one is None:
        return
    height, width = image.shape[:2]
    top, left, right = round(height * 0.955), round(width * 0.04), round(width * 0.96)
    image[top : height - round(height * 0.02), left:right] = (70, 76, 84)
    part = min(max((k + 1 - one.begin) / (one.end - one.begin), 0.0), 1.0)
    image[top : height - round(height * 0.02), left : left + round((right - left) * part)] = (86, 180, 233)


def write(path: Path, played: Sequence[Played], *, width: int, height: int, tail_s: float, crf: int, progress: Progress | None = None) -> int:
    """Write the video as MP4 (H.264); returns the number of its pictures."""
    n = played[-1].end + round(tail_s * FPS)
    making = path.with_name(f".{path.name}.making.mp4")
    try:
        with av.open(str(making), "w", format="mp4", options={"movflags": "+faststart"}) as file:
            stream = file.add_stream("libx264", rate=FPS, options={"preset": "slow", "crf": str(crf), "x264-params": "bframes=0"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.time_base = stream.codec_context.time_base = Fraction(1, FPS)
            for k, image in enumerate(pictures(played, n, width, height)):
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame.pts, frame.time_base = k, Fraction(1, FPS)
                file.mux(stream.encode(frame))
                if progress:
                    progress.at((k + 1) / n)
            file.mux(stream.encode(None))
        os.replace(making, path)
    finally:
        making.unlink(missing_ok=True)
    return n


def file_name(move: str) -> str:
    """`Serve Forehand Loop` -> serve-forehand-loop.mp4."""
    return move.lower().replace(" ", "-") + ".mp4"


def examples(out: Path) -> dict[str, Any]:
    """The 20 loops, each stroke once with a rest before and after."""
    out.mkdir(parents=True, exist_ok=True)
    for move in kinematics.moves():
        write(out / file_name(move), play([lesson(move)], lead_s=0.6, hints=1), width=480, height=270, tail_s=0.6, crf=27)
    return {"examples": len(kinematics.moves())}


# The strokes of the practice video in order, six classes; None: bouncing the ball, which is no stroke. The first HINTED show
# their bar. From PROPOSED on there are suggestions, as a model might make them.
PRACTICE = ("SF Topspin", "OF Loop", "DB Block", "OF Hit", "DB Push", "SF Topspin", "DF Backspin", "OF Loop", None, "OF Hit", "DB Block",
            "DF Backspin", "SF Topspin", "DB Push", "OF Loop", "OF Hit")  # fmt: skip
HINTED, PROPOSED = 2, 8
_WORDS = {"S": "Serve", "O": "Offensive", "D": "Defensive", "F": "Forehand", "B": "Backhand"}


def _full(short: str) -> str:
    group, technique = short.split(" ")
    return " ".join([*(_WORDS[letter] for letter in group), technique])


def practice() -> list[Played]:
    """What happens in the practice video."""
    return play([lesson(_full(short)) if short else None for short in PRACTICE], rest_s=1.1, hints=HINTED)


def truth(played: Sequence[Played]) -> list[formats.Interval]:
    """Its strokes, half-open."""
    return [formats.Interval(p.begin, p.end, p.lesson.move) for p in played if p.lesson]


def proposals(played: Sequence[Played]) -> list[formats.SuggestedStroke]:
    """Suggestions to learn deciding on: right ones, one that ends late, one of the wrong class, one where no stroke is; the last
    stroke is missed."""
    out = []
    # index in PRACTICE: (score, later begin, later end, the other class, whether that one comes first)
    plan = {8: (0.41, 4, -6, "Offensive Forehand Hit", True), 9: (0.95, 1, -1, "Offensive Forehand Loop", False),
            10: (0.72, 0, 16, "Defensive Backhand Push", False), 11: (0.91, -1, 1, "Defensive Forehand Push", False),
            12: (0.56, 1, 0, "Serve Forehand Loop", True), 13: (0.88, 0, 2, "Defensive Backhand Block", False),
            14: (0.93, -2, 0, "Offensive Forehand Hit", False)}  # fmt: skip
    for k, (score, early, late, other, other_first) in plan.items():
        one = played[k]
        names = [one.lesson.move, other] if one.lesson else [other]
        names = names[::-1] if other_first else names
        shares = (0.52, 0.41) if other_first else (0.9, 0.06)
        top = [(name, share) for name, share in zip(names, shares)]
        out.append(formats.SuggestedStroke(one.begin + early, one.end + late, names[0], score, top))
    return out


def write_practice(out: Path) -> dict[str, Any]:
    """practice.mp4, truth.json and suggestions.json."""
    out.mkdir(parents=True, exist_ok=True)
    played = practice()
    n = write(out / "practice.mp4", played, width=1280, height=720, tail_s=1.5, crf=21, progress=Progress("draw"))
    formats.Practice(truth(played)).write(out / "truth.json")
    formats.Suggestions("", proposals(played)).write(out / "suggestions.json")
    return {"pictures": n, "strokes": len(truth(played))}


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog="mlcore.lesson", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("examples", "practice"))
    parser.add_argument("out", type=Path)
    options = parser.parse_args(arguments)
    try:
        return examples(options.out) if options.what == "examples" else write_practice(options.out)
    except OSError as error:
        raise StepError("disk_full" if error.errno == 28 else "internal_error", found=str(error)) from error


if __name__ == "__main__":
    raise SystemExit(run_step(main))
