"""Draws a hall, a table, players and balls with OpenCV, the same pixels for the same numbers. Metres in, RGB uint8
pictures out.

World: x along the table in metres from the net, y up from the floor. Coordinates are rounded to 1/16 pixel before
they are drawn.
"""

from __future__ import annotations

import colorsys
import math
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]
Point = tuple[float, float]

_SHIFT = 4
TABLE_END, TABLE_TOP, NET_TOP = 1.37, 0.76, 0.915
BALL_RADIUS = 0.027


@dataclass(frozen=True)
class Look:
    """How a player looks. `girth` widens limbs and trunk (1 is usual)."""

    skin: Colour
    hair: Colour
    shirt: Colour
    shorts: Colour
    shoes: Colour
    racket: Colour
    girth: float


@dataclass(frozen=True)
class Figure:
    """One player to be drawn. `racket_near`: the racket arm is on the side of the camera. `racket_angle` in degrees
    as seen."""

    joints: dict[str, Point]
    look: Look
    height: float
    facing: int
    racket_near: bool
    racket_angle: float
    face: float


@dataclass(frozen=True)
class Setting:
    """Hall and camera. `centre` and `bottom`: world metres at the middle and at the lower edge of the picture;
    `span`: metres from lower to upper edge; `noise`: standard deviation of the sensor noise (grey levels); `people`:
    (x, height, speed) behind."""

    seed: int
    centre: float
    bottom: float
    span: float
    light: float
    noise: float
    wall: Colour
    floor: Colour
    barrier: Colour
    table: Colour
    people: tuple[tuple[float, float, float, Colour, Colour], ...] = ()
    spare_balls: tuple[Point, ...] = ()
    posters: tuple[tuple[float, float, float, float, Colour], ...] = field(default=())


