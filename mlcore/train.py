"""`python -m mlcore.train DATASET.json --out RUN_DIR --id RUN --preset tiny|cpu|published`: from labels to a run folder.

How a run is measured follows from the dataset's protocol:
* hold-out: learn on train; best epoch and decision by validation; the figures come from test (from validation while test is empty).
* leave-one-video-out, time-blocks: little data. At most three short trainings each leave some groups (or blocks of time, with a
  guard of one window) out; model and motion baseline are measured on what neither has seen, the decision of each fold being
  fitted on the others. Then one final fit learns from everything but test parts.
Folds take 30 % of the time, evaluation keeps 18 %. Flow statistics come from the training parts of each fit alone.

Everything is resumable: SIGTERM writes a checkpoint and exits 75; the same command goes on. `epochs.jsonl` gets a line per epoch;
run.json is written last, so its presence means that the run is whole.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from mlcore import checkpoint, clips, dataset, evaluate, limits, loop, plots, presets
from mlcore.clips import Cache, Normalisation
from mlcore.dataset import Film, Fold, Pool, Region
from mlcore.decide import CAREFUL, Decision
from mlcore.evaluate import Seen
from mlcore.formats import Dataset, FormatError, Run, write_atomic
from mlcore.infer import Model, check_flow, choose_device, load_model
from mlcore.loop import Task
from mlcore.metrics import Span
from mlcore.presets import Preset
from mlcore.progress import Progress, StepError, Stopped, run_step

FOLDS, FINAL = 0.30, 0.52  # shares of the time; the rest is evaluation
FIT_SECONDS = 180.0  # of training video that the final model is measured on


@dataclass
class Training:
    """One call of the step: where it reads and writes, how far it may go."""

    data: Dataset
    films: list[Film]
    out: Path
    run: str
    preset: Preset
    device: torch.device
    minutes: float
    seed: int
    champion: Path | None
    sha256: str
    cache: Cache
    progress: Progress
    stopping: list[bool] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)

    @property
    def negative(self) -> int:
        return len(self.data.taxonomy.moves)

    @property
    def flow(self) -> dict[str, Any]:
        return dict(self.films[0].store.prepared.method)

    def say(self, share: float, phase: str) -> None:
        """Progress, and the place where evaluation notices that it was asked to stop."""
        if self.stopping and phase == "evaluate":
            raise Stopped(phase=phase)
        self.progress.at(share, phase)

    def epoch(self, line: dict[str, Any]) -> None:
        """One more line of epochs.jsonl; the site reads it while we learn."""
        self.lines.append(line)
        write_atomic(self.out / "epochs.jsonl", "".join(json.dumps(one) + "\n" for one in self.lines).encode())


def statistics(t: Training, train: Sequence[Region]) -> Normalisation:
    """Of the training regions only."""
    return clips.normalisation(dataset.maxima(t.films, train), t.preset.gain)


def learn(t: Training, name: str, train: Sequence[Region], valid: Sequence[Region], *, epochs: int, seconds: float, seed: int, span: tuple[float, float]) -> tuple[Model, list[dict[str, Any]], int]:
    """One fit on `train`: (model with the default decision, its history, best epoch). `span`: its part of the step's progress."""
    pool = Pool(t.films, train, t.negative, t.preset.negatives)
    watch = Pool(t.films, valid, t.negative)
    folder, known = t.out / "checkpoint" / name, pool.classes
    state = checkpoint.read(folder)
    t.lines += state.values["history"] if state else []
    task = Task(name, t.films, pool, watch.fixed(t.preset.validation, known) if watch.strokes else [], t.preset, t.preset.network(t.negative + 1),
                statistics(t, train), seed, epochs, seconds, folder, t.cache, t.device, stop=lambda: bool(t.stopping),
                tell=lambda share: t.say(span[0] + (span[1] - span[0]) * share, name), epoch_done=t.epoch)  # fmt: skip
    fitted = loop.fit(task)
    model = Model(fitted.net, t.preset.grid, task.normal, Decision(), t.data.taxonomy.classes, t.preset.stride, t.flow, t.device)
    return model, fitted.history, fitted.best


