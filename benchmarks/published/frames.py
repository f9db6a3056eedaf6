"""Pictures of a video as PNG files: `rgb/00000000.png`, ... of width 320, in OpenCV's BGR order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH = 320
UInt8 = NDArray[np.uint8]


def name(folder: Path, kind: str, number: int) -> Path:
    """The file of picture `number`; `kind` is rgb, flow or mask."""
    return folder / kind / f"{number:08d}.{'npy' if kind == 'flow' else 'png'}"


def read(folder: Path, kind: str, number: int, *, grey: bool = False) -> UInt8:
    """The picture (h,w,3) BGR, or (h,w) where `grey`. FileNotFoundError where there is none."""
    path = name(folder, kind, number)
    found = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR)
    if found is None:
        raise FileNotFoundError(path)
    return np.asarray(found, np.uint8)


def resized(video: Path, *, most: int | None = None) -> Iterator[UInt8]:
    """(h,320,3) uint8 BGR pictures of the video, at most `most`; ends at the first that cannot be read."""
    capture = cv2.VideoCapture(str(video), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    if not capture.isOpened():
        raise ValueError(f"{video.name} is not a video")
    count = 0
    while most is None or count < most:
        there, picture = capture.read()
        if not there:
            break
        height, width = picture.shape[:2]
        yield np.asarray(cv2.resize(picture, (WIDTH, height * WIDTH // width)), np.uint8)
        count += 1
    capture.release()


def write(folder: Path, number: int, picture: UInt8) -> None:
    """One PNG, as OpenCV writes it by default."""
    cv2.imwrite(str(name(folder, "rgb", number)), picture)


def extract(video: Path, folder: Path, *, most: int | None = None) -> int:
    """Write the pictures of the video; their number."""
    (folder / "rgb").mkdir(parents=True, exist_ok=True)
    number = -1
    for number, picture in enumerate(resized(video, most=most)):
        write(folder, number, picture)
    return number + 1


def count(folder: Path) -> int:
    """Pictures in the folder."""
    return len(list((folder / "rgb").glob("*.png")))
