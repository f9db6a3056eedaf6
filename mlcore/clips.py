"""From stored pictures to what a network sees: its own grid in time, a crop around the region of interest, augmentation.

A clip is T ticks of `Grid.rate` Hz around a centre in seconds. Each tick takes the nearest stored picture, with *velocity*
(px of the stored picture per 1/120 s) as flow, so that 30, 60, 120 and 240 fps videos mean the same. Before the first and after
the last picture the border picture is repeated with zero flow. A clip has one centre (mean of the ROI track over its
ticks, clamped into the picture) and one affine transform straight from picture to crop; vectors turn with the pixels, are
normalised and clipped last. Everything random comes from the generator the caller seeds per (seed, epoch, sample).
After Martin et al., MTAP 2020, sections 3 and 4 (published code CC BY 4.0, credited; own code).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import blosc2
import cv2
import numpy as np
from numpy.typing import NDArray

from mlcore.flow import normalisation as measured
from mlcore.store import Store

Floats = NDArray[np.float32]
Steps = NDArray[np.int16]  # velocities in 1 / UNIT px per 1/120 s
Block = tuple[NDArray[np.uint8], list[bytes]]  # (n, h, w, 3) pictures and n packed velocities (h, w, 2)
Key = tuple[str, int, int]  # folder, width, number of the block
BLOCK = 16  # pictures read at a time
UNIT = 128.0  # up to 256 px per 1/120 s: a picture's width in a hundredth of a second


@dataclass(frozen=True)
class Grid:
    """What the network sees: T ticks at `rate` Hz, H x W px showing `view` sides of the region of interest."""

    rate: float
    T: int
    H: int
    W: int
    view: float = 1.0

    @property
    def seconds(self) -> float:
        return self.T / self.rate


@dataclass(frozen=True)
class Normalisation:
    """Flow statistics of the *training* videos (`flow.normalisation`): v / (mean + 3 std), times `gain` (1 is the published
    rule), clipped to [-1, 1]. (x, y) each."""

    mean: tuple[float, float]
    std: tuple[float, float]
    gain: float = 1.0

    @property
    def scale(self) -> Floats:
        """(2,) factors for u and v."""
        return np.asarray(self.gain / (np.array(self.mean) + 3 * np.array(self.std)), np.float32)

    def body(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Normalisation:
        return cls(tuple(body["mean"]), tuple(body["std"]), float(body["gain"]))


def normalisation(maxima: Sequence[NDArray[Any]], gain: float = 1.0) -> Normalisation:
    """From the (n, 2) flow maxima of the training pictures only."""
    statistics = measured(np.concatenate([np.asarray(m, np.float64).reshape(-1, 2) for m in [*maxima, np.zeros((0, 2))]]))
    (mean_x, mean_y), (std_x, std_y) = statistics["mean"], statistics["std"]
    return Normalisation((mean_x, mean_y), (std_x, std_y), gain)


@dataclass(frozen=True)
class Augmentation:
    """Ranges. rotation in degrees, zoom, shift (of the crop) and tempo as +- fractions; flip as a probability; light as
    +- gain (contrast, brightness, colour); `grey` is the probability that colour is taken away."""

    rotation: float = 10.0
    zoom: float = 0.1
    shift: float = 0.1
    flip: float = 0.5
    tempo: float = 0.0
    light: float = 0.0
    grey: float = 0.0


@dataclass(frozen=True)
class View:
    """One drawn transform. `turn` in degrees, positive as seen on the screen when y points down is clockwise."""

    turn: float = 0.0
    zoom: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    flip: bool = False
    tempo: float = 1.0
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    bias: float = 0.0
    grey: bool = False

    @property
    def linear(self) -> Floats:
        """(2, 2) what happens to a vector (u, v) of the picture: rotation, zoom, mirror (which negates u only)."""
        a = np.deg2rad(self.turn)
        rotation = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
        mirror = np.diag([-1.0 if self.flip else 1.0, 1.0])
        out: Floats = (self.zoom * mirror @ rotation).astype(np.float32)
        return out


def draw(augmentation: Augmentation, rng: np.random.Generator) -> View:
    """A random view; always the same number of draws, so that one range does not shift the others."""
    turn, zoom, dx, dy, tempo, light, bias, *colour = rng.uniform(-1, 1, 10)
    flip, grey = rng.uniform(size=2)
    a = augmentation
    gains = tuple((1 + a.light * light) * (1 + 0.5 * a.light * c) for c in colour)
    return View(a.rotation * turn, 1 + a.zoom * zoom, (a.shift * dx, a.shift * dy), bool(flip < a.flip), 1 + a.tempo * tempo,
                (gains[0], gains[1], gains[2]), 0.5 * a.light * bias, bool(grey < a.grey))  # fmt: skip


class Cache:
    """Blocks of pictures at the network's scale, the least recently used leave first when `limit` bytes are passed.

    Velocities are kept packed (masked flow packs about twentyfold); half of the memory that is free is never passed either.
    """

    def __init__(self, limit: int) -> None:
        self.limit, self.bytes = min(limit, available() // 2), 0
        self._blocks: OrderedDict[Key, Block] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> Block | None:
        with self._lock:
            block = self._blocks.get(key)
            if block is not None:
                self._blocks.move_to_end(key)
            return block

    def put(self, key: Key, block: Block) -> None:
        with self._lock:
            if key not in self._blocks:
                self._blocks[key] = block
                self.bytes += _bytes(block)
            while self.bytes > self.limit and len(self._blocks) > 1:
                self.bytes -= _bytes(self._blocks.popitem(last=False)[1])


def _bytes(block: Block) -> int:
    return block[0].nbytes + sum(map(len, block[1]))


def available() -> int:
    """Bytes of memory that are free or can be freed at once."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 4 * 2**30  # no /proc: a careful guess


