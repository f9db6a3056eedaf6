"""One of the processes of `test_ddp`: `torchrun -m tests.mlcore.processes FOLDER` trains small nets and writes down what came of them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from mlcore import checkpoint, distributed, loop, networks
from mlcore.networks import Net
from mlcore.progress import Stopped
from tests.mlcore import tasks

PLAIN = {"norm": False, "affine": False}


class Hungry(Net):
    """Memory for two clips at a time, in the second process only."""

    def forward(self, rgb_BCTHW, flow_BCTHW, pose_BCT=None):
        if self.training and distributed.rank() == 1 and len(rgb_BCTHW) > 2:
            raise torch.OutOfMemoryError("out of memory")
        return super().forward(rgb_BCTHW, flow_BCTHW, pose_BCT)


def tell(folder: Path, name: str, **facts: object) -> None:
    (folder / f"{name}-{distributed.rank()}.json").write_text(json.dumps(facts))


def learned(folder: Path, name: str, **options: object) -> None:
    """Train, write the weights (first process) and their sum (all)."""
    fitted = loop.fit(tasks.task(folder, name, **options))
    total = sum(float(v.double().abs().sum()) for v in fitted.net.state_dict().values())
    tell(folder, name, total=total, history=len(fitted.history), best=fitted.best)
    if distributed.rank() == 0:
        checkpoint.write_weights(folder / f"{name}.safetensors", fitted.net)


def stopped(folder: Path) -> None:
    """Asked to stop in its seventh step, the second process only."""
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return distributed.rank() == 1 and len(asked) == 7

    try:
        loop.fit(tasks.task(folder, "stopped", sizes=PLAIN, epochs=4, given={"stop": stop}))
    except Stopped as stop_:
        tell(folder, "stopped", step=stop_.state["step"])


def main(folder: Path) -> None:
    networks.multiplies_bf16 = lambda device: False  # as conftest.py has it for the process that they are compared with
    torch.set_num_threads(1)
    distributed.start(torch.device("cpu"))
    learned(folder, "adam", sizes=PLAIN, epochs=4)
    learned(folder, "sgd", sizes=PLAIN, epochs=4, restarts=True, lr=0.1, lr_min=1e-5, accumulate=2)
    learned(folder, "norm", epochs=1, validate=True, ema=0.9)
    learned(folder, "hungry", sizes=PLAIN, epochs=1, given={"network": Hungry})
    stopped(folder)
    distributed.finish()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