class Painter:
    """Draws pictures of one setting in one size; everything that stands still is drawn once."""

    def __init__(self, setting: Setting, width: int, height: int) -> None:
        self.setting, self.width, self.height = setting, width, height
        self.scale = height / setting.span
        self._still = self._background()
        self._grain = self._noise_tiles()

    def paint(self, seconds: float, figures: list[Figure], balls: list[Point]) -> Picture:
        """The picture (height, width, 3) RGB at `seconds` with these players (the farthest first) and balls."""
        image = self._still.copy()
        for person in self.setting.people:
            self._person(image, person, seconds)
        self._table(image)
        for figure in figures:
            self._figure(image, figure)
        for x, y in balls:
            self._disc(image, (x, y), BALL_RADIUS, (250, 246, 235))
        return self._grained(image, seconds)

    def mark(self, image: Picture, centre: Point, radius: float, colour: Colour) -> None:
        """A disc in metres on a painted picture: a ball, a trail."""
        self._disc(image, centre, radius, colour)

    # -- the hall

    def _background(self) -> Picture:
        s, random = self.setting, np.random.Generator(np.random.PCG64([self.setting.seed, 7]))
        rows = np.linspace(s.span + s.bottom, s.bottom, self.height)
        horizon = 0.42
        shade = np.where(rows > horizon, 0.8 + 0.2 * (rows - horizon) / s.span, 0.85 + 0.35 * (horizon - rows) / s.span)
        base = np.where(rows[:, None] > horizon, np.array(s.wall), np.array(s.floor)) * shade[:, None] * s.light
        image = np.repeat(np.clip(base, 0, 255).astype(np.uint8)[:, None], self.width, axis=1)
        image = np.ascontiguousarray(image)
        for x, y, w, h, colour in s.posters:
            self._box(image, (x - w / 2, y), (x + w / 2, y + h), colour)
        for k in range(-4, 5):
            self._line(image, (k * 1.1, horizon), (k * 1.1, s.bottom + s.span), 0.02, _scaled(s.wall, 0.75))
        self._box(image, (-9, 0.2), (9, 0.82), s.barrier)
        for k in range(-5, 6):
            x = k * 1.25 + float(random.uniform(-0.1, 0.1))
            self._line(image, (x, 0.2), (x, 0.82), 0.02, _scaled(s.barrier, 0.7))
        for x, y in s.spare_balls:
            self._disc(image, (x, y), BALL_RADIUS, (240, 236, 226))
        return image

    def _person(self, image: Picture, person: tuple[float, float, float, Colour, Colour], seconds: float) -> None:
        x, height, speed, shirt, skin = person
        x += 1.6 * math.sin(speed * seconds + x)
        self._line(image, (x, 0.86), (x, height * 0.78), 0.3, shirt)
        self._disc(image, (x, height * 0.93), 0.1, skin)
        self._box(image, (x - 0.3, 0.2), (x + 0.3, 0.82), self.setting.barrier)

    def _table(self, image: Picture) -> None:
        dark, colour = _scaled(self.setting.table, 0.6), self.setting.table
        for x in (-0.95, 0.95):
            self._line(image, (x, 0.0), (x, 0.72), 0.05, (60, 60, 64))
        top = [(-TABLE_END, 0.72), (TABLE_END, 0.72), (TABLE_END - 0.1, 0.82), (-TABLE_END + 0.1, 0.82)]
        self._polygon(image, top, colour)
        self._line(image, (-TABLE_END, 0.72), (TABLE_END, 0.72), 0.035, dark)
        self._line(image, (-TABLE_END, 0.745), (TABLE_END, 0.745), 0.012, (225, 225, 225))
        self._polygon(image, [(0.0, 0.72), (0.0, 0.87), (0.0, 0.97), (0.03, 0.97), (0.03, 0.72)], (205, 208, 210))

    # -- the players

    def _figure(self, image: Picture, figure: Figure) -> None:
        j, look, girth = figure.joints, figure.look, figure.look.girth
        hip = j["hip"]
        self._ellipse(image, (hip[0], 0.02), (0.42, 0.05), 0.0, _scaled(self.setting.floor, 0.55))
        racket_arm, free_arm = ("shoulder", "elbow", "wrist"), ("free_shoulder", "free_elbow", "free_wrist")
        near, far = (racket_arm, free_arm) if figure.racket_near else (free_arm, racket_arm)
        self._arm(image, figure, far, 0.78)
        for side, shade in (("back", 0.78), ("front", 1.0)):
            knee, foot = j[f"{side}_knee"], j[f"{side}_foot"]
            self._line(image, knee, foot, 0.095 * girth, _scaled(look.skin, shade))
            middle = (hip[0] + 0.75 * (knee[0] - hip[0]), hip[1] + 0.75 * (knee[1] - hip[1]))
            self._line(image, hip, knee, 0.125 * girth, _scaled(look.skin, shade))
            self._line(image, hip, middle, 0.165 * girth, _scaled(look.shorts, shade))
            self._line(image, foot, (foot[0] + figure.facing * 0.13, foot[1] - 0.01), 0.08, _scaled(look.shoes, shade))
        neck = j["neck"]
        chest = (neck[0] + 0.2 * (hip[0] - neck[0]), neck[1] + 0.2 * (hip[1] - neck[1]))
        self._line(image, chest, hip, 0.235 * girth, look.shirt)
        self._line(image, neck, j["head"], 0.085 * girth, look.skin)
        head = j["head"]
        radius = 0.062 * figure.height
        self._disc(image, (head[0] - figure.facing * 0.03, head[1] + 0.025), radius, look.hair)
        self._disc(image, (head[0] + figure.facing * 0.012, head[1] - 0.012), radius * 0.88, look.skin)
        self._arm(image, figure, near, 1.0)

    def _arm(self, image: Picture, figure: Figure, names: tuple[str, str, str], shade: float) -> None:
        look, girth = figure.look, figure.look.girth
        shoulder, elbow, wrist = (figure.joints[name] for name in names)
        if names[0] == "shoulder" and shade == 1.0:
            self._racket(image, figure, shade)
        sleeve = (shoulder[0] + 0.62 * (elbow[0] - shoulder[0]), shoulder[1] + 0.62 * (elbow[1] - shoulder[1]))
        self._line(image, shoulder, elbow, 0.085 * girth, _scaled(look.skin, shade))
        self._line(image, elbow, wrist, 0.072 * girth, _scaled(look.skin, shade))
        self._line(image, shoulder, sleeve, 0.12 * girth, _scaled(look.shirt, 0.88 * shade))
        if names[0] == "shoulder" and shade < 1.0:
            self._racket(image, figure, shade)

    def _racket(self, image: Picture, figure: Figure, shade: float) -> None:
        wrist, middle = figure.joints["wrist"], figure.joints["racket"]
        self._line(image, wrist, middle, 0.035, (150, 105, 60))
        axes = (0.1, 0.028 + 0.06 * figure.face)
        self._ellipse(image, middle, axes, figure.racket_angle, _scaled(figure.look.racket, shade))

    # -- marks, in metres

    def _at(self, point: Point) -> tuple[int, int]:
        x = (point[0] - self.setting.centre) * self.scale + self.width / 2
        y = self.height - (point[1] - self.setting.bottom) * self.scale
        return round(min(max(x, -4e3), 4e3) * 16), round(min(max(y, -4e3), 4e3) * 16)

    def _lit(self, colour: Colour) -> Colour:
        return _scaled(colour, self.setting.light)

    def _line(self, image: Picture, a: Point, b: Point, width: float, colour: Colour) -> None:
        thick = max(1, round(width * self.scale))
        cv2.line(image, self._at(a), self._at(b), self._lit(colour), thick, cv2.LINE_AA, _SHIFT)

    def _disc(self, image: Picture, centre: Point, radius: float, colour: Colour) -> None:
        size = max(round(radius * self.scale * 16), 20)
        cv2.circle(image, self._at(centre), size, self._lit(colour), -1, cv2.LINE_AA, _SHIFT)

    def _ellipse(self, image: Picture, centre: Point, axes: Point, angle: float, colour: Colour) -> None:
        turn, size = math.radians(angle), 12
        points = []
        for k in range(size):
            x, y = axes[0] * math.cos(k * 2 * math.pi / size), axes[1] * math.sin(k * 2 * math.pi / size)
            points.append(
                (
                    centre[0] + x * math.cos(turn) - y * math.sin(turn),
                    centre[1] + x * math.sin(turn) + y * math.cos(turn),
                )
            )
        self._polygon(image, points, colour)

    def _polygon(self, image: Picture, points: list[Point], colour: Colour) -> None:
        corners = np.array([self._at(point) for point in points], np.int32)
        cv2.fillConvexPoly(image, corners, self._lit(colour), cv2.LINE_AA, _SHIFT)

    def _box(self, image: Picture, low: Point, high: Point, colour: Colour) -> None:
        cv2.rectangle(image, self._at(low), self._at(high), self._lit(colour), -1, cv2.LINE_8, _SHIFT)

    # -- the sensor

    def _noise_tiles(self) -> tuple[Picture, Picture] | None:
        if self.setting.noise <= 0:
            return None
        random = np.random.Generator(np.random.PCG64([self.setting.seed, 11]))
        size = (self.height + 64, self.width + 64, 3)
        noise = np.rint(random.standard_normal(size, dtype=np.float32) * np.float32(self.setting.noise)).astype(
            np.int16
        )
        return np.clip(noise, 0, 255).astype(np.uint8), np.clip(-noise, 0, 255).astype(np.uint8)

    def _grained(self, image: Picture, seconds: float) -> Picture:
        if self._grain is None:
            return image
        tick = round(seconds * 1200) * 2654435761 % 2**32
        y, x = tick >> 26, (tick >> 19) & 63
        more, less = (tile[y : y + self.height, x : x + self.width] for tile in self._grain)
        cv2.add(image, more, dst=image)
        cv2.subtract(image, less, dst=image)
        return image


