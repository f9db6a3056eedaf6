"""Two recipes on the same drawn scenes, split by player: the published one against ours. `python -m benchmarks.recipes --out DIR`.

Same scenes, same prepared pictures, same clips at 15 Hz and 32 px, both networks small (two cores, minutes): the published Twin at half
its width, SGD with warm restarts from the best state, strokes and negatives drawn as often as they occur with the begin around
the middle, windows slid over the video, runs of windows that are no Negative; ours as the product trains, with its temporal
head. Four sides per seed: each at the same processor time (`equal`), each at three times as much (`long`, where the published validation
loss has long stopped falling). The published learning rate is also chosen anew by validation (`tuned`). Every
cell is kept in DIR/cells, so a campaign goes on where it stopped; two seeds run side by side, one thread each.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import scenes
from benchmarks.published import network as published_network
from benchmarks.published import scan as published_scan
from benchmarks.published import training as published
from mlcore import calibration, clips, dataset, evaluate, metrics, presets, train
from mlcore.cache import Cache
from mlcore.clips import Grid, Pictures, View
from mlcore.dataset import Film, Region
from mlcore.decide import Strip, stretches
from mlcore.evaluate import Seen
from mlcore.files import write_atomic
from mlcore.formats import Dataset
from mlcore.metrics import Span
from mlcore.progress import Progress

GRID = Grid(15.0, 16, 32, 32)
OURS = replace(presets.CPU, name="bench", grid=replace(GRID, T=30), sizes={**presets.CPU.sizes, "temporal_padding": 0}, stride=1, cache_mb=2048)
WIDTHS = {"channels": (15, 30, 40), "fc": 250}
RATES = (0.001, 0.003, 0.03)  # beside the published 0.01
SIDES = ("ours-equal", "published-equal", "published-tuned", "ours-long", "published-long")
LONG = 8.0
SIZES = {"train": 18, "validation": 4, "test": 9}  # players
LONG_SEEDS = 1


class Scenes:
    """The opened scenes with their parts."""

    def __init__(self, path: Path, cache: Path) -> None:
        self.data = Dataset.read(path)
        self.films = dataset.open_films(self.data, path.parent, GRID.rate)
        self.train, self.valid, self.test = (dataset.regions(self.films, part) for part in ("train", "validation", "test"))
        self.negative = len(self.data.taxonomy.moves)
        self.cache = Cache(cache, 4 * 2**30)
        self.normal = clips.normalisation(dataset.maxima(self.films, self.train))

    def pictures(self) -> list[Pictures]:
        return [Pictures(film.store, GRID, self.cache) for film in self.films]


def intervals(films: Sequence[Film], regions: Sequence[Region], negative: int) -> list[tuple[int, float, float, int]]:
    """(film, begin, end, class) of every stroke and marked Negative, and of the gaps between them in chunks of 200 pictures at 120 Hz."""
    out = []
    for region in regions:
        film = films[region.film]
        spans = sorted((s.begin, s.end, s.allowed[0]) for s in film.spans if region.holds(s.centre))
        out += [(region.film, *span) for span in spans]
        for (_, end, _), (begin, _, _) in itertools.pairwise(spans):
            chunks = int((begin - end) / (200 / 120))
            out += [(region.film, end + k * 200 / 120, end + (k + 1) * 200 / 120, negative) for k in range(chunks)]
    return out


def published_fit(s: Scenes, seed: int, budget: float, lr: float) -> tuple[torch.nn.Module, float, int]:
    """(network in its best state, best validation loss, epochs) after `budget` processor seconds."""
    torch.manual_seed(seed)
    net = published_network.Twin(s.negative + 1, (GRID.T, GRID.H, GRID.W), **WIDTHS)
    pictures, augmentation = s.pictures(), clips.Augmentation()
    learn, watch = intervals(s.films, s.train, s.negative), intervals(s.films, s.valid, s.negative)

    def batch(rows: Sequence[tuple[int, float, float, int]], views: Sequence[View], rng: np.random.Generator | None) -> published.Batch:
        made, labels = [], []
        for (film, begin, end, label), view in zip(rows, views):
            slack = max(0.0, end - begin - GRID.seconds)
            centre = (begin + end) / 2 + (float(np.clip(rng.normal(0, slack / 6), -slack / 2, slack / 2)) if rng else 0.0)
            made.append(clips.clip(pictures[film], centre, s.normal, view))
            labels.append(label)
        return torch.from_numpy(np.stack([a for a, _ in made])), torch.from_numpy(np.stack([b for _, b in made])), torch.tensor(labels)

    def training(epoch: int) -> Iterable[published.Batch]:
        rng = np.random.default_rng([seed, epoch])
        order = rng.permutation(len(learn))
        for i in range(0, len(order) - published.BATCH + 1, published.BATCH):
            rows = [learn[k] for k in order[i : i + published.BATCH]]
            yield batch(rows, [clips.draw(augmentation, rng) for _ in rows], rng)

    def validation(_: int) -> Iterable[published.Batch]:
        for i in range(0, len(watch), 32):
            rows = watch[i : i + 32]
            yield batch(rows, [View()] * len(rows), None)

    began = time.process_time()
    course = published.fit(net, training, validation, 100_000, lr=lr, stop=lambda: time.process_time() - began >= budget)
    return net, min(course.validation), len(course.validation)


def published_seen(s: Scenes, net: torch.nn.Module, regions: Sequence[Region]) -> dict[str, Strip]:
    """Window probabilities at every third tick of each region, interpolated to all ticks."""
    pictures, out = s.pictures(), {}
    for i, region in enumerate(regions):
        first, last = int(np.ceil(region.begin * GRID.rate)), int(region.end * GRID.rate)
        at = np.arange(first, last, 3)
        found = published_scan.windows(net, lambda k, p=pictures[region.film]: clips.clip(p, k / GRID.rate, s.normal), at.tolist(), batch=32)  # type: ignore[misc]
        curve = np.stack([np.interp(np.arange(first, last), at, found[:, c]) for c in range(found.shape[1])], 1).astype(np.float32)
        out[f"{region.film}:{i}"] = Strip(curve, GRID.rate, first / GRID.rate, np.zeros(len(curve), bool))
    return out


def published_strokes(strip: Strip, rule: str, classes: Sequence[str]) -> list[Span]:
    """Runs of at least 30 pictures at 120 Hz whose decision is no Negative; the decision of a tick is over the windows of the second
    around it (`centre`: its own alone); the class of a run is what most of its ticks say, its score their mean probability."""
    curve = strip.curve
    if rule != "centre":
        half = round(0.5 * strip.rate)
        votes = np.eye(curve.shape[1], dtype=np.float32)[curve.argmax(1)] if rule == "vote" else curve
        weights = np.exp(-0.5 * (np.arange(-half, half + 1) / (half / 3)) ** 2) if rule == "gaussian" else np.ones(2 * half + 1)
        padded = np.pad(votes, ((half, half), (0, 0)), mode="edge")
        curve = np.stack([np.convolve(padded[:, c], weights / weights.sum(), "valid") for c in range(curve.shape[1])], 1)
    labels, out = curve.argmax(1), []
    for begin, end in stretches(labels != curve.shape[1] - 1, 0, max(1, round(0.25 * strip.rate))):
        counts = np.bincount(labels[begin:end], minlength=curve.shape[1])[:-1]
        move = int(counts.argmax())
        out.append(Span(strip.start + (begin - 0.5) / strip.rate, strip.start + (end - 0.5) / strip.rate, classes[move], float(curve[begin:end, move].mean())))
    return out


def published_figures(s: Scenes, net: torch.nn.Module) -> dict[str, Any]:
    """Figures on the test players; the detection rule is the one of the four that does best on the validation players."""
    classes, found = s.data.taxonomy.classes, {}
    valid = published_seen(s, net, s.valid)
    real = evaluate.truths(s.films, s.valid, s.negative)
    scores = {rule: metrics.mean_average_precision({n: published_strokes(x, rule, classes) for n, x in valid.items()}, real) for rule in ("centre", "vote", "mean", "gaussian")}
    rule = max(scores, key=scores.__getitem__)
    strips, truths = published_seen(s, net, s.test), evaluate.truths(s.films, s.test, s.negative)
    found = {name: published_strokes(strip, rule, classes) for name, strip in strips.items()}
    rows = []
    for i, region in enumerate(s.test):
        strip = strips[f"{region.film}:{i}"]
        for span in s.films[region.film].spans:
            if region.holds(span.centre):
                a, b = (round((x - strip.start) * strip.rate) for x in (span.begin, span.end))
                inside = strip.curve[max(0, a) : max(a + 1, b)]
                rows.append((span.allowed[0], published_scan.decide(inside, "gaussian")))
    return {**figures([t for t, _ in rows], [g for _, g in rows], found, truths, s), "rule": rule}


def figures(truth: Sequence[int], guess: Sequence[int], found: metrics.Videos, truths: metrics.Videos, s: Scenes) -> dict[str, Any]:
    """Balanced accuracy of given intervals, F1 and mAP of detection."""
    matrix = metrics.confusion(truth, guess, s.negative + 1)
    return {"accuracy": metrics.balanced_accuracy(matrix)["value"], "n": len(truth), "f1": metrics.f1(found, truths)["f1"],
            "map": metrics.mean_average_precision(found, truths)}  # fmt: skip


def ours(s: Scenes, seed: int, budget: float, folder: Path) -> dict[str, Any]:
    """As the product trains, for as many steps as `budget` processor seconds hold, the temporal head among them."""
    t = train.Training(s.data, s.films, folder, "bench", OURS, torch.device("cpu"), 600.0, seed, None, "", s.cache, Progress("bench", out=lambda **_: None))
    steps = max(1, round(budget * 0.75 / per_step(s, t)))
    per_epoch = OURS.epoch_samples[1] // OURS.batch
    t.preset = replace(OURS, epochs=max(2, round(steps / per_epoch)))
    began = time.process_time()
    model, history, _ = train.learn(t, "final", s.train, s.valid, epochs=t.preset.epochs, seconds=1e9, seed=seed, span=(0, 1))
    used = time.process_time() - began
    watched = evaluate.look(model, t.films, s.valid, s.cache)
    model.decision = watched.fitted(True, model.decision)
    seen = evaluate.look(model, t.films, s.test, s.cache)
    by_curve = replace(model.decision, head=False)
    out = figures([g.move for g in seen.given], [int(g.p.argmax()) for g in seen.given], seen.spans(model.decision, every=True), seen.truths, s)
    out["f1"] = metrics.f1(seen.spans(model.decision), seen.truths)["f1"]
    out |= {"seconds": used, "epochs": len(history), "map_curve": metrics.mean_average_precision(seen.spans(by_curve), seen.truths)}
    return out | {"decisions": decisions(seen, model.decision.temperature)}


def decisions(seen: Seen, temperature: float) -> list[tuple[float, bool]]:
    """(confidence, right) of every given interval, calibrated on the validation players."""
    if not seen.given:
        return []
    p = calibration.scaled(np.stack([g.p for g in seen.given]), temperature)
    confidences, right = calibration.decisions(p, [g.move for g in seen.given])
    return [(round(float(c), 5), bool(r)) for c, r in zip(confidences, right)]


def per_step(s: Scenes, t: train.Training, steps: int = 24) -> float:
    """Processor seconds of one step of ours, clips from a warm cache."""
    from mlcore import loop  # the loop alone: what it costs is asked here

    pool = dataset.Pool(s.films, s.train, s.negative, OURS.negatives)
    task = loop.Task("cost", s.films, pool, [], replace(OURS, epoch_samples=(steps * OURS.batch, steps * OURS.batch)), OURS.network(s.negative + 1),
                     train.statistics(t, s.train), 0, 2, 1e9, t.out / "cost", s.cache, torch.device("cpu"), every=1e9)  # fmt: skip
    began = [0.0, 0.0]
    task.epoch_done = lambda line: began.__setitem__(line["epoch"], time.process_time())
    loop.fit(task)
    return (began[1] - began[0]) / steps


def cell(job: tuple[Path, int, str, float, float]) -> str:
    """One side of one seed, unless it is there."""
    out, seed, side, budget, lr = job
    path = out / "cells" / f"{seed}-{side}.json"
    if path.exists():
        return path.name
    torch.set_num_threads(1)
    s = Scenes(out / "full" / "dataset.json", out / "cache")
    budget *= LONG if side.endswith("long") else 1.0
    if side.startswith("ours"):
        body = ours(s, seed, budget, out / "work" / path.stem)
    else:
        began = time.process_time()
        net, loss, epochs = published_fit(s, seed, budget, lr)
        body = {"seconds": time.process_time() - began, "epochs": epochs, "lr": lr, "validation": loss}
        body |= {} if side.startswith("rate") else published_figures(s, net)
    write_atomic(path, json.dumps(body).encode())
    return path.name


def campaign(out: Path, seeds: int, budget: float) -> None:
    """All cells; the published rate is chosen by the validation loss of seed 1 at equal time."""
    scenes.make_dataset(out / "full", SIZES)
    os.environ["OMP_NUM_THREADS"] = "1"
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        def work(jobs: list[tuple[Path, int, str, float, float]]) -> None:
            for name in pool.imap_unordered(cell, jobs, chunksize=1):
                print(time.strftime("%H:%M:%S"), name, flush=True)

        work([(out, 1, side, budget, published.LR) for side in ("ours-equal", "published-equal")])
        work([(out, 1, f"rate-{lr}", budget, lr) for lr in RATES])
        tried = {published.LR: read(out, 1, "published-equal")["validation"]} | {lr: read(out, 1, f"rate-{lr}")["validation"] for lr in RATES}
        best = min(tried, key=tried.__getitem__)
        write_atomic(out / "rates.json", json.dumps({str(lr): loss for lr, loss in sorted(tried.items())}).encode())
        sides = [side for side in SIDES if side != "published-tuned" or best != published.LR]  # nothing to tune where the published rate is the best
        work([(out, seed, side, budget, best if side == "published-tuned" else published.LR)
              for side in sides for seed in range(1, (min(LONG_SEEDS, seeds) if side.endswith("long") else seeds) + 1)])  # fmt: skip


def read(out: Path, seed: int, side: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "cells" / f"{seed}-{side}.json").read_text())
    return found


def summary(out: Path) -> dict[str, Any]:
    """Means with 95 % intervals over seeds per side, and the calibration of ours over all seeds."""
    body: dict[str, Any] = {"sides": {}, "rates": json.loads((out / "rates.json").read_text())}
    for side in SIDES:
        found = [json.loads(path.read_text()) for path in sorted((out / "cells").glob(f"*-{side}.json"))]
        if found:
            body["sides"][side] = {"seeds": len(found), **{key: interval([f[key] for f in found]) for key in ("accuracy", "f1", "map", "seconds", "epochs")}}
    pooled = [tuple(d) for path in sorted((out / "cells").glob("*-ours-equal.json")) for d in json.loads(path.read_text())["decisions"]]
    body["calibration"] = calibration.summary([c for c, _ in pooled], [r for _, r in pooled])
    return body


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """(mean, low, high): Student's t over seeds."""
    from scipy import stats

    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, float("nan"), float("nan")
    spread = float(stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5)
    return mean, mean - spread, mean + spread


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recipes", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("data/benchmarks/scenes"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--budget", type=float, default=120.0, help="processor seconds of one training at equal time")
    options = parser.parse_args(arguments)
    campaign(options.out, options.seeds, options.budget)
    body = summary(options.out)
    for side, row in body["sides"].items():
        print(f"{side:18}" + "".join(f"  {key} {row[key][0]:.3f} ({row[key][1]:.3f} to {row[key][2]:.3f})" for key in ("accuracy", "f1", "map")) + f"  {row['seconds'][0]:.0f} s, {row['epochs'][0]:.0f} epochs")
    c = body["calibration"]
    print(f"calibration of ours: error {c['ece']:.3f}, floor {c['floor']:.3f}, {c['n']} decisions")


if __name__ == "__main__":
    main()
