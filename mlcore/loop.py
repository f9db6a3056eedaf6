"""The one training loop. `fit` takes samples and gives a network; what it is trained and measured on is `train`'s affair.

Everything drawn is a function of (seed, epoch, sample), the schedule one of (step, steps), so a run that was stopped and resumed ends
with the same bits on the same machine. Only where time runs short does the clock take over: the rate then falls with the
time left and the run ends in time, annealed. A checkpoint is written every `Task.every` seconds and when asked to stop.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlcore import checkpoint, clips, networks
from mlcore.checkpoint import State
from mlcore.clips import Cache, Normalisation, Pictures, View
from mlcore.dataset import Film, Pool, Sample
from mlcore.infer import ahead, to_device
from mlcore.networks import Net, Sizes, mixed_precision
from mlcore.presets import Preset
from mlcore.progress import StepError, Stopped

ROLLBACKS = 3
CLOCK = 0.2  # share of the time after which the clock may hurry the schedule
Batch = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]


@dataclass
class Task:
    """One training. `validation` may be empty: then the last state counts. `seconds`: time it may take in all, over all resumptions."""

    name: str
    films: list[Film]
    pool: Pool
    validation: list[Sample]
    preset: Preset
    sizes: Sizes
    normal: Normalisation
    seed: int
    epochs: int
    seconds: float
    folder: Path
    cache: Cache
    device: torch.device
    stop: Callable[[], bool] = lambda: False
    tell: Callable[[float], None] = lambda share: None
    epoch_done: Callable[[dict[str, Any]], None] = lambda line: None
    every: float = 30.0

    @property
    def per_epoch(self) -> int:
        """Batches an epoch."""
        least, most = self.preset.epoch_samples
        return max(1, min(most, max(least, self.preset.per_stroke * self.pool.strokes)) // self.preset.batch)


@dataclass
class Fitted:
    """What came of it. `history`: a line per epoch; `best`: the epoch whose weights these are."""

    net: Net
    history: list[dict[str, Any]]
    best: int


@dataclass
class _Course:
    """Where a training stands; all of it goes into the checkpoint."""

    step: int = 0
    elapsed: float = 0.0
    factor: float = 1.0
    rollbacks: int = 0
    best: int = -1
    best_score: float = -math.inf
    sums: list[float] = field(default_factory=lambda: [0.0, 0.0])
    history: list[dict[str, Any]] = field(default_factory=list)
    restart: int = 0


def set_loss(logits_BK: Tensor, allowed_BK: Tensor, smoothing: float = 0.0) -> Tensor:
    """(B,) -log of the summed probability of the allowed classes: cross-entropy on logits for a full label, and the
    honest extension for a partial one. `smoothing` mixes in the mean over all classes."""
    log_p = torch.log_softmax(logits_BK, 1)
    loss = -torch.logsumexp(log_p.masked_fill(~allowed_BK, -math.inf), 1)
    return (1 - smoothing) * loss - smoothing * log_p.mean(1) if smoothing else loss


def load_batch(task: Task, pictures: Sequence[Pictures], samples: Sequence[Sample], views: Sequence[View]) -> Batch:
    """rgb (B, 3, T, H, W), flow (B, 2, T, H, W), allowed classes (B, K)."""
    made = [clips.clip(pictures[s.film], s.second, task.normal, view) for s, view in zip(samples, views)]
    allowed = np.zeros((len(samples), task.sizes.classes), bool)
    for row, s in zip(allowed, samples):
        row[list(s.allowed)] = True
    return np.stack([rgb for rgb, _ in made]), np.stack([flow for _, flow in made]), allowed


def epoch_batches(task: Task, epoch: int) -> list[tuple[list[Sample], list[View]]]:
    """The epoch's samples and views, each view from its own generator of (seed, epoch, sample)."""
    size = task.preset.batch
    samples = task.pool.draw(task.per_epoch * size, np.random.default_rng([task.seed, epoch]))
    views = [clips.draw(task.preset.augmentation, np.random.default_rng([task.seed, epoch, i])) for i in range(len(samples))]
    return [(samples[i : i + size], views[i : i + size]) for i in range(0, len(samples), size)]


