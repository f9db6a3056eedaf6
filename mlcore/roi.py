"""The region of interest: where in the picture the network looks.

Martin et al. (three-stream, 2021), equation 1: x_roi = 0.6 f(x_strongest) + 0.4 f(x_centroid) and the same in y;
`strongest` is the pixel of largest |V|_1, `centroid` the mean position of non-zero masked flow, f keeps the square
inside the picture. The track is smoothed over 1/3 s. Where nothing moves, the last centre is held. A box dragged by a
person wins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlcore.formats import RoiTrack
from mlcore.progress import StepError

ALPHA = 0.6
SIDE = 120
HALF_WIDTH_S = 1 / 6  # published kernel: 2 * (1/6) * 120 + 1 pictures ...
SIGMA_S = 6.5 / 120  # ... whose sigma OpenCV's rule makes 6.5 pictures
FADE_S = 2.0  # a correction moves the track this long before and after it, less and less
BRIDGE_S = 10.0  # corrections closer than this are joined by a straight line; farther apart each only fades

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


def side(width: int, height: int) -> int:
    """Side of the square in stored pixels: 120, or less in a smaller picture."""
    return min(SIDE, width, height)


def centre(flow: NDArray[Any]) -> tuple[float, float]:
    """Centre (x, y) in stored pixels of the region, from masked flow (H,W,2) in any unit; NaN if all is zero."""
    height, width = flow.shape[:2]
    strength = np.abs(flow[..., 0].astype(np.float32)) + np.abs(flow[..., 1].astype(np.float32))
    strongest = int(strength.argmax())
    if strength.flat[strongest] == 0:
        return float("nan"), float("nan")
    moving = strength > 0
    columns, rows = moving.sum(axis=0), moving.sum(axis=1)
    half = side(width, height) / 2
    x = ALPHA * _inside(strongest % width, half, width)
    y = ALPHA * _inside(strongest // width, half, height)
    x += (1 - ALPHA) * _inside(columns @ np.arange(width) / columns.sum(), half, width)
    y += (1 - ALPHA) * _inside(rows @ np.arange(height) / rows.sum(), half, height)
    return float(x), float(y)


def _inside(u: float, half: float, length: int) -> float:
    return float(min(max(u, half), length - half))


def track(
    centres: Float32,
    seconds: Sequence[float],
    ordinals: Sequence[int],
    width: int,
    height: int,
    corrections: Sequence[Mapping[str, Any]] = (),
) -> RoiTrack:
    """The track of (N,2) raw centres in stored pixels (NaN: nothing moves), at `seconds` and source `ordinals`.

    `corrections`: [{"frame": source ordinal, "x": 0..1, "y": 0..1}], centres set by a person. Between two of them at
    most 10 s apart the centre moves in a straight line; elsewhere the nearest one shifts the flow track by its distance
    to it, fading to nothing over 2 s. StepError bad_corrections{found}.
    """
    times = np.asarray(seconds, np.float64)
    size: Float64 = np.array([width, height], np.float64)
    smooth = smoothed(held(np.asarray(centres, np.float64), size / 2), _rate(times)) / size
    placed, manual = _corrected(smooth, times, np.asarray(ordinals, np.float64), checked(corrections))
    length = side(width, height)
    margin = length / 2 / size
    inside = np.round(np.clip(placed, margin, 1 - margin), 5)
    source = ["manual" if by_hand else "flow" for by_hand in manual]
    x, y = inside[:, 0].tolist(), inside[:, 1].tolist()
    return RoiTrack(width, height, length, [int(o) for o in ordinals], x, y, source)


def held(centres: Float64, middle: Float64) -> Float64:
    """(N,2) without NaN: where nothing moves the centre before it; before all motion, the first one."""
    known = np.isfinite(centres).all(axis=1)
    if not known.any():
        return np.tile(middle, (len(centres), 1))
    last = np.maximum.accumulate(np.where(known, np.arange(len(centres)), -1))
    return np.asarray(centres[np.where(last < 0, int(known.argmax()), last)])


def smoothed(values: Float64, rate: float) -> Float64:
    """(N,2) convolved over time with the Gaussian of 1/3 s at `rate` pictures a second; the ends reflect."""
    half = round(HALF_WIDTH_S * rate)
    if half < 1 or len(values) < 2:
        return values
    kernel = np.exp(-0.5 * (np.arange(-half, half + 1) / (SIGMA_S * rate)) ** 2)
    kernel = kernel / kernel.sum()
    padded = np.pad(values, ((half, half), (0, 0)), mode="reflect")
    return np.stack([np.convolve(padded[:, axis], kernel, mode="valid") for axis in (0, 1)], axis=1)


def boxed(values: Float64, seconds: Float64, length: float) -> Float64:
    """(N,2) mean of the track (straight between its points, held beyond its ends) over `length` seconds around each point."""
    if len(values) < 2:
        return np.asarray(values, np.float64)
    steps = np.diff(seconds)[:, None] * (values[1:] + values[:-1]) / 2
    sums = np.concatenate((np.zeros((1, values.shape[1])), np.cumsum(steps, axis=0)))  # integral up to each point

    def integral(at: Float64) -> Float64:
        low = np.clip(np.searchsorted(seconds, at, "right") - 1, 0, len(seconds) - 1)
        here = np.stack([np.interp(at, seconds, column) for column in values.T], axis=1)
        return np.asarray(sums[low] + (at - seconds[low])[:, None] * (values[low] + here) / 2)

    return (integral(seconds + length / 2) - integral(seconds - length / 2)) / length


def checked(corrections: Any) -> list[tuple[int, float, float]]:
    """Corrections as (frame, x, y), by frame, the last one of a frame winning. StepError bad_corrections{found}."""
    try:
        by_frame = {int(c["frame"]): (float(c["x"]), float(c["y"])) for c in corrections}
    except (TypeError, KeyError, ValueError) as error:
        raise StepError("bad_corrections", found=str(error)) from error
    for frame, (x, y) in by_frame.items():
        if frame < 0 or not (0 <= x <= 1 and 0 <= y <= 1):
            raise StepError("bad_corrections", found=f"frame {frame}: ({x}, {y})")
    return [(frame, *by_frame[frame]) for frame in sorted(by_frame)]


def _corrected(
    flow: Float64, times: Float64, ordinals: Float64, corrections: list[tuple[int, float, float]]
) -> tuple[Float64, NDArray[np.bool_]]:
    """(N,2) fractions with corrections applied, and where they had a say."""
    out, manual = flow.copy(), np.zeros(len(times), bool)
    if not corrections:
        return out, manual
    at = np.interp([frame for frame, _, _ in corrections], ordinals, times)
    wanted = np.array([[x, y] for _, x, y in corrections])
    shift = wanted - np.stack([np.interp(at, times, flow[:, axis]) for axis in (0, 1)], axis=1)
    nearest = np.abs(times[:, None] - at[None, :]).argmin(axis=1)
    weight = np.clip(1 - np.abs(times - at[nearest]) / FADE_S, 0, 1)
    out += weight[:, None] * shift[nearest]
    manual |= weight > 0
    for k in range(len(at) - 1):
        if at[k + 1] - at[k] <= BRIDGE_S:
            between = (times >= at[k]) & (times <= at[k + 1])
            for axis in (0, 1):
                out[between, axis] = np.interp(times[between], at[k : k + 2], wanted[k : k + 2, axis])
            manual |= between
    return out, manual


def _rate(times: Float64) -> float:
    return float((len(times) - 1) / (times[-1] - times[0])) if len(times) > 1 else 0.0