def unseen_by_folds(t: Training, pool: list[Region]) -> tuple[dict[str, Any] | None, Decision]:
    """Short trainings that leave something out: (metrics.unseen, the decision fitted on all folds)."""
    found = dataset.folds(t.films, pool, t.data.protocol, t.negative, t.preset.grid.seconds)
    found = [f for f in found if len(Pool(t.films, f.train, t.negative).classes) >= 2]
    epochs = max(2, round(t.preset.epochs * t.preset.fold_share))
    looks: list[Seen] = []
    for i, fold in enumerate(found):
        span = (FOLDS * i / len(found), FOLDS * (i + 1) / len(found))
        looks.append(_fold(t, fold, epochs, t.seed + 1 + i, t.minutes * 60 * FOLDS / len(found), span))
    if not looks:
        return None, CAREFUL
    checkable = any(_classes(t, f.unseen) & Pool(t.films, f.train, t.negative).classes for f in found)
    model: dict[str, list[Span]] = {}
    together = Seen(t.preset.grid.rate, t.data.taxonomy.classes)
    for i, mine in enumerate(looks):
        others = Seen(mine.rate, mine.classes)
        for other in looks[:i] + looks[i + 1 :]:
            others.join(other)
        model |= {f"{i}/{name}": spans for name, spans in mine.spans(others.fitted(checkable, CAREFUL)).items()}
        together.join(mine)
    real = {f"{i}/{name}": spans for i, mine in enumerate(looks) for name, spans in mine.truths.items()}
    return _unseen(t, [f.unseen for f in found], model, real, checkable), together.fitted(checkable, CAREFUL)


def _classes(t: Training, regions: Sequence[Region]) -> set[int]:
    return Pool(t.films, regions, t.negative).classes - {t.negative}


def _fold(t: Training, fold: Fold, epochs: int, seed: int, seconds: float, span: tuple[float, float]) -> Seen:
    """What a fold's model sees on its unseen part; kept on disk, so that a resumed run does not learn it again."""
    model, _, _ = learn(t, fold.name, fold.train, [], epochs=epochs, seconds=seconds * 0.85, seed=seed, span=span)
    return evaluate.look(model, t.films, fold.unseen, t.cache, lambda share: t.say(span[1] - 0.01 * (1 - share), fold.name))


def _unseen(t: Training, parts: list[list[Region]], model: dict[str, Any], real: dict[str, Any], checkable: bool) -> dict[str, Any]:
    """metrics.unseen: model, motion baseline and champion on the same stretches."""
    still = {f"{i}/{name}": spans for i, part in enumerate(parts) for name, spans in evaluate.baseline(t.films, part).items()}
    return {"strokes": sum(map(len, real.values())), "model": evaluate.detection(model, real), "baseline": evaluate.detection(still, real),
            "champion": _champion(t, parts), "classes_checkable": checkable}  # fmt: skip


