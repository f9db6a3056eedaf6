"""Optical flow between stored pictures, its foreground mask, and the statistics that normalise it.

The steps are those of the published pipeline (Martin et al., ICPR 2020; CRISP code, CC BY 4.0): dense flow, Gaussian
blur 3x3, times the foreground mask of a background model (Zivkovic and van der Heijden 2006, OpenCV's MOG2) dilated by
a 3x3 rectangle. The camera stands still. Published thresholds are in px per 1/120 s, and so is every velocity here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mlcore.progress import StepError

UInt8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]

METHODS = {
    "dis": "medium",
    "dis-fast": "fast",
    "dis-ultrafast": "ultrafast",
    "deepflow": "default",
    "farneback": "0.5/3/15/3/5/1.2",
}
STRONG = 5.0  # px per 1/120 s: the published statistics are taken of pictures whose largest motion exceeds it
HISTORY_S = 500 / 120  # memory of the background model: OpenCV's 500 pictures at the published 120 Hz
VARIANCE_THRESHOLD = 16.0
WARM_UP_HZ = 30.0  # a background model is warmed by at most so many pictures a second of the HISTORY_S before a segment
_DILATION = np.ones((3, 3), np.uint8)

Estimate = Callable[[UInt8, UInt8], Float32]

_DIS = {
    "dis": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
    "dis-fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "dis-ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
}


def estimator(method: str) -> Estimate:
    """A function (H,W) uint8 grey, next (H,W) uint8 grey -> (H,W,2) float32 flow in pixels, for one of `METHODS`.

    Each call gives an estimator of its own; one must not be shared by threads. StepError unknown_flow{method, known}.
    """
    # DIS cuts the picture in as many stripes as OpenCV has threads, and the stripes show in the result
    cv2.setNumThreads(1)
    if method in _DIS:
        return _calculated(cv2.DISOpticalFlow.create(_DIS[method]))
    if method == "deepflow":
        return _calculated(cv2.optflow.createOptFlow_DeepFlow())
    if method == "farneback":
        return lambda before, after: np.asarray(
            cv2.calcOpticalFlowFarneback(before, after, None, 0.5, 3, 15, 3, 5, 1.2, 0), np.float32
        )
    raise StepError("unknown_flow", method=method, known=", ".join(METHODS))


def compared() -> dict[str, Callable[[], Estimate]]:
    """Makers of the other dense estimators of OpenCV contrib with their default settings, by name.

    Videos are not prepared with them: they are far slower than the estimators of `METHODS` that are as good, and are here so that
    a comparison on labelled strokes (Martin et al., ICIP 2019) can include them. Each Estimate as in `estimator`.
    """
    cv2.setNumThreads(1)
    of = cv2.optflow
    return {
        "tvl1": lambda: _calculated(of.createOptFlow_DualTVL1()),
        "pca": lambda: _calculated(of.createOptFlow_PCAFlow()),
        "sparse-to-dense": lambda: _calculated(of.createOptFlow_SparseToDense()),
        "dense-rlof": lambda: _in_colour(of.createOptFlow_DenseRLOF()),
        "simple": lambda: _in_colour(of.createOptFlow_SimpleFlow()),
    }


def _calculated(algorithm: Any) -> Estimate:
    return lambda before, after: np.asarray(algorithm.calc(before, after, None), np.float32)


def _in_colour(algorithm: Any) -> Estimate:
    """For those that want three channels: three times the same grey."""

    def estimate(before: UInt8, after: UInt8) -> Float32:
        both = [cv2.cvtColor(one, cv2.COLOR_GRAY2BGR) for one in (before, after)]
        return np.asarray(algorithm.calc(*both, None), np.float32)

    return estimate


def versions(method: str) -> dict[str, Any]:
    """All that the values of prepared flow depend on; stored with what is made from it. StepError unknown_flow."""
    if method not in METHODS:
        raise StepError("unknown_flow", method=method, known=", ".join(METHODS))
    return {
        "method": method,
        "preset": METHODS[method],
        "opencv": cv2.__version__,
        "blur": 3,
        "mask": {
            "model": "mog2",
            "history_s": round(HISTORY_S, 4),
            "variance_threshold": VARIANCE_THRESHOLD,
            "dilation": 3,
            "warm_up_hz": WARM_UP_HZ,
        },
    }


def grey(rgb: UInt8) -> UInt8:
    """(H,W,3) uint8 RGB -> (H,W) uint8."""
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)


class Foreground:
    """The background model of one segment, at `rate` pictures a second, warmed by pictures (H,W,3) from just before it.

    OpenCV cannot save this model, so each segment starts its own: a run that was interrupted gives the same masks.
    """

    def __init__(self, rate: float, warm_up: Iterable[UInt8]) -> None:
        history = max(8, round(HISTORY_S * rate))
        self._model = cv2.createBackgroundSubtractorMOG2(history, VARIANCE_THRESHOLD, False)
        for rgb in warm_up:
            self._model.apply(rgb)

    def mask(self, rgb: UInt8) -> UInt8:
        """(H,W) uint8, 1 where (H,W,3) differs from the background, dilated 3x3; the model learns the picture."""
        found = self._model.apply(rgb)
        return np.asarray(cv2.dilate(found, _DILATION) > 0, np.uint8)


def masked(flow: Float32, mask: UInt8) -> Float32:
    """(H,W,2) flow blurred 3x3, then zero wherever `mask` (H,W) is."""
    return np.asarray(cv2.copyTo(cv2.GaussianBlur(flow, (3, 3), 0), mask), np.float32)


def normalisation(maxima: NDArray[np.float64]) -> dict[str, list[float]]:
    """Published NORMAL statistics of (n,2) largest |velocity| per picture (px per 1/120 s) of the *training* videos.

    Per component: mean and standard deviation of the maxima above 5 px (Martin et al., ICPR 2020). If fewer than 8
    pictures exceed it, the threshold is halved until 8 do, at most to 5/64 px; below that the scale is 1 px. Never NaN.
    """
    mean, std = [], []
    for component in np.asarray(maxima, np.float64).reshape(-1, 2).T:
        values, threshold = component[np.isfinite(component)], STRONG
        while (values > threshold).sum() < 8 and threshold > STRONG / 64:
            threshold /= 2
        strong = values[values > threshold]
        mean.append(float(strong.mean()) if len(strong) else 1.0)
        std.append(float(strong.std()) if len(strong) else 0.0)
    return {"mean": mean, "std": std}


def normalise(velocity: Float32, statistics: dict[str, list[float]]) -> Float32:
    """(...,2) velocity in px per 1/120 s -> [-1, 1]: clip(v / (mean + 3 std)), per component."""
    scale = np.asarray(statistics["mean"], np.float32) + 3 * np.asarray(statistics["std"], np.float32)
    return np.asarray(np.clip(velocity / scale, -1.0, 1.0), np.float32)