def optimiser_for(net: Net, preset: Preset) -> torch.optim.Optimizer:
    """Fused; SGD with Nesterov momentum 0.5 as published, or AdamW."""
    if preset.restarts:
        return torch.optim.SGD(net.parameters(), preset.lr, momentum=0.5, nesterov=True, weight_decay=preset.weight_decay, fused=True)
    return torch.optim.AdamW(net.parameters(), preset.lr, weight_decay=preset.weight_decay, fused=True)


def rate(preset: Preset, share: float, restart: int) -> float:
    """Learning rate at `share` of the run: 5 % warm-up and cosine to zero; or, with restarts, lr / 10 per stage down to lr_min."""
    if preset.restarts:
        return max(preset.lr * 0.1**restart, preset.lr_min)
    warm = min(1.0, (share + 1e-3) / 0.05)
    return preset.lr * warm * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))


def _state(net: Net, optimiser: torch.optim.Optimizer, course: _Course, best: dict[str, Tensor]) -> State:
    tensors = {f"net.{k}": v for k, v in net.state_dict().items()} | {f"best.{k}": v for k, v in best.items()}
    tensors |= checkpoint.optimiser_tensors(optimiser) | {"generator": torch.get_rng_state()}
    return State(tensors, {**course.__dict__, "best_score": course.best_score if best else None})


def _restore(state: State, net: Net, optimiser: torch.optim.Optimizer) -> tuple[_Course, dict[str, Tensor]]:
    def part(name: str) -> dict[str, Tensor]:
        return {k[len(name) :]: v for k, v in state.tensors.items() if k.startswith(name)}

    checkpoint.load_weights(net, part("net."))
    checkpoint.load_optimiser(optimiser, state.tensors)
    torch.set_rng_state(state.tensors["generator"])
    values = dict(state.values)
    values["best_score"] = -math.inf if values["best_score"] is None else values["best_score"]
    return _Course(**values), part("best.")


class _Run:
    """One `fit` in flight: the network, its optimiser and its course."""

    def __init__(self, task: Task) -> None:
        self.task, self.began, self.saved = task, time.monotonic(), time.monotonic()
        self.pictures = [Pictures(f.store, task.preset.grid, task.cache) for f in task.films]
        self.steps = task.epochs * task.per_epoch
        self._start()
        self.offset = self.course.elapsed

    def _start(self) -> None:
        """From the newest checkpoint, or from scratch."""
        task = self.task
        self.net = networks.build(task.sizes, device=task.device, seed=task.seed)
        self.optimiser = optimiser_for(self.net, task.preset)
        self.course = _Course()
        self.best: dict[str, Tensor] = {}
        state = checkpoint.read(task.folder)
        if state is not None:
            self.course, self.best = _restore(state, self.net, self.optimiser)

    def elapsed(self) -> float:
        return self.offset + time.monotonic() - self.began

    def share(self) -> float:
        """How much of the run is over, by steps; by the clock where that is late."""
        by_steps, by_time = self.course.step / self.steps, self.elapsed() / self.task.seconds
        return max(by_steps, by_time) if by_time > CLOCK else by_steps

    def save(self) -> None:
        self.course.elapsed = self.elapsed()
        checkpoint.write(self.task.folder, self.course.step, _state(self.net, self.optimiser, self.course, self.best))
        self.saved = time.monotonic()

    def step(self, batch: Batch) -> tuple[float, float]:
        """One batch: (mean loss, share right). Not finite: StepError("diverged") is left to the caller."""
        task = self.task
        share = self.share()
        for group in self.optimiser.param_groups:
            group["lr"] = rate(task.preset, share, self.course.restart) * self.course.factor
        self.net.train()
        allowed = torch.from_numpy(batch[2]).to(task.device)
        with mixed_precision(task.device):
            logits = self.net(*to_device(batch[0], batch[1], task.device))
        loss = set_loss(logits.float(), allowed, task.preset.smoothing).mean()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        if not torch.isfinite(loss):
            return float("nan"), 0.0
        self.optimiser.step()
        right = allowed.gather(1, logits.argmax(1, keepdim=True)).float().mean()
        return float(loss.detach()), float(right)

    def roll_back(self) -> None:
        """Back to the last good state at half the rate; StepError("diverged") after the third time."""
        factor, rollbacks = self.course.factor / 2, self.course.rollbacks + 1
        if rollbacks > ROLLBACKS:
            raise StepError("diverged", times=ROLLBACKS)
        self._start()
        self.course.factor, self.course.rollbacks = factor, rollbacks

    def epoch(self, number: int) -> bool:
        """The rest of epoch `number`; False when it was rolled back or time is over."""
        task, course = self.task, self.course
        batches = epoch_batches(task, number)[course.step - number * task.per_epoch :]
        for batch in ahead(lambda item: load_batch(task, self.pictures, *item), batches):
            loss, right = self.step(batch)
            if loss != loss:
                self.roll_back()
                return False
            course.step += 1
            course.sums[0] += loss
            course.sums[1] += right
            task.tell(min(1.0, self.share()))
            if task.stop():
                self.save()
                raise Stopped(phase=task.name, step=course.step)
            if time.monotonic() - self.saved > task.every:
                self.save()
            if self.share() >= 1.0:
                break
        return True

    def close_epoch(self, number: int) -> None:
        """Validate, keep the best, write the epoch's line."""
        task, course = self.task, self.course
        done = max(1, course.step - number * task.per_epoch)
        line: dict[str, Any] = {"epoch": number, "phase": task.name, "loss": course.sums[0] / done, "accuracy": course.sums[1] / done,
                                "val_loss": None, "val_accuracy": None}  # fmt: skip
        if task.validation:
            line["val_loss"], line["val_accuracy"] = validate(task, self.net, self.pictures)
            score = line["val_accuracy"] - 0.01 * line["val_loss"]
            if score > course.best_score:
                course.best, course.best_score = number, score
                self.best = {k: v.detach().cpu().clone() for k, v in self.net.state_dict().items()}
        line |= {"lr": self.optimiser.param_groups[0]["lr"], "seconds": round(self.elapsed(), 2)}
        course.history.append(line)
        course.sums = [0.0, 0.0]
        if task.preset.restarts:
            self._warm_restart(number)
        task.epoch_done(line)

    def _warm_restart(self, number: int) -> None:
        """The published schedule: no better for 30 epochs -> the rate falls by 10; below lr_min it starts again, from the best state."""
        preset, course = self.task.preset, self.course
        since = number - max([course.best, *(h["epoch"] for h in course.history if h.get("restarted"))])
        if self.best and since > 30:
            course.restart = 0 if preset.lr * 0.1 ** (course.restart + 1) < preset.lr_min * 0.99 else course.restart + 1
            course.history[-1]["restarted"] = True
            checkpoint.load_weights(self.net, self.best)