def _champion(t: Training, parts: list[list[Region]]) -> dict[str, float] | None:
    """The current model on the same stretches, with its own decision; None if there is none or it cannot judge these videos."""
    if t.champion is None:
        return None
    _, model = load_model(t.champion, t.device)
    check_flow(model.flow, t.films[0].store)
    regions = [region for part in parts for region in part]
    seen = evaluate.look(model, t.films, regions, Cache(t.cache.limit // 4), lambda share: t.say(0.97, "evaluate"))
    return evaluate.detection(seen.spans(model.decision), evaluate.truths(t.films, regions, t.negative))


def train(t: Training) -> dict[str, Any]:
    """The whole step; the metrics of the run."""
    if (t.out / "run.json").exists():
        return dict(Run.read(t.out / "run.json").metrics)
    fps = float(np.median([f.video.n_frames / f.duration for f in t.films]))
    train_part, valid, test = (dataset.regions(t.films, part) for part in ("train", "validation", "test"))
    metrics: dict[str, Any] = {"protocol": t.data.protocol, "unseen": None, "test": None}
    seconds = t.minutes * 60
    if t.data.protocol == "hold-out":
        model, history, best = learn(t, "final", train_part, valid, epochs=t.preset.epochs, seconds=seconds * (FOLDS + FINAL), seed=t.seed, span=(0, FOLDS + FINAL))
        model.decision = evaluate.look(model, t.films, valid, t.cache, lambda share: t.say(0.85 + 0.05 * share, "evaluate")).fitted(True)
        pool = train_part
    else:
        pool, valid = train_part + valid, []
        metrics["unseen"], decision = unseen_by_folds(t, pool)
        model, history, best = learn(t, "final", pool, [], epochs=t.preset.epochs, seconds=seconds * FINAL, seed=t.seed, span=(FOLDS, FOLDS + FINAL))
        model.decision = decision
    _measure(t, model, metrics, pool, valid, test, fps)
    _write(t, model, metrics, history, best)
    return metrics


def _measure(t: Training, model: Model, metrics: dict[str, Any], pool: list[Region], valid: list[Region], test: list[Region], fps: float) -> None:
    """Fill in fit, test and (for hold-out) unseen."""
    def report(regions: list[Region], share: float) -> tuple[dict[str, Any], Seen]:
        seen = evaluate.look(model, t.films, regions, t.cache, lambda done: t.say(share + 0.02 * done, "evaluate"))
        return evaluate.report(seen, model.decision, t.data.taxonomy, fps), seen

    metrics["fit"] = report(_first(pool), 0.92)[0]
    held = [r for r in test if t.films[r.film].strokes([r], t.negative)]
    if held:
        metrics["test"] = report(held, 0.94)[0]
    if t.data.protocol == "hold-out":
        part = held or valid
        figures, seen = (metrics["test"], None) if held else report(part, 0.94)
        real = seen.truths if seen else evaluate.truths(t.films, part, t.negative)
        known = Pool(t.films, pool, t.negative).classes
        metrics["unseen"] = _unseen(t, [part], {}, {f"0/{k}": v for k, v in real.items()}, bool(_classes(t, part) & known))
        metrics["unseen"]["model"] = {"f1": figures["f1"], "f1_any": figures["f1_any"]}


def _first(regions: Sequence[Region]) -> list[Region]:
    """The first FIT_SECONDS of `regions`."""
    out, left = [], FIT_SECONDS
    for r in regions:
        if left > 0:
            out.append(Region(r.film, r.begin, min(r.end, r.begin + left)))
            left -= out[-1].end - r.begin
    return out


def _write(t: Training, model: Model, metrics: dict[str, Any], history: list[dict[str, Any]], best: int) -> None:
    """The run folder; run.json last, then the checkpoints go."""
    shown = metrics["test"] or metrics["fit"]
    name = "test data" if metrics["test"] else "the data it learned from"
    checkpoint.write_weights(t.out / "weights.safetensors", model.net)
    plots.confusion_png(t.out / "confusion.png", shown["classification"]["confusion"], t.data.taxonomy.classes, f"Given intervals, {name}")
    plots.curves_png(t.out / "curves.png", history, f"Training, best epoch {best}")
    write_atomic(t.out / "curves.json", json.dumps({"epochs": t.lines, "best": best}).encode())
    write_atomic(t.out / "metrics.json", json.dumps(metrics).encode())
    config = {**t.preset.body(), "seed": t.seed, "device": str(t.device), "minutes": t.minutes, "best_epoch": best, "torch": torch.__version__}
    Run(t.run, t.data.taxonomy, model.net.sizes.body(), config, model.normal.body(), model.decision.body(), metrics, t.flow, t.sha256).write(t.out / "run.json")
    shutil.rmtree(t.out / "checkpoint", ignore_errors=True)


def opened(options: argparse.Namespace) -> Training:
    """Everything the step needs, from its arguments. Raises StepError bad_dataset and what `dataset.open_films` raises."""
    preset = presets.named(options.preset)
    try:
        data = Dataset.read(options.dataset)
    except (FormatError, FileNotFoundError) as error:
        raise StepError("bad_dataset", found=str(error)) from error
    films = dataset.open_films(data, options.dataset.parent, preset.grid.rate)
    options.out.mkdir(parents=True, exist_ok=True)
    sha256 = hashlib.sha256(options.dataset.read_bytes()).hexdigest()
    return Training(data, films, options.out, options.id, preset, torch.device(choose_device(options.device)),
                    options.max_minutes or preset.max_minutes, data.seed if options.seed is None else options.seed, options.champion, sha256,
                    Cache(preset.cache_mb * 2**20), Progress("folds"))  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog="mlcore.train", description=__doc__)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--id", required=True)
    parser.add_argument("--preset", choices=tuple(presets.PRESETS), default="cpu")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--max-minutes", type=float)
    parser.add_argument("--champion", type=Path)
    parser.add_argument("--seed", type=int)
    options = parser.parse_args(arguments)
    limits.apply(files=4096)
    cv2.setNumThreads(1)
    stopping: list[bool] = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    training = opened(options)
    training.stopping = stopping
    return train(training)


if __name__ == "__main__":
    raise SystemExit(run_step(main))
