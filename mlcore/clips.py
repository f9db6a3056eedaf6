"""From stored pictures to what a network sees: its own grid in time, a crop around the region of interest, augmentation.

A clip is T ticks of `Grid.rate` Hz around a centre in seconds. Each tick takes the nearest stored picture, with *velocity*
(px of the stored picture per 1/120 s) as flow, so that 30, 60, 120 and 240 fps videos mean the same. Before the first and after
the last picture the border picture is repeated with zero flow. The crop of a picture is centred on the ROI track averaged over
the grid's length around it and clamped into the picture: it moves slowly, and depends on the video alone. Rotation, zoom and
mirror are one linear map a clip, straight from picture to crop; vectors turn with the pixels, are normalised and clipped last. Everything random comes from the generator the caller seeds per (seed, epoch, sample).
After Martin et al., MTAP 2020, sections 3 and 4 (published code CC BY 4.0, credited; own code).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mlcore import cache, roi
from mlcore.cache import BLOCK, Pair
from mlcore.flow import normalisation as measured
from mlcore.store import Store

Floats = NDArray[np.float32]
Steps = NDArray[np.int16]  # velocities in 1 / UNIT px per 1/120 s
TIE_S = 1e-6  # a tick midway between two pictures takes the earlier one, whatever its last bits
TOGETHER = 8  # ticks: what they need on the way stays in the processor's cache
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


class Pictures:
    """The pictures of one video that a grid can ask for: those nearest to its ticks, area-averaged once to its scale.

    A store with many more pictures a second than the grid is thinned to the grid's rate, a slower one is taken whole. All
    indices here count the `seconds` kept. Velocity keeps the stored picture's unit (px per 1/120 s); only its sampling gets coarser.
    """

    def __init__(self, store: Store, grid: Grid, cache: cache.Cache) -> None:
        self.store, self.grid = store, grid
        width, height = store.prepared.width, store.prepared.height
        side = store.roi.side * grid.view
        shrink = min(1.0, grid.H / side)
        self.size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
        self.side = side * self.size[0] / width
        self.exact = grid.H == grid.W == side and self.size == (width, height)  # a pixel of the crop is a pixel of the archive
        self.kept = thinned(np.asarray(store.seconds, np.float64), grid.rate)
        self.seconds = np.asarray(store.seconds, np.float64)[self.kept]
        track = np.stack([store.roi.x, store.roi.y], axis=1)[self.kept]
        self.centres = self.inside(roi.boxed(track, self.seconds, grid.seconds))
        self._middles = (self.seconds[1:] + self.seconds[:-1]) / 2
        self._step = float(np.median(np.diff(self.seconds))) if self.seconds.size > 1 else 0.04
        made_of = (store.folder / "prepared.json").read_bytes(), f"{self.size} {grid.rate} {UNIT} {BLOCK} 1".encode()
        name = hashlib.sha256(b" ".join(made_of)).hexdigest()[:24]
        self.shelf = cache.shelf(name, len(self.kept), self.size, self._read)

    def inside(self, centres: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, 2) crop centres in px of (n, 2) fractions of the picture, so that the crop stays inside (where the picture is
        smaller than the crop: the picture's middle). Where a pixel of the crop is a pixel of the archive, crops begin at
        whole pixels, as the published ones do: without augmentation they are then cut and not interpolated."""
        size, half = np.array(self.size), self.side / 2
        low, high = np.minimum(half, size / 2), np.maximum(size - half, size / 2)
        found = np.clip(centres * size, low, high)
        return np.asarray((np.rint(found - half) + half if self.exact else found) - 0.5)

    def near(self, seconds: NDArray[np.floating[Any]]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """(index of the nearest picture, whether it is beyond the video's ends by more than a picture), both (n,)."""
        index = np.searchsorted(self._middles, seconds - TIE_S).astype(np.int64)
        reach = self._step + TIE_S
        return index, (seconds < self.seconds[0] - reach) | (seconds > self.seconds[-1] + reach)

    def at(self, index: int) -> tuple[NDArray[np.uint8], Steps]:
        """((h, w, 3) RGB, (2, h, w) velocity in steps) of picture `index`."""
        return self.shelf.at(index)

    def _read(self, first: int, last: int) -> Pair:
        """Pictures [first, last) out of the archive."""
        kept = self.kept[first:last]
        begin, end = int(kept[0]), int(kept[-1]) + 1
        if end - begin == len(kept):
            rgb = self.store.rgb(begin, end)
        else:
            rgb = np.concatenate([self.store.rgb(k, k + 1) for k in kept.tolist()])
        velocity = self.store.velocity(begin, end)[kept - begin]
        if (rgb.shape[2], rgb.shape[1]) != self.size:
            rgb = np.stack([cv2.resize(p, self.size, interpolation=cv2.INTER_AREA) for p in rgb])
            velocity = np.stack([cv2.resize(p, self.size, interpolation=cv2.INTER_AREA) for p in velocity])
        steps = np.clip(np.rint(velocity * np.float32(UNIT)), -32768, 32767).astype(np.int16)
        return rgb, np.ascontiguousarray(steps.transpose(0, 3, 1, 2))  # a plane each: OpenCV warps them faster than pairs


def thinned(seconds: NDArray[np.float64], rate: float) -> NDArray[np.int64]:
    """Indices of the pictures nearest to the ticks of `rate`; all of them where there are fewer than 1.5 a tick."""
    if len(seconds) < 2 or (len(seconds) - 1) / (seconds[-1] - seconds[0]) < 1.5 * rate:
        return np.arange(len(seconds))
    ticks = np.arange(seconds[0], seconds[-1] + 1e-9, 1 / rate)
    return np.unique(np.searchsorted((seconds[1:] + seconds[:-1]) / 2, ticks))


def transform(pictures: Pictures, centre: tuple[float, float], view: View) -> Floats:
    """(2, 3) matrix from picture px to crop px for a crop around `centre`, given in fractions of the picture."""
    linear, offsets = _maps(pictures, pictures.inside(np.array([centre], np.float64)), view)
    return np.column_stack([linear, offsets[0]]).astype(np.float32)


def _maps(pictures: Pictures, centres: NDArray[np.float64], view: View) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The linear map (2, 2) of a view and the offset (n, 2) that it has for each of (n, 2) centres in px."""
    grid = pictures.grid
    linear = view.linear.astype(np.float64) * (grid.H / pictures.side)
    middle = np.array([(grid.W - 1) / 2 + view.shift[0] * grid.W, (grid.H - 1) / 2 + view.shift[1] * grid.H])
    return linear, middle - centres @ linear.T


def strip(pictures: Pictures, ticks_s: NDArray[np.floating[Any]], normal: Normalisation, view: View = View()) -> tuple[Floats, Floats]:
    """The pictures nearest to n moments (seconds): rgb (3, n, H, W) in 0..1 and flow (2, n, H, W) in -1..1, float32, laid out in
    memory as networks compute fastest: channels last.

    What is seen of a picture is a function of the video, the grid and the view alone, so a moment looks the same in every
    strip that holds it.
    """
    grid, n = pictures.grid, len(ticks_s)
    index, outside = pictures.near(np.asarray(ticks_s, np.float64))
    linear, offsets = _maps(pictures, pictures.centres[index], view)
    rgb, flow = np.empty((n, grid.H, grid.W, 3), np.float32), np.empty((n, grid.H, grid.W, 2), np.float32)
    crops, vectors = np.empty((TOGETHER, grid.H, grid.W, 3), np.uint8), np.empty((2, TOGETHER, grid.H, grid.W), np.int16)
    for first in range(0, n, TOGETHER):
        part = slice(first, min(n, first + TOGETHER))
        m = part.stop - first
        _warp(pictures, index[part], linear, offsets[part], crops, vectors)
        vectors[:, :m][:, outside[part]] = 0
        light(crops[:m], view, rgb[part])
        turn(vectors[:, :m], view, normal, flow[part])
    return rgb.transpose(3, 0, 1, 2), flow.transpose(3, 0, 1, 2)


def _warp(pictures: Pictures, index: NDArray[np.int64], linear: NDArray[np.float64], offsets: NDArray[np.float64],
          rgb_THWC: NDArray[np.uint8], steps_2THW: Steps) -> None:  # fmt: skip
    """Cut the crops of some pictures, one interpolation each; none where the map only shifts by whole pixels inside the picture."""
    size, last = (pictures.grid.W, pictures.grid.H), -1
    matrix = np.column_stack([linear, np.zeros(2)])
    begins = np.rint(-offsets).astype(int)
    plain = pictures.exact and np.array_equal(linear, np.eye(2)) and np.array_equal(begins, -offsets)
    plain = plain and bool((begins >= 0).all() and (begins + size <= pictures.size).all())
    for t, k in enumerate(index.tolist()):
        if k == last:
            rgb_THWC[t], steps_2THW[:, t] = rgb_THWC[t - 1], steps_2THW[:, t - 1]
            continue
        picture, velocity = pictures.at(k)
        matrix[:, 2], last = offsets[t], k
        if plain:
            x, y = begins[t]
            rgb_THWC[t], steps_2THW[:, t] = picture[y : y + size[1], x : x + size[0]], velocity[:, y : y + size[1], x : x + size[0]]
            continue
        cv2.warpAffine(picture, matrix, size, dst=rgb_THWC[t], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for plane, out in zip(velocity, steps_2THW[:, t]):
            cv2.warpAffine(plane, matrix, size, dst=out, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)


def clip(pictures: Pictures, centre_s: float, normal: Normalisation, view: View = View()) -> tuple[Floats, Floats]:
    """The strip of the grid's T ticks around `centre_s` seconds: rgb (3, T, H, W) and flow (2, T, H, W), float32."""
    grid = pictures.grid
    return strip(pictures, centre_s + (np.arange(grid.T) - (grid.T - 1) / 2) * (view.tempo / grid.rate), normal, view)


def turn(steps_2THW: Steps, view: View, normal: Normalisation, out_THW2: Floats) -> None:
    """Rotate, scale and mirror the vectors like their pixels, speed them up with the tempo, then normalise and clip."""
    linear = (normal.scale[:, None] * view.linear * np.float32(view.tempo / UNIT)).astype(np.float32)
    u, v = (plane.reshape(-1, plane.shape[-1]) for plane in steps_2THW)
    planes = [cv2.addWeighted(u, float(a), v, float(b), 0, dtype=cv2.CV_32F) for a, b in linear]
    cv2.merge(planes, dst=out_THW2.reshape(*u.shape, 2))
    np.clip(out_THW2, -1.0, 1.0, out=out_THW2)


def light(rgb_THWC: NDArray[np.uint8], view: View, out_THWC: Floats) -> None:
    """Photometric part of a view, from 0..255 to 0..1, in RGB order. Contrast and colour turn around mid-grey."""
    picture: Any = rgb_THWC.reshape(-1, rgb_THWC.shape[2], 3)
    if view.grey:
        picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    levels = np.arange(256, dtype=np.float32)[:, None] / 255
    table = np.clip((levels - 0.5) * np.array(view.gain, np.float32) + np.float32(0.5 + view.bias), 0.0, 1.0)
    cv2.LUT(picture, table[:, None], dst=out_THWC.reshape(picture.shape))
