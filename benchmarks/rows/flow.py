"""Preparation: flow and region of interest of a 720p video at 120 Hz."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import films
from benchmarks.measuring import Bench, Line, Row, child, interleaved, seconds, wall
from benchmarks.published import motion
from mlcore import flow, prepare, video
from mlcore.formats import FrameTable

RATE = 120.0
FILMED = Path(__file__).parents[2] / "tests" / "data" / "asl20" / "asl20_timeline.mp4"


def first_pictures(table: FrameTable, n: int) -> FrameTable:
    """The table of the first `n` pictures only."""
    body = {**vars(table), "pts": table.pts[:n], "keyframes": [k for k in table.keyframes if k < n]}
    return FrameTable(**body)


def per_core(bench: Bench) -> list[Line]:
    """The same pictures through both preparations, all files included."""
    film, n = films.drawn(bench.folder, 4), bench.pick(240, 48)
    table = first_pictures(films.table(film), n)
    lines = []
    for method, least in (("dis", 12), ("dis-fast", 20)):
        pairs = interleaved(fresh(lambda out, m=method: prepare.run(film, table, out, rate=RATE, method=m, workers=1)),
                            fresh(lambda out: motion.prepare(film, out, most=n)), pairs=bench.pairs, units=(n, n), warm_up=False)  # fmt: skip
        lines.append(Line.ratio(f"flow and region per core, {method}, against DeepFlow and files", pairs, least, "picture"))
    return [*lines, *errors("the drawn film", film, table, bench.pick(60, 10)), *errors("filmed gestures", FILMED, films.table(FILMED, bench.folder), bench.pick(60, 10))]


def fresh(work: Callable[[Path], object]) -> Callable[[], None]:
    """`work` on a folder that is empty before and gone afterwards."""
    def run() -> None:
        out = Path(tempfile.mkdtemp(prefix="bench-"))
        try:
            work(out)
        finally:
            shutil.rmtree(out)
    return run


def errors(name: str, film: Path, table: FrameTable, n: int) -> list[Line]:
    """Mean endpoint error against DeepFlow on `n` pairs of stored pictures 1/30 s apart: over all pixels, and where something moves."""
    step = max(1, round((table.n - 1) / (table.seconds(table.n - 1) - table.seconds(0)) / 30))
    begins = np.linspace(0, table.n - 1 - step, n).astype(int).tolist()
    wanted, size = {*begins, *(k + step for k in begins)}, prepare.stored_size(table.width, table.height)
    pictures = {k: rgb for k, rgb in video.frames(film, table, size=size) if k in wanted}
    background = flow.Foreground(30.0, [pictures[k] for k in begins])
    moving = [background.mask(pictures[k + step]).astype(bool) for k in begins]
    grey = [(flow.grey(pictures[k]), flow.grey(pictures[k + step])) for k in begins]
    deep = [flow.estimator("deepflow")(a, b) for a, b in grey]
    strength = mean_where(moving, [np.hypot(*np.moveaxis(d, 2, 0)) for d in deep])
    lines = []
    for method in ("dis", "dis-fast"):
        estimate = flow.estimator(method)
        distance = [np.hypot(*np.moveaxis(estimate(a, b) - d, 2, 0)) for (a, b), d in zip(grey, deep)]
        ours = f"{mean_where(moving, distance):.3f} px where something moves (mean motion there {strength:.2f} px)"
        lines.append(Line.reported(f"endpoint error of {method} against DeepFlow, {name}", float(np.mean(distance)), "px", ours=ours))
    return lines


def mean_where(masks: list[NDArray[np.bool_]], pictures: list[NDArray[np.float32]]) -> float:
    """Mean over the pixels of all pictures at which the masks are set; 0 where none is."""
    chosen = np.concatenate([picture[mask] for mask, picture in zip(masks, pictures)])
    return float(chosen.mean()) if chosen.size else 0.0


def two_processes(bench: Bench) -> list[Line]:
    """What two workers gain over one, as a share of what two independent DeepFlow processes gain over one."""
    film = films.repeated(films.drawn(bench.folder, 4), bench.pick(8, 5))
    table, frames_json = films.table(film), film.with_suffix(".json")
    shares, ours, other = [], [], []
    for _ in range(bench.pairs):
        one, two = (seconds(fresh(lambda out, w=w: prepared(film, frames_json, out, w)), wall) for w in (1, 2))
        alone, together = deepflow_processes(film, bench.pick(40, 6))
        ours.append(one / two)
        other.append(2 * alone / together)
        shares.append(ours[-1] / other[-1])
    text = f"{np.median(ours):.2f}x with two workers over one, {table.n} pictures"
    return [Line.at_least("two workers: share of what two independent processes gain", shares, 0.9, ours=text, other=f"{np.median(other):.2f}x with two DeepFlow processes over one")]


def prepared(film: Path, table: Path, out: Path, workers: int) -> None:
    """The product's own step in its own process."""
    child([sys.executable, "-m", "mlcore.prepare", str(film), "--frames", str(table), "--out", str(out), "--rate", str(RATE), "--workers", str(workers)])


DEEPFLOW = """
import sys, time, cv2
from pathlib import Path
from benchmarks.published import frames
cv2.setNumThreads(1)
grey = [cv2.cvtColor(p, cv2.COLOR_BGR2GRAY) for p in frames.resized(Path(sys.argv[1]), most=int(sys.argv[2]))]
deep = cv2.optflow.createOptFlow_DeepFlow()
begun = time.perf_counter()
for a, b in zip(grey, grey[1:]):
    deep.calc(a, b, None)
print(time.perf_counter() - begun)
"""


def deepflow_processes(film: Path, n: int) -> tuple[float, float]:
    """Seconds of DeepFlow in one process, and the longer of two that run at once, each with the same pictures."""
    def one(_: int) -> float:
        return float(subprocess.run([sys.executable, "-c", DEEPFLOW, str(film), str(n)], check=True, capture_output=True, text=True).stdout)

    alone = one(0)
    with ThreadPoolExecutor(2) as pool:
        return alone, max(pool.map(one, range(2)))


cv2.setNumThreads(1)
ROWS = [
    Row("flow", "preparation per core: >= 12x (DIS medium) and >= 20x (DIS fast) cheaper than DeepFlow and files", per_core),
    Row("workers", "two preparation workers gain >= 0.9 of what two independent processes gain", two_processes),
]