def validate(task: Task, net: Net, pictures: Sequence[Pictures]) -> tuple[float, float]:
    """(mean loss per sample, balanced accuracy over label sets) of `task.validation`, the net in evaluation mode."""
    net.eval()
    groups = [task.validation[i : i + 32] for i in range(0, len(task.validation), 32)]
    losses: list[float] = []
    hits: dict[tuple[int, ...], list[bool]] = {}
    for samples, batch in zip(groups, ahead(lambda g: load_batch(task, pictures, g, [View()] * len(g)), groups)):
        with torch.inference_mode(), mixed_precision(task.device):
            logits = net(*to_device(batch[0], batch[1], task.device)).float().cpu()
        losses += set_loss(logits, torch.from_numpy(batch[2])).tolist()
        for s, choice in zip(samples, logits.argmax(1).tolist()):
            hits.setdefault(s.allowed, []).append(choice in s.allowed)
    return float(np.mean(losses)), float(np.mean([np.mean(h) for h in hits.values()]))


def fit(task: Task) -> Fitted:
    """Train. Raises Stopped (state saved), StepError diverged, nothing_to_learn, out_of_memory."""
    try:
        run = _Run(task)
        done = run.course.step // task.per_epoch
        if run.course.step % task.per_epoch == 0 and len(run.course.history) < done:  # stopped right before validation
            run.close_epoch(done - 1)
        while run.course.step < run.steps and run.share() < 1.0:
            number = run.course.step // task.per_epoch
            if run.epoch(number):
                run.close_epoch(number)
                if task.validation and number - run.course.best >= task.preset.patience:
                    break
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise StepError("out_of_memory") from error
    except RuntimeError as error:
        if "allocate memory" in str(error) or "out of memory" in str(error):
            raise StepError("out_of_memory") from error
        raise
    run.save()  # so that a later phase that is interrupted does not learn this one again
    if run.best:
        checkpoint.load_weights(run.net, run.best)
    run.net.eval()
    return Fitted(run.net, run.course.history, run.course.best if run.best else len(run.course.history) - 1)
