"""Does a training that is killed again and again end with the same bits? `python -m benchmarks.soak_resume --kills 50`.

A real process trains the tiny preset (dropout, batch norm, averaged weights, validation, a batch in two parts) and is killed with SIGKILL
at random moments after its first step; the next one goes on. Whenever a training gets to its end its weights are compared, by hash, with
those of one that nobody disturbed, and a new one begins. Printed: whether all were identical, and how many seconds of work each kill
cost, which may not be more than the time between two checkpoints (`--every`) and the writing of one.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import signal
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch

from mlcore import checkpoint, clips, dataset, loop, presets, store
from mlcore.cache import Cache
from mlcore.dataset import Pool
from mlcore.formats import Dataset, DatasetVideo, Interval, Move, Part, Taxonomy

MOVES = ["Left", "Right", "Up"]
STEPS = {"Left": (-2, 0), "Right": (2, 0), "Up": (0, -2)}
SIZE, STROKE, GAP = 48, 18, 12
PROCESSES = multiprocessing.get_context("forkserver")  # each training is a process of its own, but torch (and what its optimisers import late) is imported once


@dataclass
class Campaign:
    """What happened. `redone`: seconds of work that each kill cost; `hashes`: of the weights of every training that ended."""

    kills: int = 0
    redone: list[float] = field(default_factory=list)
    hashes: list[str] = field(default_factory=list)
    reference: str = ""

    @property
    def identical(self) -> bool:
        return bool(self.hashes) and set(self.hashes) == {self.reference}


def film(folder: Path, name: str, strokes: int, seed: int) -> DatasetVideo:
    """A bright square that moves left, right or up during strokes."""
    rng = np.random.default_rng(seed)
    n, at = GAP + strokes * (STROKE + GAP), np.array([20, 20])
    rgb = rng.integers(20, 30, (n, SIZE, SIZE, 3)).astype(np.uint8)
    flow, truth = np.zeros((n, SIZE, SIZE, 2), np.float32), []
    for k in range(strokes):
        begin, move = GAP + k * (STROKE + GAP), MOVES[k % 3]
        truth.append(Interval(begin, begin + STROKE, move))
        for i in range(begin, begin + STROKE):
            at = (at + STEPS[move]) % (SIZE - 10)
            rgb[i, at[1] : at[1] + 10, at[0] : at[0] + 10] = (220, 200, 180)
            flow[i, at[1] : at[1] + 10, at[0] : at[0] + 10] = STEPS[move]
    store.build(folder / name, rgb, flow, [i / 30 for i in range(n)], list(range(n)), sha256=name)
    return DatasetVideo(name, name, name, n, name, True, [Part("validation" if seed else "train", 0, n)], truth)


def prepare(folder: Path) -> None:
    """The dataset that all trainings of a campaign learn from."""
    taxonomy = Taxonomy("squares", 1, [Move(name) for name in MOVES])
    Dataset("squares", taxonomy, "hold-out", 1, [film(folder, "a", 9, 0), film(folder, "b", 6, 1)]).write(folder / "dataset.json")


def learn(folder: Path, name: str, epochs: int, every: float, begun: Connection) -> None:
    """One process: train from wherever `name` stands, tell when the first step is done, write the weights at the end."""
    torch.set_num_threads(1)
    tiny = presets.named("tiny")
    preset = replace(tiny, sizes={**tiny.sizes, "dropout": 0.3}, ema=0.9, accumulate=2, deterministic=True, patience=10**6)
    films = dataset.open_films(Dataset.read(folder / "dataset.json"), folder, preset.grid.rate)
    train = dataset.regions(films, "train")
    pool, valid = Pool(films, train, 3), Pool(films, dataset.regions(films, "validation"), 3)
    normal = clips.normalisation(dataset.maxima(films, train), preset.gain)

    def tell(share: float) -> None:
        if not begun.closed:
            begun.send(time.time())
            begun.close()

    task = loop.Task(name, films, pool, valid.fixed(16, pool.classes), preset, preset.network(4), normal, 1, epochs, 1e6, folder / "checkpoint" / name,
                     Cache(folder / "cache", 2**26), torch.device("cpu"), tell=tell, every=every)  # fmt: skip
    checkpoint.write_weights(folder / f"{name}.safetensors", loop.fit(task).net)


def killed(folder: Path, name: str, epochs: int, every: float, after: float | None) -> float | None:
    """Let a process learn `name` and kill it `after` seconds of work (None: never): the seconds of work lost, None if it had ended before."""
    told, begun = PROCESSES.Pipe(duplex=False)
    child = PROCESSES.Process(target=learn, args=(folder, name, epochs, every, begun))
    child.start()
    begun.close()
    try:
        first = told.recv()
    except EOFError:  # nothing was left to learn
        first = time.time()
    child.join(after)
    child.kill()
    at = time.time()
    child.join()
    if child.exitcode == 0:
        return None
    if child.exitcode != -signal.SIGKILL:
        raise RuntimeError(f"the training failed with {child.exitcode}")
    written = max((p.stat().st_mtime for p in (folder / "checkpoint" / name).glob("ckpt-*/MANIFEST.json")), default=0.0)
    return float(at - max(written, first))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def campaign(folder: Path, *, kills: int, epochs: int, every: float, longest: float, seed: int = 0) -> Campaign:
    """`kills` kills over as many trainings as that takes, in `folder`; the last training ends in peace."""
    PROCESSES.set_forkserver_preload(["mlcore.loop", "torch._dynamo"])
    prepare(folder)
    out, rng, number = Campaign(), np.random.default_rng(seed), 0
    killed(folder, "undisturbed", epochs, every, None)
    out.reference = sha256(folder / "undisturbed.safetensors")
    while True:
        name = f"killed-{number}"
        lost = killed(folder, name, epochs, every, float(rng.uniform(0.0, longest)) if out.kills < kills else None)
        if lost is not None:
            out.kills += 1
            out.redone.append(lost)
            continue
        out.hashes.append(sha256(folder / f"{name}.safetensors"))
        if out.kills >= kills:
            return out
        number += 1


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.soak_resume", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--every", type=float, default=0.5, help="seconds between two checkpoints")
    parser.add_argument("--longest", type=float, default=3.0, help="seconds of work before a kill, at most")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = campaign(Path(folder), kills=options.kills, epochs=options.epochs, every=options.every, longest=options.longest)
    redone = np.array(found.redone)
    print(f"{found.kills} kills, {len(found.hashes)} trainings to the end: {'identical' if found.identical else 'NOT IDENTICAL'}")
    print(f"redone after a kill: median {np.median(redone):.2f} s, most {redone.max():.2f} s (checkpoint every {options.every} s)")
    print(f"{time.monotonic() - began:.0f} s")
    return 0 if found.identical else 1


if __name__ == "__main__":
    raise SystemExit(main())
