"""The archive (prepared folder) against the published PNG and .npy files of the same pictures."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import cv2
import numpy as np

from benchmarks import films
from benchmarks.measuring import Bench, Line, Row, interleaved
from benchmarks.published import clips as published_clips
from benchmarks.published import frames, motion
from benchmarks.rows.flow import RATE, first_pictures
from benchmarks.rows.stages import prepared
from mlcore import clips, prepare, store
from mlcore.cache import Cache
from mlcore.clips import Grid, Pictures

GRID = Grid(RATE, 100, 120, 120)


def archive(bench: Bench, n: int, method: str = "dis") -> store.Store:
    """The prepared folder of the first `n` pictures of the film (more than it has: of the film again and again), made once."""
    film, out = films.drawn(bench.folder, 4), bench.folder / f"archive-{n}-{method}"
    film = films.repeated(film, -(-n // 480)) if n > 480 else film
    table = first_pictures(films.table(film), n)
    return store.read(out / str(prepare.run(film, table, out, rate=RATE, method=method, workers=1)["key"]))


def size_of(folder: Path) -> int:
    """Bytes of all files below."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def measure(bench: Bench) -> list[Line]:
    """Bytes, errors and reading: both sides hold the same pictures of the same film."""
    files = prepared(bench)
    n = frames.count(files)
    ours = archive(bench, n)
    per_picture = [size_of(folder) / n / 1024 for folder in (ours.folder, files)]
    lines = [Line.at_most("bytes of the archive, as a share of PNG and .npy files", per_picture[0] / per_picture[1], 0.2, "",
                          ours=f"{per_picture[0]:.1f} KiB a picture", other=f"{per_picture[1]:.0f} KiB a picture")]  # fmt: skip
    return [*lines, *errors(bench), *reading(bench, ours, files)]


def errors(bench: Bench) -> list[Line]:
    """What comes back, against what went in: masked DeepFlow and the resized pictures."""
    files, folder = prepared(bench), Path(tempfile.mkdtemp(dir=bench.folder))
    few = range(bench.pick(100, 40))
    rgb = np.stack([cv2.cvtColor(frames.read(files, "rgb", k), cv2.COLOR_BGR2RGB) for k in few])
    vectors = np.stack([motion.masked(files, k) for k in few])
    made = store.build(folder, rgb, vectors, [k / RATE for k in few], list(few))
    flow_error = float(np.abs(made.flow(0, made.n) - vectors).max())
    picture_error = float(np.abs(made.rgb(0, made.n).astype(int) - rgb).mean())
    shutil.rmtree(folder)
    return [Line.at_most("largest error of stored flow", flow_error, 0.01, "px", other=f"largest motion {np.abs(vectors).max():.1f} px"),
            Line.reported("mean error of stored pictures", picture_error, "of 255")]  # fmt: skip


def reading(bench: Bench, ours: store.Store, files: Path) -> list[Line]:
    """A plain clip of 100 pictures from either, nothing kept in memory: cut straight out of the archive as the published side cuts
    it out of its files, and by the way that training takes when its cache is empty."""
    normal, theirs = clips.normalisation([np.asarray(ours.prepared.flow_maxima)]), motion.normalisation([files])
    track = np.stack([ours.roi.x, ours.roi.y], axis=1)[2:102].mean(axis=0) * (ours.prepared.width, ours.prepared.height)
    box = published_clips.crop_box((float(track[0]), float(track[1])), ours.prepared.width, ours.prepared.height)

    def cut() -> None:
        np.multiply(ours.rgb(2, 102, box), np.float32(1 / 255)).transpose(3, 0, 1, 2)
        vectors = ours.velocity(2, 102, box)
        rows = vectors.reshape(*vectors.shape[:2], -1)  # one long row at a time: pairs of two numbers are slow to broadcast over
        rows *= np.tile(normal.scale, vectors.shape[2])
        np.clip(vectors, -1, 1, out=vectors).transpose(3, 0, 1, 2)

    def first_time() -> None:
        with tempfile.TemporaryDirectory(dir=bench.folder) as empty:
            clips.clip(Pictures(ours, GRID, Cache(Path(empty), 2**30)), 51.5 / RATE, normal)

    lines = []
    for call in (cut, first_time):
        pairs = interleaved(call, lambda: published_clips.load(files, 2, theirs), pairs=max(bench.pairs, 2))
        lines.append(Line.ratio("clip of 100 pictures cut out of the archive", pairs, 6, "clip"))
    cold = lines[1]
    return [lines[0], Line.reported("the same through an empty clip cache, which it fills", cold.figure or 0, "x", ours=cold.ours, other=cold.other)]


cv2.setNumThreads(1)
ROWS = [Row("archive", "<= 1/5 of the bytes of PNG and .npy files, flow to 0.01 px, clips >= 6x cheaper", measure)]
