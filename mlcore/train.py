"""`python -m mlcore.train DATASET.json --out RUN_DIR --id RUN --preset tiny|cpu|published`: from labels to a run folder.

How a run is measured follows from the dataset's protocol:
* hold-out: learn on train; best epoch and decision by validation; the figures come from test (from validation while test is empty).
* leave-one-video-out, time-blocks: little data. At most three short trainings each leave some groups (or blocks of time, with a
  guard of one window) out; model and motion baseline are measured on what neither has seen, the decision of each fold being
  fitted on the others. Then one final fit learns from everything but test parts.
Folds take 30 % of the time, evaluation keeps 18 %. Flow statistics come from the training parts of each fit alone.

Where there are 25 strokes or more each fit ends with a temporal head (`detect`) over what its network sees along the training videos.

`torchrun --nproc-per-node N -m mlcore.train ...` shares every batch among N processes; the first one measures and writes.
Everything is resumable: SIGTERM writes a checkpoint and exits 75; the same command goes on. `epochs.jsonl` gets a line per epoch;
run.json is written last, so its presence means that the run is whole.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from mlcore import checkpoint, clips, dataset, detect, distributed, evaluate, limits, loop, machine, plots, presets
from mlcore.cache import Cache
from mlcore.clips import Normalisation
from mlcore.dataset import Film, Fold, Pool, Region
from mlcore.decide import CAREFUL, HEADED, Decision
from mlcore.dense import Scan
from mlcore.detect import Head, HeadSizes, Stretch
from mlcore.evaluate import Seen
from mlcore.files import FormatError, write_atomic
from mlcore.formats import Dataset, Run
from mlcore.infer import Model, check_flow, choose_device, features, load_model
from mlcore.loop import Task
from mlcore.presets import Preset
from mlcore.progress import Progress, StepError, Stopped, run_step
from mlcore.unseen import Part, Unseen

FOLDS, FINAL = 0.30, 0.52  # shares of the time; the rest is evaluation
FIT_SECONDS = 180.0  # of training video that the final model is measured on
OWN_CLIPS = "clips"
HEAD_STROKES = 25  # strokes from which a temporal head is learned; below, the class curve is cut


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
        """Progress, and the place where everything but the loop (which saves first) notices that it was asked to stop."""
        if self.stopping and phase in ("evaluate", "detect"):
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
                tell=lambda share: t.say(span[0] + (span[1] - span[0]) * share, name), epoch_done=t.epoch, board=t.out / "tensorboard" / name)  # fmt: skip
    fitted = loop.fit(task)
    model = Model(fitted.net, t.preset.grid, task.normal, Decision(), t.data.taxonomy.classes, t.preset.stride, t.flow, t.device)
    if pool.strokes >= HEAD_STROKES and not distributed.rank():
        model.head = detector(t, model, folder, train, seed, span[1])
        model.decision = HEADED
    return model, fitted.history, fitted.best


def detector(t: Training, model: Model, folder: Path, train: Sequence[Region], seed: int, share: float) -> Head:
    """The temporal head of `model`, learned from all of `train`. What the network sees there is kept in `folder` for a resumed run."""
    stretches = []
    for i, region in enumerate(train):
        film, kept = t.films[region.film], folder / f"scan-{i:04d}.safetensors"
        t.say(share, "detect")
        if kept.exists():
            found = checkpoint.read_tensors(kept)
            seen = Scan(found["at"].numpy(), found["logits"].numpy(), found["vectors"].numpy())
        else:
            seen = model.scan(film.store, region.begin, region.end, cache=t.cache, tell=lambda _: t.say(share, "detect"))
            parts = {"at": seen.at, "logits": seen.logits, "vectors": seen.vectors}
            write_atomic(kept, checkpoint.to_bytes({name: torch.from_numpy(x) for name, x in parts.items()}))
        seconds = seen.at / model.grid.rate
        allowed, edges, weight = dataset.taught(film, seconds, t.negative)
        fooled = allowed[:, t.negative] & (allowed.sum(1) == 1) & (seen.logits.argmax(1) != t.negative)
        weight[fooled] = np.maximum(weight[fooled], dataset.HARD)  # negatives that the classifier takes for a stroke
        stretches.append(Stretch(features(seen), seconds, allowed, edges, weight))
    sizes = HeadSizes(stretches[0].features.shape[1], t.negative + 1)
    return detect.fit(stretches, sizes, seed=seed, recipe=t.preset.head, stop=lambda: t.say(share, "detect"))


def by_folds(t: Training, pool: list[Region]) -> tuple[list[Part], Decision, bool]:
    """Short trainings that leave something out: (what each saw of it, the decision fitted on all of them, whether classes can be checked)."""
    found = dataset.folds(t.films, pool, t.data.protocol, t.negative, t.preset.grid.seconds)
    found = [f for f in found if len(Pool(t.films, f.train, t.negative).classes) >= 2]
    epochs = max(2, round(t.preset.epochs * t.preset.fold_share))
    looks: list[Seen] = []
    for i, fold in enumerate(found):
        span = (FOLDS * i / len(found), FOLDS * (i + 1) / len(found))
        looks.append(_fold(t, fold, epochs, t.seed + 1 + i, t.minutes * 60 * FOLDS / len(found), span))
    if not looks or distributed.rank():
        return [], CAREFUL, False
    checkable = any(_classes(t, f.unseen) & Pool(t.films, f.train, t.negative).classes for f in found)
    parts = []
    for i, (mine, fold) in enumerate(zip(looks, found)):
        parts.append(Part(mine, _joined(looks[:i] + looks[i + 1 :], mine).fitted(checkable, CAREFUL), fold.unseen))
    return parts, _joined(looks, looks[0]).fitted(checkable, CAREFUL), checkable


def _joined(looks: Sequence[Seen], like: Seen) -> Seen:
    together = Seen(like.rate, like.classes)
    for one in looks:
        together.join(one)
    return together


def _classes(t: Training, regions: Sequence[Region]) -> set[int]:
    return Pool(t.films, regions, t.negative).classes - {t.negative}


def _fold(t: Training, fold: Fold, epochs: int, seed: int, seconds: float, span: tuple[float, float]) -> Seen:
    """What a fold's model sees on its unseen part; its training is kept on disk, so that a resumed run does not learn it again."""
    model, _, _ = learn(t, fold.name, fold.train, [], epochs=epochs, seconds=seconds * 0.85, seed=seed, span=span)
    if distributed.rank():
        return Seen(t.preset.grid.rate, t.data.taxonomy.classes)
    return evaluate.look(model, t.films, fold.unseen, t.cache, lambda share: t.say(span[1] - 0.01 * (1 - share), fold.name))


