"""`python -m mlcore.reproduce DIR --out DIR [--preset published|cpu|tiny] [--seeds 3] [--networks twin,rgb,flow]`: the papers' tables on your copy.

DIR is a TTStroke-21 / MediaEval folder (`mlcore.layouts`); its splits are used as they are. Every network is trained with every seed for both tasks
and evaluated as the papers do: classification of given strokes by the centre window, by vote, mean and Gaussian mean of sliding windows;
detection by runs of windows that are not Negative, scored as in 2022. Where test strokes have no label, files for submission are written
and the validation part is measured instead. Written to --out:
    tables.json tables.md index.html      the tables, published figures beside ours and named so
    submission/<network>-s<seed>/         classificationTask/, detectionTask/: XML as the task asks for
    runs/<task>-<network>-s<seed>/        run folders (`mlcore.train`), for `mlcore.predict`
Everything is resumable: what is finished is not done again. SIGTERM checkpoints and exits 75.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from mlcore import dataset, files, layouts, limits, papers, presets, train
from mlcore.cache import Cache
from mlcore.dataset import Film
from mlcore.formats import Dataset, DatasetVideo, FrameTable, Interval, Taxonomy
from mlcore.infer import choose_device, load_model, suggest
from mlcore.layouts import Layout, Source
from mlcore.predict import ready
from mlcore.presets import Preset
from mlcore.progress import Progress, StepError, Stopped, run_step
from mlcore.train import Training

NETWORKS: dict[str, dict[str, Any]] = {
    "twin": {"branches": "twin"}, "rgb": {"branches": "rgb"}, "flow": {"branches": "flow"},
    "twin-attention": {"branches": "twin", "attention": True}, "rgb-attention": {"branches": "rgb", "attention": True},
    "flow-attention": {"branches": "flow", "attention": True}}  # fmt: skip
TASKS = ("classification", "detection")
PREPARED = 0.2  # share of the whole that preparation is taken to be


@dataclass
class Job:
    """One call: what is read, where to, how far. `stride`: ticks between windows of the evaluation."""

    layout: Layout
    out: Path
    preset: Preset
    seeds: list[int]
    networks: list[str]
    device: torch.device
    minutes: float
    method: str = "dis"
    stride: int = 0
    tell: Callable[[float, str], None] = lambda share, phase: None
    stopping: list[bool] = field(default_factory=list)

    def check(self) -> None:
        if self.stopping:
            raise Stopped(phase="reproduce")


@dataclass
class Material:
    """One task, ready to learn: its dataset, its sources with frame tables, and open films."""

    task: str
    path: Path
    data: Dataset
    sources: list[Source]
    tables: list[FrameTable]
    films: list[Film]
    clipped: int

    def labelled(self, part: str) -> bool:
        """Whether anything in that part has a label."""
        return any(s.move for source in self.sources for s in source.given.get(part, ()))


def prepare_all(job: Job) -> dict[Path, tuple[FrameTable, str]]:
    """(frame table, key of the prepared folder) of every video of both tasks."""
    paths = sorted({source.path for source in (*job.layout.classification, *job.layout.detection)})
    out = {}
    for k, path in enumerate(paths):

        def tell(share: float, k: int = k) -> None:
            job.check()
            job.tell(PREPARED * (k + share) / len(paths), "prepare")

        table, folder = ready(path, job.out / "prepared", method=job.method, rate=job.preset.grid.rate, tell=tell)
        out[path] = table, folder.name
        tell(1.0)
    return out


def material(job: Job, task: str, sources: list[Source], taxonomy: Taxonomy, made: dict[Path, tuple[FrameTable, str]]) -> Material:
    """Write out/<task>/dataset.json and open it. StepError bad_annotation for an interval outside its video."""
    videos, clipped, tables = [], 0, []
    for source in sources:
        table, key = made[source.path]
        for intervals in source.given.values():
            for s in intervals:
                if source.trimmed:
                    s.end = table.n
                if s.begin >= table.n:
                    raise StepError("bad_annotation", file=source.id, found=f"begin {s.begin} of {table.n} frames")
                clipped += s.end > table.n
                s.end = min(s.end, table.n)
        # an unknown stroke of the test part is asked for, not learned from; elsewhere it is "some stroke"
        strokes = [Interval(s.begin, s.end, s.move, source="imported") for part, given in source.given.items() for s in given if s.move or part != "test"]
        videos.append(DatasetVideo(source.id, table.sha256, f"../prepared/{key}", table.n, source.id, not source.trimmed, source.parts(table.n), strokes))
        tables.append(table)
    path = job.out / task / "dataset.json"
    data = Dataset(f"{task} {job.layout.year}", taxonomy, "hold-out", job.seeds[0], videos)
    data.write(path)
    return Material(task, path, data, sources, tables, dataset.open_films(data, path.parent, job.preset.grid.rate), clipped)


def learn(job: Job, m: Material, network: str, seed: int, cache: Cache, tell: Callable[[float], None]) -> Path:
    """The run folder of one network and seed, trained where it is not whole yet."""
    name = f"{m.task}-{network}-s{seed}"
    preset = replace(job.preset, sizes={**job.preset.sizes, **NETWORKS[network]})
    folder = job.out / "runs" / name
    folder.mkdir(parents=True, exist_ok=True)
    progress = Progress(out=lambda **line: tell(float(line["progress"])))
    sha256 = hashlib.sha256(m.path.read_bytes()).hexdigest()
    train.train(Training(data=m.data, films=m.films, out=folder, run=name, preset=preset, device=job.device, minutes=job.minutes, seed=seed, champion=None,
                         sha256=sha256, cache=cache, progress=progress, stopping=job.stopping))  # fmt: skip
    return folder


def classify(job: Job, m: Material, run: Path, cache: Cache, tell: Callable[[float], None]) -> list[dict[str, Any]]:
    """Every given interval of validation and test: {"video", "part", "begin", "end", "move", "choices": {decision: class}}."""
    _, model = load_model(run, job.device)
    model.stride, rows = job.stride or model.stride, []
    total = sum(len(given) for source in m.sources for part, given in source.given.items() if part != "train")
    for source, film in zip(m.sources, m.films):
        for part, given in source.given.items():
            for s in given if part != "train" else ():
                job.check()
                begin, end = (dataset.second_of(film.store, ordinal) for ordinal in (s.begin, s.end))
                curve = model.curve(film.store, begin, end, cache=cache)
                choices = {name: model.classes[c] for name, c in papers.choices(curve, model.grid.T).items()}
                rows.append({"video": source.id, "part": part, "begin": s.begin, "end": s.end, "move": s.move, "choices": choices})
                tell(len(rows) / total)
    return rows


def detect(job: Job, m: Material, run: Path, cache: Cache, tell: Callable[[float], None]) -> list[dict[str, Any]]:
    """Every video with a validation or test part: {"video", "part", "truth": [[begin, end]], "found": {decision: [[begin, end]]}} in frames."""
    _, model = load_model(run, job.device)
    model.stride, rows = job.stride or model.stride, []
    wanted = [k for k, source in enumerate(m.sources) if set(source.given) - {"train"}]
    for k in wanted:
        job.check()
        source, film, table = m.sources[k], m.films[k], m.tables[k]
        seen = model.look(film.store, cache=cache)
        found = {"fitted": [(s.begin, s.end) for s in suggest(model, film.store, seen, table)]}
        times = np.array([table.seconds(i) for i in range(table.n + 1)])
        for name, runs in papers.strokes(seen.curve, model.grid.rate).items():
            edges = [[min(table.n, int(np.searchsorted(times, (tick - 0.5) / model.grid.rate))) for tick in pair] for pair in runs]
            found[name] = [(a, b) for a, b in edges if b > a]
        for part, given in source.given.items():
            if part != "train":
                rows.append({"video": source.id, "part": part, "truth": [(s.begin, s.end) for s in given], "found": found})
        tell((wanted.index(k) + 1) / len(wanted))
    return rows


def results(job: Job, materials: Sequence[Material]) -> dict[str, list[dict[str, Any]]]:
    """{"<task>-<network>-s<seed>": rows}; each kept in results/ as soon as it is there."""
    cells = [(m, network, seed) for m in materials for network in job.networks for seed in job.seeds]
    out, cache = {}, Cache(job.out / "clips", job.preset.cache_mb * 2**20)
    for k, (m, network, seed) in enumerate(cells):
        name = f"{m.task}-{network}-s{seed}"

        def tell(share: float, k: int = k, name: str = name) -> None:
            job.tell(PREPARED + (1 - PREPARED) * (k + share) / len(cells), name)

        kept = job.out / "results" / f"{name}.json"
        if not kept.exists():
            run = learn(job, m, network, seed, cache, lambda share, tell=tell: tell(0.9 * share))  # type: ignore[misc]
            look = classify if m.task == "classification" else detect
            rows = look(job, m, run, cache, lambda share, tell=tell: tell(0.9 + 0.1 * share))  # type: ignore[misc]
            files.write_atomic(kept, json.dumps(rows).encode())
        out[name] = json.loads(kept.read_text())
    return out


def reproduce(job: Job) -> dict[str, Any]:
    """The whole step; {"cells", "tables", "measured_on"}. StepError folder_in_use when --out holds another reproduction, unknown_network."""
    for network in job.networks:
        if network not in NETWORKS:
            raise StepError("unknown_network", found=network)
    taxonomies = {"classification": job.layout.taxonomy(), "detection": layouts.DETECTION}
    made = prepare_all(job)
    found = {"classification": job.layout.classification, "detection": job.layout.detection}
    materials = [material(job, task, found[task], taxonomies[task], made) for task in TASKS if found[task]]
    _same(job, materials)
    rows = results(job, materials)
    parts = {m.task: "test" if m.labelled("test") else "validation" for m in materials}
    for m in materials:
        for network in job.networks:
            for seed in job.seeds:
                _submit(job, m, rows[f"{m.task}-{network}-s{seed}"], job.out / "submission" / f"{network}-s{seed}" / f"{m.task}Task")
    made_tables = papers.fill(rows, {m.task: m.data.taxonomy for m in materials}, parts, job.networks, job.seeds, job.layout.year)
    papers.write(job.out, made_tables, {"layout": job.layout.year, "preset": job.preset.name, "seeds": job.seeds, "networks": job.networks, "flow": job.method,
                                        "measured_on": parts, "clipped_intervals": sum(m.clipped for m in materials)})  # fmt: skip
    return {"cells": len(rows), "tables": len(made_tables), "measured_on": parts}


def _same(job: Job, materials: Sequence[Material]) -> None:
    """What was learned here before must have been learned from the same data with the same settings."""
    now = {"data": [hashlib.sha256(m.path.read_bytes()).hexdigest() for m in materials], "preset": json.loads(json.dumps(job.preset.body())), "stride": job.stride}
    path = job.out / "settings.json"
    if path.exists() and json.loads(path.read_text()) != now:
        raise StepError("folder_in_use", path=str(job.out))
    files.write_atomic(path, json.dumps(now).encode())


def _submit(job: Job, m: Material, rows: Sequence[dict[str, Any]], folder: Path) -> None:
    """The test part as the task wants it handed in: begins and ends of given strokes unchanged, moves filled in by the mean decision."""
    test = [row for row in rows if row["part"] == "test"]
    if m.task == "detection":
        for row in test:
            found = [Interval(a, b, layouts.STROKE) for a, b in row["found"]["fitted"]]
            files.write_atomic(folder / f"{row['video']}.xml", layouts.actions_xml(found, moves=False))
    elif job.layout.year >= 2022 and test:
        names = {source.id: source.path.name for source in m.sources}
        files.write_atomic(folder / "test.xml", layouts.clips_xml((names[row["video"]], row["choices"]["mean"]) for row in test))
    else:
        for video in sorted({row["video"] for row in test}):
            filled = [Interval(row["begin"], row["end"], row["choices"]["mean"]) for row in test if row["video"] == video]
            files.write_atomic(folder / f"{video}.xml", layouts.actions_xml(filled, moves=True))


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog="mlcore.reproduce", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--preset", choices=tuple(presets.PRESETS), default="published")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--networks", default="twin,rgb,flow", help=", ".join(NETWORKS))
    parser.add_argument("--flow", default="dis")
    parser.add_argument("--stride", type=int, default=0, help="ticks between windows of the evaluation (default: the preset's; the papers' is 1)")
    parser.add_argument("--max-minutes", type=float, help="of one training")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    options = parser.parse_args(arguments)
    limits.apply(files=65536)
    cv2.setNumThreads(1)
    stopping: list[bool] = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    preset = presets.named(options.preset)
    job = Job(layouts.read(options.folder), options.out, preset, list(range(1, max(1, options.seeds) + 1)), options.networks.split(","),
              torch.device(choose_device(options.device)), options.max_minutes or preset.max_minutes, options.flow, options.stride, Progress().at, stopping)  # fmt: skip
    return reproduce(job)


if __name__ == "__main__":
    raise SystemExit(run_step(main))