class Pictures:
    """The pictures of one video that a grid can ask for: those nearest to its ticks, area-averaged once to its scale.

    A store with many more pictures a second than the grid is thinned to the grid's rate, a slower one is taken whole. All
    indices here count the `seconds` kept. Velocity keeps the stored picture's unit (px per 1/120 s); only its sampling gets coarser.
    """

    def __init__(self, store: Store, grid: Grid, cache: Cache) -> None:
        self.store, self.grid, self.cache = store, grid, cache
        width, height = store.prepared.width, store.prepared.height
        side = store.roi.side * grid.view
        shrink = min(1.0, grid.H / side)
        self.size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
        self.side = side * self.size[0] / width
        self.kept = thinned(np.asarray(store.seconds, np.float64), grid.rate)
        self.seconds = np.asarray(store.seconds, np.float64)[self.kept]
        self.x, self.y = np.asarray(store.roi.x)[self.kept], np.asarray(store.roi.y)[self.kept]
        self._middles = (self.seconds[1:] + self.seconds[:-1]) / 2

    def near(self, seconds: NDArray[np.floating[Any]]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """(index of the nearest picture, whether it is beyond the video's ends by more than a picture), both (n,)."""
        index = np.searchsorted(self._middles, seconds).astype(np.int64)
        step = float(np.median(np.diff(self.seconds))) if self.seconds.size > 1 else 0.04
        outside = (seconds < self.seconds[0] - step) | (seconds > self.seconds[-1] + step)
        return index, outside

    def at(self, index: int) -> tuple[NDArray[np.uint8], Steps]:
        """((h, w, 3) RGB, (h, w, 2) velocity in steps) of picture `index`."""
        number = index // BLOCK
        key = (str(self.store.folder), self.size[0], number)
        block = self.cache.get(key)
        if block is None:
            block = self._read(number)
            self.cache.put(key, block)
        k = index - number * BLOCK
        steps = np.frombuffer(blosc2.decompress(block[1][k]), np.int16)
        return block[0][k], steps.reshape(self.size[1], self.size[0], 2)

    def _read(self, number: int) -> Block:
        kept = self.kept[number * BLOCK : (number + 1) * BLOCK]
        begin, end = int(kept[0]), int(kept[-1]) + 1
        rgb, velocity = self.store.rgb(begin, end)[kept - begin], self.store.velocity(begin, end)[kept - begin]
        if (rgb.shape[2], rgb.shape[1]) != self.size:
            rgb = np.stack([cv2.resize(p, self.size, interpolation=cv2.INTER_AREA) for p in rgb])
            velocity = np.stack([cv2.resize(p, self.size, interpolation=cv2.INTER_AREA) for p in velocity])
        steps = np.clip(np.rint(velocity * np.float32(UNIT)), -32768, 32767).astype(np.int16)
        packed = [blosc2.compress(one.tobytes(), typesize=2, clevel=1, codec=blosc2.Codec.LZ4) for one in steps]
        return np.ascontiguousarray(rgb), packed


def thinned(seconds: NDArray[np.float64], rate: float) -> NDArray[np.int64]:
    """Indices of the pictures nearest to the ticks of `rate`; all of them where there are fewer than 1.5 a tick."""
    if len(seconds) < 2 or (len(seconds) - 1) / (seconds[-1] - seconds[0]) < 1.5 * rate:
        return np.arange(len(seconds))
    ticks = np.arange(seconds[0], seconds[-1] + 1e-9, 1 / rate)
    return np.unique(np.searchsorted((seconds[1:] + seconds[:-1]) / 2, ticks))


def transform(pictures: Pictures, centre: tuple[float, float], view: View) -> Floats:
    """(2, 3) matrix from picture px to crop px; `centre` as fractions of the picture, clamped so that the crop stays inside
    (where the picture is smaller than the crop, its middle)."""
    grid, (width, height) = pictures.grid, pictures.size
    half = pictures.side / 2
    at = []
    for value, size in zip(centre, (width, height)):
        low, high = half, size - half
        at.append((min(max(value * size, low), high) if low <= high else size / 2) - 0.5)
    linear = view.linear.astype(np.float64) * (grid.H / pictures.side)
    middle = np.array([(grid.W - 1) / 2 + view.shift[0] * grid.W, (grid.H - 1) / 2 + view.shift[1] * grid.H])
    return np.column_stack([linear, middle - linear @ np.array(at)]).astype(np.float32)


def clip(pictures: Pictures, centre_s: float, normal: Normalisation, view: View = View()) -> tuple[Floats, Floats]:
    """One clip around `centre_s` seconds: rgb (3, T, H, W) in 0..1 and flow (2, T, H, W) in -1..1, float32."""
    grid = pictures.grid
    ticks = centre_s + (np.arange(grid.T) - (grid.T - 1) / 2) * (view.tempo / grid.rate)
    index, outside = pictures.near(ticks)
    matrix = transform(pictures, (float(pictures.x[index].mean()), float(pictures.y[index].mean())), view)
    rgb = np.empty((grid.T, grid.H, grid.W, 3), np.uint8)
    flow = np.zeros((grid.T, grid.H, grid.W, 2), np.int16)
    size, last = (grid.W, grid.H), -1
    for t, k in enumerate(index.tolist()):
        if k == last and t > 0:
            rgb[t], flow[t] = rgb[t - 1], flow[t - 1]
        else:
            picture, velocity = pictures.at(k)
            cv2.warpAffine(picture, matrix, size, dst=rgb[t], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            cv2.warpAffine(velocity, matrix, size, dst=flow[t], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        last = k
    flow[outside] = 0
    return light(rgb, view), turn(flow, view, normal)


def turn(steps_THWC: Steps, view: View, normal: Normalisation) -> Floats:
    """Rotate, scale and mirror the vectors like their pixels, speed them up with the tempo, then normalise and clip: (2, T, H, W)."""
    linear = normal.scale[:, None] * view.linear * np.float32(view.tempo / UNIT)
    u, v = steps_THWC[..., 0].astype(np.float32), steps_THWC[..., 1].astype(np.float32)
    out = np.stack([u * a + v * b for a, b in linear.astype(np.float32)])
    return np.clip(out, -1.0, 1.0, out=out)


def light(rgb_THWC: NDArray[np.uint8], view: View) -> Floats:
    """Photometric part of a view; RGB order, (3, T, H, W) in 0..1. Contrast and colour turn around mid-grey."""
    if view.grey:
        grey = rgb_THWC @ np.array([0.299, 0.587, 0.114], np.float32)
        rgb_THWC = np.repeat(np.rint(grey).astype(np.uint8)[..., None], 3, axis=3)
    levels = np.arange(256, dtype=np.float32) / 255
    tables = [np.clip((levels - 0.5) * np.float32(gain) + np.float32(0.5 + view.bias), 0.0, 1.0) for gain in view.gain]
    return np.stack([table[rgb_THWC[..., c]] for c, table in enumerate(tables)])