def champion(t: Training) -> Model | None:
    """The model in use; None if there is none or it cannot judge these videos."""
    if t.champion is None:
        return None
    _, model = load_model(t.champion, t.device)
    try:
        check_flow(model.flow, t.films[0].store)
    except StepError:
        return None
    return model


def train(t: Training) -> dict[str, Any]:
    """The whole step; the metrics of the run."""
    if (t.out / "run.json").exists():
        return dict(Run.read(t.out / "run.json").metrics)
    train_part, valid, test = (dataset.regions(t.films, part) for part in ("train", "validation", "test"))
    seconds = t.minutes * 60
    parts: list[Part] = []
    checkable, about = False, "what was left out, fold by fold"
    if t.data.protocol == "hold-out":
        model, history, best = learn(t, "final", train_part, valid, epochs=t.preset.epochs, seconds=seconds * (FOLDS + FINAL), seed=t.seed, span=(0, FOLDS + FINAL))
        pool = train_part
    else:
        pool, valid = train_part + valid, []
        parts, decision, checkable = by_folds(t, pool)
        model, history, best = learn(t, "final", pool, [], epochs=t.preset.epochs, seconds=seconds * FINAL, seed=t.seed, span=(FOLDS, FOLDS + FINAL))
        model.decision = decision if model.head or not decision.head else CAREFUL
    if distributed.rank():  # the first process measures and writes
        return {}
    watched = _look(t, model, valid, 0.85) if valid else None
    model.decision = watched.fitted(True, model.decision) if watched else model.decision
    fitted = Part(_look(t, model, _first(pool), 0.90), model.decision, _first(pool))
    held = [r for r in test if t.films[r.film].strokes([r], t.negative)]
    tested = Part(_look(t, model, held, 0.92), model.decision, held) if held else None
    aside = tested or (Part(watched, model.decision, valid) if watched else None)
    if t.data.protocol == "hold-out" and aside:
        parts, about = [aside], "test" if tested else "validation"
        checkable = bool(_classes(t, held or valid) & Pool(t.films, pool, t.negative).classes)
    metrics = _measured(t, fitted, tested, parts, checkable)
    Unseen(parts or [fitted], t.films).reported(
        t.out / "report", model, t.data.taxonomy, _fps(t), history, run=t.run, data=about if parts else "what it learned from",
        tell=lambda share: t.say(0.95 + 0.04 * share, "evaluate"))  # fmt: skip
    _write(t, model, metrics, history, best)
    return metrics


