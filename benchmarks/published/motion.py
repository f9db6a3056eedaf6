"""Flow, foreground mask, values file and region of interest of a folder of pictures.

`flow/k.npy` (2,h,w) float32 px from picture k-1 to k, raw; `mask/k.png` 255 where something moves; `values.txt` a row per picture
(max_x, mean_x, std_x, max_y, mean_y, std_y of the masked flow); `roi.txt` the smoothed centre (x, y) of each picture in px.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.published import frames

Floats = NDArray[np.float32]
UInt8 = NDArray[np.uint8]
STRONG = 5.0  # px: only pictures with more motion count in the normalisation
SIDE, ALPHA, TAPS = 120, 0.6, 41
_RECTANGLE = np.ones((3, 3), np.uint8)


def pair(deep: cv2.DenseOpticalFlow, before: UInt8, after: UInt8) -> Floats:
    """(2,h,w) float32 px: DeepFlow of two grey pictures (h,w)."""
    return np.ascontiguousarray(deep.calc(before, after, None).transpose(2, 0, 1))


def deepflow(folder: Path, n: int) -> None:
    """Write the raw flow of all pictures; they are read back from their files."""
    (folder / "flow").mkdir(exist_ok=True)
    deep = cv2.optflow.createOptFlow_DeepFlow()
    before = _grey(folder, 0)
    np.save(frames.name(folder, "flow", 0), np.zeros((2, *before.shape), np.float32))
    for number in range(1, n):
        after = _grey(folder, number)
        np.save(frames.name(folder, "flow", number), pair(deep, before, after))
        before = after


def _grey(folder: Path, number: int) -> UInt8:
    return np.asarray(cv2.cvtColor(frames.read(folder, "rgb", number), cv2.COLOR_BGR2GRAY), np.uint8)


def masks(folder: Path, n: int) -> None:
    """Write the foreground masks (Zivkovic and van der Heijden 2006, OpenCV's MOG2, without shadows)."""
    (folder / "mask").mkdir(exist_ok=True)
    model = cv2.createBackgroundSubtractorMOG2(detectShadows=False)
    for number in range(n):
        cv2.imwrite(str(frames.name(folder, "mask", number)), model.apply(frames.read(folder, "rgb", number)))


def masked(folder: Path, number: int) -> Floats:
    """(h,w,2) float32 px: flow blurred 3x3, zero outside the mask dilated 3x3; made anew at every call, as published."""
    flow = np.load(frames.name(folder, "flow", number)).transpose(1, 2, 0)
    mask = cv2.dilate(frames.read(folder, "mask", number, grey=True), _RECTANGLE)
    return np.asarray(cv2.GaussianBlur(flow, (3, 3), 0) * (mask > 0)[:, :, None], np.float32)


def values(folder: Path, n: int) -> None:
    """Write the values file and the track of the region."""
    rows, centres = np.zeros((n, 6)), np.zeros((n, 2))
    for number in range(n):
        flow = masked(folder, number)
        size = np.abs(flow)
        for axis in (0, 1):
            rows[number, 3 * axis : 3 * axis + 3] = size[..., axis].max(), size[..., axis].mean(), size[..., axis].std()
        centres[number] = centre(flow) if size.any() else (centres[number - 1] if number else _middle(flow))
    np.savetxt(folder / "values.txt", rows)
    np.savetxt(folder / "roi.txt", smoothed(centres))


def _middle(flow: Floats) -> tuple[float, float]:
    return flow.shape[1] / 2, flow.shape[0] / 2


def centre(flow: Floats) -> tuple[float, float]:
    """Centre (x, y) in px of (h,w,2) masked flow: 0.6 x strongest + 0.4 x mean of what moves, each kept inside (MMSports 2021, eq. 1)."""
    height, width = flow.shape[:2]
    strength = np.abs(flow).sum(axis=2)
    top = np.unravel_index(strength.argmax(), strength.shape)
    rows, columns = np.nonzero(strength)
    half = min(SIDE, width, height) / 2
    out = []
    for peak, mean, length in ((top[1], columns.mean(), width), (top[0], rows.mean(), height)):
        out.append(ALPHA * np.clip(peak, half, length - half) + (1 - ALPHA) * np.clip(mean, half, length - half))
    return float(out[0]), float(out[1])


def smoothed(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,2) convolved over time with 41 Gaussian taps (sigma by OpenCV's rule, 6.5), the ends reflected."""
    if len(centres) < 2:
        return centres
    taps = cv2.getGaussianKernel(TAPS, -1)[:, 0]
    padded = np.pad(centres, ((TAPS // 2, TAPS // 2), (0, 0)), mode="reflect")
    return np.stack([np.convolve(padded[:, axis], taps, mode="valid") for axis in (0, 1)], axis=1)


def normalisation(folders: list[Path]) -> tuple[Floats, Floats]:
    """(mean, std), (2,) each, of the largest motions above 5 px of the training folders; (1, 0) where there are none."""
    maxima = np.concatenate([np.loadtxt(folder / "values.txt", ndmin=2)[:, [0, 3]] for folder in folders])
    strong = [column[column > STRONG] for column in maxima.T]
    mean = [s.mean() if len(s) else 1.0 for s in strong]
    return np.array(mean, np.float32), np.array([s.std() if len(s) else 0.0 for s in strong], np.float32)


def prepare(video: Path, folder: Path, *, most: int | None = None) -> int:
    """All steps, one after the other over the files; the number of pictures."""
    n = frames.extract(video, folder, most=most)
    deepflow(folder, n)
    masks(folder, n)
    values(folder, n)
    return n