def _scaled(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(255, round(value * factor)) for value in colour)
    return red, green, blue


def within(random: np.random.Generator, low: float, high: float, split: str, beyond: float) -> float:
    """Uniform in [low, high] for training; for test in the bands of width `beyond` below and above, a third of it
    away."""
    if split == "train":
        return float(random.uniform(low, high))
    step = beyond * (1 / 3 + float(random.random()))
    return low - step if random.random() < 0.5 else high + step


def clothing(random: np.random.Generator, split: str) -> Colour:
    """A colour for a shirt or shorts; the hues of test players are other ones."""
    bands = ((0.0, 0.1), (0.2, 0.33), (0.5, 0.72)) if split == "train" else ((0.38, 0.45), (0.78, 0.92))
    low, high = bands[int(random.integers(len(bands)))]
    return colour(float(random.uniform(low, high)), float(random.uniform(0.45, 0.9)), float(random.uniform(0.35, 0.9)))


def colour(hue: float, saturation: float, value: float) -> Colour:
    """RGB 0..255 of a colour given by hue, saturation and value (0..1)."""
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(hue, saturation, value))
    return red, green, blue


def make_setting(seed: int, split: str, facing: int, random: np.random.Generator) -> Setting:
    """A hall and a camera drawn at random, the player standing at the left (`facing` 1) or right end."""
    wall, floor = (
        colour(random.uniform(0, 1), random.uniform(0, 0.35), random.uniform(0.3, 0.8)),
        colour(random.uniform(0, 1), random.uniform(0.1, 0.6), random.uniform(0.3, 0.7)),
    )
    people = tuple(
        (
            float(random.uniform(-2.6, 2.6)),
            float(random.uniform(1.5, 1.85)),
            float(random.uniform(0.05, 0.3)),
            colour(random.uniform(0, 1), 0.4, random.uniform(0.2, 0.7)),
            (170, 130, 105),
        )
        for _ in range(int(random.integers(4)))
    )
    spare = tuple(
        (float(random.uniform(-2.6, 2.6)), float(random.uniform(-0.2, 0.16))) for _ in range(int(random.integers(7)))
    )
    spare += tuple((facing * float(random.uniform(-1.2, 1.2)), 0.84) for _ in range(int(random.integers(4))))
    posters = tuple(
        (
            float(random.uniform(-3, 3)),
            float(random.uniform(1.2, 1.9)),
            float(random.uniform(0.3, 0.9)),
            float(random.uniform(0.2, 0.5)),
            colour(random.uniform(0, 1), random.uniform(0, 0.7), random.uniform(0.3, 0.9)),
        )
        for _ in range(int(random.integers(4)))
    )
    return Setting(
        seed,
        facing * (-0.45 + within(random, -0.15, 0.15, split, 0.09)),
        -0.3 + float(random.uniform(-0.05, 0.05)),
        within(random, 2.66, 2.86, split, 0.09),
        within(random, 0.9, 1.08, split, 0.08),
        float(random.uniform(2.0, 5.0)),
        wall,
        floor,
        colour(random.uniform(0, 1), 0.6, random.uniform(0.2, 0.5)),
        ((28, 82, 160), (20, 105, 75), (30, 60, 110))[int(random.integers(3))],
        people,
        spare,
        posters,
    )