def _look(t: Training, model: Model, regions: list[Region], share: float) -> Seen:
    return evaluate.look(model, t.films, regions, t.cache, lambda done: t.say(share + 0.02 * done, "evaluate"))


def _fps(t: Training) -> float:
    return float(np.median([f.video.n_frames / f.duration for f in t.films]))


def _measured(t: Training, fitted: Part, tested: Part | None, parts: Sequence[Part], checkable: bool) -> dict[str, Any]:
    """{"protocol", "fit", "test", "unseen"}."""
    def figures_of(part: Part) -> dict[str, Any]:
        return evaluate.report(part.seen, part.decision, t.data.taxonomy, _fps(t))

    unseen = Unseen(parts, t.films).measured(champion(t), t.cache, lambda _: t.say(0.945, "evaluate"), checkable) if parts else None
    return {"protocol": t.data.protocol, "fit": figures_of(fitted), "test": figures_of(tested) if tested else None, "unseen": unseen}


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
    if model.head:
        checkpoint.write_weights(t.out / "head.safetensors", model.head)
    head = model.head.sizes.body() if model.head else {}
    Run(t.run, t.data.taxonomy, model.net.sizes.body(), config, model.normal.body(), model.decision.body(), metrics, t.flow, t.sha256, head=head).write(t.out / "run.json")
    for name in ("checkpoint", OWN_CLIPS):
        shutil.rmtree(t.out / name, ignore_errors=True)


def opened(options: argparse.Namespace) -> Training:
    """Everything the step needs, from its arguments. Raises StepError bad_dataset and what `dataset.open_films` raises."""
    preset = presets.named(options.preset)
    device = torch.device(choose_device(options.device))
    rank, _ = distributed.start(device)
    try:
        data = Dataset.read(options.dataset)
    except (FormatError, FileNotFoundError) as error:
        raise StepError("bad_dataset", found=str(error)) from error
    films = dataset.open_films(data, options.dataset.parent, preset.grid.rate)
    options.out.mkdir(parents=True, exist_ok=True)
    sha256 = hashlib.sha256(options.dataset.read_bytes()).hexdigest()
    if rank:  # one of several processes speaks
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    return Training(data, films, options.out, options.id, preset, distributed.local(device),
                    options.max_minutes or preset.max_minutes, data.seed if options.seed is None else options.seed, options.champion, sha256,
                    Cache(options.cache or options.out / OWN_CLIPS, preset.cache_mb * 2**20), Progress("folds"))  # fmt: skip


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
    parser.add_argument("--cache", type=Path, help="clip cache to share with other trainings (default: one of its own, removed at the end)")
    options = parser.parse_args(arguments)
    limits.apply(files=4096)
    cv2.setNumThreads(1)
    machine.keep_memory()
    stopping: list[bool] = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    training = opened(options)
    training.stopping = stopping
    try:
        return train(training)
    finally:
        distributed.finish()


if __name__ == "__main__":
    raise SystemExit(run_step(main))
