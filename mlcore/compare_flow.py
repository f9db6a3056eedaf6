"""`python -m mlcore.compare_flow DATASET.json --videos DIR --out DIR`: which optical flow, and which normalisation, suits your data?

The question of Martin et al., "Optimal choice of motion estimation methods for fine-grained action classification with 3D convolutional networks" (ICIP 2019,
doi 10.1109/ICIP.2019.8803780), asked again: every flow method prepares every video, and for every normalisation the flow branch (or the
Twin, --network) learns with the same split, the same seed and the same samples; only the flow differs. MAX divides by the greatest motion of the
training videos, NORMAL by mean + 3 standard deviations of the maxima of their pictures; both clip to [-1, 1].
Measured: classes of given strokes that were not learned from (hold-out: the test part, or validation where there is none; other protocols: the
folds of `mlcore.dataset`), as balanced accuracy with Wilson's interval; cost of the flow in ms a stored picture on one thread of this machine.

Written to --out: flow.json, flow.csv, index.html, flow.png; prepared/<method>/ holds the prepared videos, clips/ a cache, cells/ one file per
finished cell, which is not done again. Videos are found in --videos by their SHA-256, whatever their names.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import itertools
import json
import math
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mlcore import clips, dataset, decide, files, flow, limits, loop, metrics, prepare, presets, roi, tables
from mlcore import store as stores
from mlcore import video as video_of
from mlcore.cache import Cache
from mlcore.clips import Normalisation
from mlcore.dataset import Film, Fold, Pool
from mlcore.files import FormatError
from mlcore.formats import Dataset, FrameTable
from mlcore.infer import Model, choose_device
from mlcore.layouts import VIDEOS
from mlcore.loop import Task
from mlcore.plots import BLUE, INK, LINE, ORANGE, PAPER, QUIET
from mlcore.predict import ready, sha256_of, table_of
from mlcore.presets import Preset
from mlcore.progress import Progress, StepError, Stopped, run_step
from mlcore.segments import Pipeline

NORMS = ("max", "normal")
PAIRS = 12  # pictures that the cost of a method is measured on
PREPARED = 0.4  # share of the whole that preparation is taken to be


@dataclass
class Cell:
    """One method and normalisation: confusion matrix of the given strokes, cost in ms a picture. `of`: what it was made from."""

    method: str
    norm: str
    confusion: list[list[int]]
    ms: float
    of: str

    @property
    def accuracy(self) -> dict[str, float]:
        return metrics.balanced_accuracy(np.array(self.confusion))


@dataclass
class Job:
    """One call of the step."""

    data: Dataset
    sha256: str
    videos: Path
    out: Path
    methods: list[str]
    norms: list[str]
    preset: Preset
    seed: int
    device: torch.device
    minutes: float
    tell: Callable[[float, str], None] = lambda share, phase: None
    stopping: list[bool] = field(default_factory=list)

    @property
    def identity(self) -> str:
        """Hash of all but method and normalisation that a cell depends on."""
        return hashlib.sha256(json.dumps([self.sha256, self.preset.body(), self.seed, self.minutes], sort_keys=True).encode()).hexdigest()[:16]

    def check(self) -> None:
        if self.stopping:
            raise Stopped(phase="compare_flow")


def sources(data: Dataset, folder: Path) -> list[Path]:
    """The file of each video of the dataset. Raises StepError("video_missing")."""
    found = {sha256_of(path): path for path in sorted(folder.rglob("*")) if path.suffix.lower() in VIDEOS and path.is_file()}
    for video in data.videos:
        if video.sha256 not in found:
            raise StepError("video_missing", video=video.id)
    return [found[video.sha256] for video in data.videos]


def prepared(job: Job) -> dict[str, list[Film]]:
    """The films of the dataset, once per method."""
    paths, out, done, total = sources(job.data, job.videos), {}, 0, len(job.methods) * len(job.data.videos)
    for method in job.methods:
        films = []
        for number, (video, path) in enumerate(zip(job.data.videos, paths)):

            def tell(share: float, done: int = done, method: str = method) -> None:
                job.check()
                job.tell(PREPARED * (done + share) / total, f"prepare {method}")

            make = ready if method in flow.METHODS else with_other
            _, folder = make(path, job.out / "prepared" / method, method=method, rate=job.preset.grid.rate, tell=tell)
            films.append(dataset.film(number, video, stores.read(folder), job.data.taxonomy, job.preset.grid.rate))
            done += 1
            tell(0.0, done)
        out[method] = films
    return out


def with_other(video: Path, work: Path, *, method: str, rate: float, tell: Callable[[float], None]) -> tuple[FrameTable, Path]:
    """As `predict.ready`, with an estimator of `flow.compared`, which `mlcore.prepare` does not offer: all the rest is done in the same way."""
    table = table_of(video, work, sha256_of(video))
    seconds = [table.seconds(k) for k in range(table.n)]
    plan = prepare.planned(sha256=table.sha256, seconds=seconds, width=table.width, height=table.height, rate=max(rate, prepare.RATE), method="dis")
    folder, size = work / plan.key, (plan.width, plan.height)
    if (folder / "prepared.json").exists():
        return table, folder

    def feed(first: int) -> Iterator[NDArray[np.uint8]]:
        wanted = set(plan.ordinals[first:])
        for ordinal, picture in video_of.frames(video, table, plan.ordinals[first], plan.ordinals[-1] + 1, size=size):
            if ordinal in wanted:
                yield picture

    unreadable = set(table.unreadable)
    pipeline = Pipeline(plan, {i for i, ordinal in enumerate(plan.ordinals) if ordinal in unreadable})
    pipeline.estimate, plan.method = estimator(method), {**plan.method, **versions(method)}
    writer = stores.Writer(folder, n=len(plan.ordinals), height=plan.height, width=plan.width)
    pipeline.fill(writer, feed, (0, len(writer.names)), lambda made: tell(made / writer.n))
    writer.seal(plan, roi.track(writer.finish(plan), plan.seconds, plan.ordinals, plan.width, plan.height))
    return table, folder


def estimator(method: str) -> flow.Estimate:
    """Of `flow.METHODS` or `flow.compared`. Raises StepError("unknown_flow")."""
    others = flow.compared()
    return others[method]() if method in others else flow.estimator(method)


def versions(method: str) -> dict[str, Any]:
    """As `flow.versions`, of the other estimators too. Raises StepError("unknown_flow")."""
    return {**flow.versions("dis"), "method": method, "preset": "default"} if method in flow.compared() else flow.versions(method)


def cost(films: Sequence[Film], method: str) -> float:
    """Median ms of one flow between stored pictures, one thread, over pairs from the middle of the first video."""
    estimate, store = estimator(method), films[0].store
    first = max(0, store.n // 2 - PAIRS // 2)
    pictures = [flow.grey(picture) for picture in store.rgb(first, min(store.n, first + PAIRS + 1))]
    spent = []
    for before, after in itertools.pairwise(pictures):
        began = time.perf_counter()
        estimate(before, after)
        spent.append(time.perf_counter() - began)
    return float(np.median(spent) * 1000) if spent else math.nan


def splits(job: Job, films: Sequence[Film]) -> list[tuple[Fold, list[dataset.Region]]]:
    """What is learned from and what is measured, with the regions that choose the epoch. Raises StepError("nothing_unseen")."""
    train, valid, test = (dataset.regions(films, part) for part in ("train", "validation", "test"))
    negative = len(job.data.taxonomy.moves)
    if job.data.protocol == "hold-out":
        held = [r for r in test if films[r.film].strokes([r], negative)]
        found = [(Fold("hold-out", train, held or valid), valid if held else [])] if held or valid else []
    else:
        found = [(fold, []) for fold in dataset.folds(films, train + valid, job.data.protocol, negative, job.preset.grid.seconds)]
    if not found:
        raise StepError("nothing_unseen")
    return found


def normalised(films: Sequence[Film], train: Sequence[dataset.Region], norm: str) -> Normalisation:
    """MAX: v / greatest motion; NORMAL: v / (mean + 3 std); of the training regions only, per component."""
    maxima = dataset.maxima(films, train)
    if norm == "normal":
        return clips.normalisation(maxima)
    top = np.concatenate([np.asarray(m, np.float64).reshape(-1, 2) for m in [*maxima, np.zeros((1, 2))]]).max(0)
    return Normalisation((float(top[0]) or 1.0, float(top[1]) or 1.0), (0.0, 0.0))


def learned(job: Job, films: list[Film], norm: str, checkpoints: Path, tell: Callable[[float], None]) -> NDArray[np.int64]:
    """Confusion matrix (classes, classes) of the given strokes that each fit has not seen, all fits together."""
    classes, negative, cache = job.data.taxonomy.classes, len(job.data.taxonomy.moves), Cache(job.out / "clips", job.preset.cache_mb * 2**20)
    truth: list[int] = []
    guess: list[int] = []
    parts = splits(job, films)
    for i, (fold, valid) in enumerate(parts):
        pool, watch = Pool(films, fold.train, negative, job.preset.negatives), Pool(films, valid, negative)
        validation = watch.fixed(job.preset.validation, pool.classes) if watch.strokes else []
        task = Task(fold.name, films, pool, validation, job.preset, job.preset.network(len(classes)), normalised(films, fold.train, norm), job.seed,
                    job.preset.epochs, job.minutes * 60 / len(parts), checkpoints / fold.name, cache, job.device, stop=lambda: bool(job.stopping),
                    tell=lambda share, i=i: tell((i + 0.95 * share) / len(parts)))  # type: ignore[misc]  # fmt: skip
        net = loop.fit(task).net
        model = Model(net, job.preset.grid, task.normal, decide.Decision(), classes, job.preset.stride, {}, job.device)
        for region in fold.unseen:
            film = films[region.film]
            for s in film.spans:
                if len(s.allowed) == 1 and region.holds(s.centre) and s.interval in film.video.strokes:
                    job.check()
                    curve = model.curve(film.store, s.begin, s.end, cache=cache)
                    truth.append(s.allowed[0])
                    guess.append(int(decide.given(curve, 0, len(curve)).argmax()))
    return metrics.confusion(truth, guess, len(classes))


def compare(job: Job) -> dict[str, Any]:
    """The whole step; {"cells", "best"}. StepError unknown_flow, unknown_norm, video_missing, nothing_unseen and those of the parts."""
    for method in job.methods:
        versions(method)
    for norm in job.norms:
        if norm not in NORMS:
            raise StepError("unknown_norm", norm=norm, known=", ".join(NORMS))
    films = prepared(job)
    wanted = [(method, norm) for method in job.methods for norm in job.norms]
    cells = []
    for k, (method, norm) in enumerate(wanted):

        def tell(share: float, k: int = k, name: str = f"{method} {norm}") -> None:
            job.tell(PREPARED + (1 - PREPARED) * (k + share) / len(wanted), name)

        cells.append(_cell(job, films[method], method, norm, tell))
        tell(1.0)
    write(job, cells)
    best = max(cells, key=lambda cell: (cell.accuracy["value"], -cell.ms))
    return {"cells": len(cells), "best": f"{best.method} {best.norm}"}


def _cell(job: Job, films: list[Film], method: str, norm: str, tell: Callable[[float], None]) -> Cell:
    """From its file, or measured and put there."""
    path, of = job.out / "cells" / f"{method}-{norm}.json", f"{job.identity} {versions(method)}"
    try:
        kept = Cell(**json.loads(path.read_text("utf-8")))
        if kept.of == of:
            return kept
    except (FileNotFoundError, ValueError, TypeError):
        pass
    folder = job.out / "checkpoint" / hashlib.sha256(f"{method} {norm} {of}".encode()).hexdigest()[:16]
    matrix = learned(job, films, norm, folder, tell)
    made = Cell(method, norm, matrix.tolist(), cost(films, method), of)
    files.write_atomic(path, json.dumps(asdict(made)).encode())
    shutil.rmtree(folder, ignore_errors=True)
    return made


def table(cells: Sequence[Cell]) -> tables.Table:
    """The best first."""
    rows = []
    for cell in sorted(cells, key=lambda cell: -cell.accuracy["value"]):
        a = cell.accuracy
        rows.append([f"{cell.method}, {cell.norm}", f"{a['value']:.3f}", f"{a['low']:.3f}", f"{a['high']:.3f}", str(a["n"]), f"{cell.ms:.3g}"])
    return tables.Table("Flow methods and normalisations", ["method", "balanced accuracy", "from", "to", "strokes", "ms a picture"], rows,
                        note="Interval: Wilson, 95 %, for one seed; it does not contain the chance of the seed. Intervals that overlap decide nothing.")  # fmt: skip


def write(job: Job, cells: Sequence[Cell]) -> None:
    """flow.json, flow.csv, flow.png and index.html."""
    made = table(cells)
    about = {"format": "topspin-flow-comparison", "version": 1, "dataset": job.data.name, "dataset_sha256": job.sha256, "protocol": job.data.protocol,
             "preset": job.preset.name, "network": job.preset.sizes.get("branches", "twin"), "seed": job.seed}  # fmt: skip
    rows = [{"method": c.method, "norm": c.norm, **c.accuracy, "ms": c.ms, "confusion": c.confusion} for c in cells]
    files.write_atomic(job.out / "flow.json", json.dumps({**about, "classes": job.data.taxonomy.classes, "cells": rows}, indent=1).encode())
    files.write_atomic(job.out / "flow.csv", tables.comma(made).encode())
    files.write_atomic(job.out / "flow.png", plot(cells))
    notes = [f"Dataset {about['dataset']}, {about['protocol']}; network {about['network']}, preset {about['preset']}, seed {job.seed}: the same for every row.",
             "After Martin et al., ICIP 2019 (doi 10.1109/ICIP.2019.8803780); all figures are measured here."]  # fmt: skip
    files.write_atomic(job.out / "index.html", tables.page("Which flow?", [made], notes, ["flow.png"]).encode())


def plot(cells: Sequence[Cell]) -> bytes:
    """PNG: a row per cell, the best first: balanced accuracy as a point on its interval (MAX orange, NORMAL blue), cost as a number."""
    ranked, row, left, right, top = sorted(cells, key=lambda cell: -cell.accuracy["value"]), 26, 190, 620, 70
    picture = Image.new("RGB", (760, top + row * len(ranked) + 40), PAPER)
    draw, small = ImageDraw.Draw(picture), ImageFont.load_default(13)
    draw.text((16, 14), "Flow method and normalisation: balanced accuracy, 95 % interval", INK, ImageFont.load_default(16))
    draw.text((740, top - 14), "ms a picture", QUIET, small, anchor="rm")
    for k in range(6):
        x = left + (right - left) * k / 5
        draw.line((x, top, x, top + row * len(ranked)), LINE)
        draw.text((x, top - 14), f"{k / 5:.1f}", QUIET, small, anchor="mm")
    for k, cell in enumerate(ranked):
        y, colour = top + row * k + row // 2, BLUE if cell.norm == "normal" else ORANGE
        low, value, high = (left + (right - left) * cell.accuracy[name] for name in ("low", "value", "high"))
        draw.text((left - 16, y), f"{cell.method}, {cell.norm}", INK, small, anchor="rm")
        draw.line((low, y, high, y), colour, 3)
        draw.ellipse((value - 5, y - 5, value + 5, y + 5), colour)
        draw.text((740, y), f"{cell.ms:.3g}", INK, small, anchor="rm")
    picture.save(data := io.BytesIO(), "PNG", optimize=True)
    return data.getvalue()


def opened(options: argparse.Namespace) -> Job:
    """Raises StepError bad_dataset, unknown_preset, no_gpu."""
    try:
        data = Dataset.read(options.dataset)
    except (FormatError, FileNotFoundError) as error:
        raise StepError("bad_dataset", found=str(error)) from error
    plain = presets.named(options.preset)
    preset = replace(plain, sizes={**plain.sizes, "branches": options.network}, gain=1.0)
    return Job(data, hashlib.sha256(options.dataset.read_bytes()).hexdigest(), options.videos, options.out, options.methods.split(","), options.norms.split(","),
               preset, data.seed if options.seed is None else options.seed, torch.device(choose_device(options.device)),
               options.max_minutes or preset.max_minutes, Progress().at)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog="mlcore.compare_flow", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--videos", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--methods", default="dis,deepflow,farneback", help=", ".join([*flow.METHODS, *flow.compared()]))
    parser.add_argument("--norms", default="max,normal")
    parser.add_argument("--network", choices=("flow", "twin"), default="flow")
    parser.add_argument("--preset", choices=tuple(presets.PRESETS), default="cpu")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--max-minutes", type=float, help="of one cell's training")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    options = parser.parse_args(arguments)
    limits.apply(files=65536)
    cv2.setNumThreads(1)
    job = opened(options)
    signal.signal(signal.SIGTERM, lambda *_: job.stopping.append(True))
    return compare(job)


if __name__ == "__main__":
    raise SystemExit(run_step(main))
