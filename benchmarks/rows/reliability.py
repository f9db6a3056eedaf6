"""Training is the same in two processes as in one, and the same whether it is killed or not."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measuring import Bench, Line, Row

ROOT = Path(__file__).parents[2]


def two_processes(bench: Bench) -> list[Line]:
    """The processes of the test of distributed training, whose weights are compared with those of one process here."""
    from mlcore import checkpoint, loop
    from tests.mlcore import tasks
    from tests.mlcore.processes import PLAIN

    lines = []
    with tempfile.TemporaryDirectory() as folder:
        root = tasks.data(Path(folder))
        command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "tests.mlcore.processes", str(root)]
        run(command)
        for name, changes in (("adam", {}), ("sgd", {"restarts": True, "lr": 0.1, "lr_min": 1e-5})):
            task = tasks.task(tasks.data(root / "alone"), name, sizes=PLAIN, epochs=4, **changes)
            alone, together = tasks.weights(loop.fit(task).net), checkpoint.read_tensors(root / f"{name}.safetensors")
            difference = max(float((alone[k] - together[k]).abs().max()) for k in alone)
            steps = f"{task.epochs * task.per_epoch} steps"
            lines.append(Line.at_most(f"two processes (gloo) against one, {name}: largest difference of a weight", difference, 1e-6, "", ours=steps))
    return lines


def kills(bench: Bench) -> list[Line]:
    """`benchmarks.soak_resume`: trainings that are killed with SIGKILL again and again end with the bits of one that is not."""
    from benchmarks import soak_resume

    with tempfile.TemporaryDirectory() as folder:
        found = soak_resume.campaign(Path(folder), kills=bench.pick(50, 3), epochs=bench.pick(60, 10), every=0.5, longest=3.0)
    other = sum(one != found.reference for one in found.hashes)
    ours = f"{found.kills} kills, {len(found.hashes)} trainings to the end, at most {max(found.redone):.2f} s of work lost by a kill"
    return [Line.at_most("trainings that end with other weights after kill -9", other, 0, "", ours=ours)]


def run(arguments: list[str]) -> str:
    """What `python` says to standard output; RuntimeError with the end of what it says when it fails."""
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"ended with {done.returncode}: {' '.join((done.stdout + done.stderr).split())[-150:]}")
    return done.stdout


ROWS = [
    Row("processes", "two training processes give the weights of one to 1e-6", two_processes),
    Row("kills", "a training killed again and again ends with the same bits", kills),
]
