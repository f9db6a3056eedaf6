"""How the drawn players move: poses along an arc, patterns along time, joints from a pose. Pure arithmetic, no
pictures.

A stroke moves a racket arm along an arc of poses `u` in 0..1 (0 drawn back, 0.5 middle, 1 followed through). There is
one arc for each of serve / rally x forehand / backhand. The strokes on one arc show the same poses for the same share
of the time: their ways are made of the same beats in another order, or are the same great sweep in the other sense, and
are odd about their middle. What tells them apart is order: which way the arm goes first, and what follows. The ball
would tell the time to one who sees no order, so it is hit in the middle of the way, about as fast coming as going; in a
serve it rises and falls while the arm moves, as much before the middle as after, and is struck in the same manner in all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

TECHNIQUES = {
    "Serve": ("Backspin", "Loop", "Sidespin", "Topspin"),
    "Offensive": ("Hit", "Loop", "Flip"),
    "Defensive": ("Push", "Block", "Backspin"),
}
NEGATIVES = ("wait", "bounce", "pickup", "practice")

# A pose, facing +x: shift of the hips (m), crouch 0..1, lean forward (degrees), twist -1..1 (racket shoulder
# back..front), racket hand from its shoulder (arm lengths, x forward, y up), swivel of the elbow -1..1 (front..back),
# racket angle (degrees), racket face 0..1 (edge..full), free hand from its shoulder (x, y), half stance (m), head
# tilt (degrees).
SHIFT, CROUCH, LEAN, TWIST, HAND_X, HAND_Y, SWIVEL, RACKET, FACE, FREE_X, FREE_Y, STANCE, HEAD = range(13)
READY: Vector = np.array([0, 0.55, 24, 0.1, 0.52, -0.52, 0.9, 35, 0.5, 0.5, -0.55, 0.24, 0], dtype=np.float64)
UPRIGHT: Vector = np.array([0, 0.1, 4, 0, 0.3, -0.75, 0.9, -20, 0.5, 0.22, -0.8, 0.16, 0], dtype=np.float64)

_ARCS: dict[str, list[list[float]]] = {
    "Forehand": [
        [-0.10, 0.75, 10, -1.0, -0.78, -0.42, 0.5, -165, 0.5, 0.75, -0.25, 0.30, 4],
        [-0.04, 0.70, 15, -0.6, -0.30, -0.85, 0.5, -110, 0.5, 0.68, -0.35, 0.30, 2],
        [0.02, 0.55, 20, 0.0, 0.50, -0.62, 0.6, -35, 0.6, 0.50, -0.45, 0.29, 0],
        [0.08, 0.42, 23, 0.6, 0.82, 0.05, 0.7, 45, 0.5, 0.25, -0.60, 0.28, -3],
        [0.12, 0.30, 25, 1.0, 0.40, 0.72, 0.8, 125, 0.4, -0.05, -0.72, 0.28, -6],
    ],
    "Backhand": [
        [-0.08, 0.72, 34, 1.0, -0.25, -0.55, -0.9, 205, 0.5, 0.10, -0.80, 0.27, 6],
        [-0.03, 0.60, 27, 0.5, 0.14, -0.40, -0.9, 155, 0.6, 0.05, -0.82, 0.27, 3],
        [0.02, 0.48, 20, 0.1, 0.55, -0.10, -0.7, 105, 0.8, -0.05, -0.82, 0.27, 0],
        [0.06, 0.38, 13, -0.4, 0.84, 0.26, -0.5, 45, 0.6, -0.20, -0.76, 0.27, -2],
        [0.09, 0.30, 7, -0.9, 0.76, 0.62, -0.3, -20, 0.5, -0.38, -0.66, 0.27, -5],
    ],
    "Serve Forehand": [
        [-0.08, 0.10, -2, -1.0, -0.78, 0.12, 0.9, 150, 0.5, 0.66, -0.52, 0.20, -4],
        [-0.04, 0.18, 4, -0.6, -0.30, -0.62, 0.8, 240, 0.5, 0.66, -0.54, 0.21, -1],
        [0.00, 0.26, 9, 0.0, 0.48, -0.58, 0.7, 325, 0.6, 0.66, -0.55, 0.21, 2],
        [0.03, 0.32, 14, 0.5, 0.88, -0.10, 0.6, 385, 0.5, 0.66, -0.55, 0.22, 5],
        [0.06, 0.36, 18, 0.9, 0.55, 0.45, 0.6, 470, 0.4, 0.66, -0.55, 0.22, 8],
    ],
    "Serve Backhand": [
        [-0.06, 0.42, 24, 1.0, -0.22, -0.12, -1.0, 215, 0.5, 0.52, 0.06, 0.22, 12],
        [-0.02, 0.36, 19, 0.5, 0.08, -0.05, -1.0, 165, 0.7, 0.52, 0.06, 0.22, 8],
        [0.00, 0.28, 13, 0.0, 0.48, -0.10, -0.8, 95, 0.9, 0.52, 0.06, 0.21, 4],
        [0.03, 0.20, 8, -0.5, 0.85, -0.05, -0.6, 30, 0.7, 0.52, 0.06, 0.21, 0],
        [0.05, 0.12, 3, -1.0, 0.88, -0.40, -0.4, -45, 0.5, 0.52, 0.06, 0.20, -3],
    ],
}
ARCS: dict[str, Vector] = {name: np.array(keys) for name, keys in _ARCS.items()}

# A way along the arc is four beats: "b" out towards drawn back and to the middle again, "f" out towards followed through.
_BEATS = {"Flip": "bfbf", "Hit": "bbff", "Push": "fbfb", "Block": "ffbb"}
_SERVE_BEATS = {"Topspin": "bfbf", "Loop": "bbff", "Backspin": "fbfb", "Sidespin": "ffbb"}
# Or one great sweep: parts of the time of its quarters, and its sense (+1: first drawn back).
_SWEEP, _SWEEPS = (0.36, 0.14, 0.14, 0.36), {"Loop": 1, "Backspin": -1}
CORE = {
    "Serve": (0.19, 0.81),
    "Offensive": (0.08, 0.92),
    "Defensive": (0.08, 0.92),
}  # where the arc is, in parts of the stroke


def moves() -> list[str]:
    """The 20 stroke names of TTStroke-21, as published and in the published order."""
    return [
        f"{kind} {hand} {technique}"
        for kind, techniques in TECHNIQUES.items()
        for hand in ("Forehand", "Backhand")
        for technique in techniques
    ]


@dataclass(frozen=True)
class Event:
    """One thing the player does from `begin_s` to `end_s`: a stroke (`move`) or a negative (`kind` of NEGATIVES,
    empty `move`).

    `reach` scales the arc, `warp` bends its time (both about 1 and 0), `late` is when a returned ball is met (s after
    the middle), `rest` is the pose afterwards, `drift` moves the body (m).
    """

    begin_s: float
    end_s: float
    move: str
    kind: str = ""
    reach: float = 1.0
    warp: float = 0.0
    late: float = 0.0
    rest: Vector = field(default_factory=READY.copy)
    drift: float = 0.0

    @property
    def duration_s(self) -> float:
        return self.end_s - self.begin_s

    @property
    def core_s(self) -> tuple[float, float]:
        """When the arc begins and ends, in seconds of the scene."""
        low, high = CORE.get(self.move.split(" ")[0], (0.1, 0.9))
        return self.begin_s + low * self.duration_s, self.begin_s + high * self.duration_s

    @property
    def contact_s(self) -> float:
        """When racket and ball meet: about the middle of the arc; in a serve, where the ball falls meanwhile, after
        it."""
        return self.core_s[1] if self.move.startswith("Serve") else sum(self.core_s) / 2 + self.late

    @property
    def rest_s(self) -> float:
        """When the player turns back to rest."""
        return self.core_s[1] - 0.04 + (0.1 * self.duration_s if self.move.startswith("Serve") else 0.0)


def smooth(x: float) -> float:
    """0 below 0, 1 above 1, smooth between."""
    x = min(max(x, 0.0), 1.0)
    return x * x * (3.0 - 2.0 * x)


def swing(technique: str, serve: bool, tau: float) -> float:
    """Place on the way of a technique, -1 (drawn back) .. 1 (followed through), at the part `tau` (0..1) of its time."""
    if not serve and technique in _SWEEPS:
        phi, before = 0.0, 0.0
        for share in _SWEEP:
            phi += math.pi / 2 * min(max((tau - before) / share, 0.0), 1.0)
            before += share
        return -_SWEEPS[technique] * math.sin(phi)
    beats = (_SERVE_BEATS if serve else _BEATS)[technique]
    k = min(int(tau * len(beats)), len(beats) - 1)
    out = math.sin(math.pi * (tau * len(beats) - k)) ** 2
    return out if beats[k] == "f" else -out


def along(arc: Vector, u: float) -> Vector:
    """The pose at `u` on an arc of equidistant poses (K, 13): Catmull-Rom between them, straight on beyond."""
    last = len(arc) - 1
    x = min(max(u, -0.15), 1.15) * last
    k = min(max(int(x), 0), last - 1)
    f = x - k
    p1, p2 = arc[k], arc[k + 1]
    if not 0.0 <= f <= 1.0:
        return np.asarray(p1 + (p2 - p1) * f)
    p0 = arc[k - 1] if k > 0 else 2 * p1 - p2
    p3 = arc[k + 2] if k + 2 <= last else 2 * p2 - p1
    return np.asarray(p1 + 0.5 * f * (p2 - p0 + f * (2 * p0 - 5 * p1 + 4 * p2 - p3 + f * (3 * (p1 - p2) + p3 - p0))))


def stroke_u(event: Event, seconds: float) -> float:
    """Place on the arc of a stroke at `seconds` of the scene."""
    kind, _, technique = event.move.split(" ")
    low, high = event.core_s
    tau = min(max((seconds - low) / (high - low), 0.0), 1.0)
    tau += event.warp * math.sin(2 * math.pi * tau) / (2 * math.pi)
    if kind == "Serve" and seconds > high:  # the strike, the same in all serves
        strike = min((seconds - high) / (0.16 * event.duration_s), 1.0)
        return 0.5 + 0.42 * event.reach * math.sin(math.pi * strike)
    return 0.5 + 0.5 * event.reach * swing(technique, kind == "Serve", tau)


def arc_name(move: str) -> str:
    kind, hand, _ = move.split(" ")
    return f"Serve {hand}" if kind == "Serve" else hand


def acting(event: Event, seconds: float) -> Vector:
    """The pose of a stroke or of a negative in mid-action, before it is blended with the rests around it."""
    if event.move:
        return along(ARCS[arc_name(event.move)], stroke_u(event, seconds))
    tau = (seconds - event.begin_s) / event.duration_s
    return {"practice": _practice, "bounce": _bounce, "pickup": _pickup, "wait": _wait}[event.kind](event, tau)


def _practice(event: Event, tau: float) -> Vector:
    """A shadow swing: slowly forehand, then backhand, evenly, without a ball."""
    side = smooth((tau - 0.42) / 0.16)
    u = 0.5 + 0.5 * event.reach * math.sin(2 * math.pi * tau) * math.cos(math.pi * tau)
    pose = along(ARCS["Forehand"], u) * (1 - side) + along(ARCS["Backhand"], 1 - u) * side
    pose[CROUCH] *= 0.6
    return np.asarray(pose)


def _bounce(event: Event, tau: float) -> Vector:
    """Bouncing the ball on the racket held flat in front."""
    pose = UPRIGHT.copy()
    beat = math.sin(2 * math.pi * tau * max(1.0, round(event.duration_s / 0.42)))
    pose[[HAND_X, HAND_Y, RACKET, FACE, LEAN, SWIVEL]] = 0.62, -0.42 + 0.1 * beat, 4 + 6 * beat, 0.25, 6, 0.9
    pose[HEAD] = 14
    return pose


def _pickup(event: Event, tau: float) -> Vector:
    """Bending down to a ball on the floor and up again."""
    deep = math.sin(math.pi * min(max(tau, 0.0), 1.0)) ** 2
    pose = UPRIGHT.copy()
    pose[[CROUCH, LEAN, STANCE, HEAD]] = 0.2 + 1.5 * deep, 6 + 68 * deep, 0.2 + 0.12 * deep, 20 * deep
    pose[[FREE_X, FREE_Y, HAND_X, HAND_Y, RACKET]] = (
        0.3 + 0.25 * deep,
        -0.8 - 0.1 * deep,
        -0.2,
        -0.75 + 0.35 * deep,
        200 + 30 * deep,
    )
    return pose


def _wait(event: Event, tau: float) -> Vector:
    """Standing, looking, shifting weight."""
    pose = event.rest.copy()
    pose[[SHIFT, CROUCH]] += 0.05 * math.sin(2 * math.pi * tau), 0.12 * math.sin(2 * math.pi * tau)
    return np.asarray(pose)


def pose_at(events: list[Event], k: int, seconds: float, style: Vector) -> Vector:
    """The pose at `seconds`, where event `k` is the last one begun (-1: none yet). `style`: what this player does
    differently (13)."""
    before = events[k - 1].rest if k > 0 else (events[0].rest if k < 0 else READY)
    pose = before
    if k >= 0:
        event = events[k]
        low = event.core_s[0]
        lead = smooth((seconds - event.begin_s) / (low - event.begin_s + 0.04))
        tail = smooth((seconds - event.rest_s) / (event.end_s - event.rest_s + 0.08))
        rest = before * (1 - tail) + event.rest * tail if tail > 0 else before
        weight = lead * (1 - tail)
        pose = rest * (1 - weight) + acting(event, min(max(seconds, event.begin_s), event.end_s)) * weight
    return np.asarray(pose + style)


@dataclass(frozen=True)
class Body:
    """Lengths in metres: `height` of the player, `arm` from shoulder to wrist, `leg`, `trunk`."""

    height: float
    arm: float
    leg: float
    trunk: float


def joints(pose: Vector, body: Body, foot_x: float, facing: int) -> dict[str, tuple[float, float]]:
    """Joints in metres (x along the table, y up) of a player whose feet stand about `foot_x`, facing +1 (right) or -1
    (left)."""
    hip = (pose[SHIFT], body.leg * (0.97 - 0.2 * pose[CROUCH]))
    lean = math.radians(pose[LEAN])
    neck = (hip[0] + body.trunk * math.sin(lean), hip[1] + body.trunk * math.cos(lean))
    nod = lean * 0.5 + math.radians(pose[HEAD])
    across = 0.085 * body.height / 1.75 * pose[TWIST]
    drop = 0.09 * body.trunk
    shoulder, free = (neck[0] + across, neck[1] - drop), (neck[0] - across, neck[1] - drop)
    out = {
        "hip": hip,
        "neck": neck,
        "shoulder": shoulder,
        "free_shoulder": free,
        "head": (neck[0] + 0.1 * body.height * math.sin(nod), neck[1] + 0.085 * body.height * math.cos(nod)),
    }
    out["wrist"] = _reach(shoulder, pose[HAND_X], pose[HAND_Y], body.arm)
    out["elbow"] = _bend(shoulder, out["wrist"], body.arm / 2, pose[SWIVEL])
    out["free_wrist"] = _reach(free, pose[FREE_X], pose[FREE_Y], body.arm)
    out["free_elbow"] = _bend(free, out["free_wrist"], body.arm / 2, 0.9)
    angle = math.radians(pose[RACKET])
    out["racket"] = (out["wrist"][0] + 0.17 * math.cos(angle), out["wrist"][1] + 0.17 * math.sin(angle))
    out["front_foot"], out["back_foot"] = (pose[STANCE], 0.04), (-pose[STANCE] - 0.02, 0.04)
    for name in ("front", "back"):
        out[f"{name}_knee"] = _bend(hip, out[f"{name}_foot"], body.leg / 2, -1.0)
    return {name: (foot_x + facing * x, y) for name, (x, y) in out.items()}


def _reach(origin: tuple[float, float], x: float, y: float, length: float) -> tuple[float, float]:
    scale = length * min(1.0, 0.98 / max(math.hypot(x, y), 1e-9))
    return origin[0] + x * scale, origin[1] + y * scale


def _bend(a: tuple[float, float], b: tuple[float, float], link: float, swivel: float) -> tuple[float, float]:
    """The joint between two links of equal length from `a` to `b`; `swivel` 1 turns it to the right of the way from a
    to b."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    span = max(math.hypot(dx, dy), 1e-6)
    height = math.sqrt(max(link * link - span * span / 4, 0.0)) * swivel
    return (a[0] + b[0]) / 2 + height * dy / span, (a[1] + b[1]) / 2 - height * dx / span
