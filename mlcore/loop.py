"""The one training loop. `fit` takes samples and gives a network; what it is trained and measured on is `train`'s affair.

Everything drawn is a function of (seed, epoch, sample) or (seed, step, process), the schedule one of (step, steps), so a run that was
stopped or killed and resumed ends with the same bits on the same machine. Only where time runs short does the clock take over, unless
the preset is deterministic: the rate then falls with the time left and the run ends in time, annealed. A checkpoint is written every
`Task.every` seconds (less often where writing takes more than a twentieth of the time) and when asked to stop.
"""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from mlcore import batches, checkpoint, distributed, optim
from mlcore.batches import Batch, Loader, Prefetch
from mlcore.board import Board
from mlcore.checkpoint import State
from mlcore.machine import no_memory, repeatable
from mlcore.networks import STREAMS, Net, mixed_precision
from mlcore.optim import rate as rate
from mlcore.optim import set_loss as set_loss
from mlcore.progress import StepError, Stopped
from mlcore.task import Fitted as Fitted
from mlcore.task import Task as Task
from mlcore.task import built, epoch_batches
from mlcore.validation import LOOK, validate

ROLLBACKS = 3
CLOCK = 0.2  # share of the time after which the clock may hurry the schedule
CLIP = 5.0  # norm of the gradient of one step
NORM_CLIPS = 128  # training clips that the batch norm of averaged weights is estimated from


@dataclass
class _Course:
    """Where a training stands; all of it goes into the checkpoint. `micro`: samples that a process takes through the net at a time."""

    micro: int
    step: int = 0
    elapsed: float = 0.0
    factor: float = 1.0
    rollbacks: int = 0
    best: int = -1
    best_score: float = -math.inf
    sums: list[float] = field(default_factory=lambda: [0.0, 0.0])
    history: list[dict[str, Any]] = field(default_factory=list)
    restart: int = 0


