"""Two real processes under torchrun (gloo, CPU) train as one does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mlcore import checkpoint, loop
from tests.mlcore import tasks
from tests.mlcore.processes import PLAIN

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tasks.data(tmp_path_factory.mktemp("two"))
    line = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m",
            "tests.mlcore.processes", str(folder)]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(line, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            said, _ = process.communicate(timeout=60)
        finally:
            process.terminate()  # torchrun ends its processes then
    assert process.returncode == 0, said[-3000:]
    return folder


def told(folder, name):
    return [json.loads((folder / f"{name}-{rank}.json").read_text()) for rank in (0, 1)]


@pytest.mark.parametrize(("name", "changes"), [("adam", {}), ("sgd", {"restarts": True, "lr": 0.1, "lr_min": 1e-5})])
def test_two_processes_give_the_weights_of_one(folder, tmp_path, name, changes):
    task = tasks.task(tasks.data(tmp_path), name, sizes=PLAIN, epochs=4, **changes)
    assert task.epochs * task.per_epoch >= 20
    alone = tasks.weights(loop.fit(task).net)
    together = checkpoint.read_tensors(folder / f"{name}.safetensors")
    start = tasks.weights(loop.built(task))
    assert max(float((alone[k] - start[k]).abs().max()) for k in alone) > 1e-2  # something was learned
    assert max(float((alone[k] - together[k]).abs().max()) for k in alone) < 1e-6


@pytest.mark.parametrize("name", ["adam", "sgd", "norm", "hungry"])
def test_both_processes_hold_the_same_weights(folder, name):
    first, second = told(folder, name)
    assert first == second


def test_a_stop_signal_to_one_stops_both_at_the_same_step(folder):
    assert told(folder, "stopped") == [{"step": 7}, {"step": 7}]
    state = checkpoint.read(folder / "checkpoint" / "stopped")
    assert state.values["step"] == 7


def test_one_process_without_memory_makes_both_take_smaller_parts(folder):
    state = checkpoint.read(folder / "checkpoint" / "hungry")
    assert state.values["micro"] == 2 and state.values["step"] > 0
    assert all(torch.isfinite(v).all() for v in checkpoint.read_tensors(folder / "hungry.safetensors").values())
