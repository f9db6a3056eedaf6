"""Who plays, what happens and where the ball is in a drawn scene: everything but the picture, as a function of time.

Test scenes (`split="test"`) take build, tempo, clothing, light and camera from outside the training ranges.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from mlcore import kinematics
from mlcore.drawing import (
    BALL_RADIUS,
    NET_TOP,
    TABLE_END,
    TABLE_TOP,
    Look,
    Point,
    Setting,
    clothing,
    colour,
    make_setting,
    within,
)
from mlcore.kinematics import NEGATIVES, READY, UPRIGHT, Body, Event, Vector

GRID = 30  # begins and ends lie on this grid (Hz), as in TTStroke-21, so they are exact at 30, 60, 120 and 240 fps
_GRAVITY = 9.81
_ON_TABLE = TABLE_TOP + 0.05


@dataclass(frozen=True)
class Player:
    """Who plays: `hand` is "right" or "left", `tempo` scales the duration of strokes, `style` is added to every pose
    (13)."""

    pseudonym: str
    hand: str
    body: Body
    look: Look
    tempo: float
    style: Vector


@dataclass(frozen=True)
class Flight:
    """The ball from `begin_s` to `end_s`: thrown from `start` with `velocity`, or carried (`held`: "free_wrist" or
    "racket")."""

    begin_s: float
    end_s: float
    start: Point = (0.0, 0.0)
    velocity: Point = (0.0, 0.0)
    held: str = ""


@dataclass(frozen=True)
class Scene:
    """One video before it is drawn. `facing` +1: the player stands at the left end. `sounds`: (second, "hit" |
    "table")."""

    seed: int
    split: str
    player: Player
    facing: int
    place: float
    setting: Setting
    events: list[Event]
    duration_s: float
    rest: Vector
    second: tuple[Player, float] | None = None
    flights: list[Flight] = field(default_factory=list)
    sounds: list[tuple[float, str]] = field(default_factory=list)

    @cached_property
    def _begins(self) -> list[float]:
        return [event.begin_s for event in self.events]

    def pose(self, seconds: float) -> Vector:
        """The pose (13 numbers of `kinematics`) of the player."""
        k = bisect_right(self._begins, seconds) - 1
        pose = kinematics.pose_at(self.events, k, seconds, self.player.style)
        sway = math.sin(2 * math.pi * 0.9 * seconds + self.seed % 7)
        pose[[kinematics.CROUCH, kinematics.HAND_Y, kinematics.FREE_Y]] += 0.05 * sway, 0.02 * sway, 0.02 * sway
        return pose

    def feet(self, seconds: float) -> float:
        """Where the player stands (metres from the net)."""
        k = bisect_right(self._begins, seconds) - 1
        if k < 0:
            return self.place
        before = self.events[k - 1].drift if k else 0.0
        part = kinematics.smooth((seconds - self.events[k].begin_s) / min(0.5, self.events[k].duration_s))
        return self.place + before + (self.events[k].drift - before) * part

    def joints(self, seconds: float) -> dict[str, Point]:
        """Joints of the player in metres: hip, neck, head, shoulder, elbow, wrist, racket, free_wrist, knees, feet
        ..."""
        return kinematics.joints(self.pose(seconds), self.player.body, self.feet(seconds), self.facing)

    def balls(self, seconds: float, joints: Mapping[str, Point]) -> list[Point]:
        """Where the ball is (none or one)."""
        for flight in self.flights:
            if flight.begin_s <= seconds < flight.end_s:
                if flight.held:
                    x, y = joints[flight.held]
                    return [(x + 0.03 * self.facing, y + 0.04 + _hop(flight, seconds))]
                t = seconds - flight.begin_s
                fall = _GRAVITY * t * t / 2 if flight.velocity != (0.0, 0.0) else 0.0
                return [(flight.start[0] + flight.velocity[0] * t, flight.start[1] + flight.velocity[1] * t - fall)]
        return []


def _hop(flight: Flight, seconds: float) -> float:
    if flight.held != "racket":
        return 0.0
    beats = max(1, round((flight.end_s - flight.begin_s) / 0.42))
    return 0.03 + 0.3 * abs(math.sin(math.pi * beats * (seconds - flight.begin_s) / (flight.end_s - flight.begin_s)))


def random_of(*seed: int) -> np.random.Generator:
    """The random numbers of these seeds, the same on every machine."""
    return np.random.Generator(np.random.PCG64(list(seed)))


def make_player(seed: int, split: str = "train") -> Player:
    """The player of this seed; several videos may share one. `split`: "train" or "test" (build, tempo, clothing
    outside train)."""
    if split not in ("train", "test"):
        raise ValueError(f"split is train or test, not {split}")
    random = random_of(seed, 1, split == "test")
    height = within(random, 1.66, 1.84, split, 0.06)
    girth = within(random, 0.92, 1.08, split, 0.09)
    tone = float(random.uniform(0.0, 1.0))
    skin = (round(232 - 110 * tone), round(190 - 105 * tone), round(160 - 100 * tone))
    look = Look(
        skin,
        colour(float(random.uniform(0.02, 0.1)), 0.6, float(random.uniform(0.08, 0.45))),
        clothing(random, split),
        clothing(random, split),
        colour(0.0, 0.0, float(random.uniform(0.2, 0.95))),
        ((200, 30, 40), (40, 38, 44), (40, 60, 170))[int(random.integers(3))],
        girth,
    )
    style = random.uniform(-1, 1, 13) * np.array([0.02, 0.06, 4, 0.1, 0.05, 0.05, 0.1, 8, 0.1, 0.08, 0.08, 0.03, 4])
    body = Body(height, height * float(random.uniform(0.33, 0.35)), height * 0.5, height * 0.31)
    hand = "left" if random.random() < 0.25 else "right"
    tempo = within(random, 0.93, 1.08, split, 0.07)
    return Player(f"{'T' if split == 'test' else 'P'}{seed:03d}", hand, body, look, tempo, style)


def _rest(random: np.random.Generator) -> Vector:
    part = float(random.uniform(0.0, 0.5))
    noise = random.uniform(-1, 1, 13) * np.array([0.03, 0.12, 6, 0.15, 0.1, 0.1, 0.05, 18, 0.1, 0.1, 0.1, 0.03, 5])
    return np.asarray(READY * (1 - part) + UPRIGHT * part + noise)


def _order(random: np.random.Generator, strokes: int, names: Sequence[str]) -> list[str]:
    order: list[str] = []
    while len(order) < strokes:
        order += [names[int(k)] for k in random.permutation(len(names))]
    return order[:strokes]


def _events(random: np.random.Generator, order: Sequence[str], tempo: float) -> tuple[list[Event], float]:
    events, now = [], round(float(random.uniform(0.6, 1.2)) * GRID)
    for move in order:
        low, high = (1.15, 1.5) if move.startswith("Serve") else (0.9, 1.25)
        ticks = round(min(max(float(random.uniform(low, high)) * tempo, 0.7), 1.8) * GRID)
        events.append(
            Event(
                now / GRID,
                (now + ticks) / GRID,
                move,
                "",
                float(random.uniform(0.88, 1.08)),
                float(random.uniform(-0.12, 0.12)),
                float(random.uniform(-0.13, 0.13)),
                _rest(random),
                float(random.uniform(-0.16, 0.16)),
            )
        )
        now += ticks
        gap = round(float(random.uniform(0.8, 2.4)) * GRID)
        if gap >= 1.2 * GRID:
            kind = NEGATIVES[int(random.integers(len(NEGATIVES)))]
            events.append(
                Event(
                    (now + 5) / GRID,
                    (now + gap - 6) / GRID,
                    "",
                    kind,
                    float(random.uniform(0.8, 1.0)),
                    0.0,
                    0.0,
                    _rest(random),
                    float(random.uniform(-0.16, 0.16)),
                )
            )
        now += gap
    return events, now / GRID


def make_scene(
    seed: int,
    *,
    split: str = "train",
    strokes: int = 20,
    moves: Sequence[str] | None = None,
    player: Player | None = None,
) -> Scene:
    """The scene of this seed: `strokes` strokes in random order (each of `moves` equally often), negatives in the
    gaps."""
    random = random_of(seed, 2, split == "test")
    names = kinematics.moves() if moves is None else list(moves)
    unknown = set(names) - set(kinematics.moves())
    if unknown or not names or strokes < 0:
        raise ValueError(
            f"not strokes of TTStroke-21: {sorted(unknown)}"
            if unknown
            else "a scene needs moves and a number of strokes"
        )
    player = player or make_player(seed, split)
    facing = 1 if random.random() < 0.5 else -1
    setting = make_setting(seed, split, facing, random)
    events, duration = _events(random, _order(random, strokes, names), player.tempo)
    place = -facing * (TABLE_END + float(random.uniform(0.42, 0.6)))
    other = (
        (make_player(seed + 5000, split), facing * (TABLE_END + float(random.uniform(0.5, 0.9))))
        if random.random() < 0.35
        else None
    )
    scene = Scene(seed, split, player, facing, place, setting, events, max(duration, 1.0), _rest(random), other)
    for event in events:
        _play(scene, event, random)
    scene.sounds.sort()
    return scene


def _play(scene: Scene, event: Event, random: np.random.Generator) -> None:
    """Add the ball of one event to the scene, with its sounds."""
    if event.kind == "bounce":
        low, high = event.core_s
        scene.flights.append(Flight(low, high, held="racket"))
        beats = max(1, round((high - low) / 0.42))
        scene.sounds.extend((low + (high - low) * k / beats, "hit") for k in range(1, beats))
    elif event.kind == "pickup":
        middle = event.begin_s + 0.5 * event.duration_s
        x, _ = scene.joints(middle)["free_wrist"]
        scene.flights.append(Flight(event.begin_s, middle, (x, BALL_RADIUS)))
        scene.flights.append(Flight(middle, event.end_s, held="free_wrist"))
    elif event.move:
        scene.sounds.append((event.contact_s, "hit"))
        (_served if event.move.startswith("Serve") else _returned)(scene, event, random)


def _served(scene: Scene, event: Event, random: np.random.Generator) -> None:
    release, hit, side = event.core_s[0], event.contact_s, scene.facing
    at = scene.joints(hit)["racket"]
    scene.flights.append(Flight(event.begin_s - 0.25, release, held="free_wrist"))
    _throw(scene, release, hit, at, at)  # up and down alike, so that its height does not tell the time
    first, then = (
        (-side * float(random.uniform(0.6, 1.0)), _ON_TABLE),
        (side * float(random.uniform(0.5, 1.1)), _ON_TABLE),
    )
    mid = hit + float(random.uniform(0.12, 0.18))
    far = mid + float(random.uniform(0.24, 0.32))
    _throw(scene, hit, mid, at, first, "table")
    _throw(scene, mid, far, first, then, "table")
    _throw(scene, far, far + 0.4, then, (then[0] + side * 1.8, NET_TOP))


def _returned(scene: Scene, event: Event, random: np.random.Generator) -> None:
    """The ball comes and goes at the same speeds in front of the player, so that a picture hardly tells which."""
    hit, side = event.contact_s, scene.facing
    at = scene.joints(hit)["racket"]
    come, go = (float(value) for value in random.uniform(7.0, 10.0, 2))
    there = (at[0] + side * float(random.uniform(0.6, 1.1)), _ON_TABLE)
    bounce = hit - abs(there[0] - at[0]) / come
    start = (side * 1.5, float(random.uniform(0.95, 1.2)))
    _throw(scene, bounce - float(random.uniform(0.3, 0.45)), bounce, start, there, "table")
    _throw(scene, bounce, hit, there, at)
    netted = random.random() < 0.25
    then = (side * float(random.uniform(0.4, 1.1)), _ON_TABLE)
    if netted:
        then = (-side * 0.03, float(random.uniform(_ON_TABLE, NET_TOP)))
    far = hit + abs(then[0] - at[0]) / go
    _throw(scene, hit, far, at, then, "" if netted else "table")
    if netted:
        _throw(scene, far, far + 0.15, then, (then[0] - side * 0.1, _ON_TABLE), "table")
    else:
        _throw(scene, far, far + 0.4, then, (then[0] + side * 1.8, NET_TOP))


def _throw(scene: Scene, begin: float, end: float, start: Point, goal: Point, sound: str = "") -> None:
    t = end - begin
    scene.flights.append(
        Flight(begin, end, start, ((goal[0] - start[0]) / t, (goal[1] - start[1]) / t + _GRAVITY * t / 2))
    )
    if sound:
        scene.sounds.append((end, sound))