class _Run:
    """One `fit` in flight: the network, its optimiser and its course."""

    def __init__(self, task: Task) -> None:
        self.task, self.device, preset = task, task.device, task.preset
        self.rank, self.world = distributed.rank(), distributed.world()
        self.began = self.saved = time.monotonic()
        self.pause = task.every
        self.steps = task.epochs * task.per_epoch
        self.weights = optim.class_weights([task.pool.counts.get((k,), 0) for k in range(task.sizes.classes)], preset.class_weights).to(self.device)
        self.loader = Loader([f.store for f in task.films], preset.grid, task.normal, task.sizes.classes, task.cache, "Pose" in STREAMS[task.sizes.branches])
        clip_bytes = 20 * preset.grid.T * preset.grid.H * preset.grid.W
        workers = batches.workers_for(preset.workers, self.device, preset.batch * clip_bytes, self.world)
        self.prefetch = Prefetch(self.loader, workers, pin=self.device.type == "cuda")
        self._start()
        self.offset = self.clock = self.course.elapsed
        self.board = Board(task.board if self.rank == 0 else None, len(self.course.history))
        seen = self.rank == 0 and sys.stderr.isatty()
        self.bar = tqdm(total=self.steps, initial=self.course.step, desc=task.name, unit="step") if seen else None

    def _start(self) -> None:
        """From the newest checkpoint, or from scratch."""
        task, preset = self.task, self.task.preset
        plain = built(task)
        self.average = optim.Average(plain, preset.ema) if preset.ema and task.validation else None
        self.least = 2 if optim.norms(plain) else 1  # samples at a time, which batch norm compares
        if preset.batch < self.least * self.world:
            raise StepError("batch_too_small", batch=preset.batch, processes=self.world)
        self.net = distributed.synced(plain, self.device)
        self.optimiser = task.optimiser(self.net, preset)
        self.course = _Course(-(-preset.batch // (self.world * preset.accumulate)))
        self.best: dict[str, Tensor] = {}
        state = checkpoint.read(task.folder)
        if state is not None:
            self._restore(state)
        distributed.wait(self.device)
        self.model = distributed.wrapped(self.net, self.device)

    def _restore(self, state: State) -> None:
        def part(name: str) -> dict[str, Tensor]:
            return {k[len(name) :]: v for k, v in state.tensors.items() if k.startswith(name)}

        values = dict(state.values)
        if values.pop("identity", None) != self.task.identity:
            raise StepError("other_training", folder=str(self.task.folder))
        checkpoint.load_weights(self.net, part("net."))
        checkpoint.load_optimiser(self.optimiser, state.tensors)
        self.best = part("best.")
        if self.average:
            self.average.follow(part("average."))
        values["best_score"] = -math.inf if values["best_score"] is None else values["best_score"]
        self.course = _Course(**values)

    def save(self) -> None:
        """Write a checkpoint, if this is the first process."""
        if self.rank:
            return
        began, self.course.elapsed = time.monotonic(), self.elapsed()
        tensors = {f"net.{k}": v for k, v in self.net.state_dict().items()} | {f"best.{k}": v for k, v in self.best.items()}
        if self.average:
            tensors |= {f"average.{k}": v for k, v in self.average.net.state_dict().items()}
        values = {**self.course.__dict__, "best_score": self.course.best_score if self.best else None, "identity": self.task.identity}
        checkpoint.write(self.task.folder, self.course.step, State(tensors | checkpoint.optimiser_tensors(self.optimiser), values))
        self.saved = time.monotonic()
        self.pause = max(self.task.every, 20 * (self.saved - began))

    def elapsed(self) -> float:
        return self.offset + time.monotonic() - self.began

    def share(self) -> float:
        """How much of the run is over, by steps; by the (first process's) clock where that is late."""
        by_steps, by_time = self.course.step / self.steps, self.clock / self.task.seconds
        return max(by_steps, by_time) if by_time > CLOCK and not self.task.preset.deterministic else by_steps

    def over(self) -> bool:
        """All steps done, time over, or no better validation for long."""
        course, preset = self.course, self.task.preset
        stale = bool(self.task.validation and course.history) and course.history[-1]["epoch"] - course.best >= preset.patience
        return stale or course.step >= self.steps or self.share() >= 1.0 or self.clock >= self.task.seconds

    def _loss(self, part: Batch, totals: Tensor) -> Tensor:
        """Its share of the batch's mean loss; adds (sum of losses, samples right) to `totals`."""
        part = part.to(self.device)
        with mixed_precision(self.device):
            logits = self.model(*part.inputs)
        losses = self.task.loss(logits.float(), part.allowed, self.task.preset.smoothing)
        if self.task.preset.class_weights:
            losses = losses * (part.allowed * self.weights).sum(1) / part.allowed.sum(1)
        right = part.allowed.gather(1, logits.argmax(1, keepdim=True))
        totals[:2] += torch.stack([losses.detach().sum(), right.sum()])
        return losses.sum() * (self.world / self.task.preset.batch)  # processes are averaged

    def _backward(self, batch: Batch) -> Tensor:
        """Gradients of this process's part of the batch, averaged over processes; over all of them (loss, right, memory used up, asked to stop,
        seconds). Raises OutOfMemoryError on all when one has too little."""
        totals, loss = torch.zeros(5, dtype=torch.float64, device=self.device), None
        parts = batch.parts(self.course.micro)
        try:
            for part in parts[:-1]:
                with distributed.alone(self.model):
                    self._loss(part, totals).backward()  # type: ignore[no-untyped-call]
            loss = self._loss(parts[-1], totals)
        except (RuntimeError, MemoryError) as error:
            if self.world == 1 or not no_memory(error):
                raise
            totals[2] = 1.0
        totals[3:] = torch.tensor([float(self.task.stop()), self.elapsed() if self.rank == 0 else 0.0])
        agreed = distributed.summed(totals)
        if agreed[2]:
            raise torch.OutOfMemoryError("one of the processes is out of memory")
        if loss is not None and torch.isfinite(agreed[0]):
            loss.backward()  # type: ignore[no-untyped-call]
        return agreed

    def step(self, batch: Batch) -> tuple[float, float]:
        """One batch: (mean loss, share right). Not finite: (nan, 0), and the weights are as before."""
        task, course, size = self.task, self.course, self.task.preset.batch
        for group in self.optimiser.param_groups:
            group["lr"] = task.rate(task.preset, self.share(), course.restart) * course.factor
        torch.manual_seed(int(np.random.SeedSequence([task.seed, course.step, self.rank]).generate_state(1)[0]))
        self.net.train()
        distributed.share_norms(self.net, self.device)
        self.optimiser.zero_grad(set_to_none=True)
        loss, right, _, stop, self.clock = self._backward(batch).tolist()
        self.stopping = bool(stop)
        norm = torch.nn.utils.clip_grad_norm_(self.net.parameters(), CLIP) if math.isfinite(loss) else torch.tensor(math.nan)
        if not torch.isfinite(norm):
            return math.nan, 0.0
        self.optimiser.step()
        if self.average:
            self.average.update(self.net, course.step)
        return loss / size, right / size

    def roll_back(self) -> None:
        """Back to the last good state at half the rate; StepError("diverged") after the third time."""
        factor, rollbacks = self.course.factor / 2, self.course.rollbacks + 1
        if rollbacks > ROLLBACKS:
            raise StepError("diverged", times=ROLLBACKS)
        self._start()
        self.course.factor, self.course.rollbacks = factor, rollbacks

    def shrink(self) -> None:
        """Back to the last state, from now on with half as many samples at a time (the batch stays); StepError("out_of_memory") when there is
        nothing to halve (one sample; two with batch norm)."""
        micro = self.course.micro // 2
        if micro < self.least:
            raise StepError("out_of_memory")
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        self._start()
        self.course.micro = micro
        self.save()

    def epoch(self, number: int) -> bool:
        """The rest of epoch `number`; False when it was rolled back."""
        task, course = self.task, self.course
        items = epoch_batches(task, number)[course.step - number * task.per_epoch :]
        for batch in self.prefetch([(s[self.rank :: self.world], v[self.rank :: self.world]) for s, v in items]):
            loss, right = self.step(batch)
            if loss != loss:
                self.roll_back()
                return False
            course.step += 1
            course.sums[0] += loss
            course.sums[1] += right
            task.tell(min(1.0, self.share()))
            if self.bar is not None:
                self.bar.set_postfix_str(f"loss {loss:.3f}", refresh=False)
                self.bar.update(course.step - self.bar.n)
            if self.stopping:
                self.save()
                distributed.wait(self.device)
                raise Stopped(phase=task.name, step=course.step)
            if time.monotonic() - self.saved > self.pause:
                self.save()
            if self.share() >= 1.0 or self.clock >= task.seconds:
                break
        return True

    def close_epoch(self, number: int) -> None:
        """Validate, keep the best, write the epoch's line."""
        task, course = self.task, self.course
        done = max(1, course.step - number * task.per_epoch)
        line: dict[str, Any] = {"epoch": number, "phase": task.name, "loss": course.sums[0] / done, "accuracy": course.sums[1] / done,
                                "val_loss": None, "val_accuracy": None}  # fmt: skip
        if task.validation:
            self._validate(number, line)
        line |= {"lr": self.optimiser.param_groups[0]["lr"], "seconds": round(self.elapsed(), 2)}
        course.history.append(line)
        course.sums = [0.0, 0.0]
        if task.preset.restarts:
            self._restart()
        if self.rank == 0:
            self.board.epoch(line)
            task.epoch_done(line)

    def _norms_of_average(self, number: int) -> None:
        """Batch norm of the averaged weights from the epoch's last training clips; in every process the same ones."""
        assert self.average
        if optim.norms(self.average.net):
            items = epoch_batches(self.task, number)[-math.ceil(NORM_CLIPS / self.task.preset.batch) :]
            with mixed_precision(self.device):
                optim.estimate_norms(self.average.net, (batch.to(self.device).inputs for batch in self.prefetch(items)))

    def _validate(self, number: int, line: dict[str, Any]) -> None:
        """The present weights and their average on the validation part; the better of them into the line, and kept if best so far."""
        course, nets = self.course, [self.net]
        if self.average:
            self._norms_of_average(number)
            nets.append(self.average.net)
        found = validate(self.task, nets, self.prefetch, min(LOOK, 4 * course.micro))
        scores = [accuracy - 0.01 * loss for loss, accuracy in found]
        k = int(np.argmax(scores))
        line["val_loss"], line["val_accuracy"] = found[k]
        if self.average:
            line["averaged"] = bool(k)
        if scores[k] > course.best_score:
            course.best, course.best_score = number, scores[k]
            self.best = {name: v.detach().cpu().clone() for name, v in nets[k].state_dict().items()}

    def _restart(self) -> None:
        """The published schedule: the rate falls by 10; below lr_min it starts again; each time from the best state, without its momentum.
        Without validation nothing tells when, so every stage gets its equal part of the run."""
        task, course = self.task, self.course
        if not task.validation:
            course.restart = min(optim.STAGES - 1, int(self.share() * optim.STAGES))
        elif self.best and optim.falls(course.history, course.best):
            course.restart = optim.after(task.preset, course.restart)
            course.history[-1]["restarted"] = True
            checkpoint.load_weights(self.net, self.best)
            self.optimiser.state.clear()
            if self.average:
                self.average.follow(self.best)

    def learn(self) -> Fitted:
        """To the end, from wherever it stands."""
        task = self.task
        while True:
            short = False
            try:
                done, rest = divmod(self.course.step, task.per_epoch)
                if not rest and len(self.course.history) < done:  # stopped right before validation
                    self.close_epoch(done - 1)
                if self.over():
                    break
                if self.epoch(done):
                    self.close_epoch(done)
            except (RuntimeError, MemoryError) as error:
                if not no_memory(error):
                    raise
                short = True
            if short:  # here, where the failed step's tensors are gone
                self.shrink()
        self.save()  # so that a later phase that is interrupted does not learn this one again
        net = self.net if self.world == 1 else built(task)
        checkpoint.load_weights(net, self.best or self.net.state_dict())
        net.eval()
        return Fitted(cast(Net, net), self.course.history, self.course.best if self.best else len(self.course.history) - 1)

    def close(self) -> None:
        self.prefetch.close()
        if self.bar is not None:
            self.bar.close()
        self.board.close()


def fit(task: Task) -> Fitted:
    """Train. Raises Stopped (state saved), StepError diverged, nothing_to_learn, out_of_memory, other_training, batch_too_small."""
    with repeatable(task.preset.deterministic):
        try:
            run = _Run(task)
        except (RuntimeError, MemoryError) as error:
            if no_memory(error):
                raise StepError("out_of_memory") from error
            raise
        try:
            return run.learn()
        finally:
            run.close()
