"""Batches made ahead: the same bits in the same order by a thread and by any number of processes, which die with their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from mlcore import batches, clips, loop, pose
from mlcore.batches import Batch, Loader, Prefetch
from mlcore.pose import Poses
from mlcore.progress import StepError
from tests.mlcore import tasks
from tests.mlcore.living import alive

ROOT = Path(__file__).parents[2]


def loader(task, poses=False) -> Loader:
    return Loader([f.store for f in task.films], task.preset.grid, task.normal, task.sizes.classes, task.cache, poses)


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    return tasks.task(tmp_path_factory.mktemp("data"), "t")


@pytest.fixture(scope="module")
def by_processes(task):
    """Two rounds by two worker processes, the first one left after a batch."""
    ahead = Prefetch(loader(task), workers=2)
    next(iter(ahead(loop.epoch_batches(task, 1))))
    pids = [w.pid for w in ahead._workers._iterator._workers]
    made = list(ahead(loop.epoch_batches(task, 0)))
    again = [w.pid for w in ahead._workers._iterator._workers]
    refused = Prefetch(refuse, workers=1)
    with pytest.raises(StepError) as error:
        list(refused([1]))
    refused.close()
    ahead.close()
    return made, pids, again, error.value


def refuse(item):
    raise StepError("damaged_weights", path=str(item))


def test_a_batch_is_its_clips_and_labels(task):
    samples, views = loop.epoch_batches(task, 0)[0]
    batch = loader(task)((samples, views))
    pictures = loader(task).pictures(samples[3].film)
    rgb, flow = clips.clip(pictures, samples[3].second, task.normal, views[3])
    assert torch.equal(batch.rgb[3], torch.from_numpy(rgb)) and torch.equal(batch.flow[3], torch.from_numpy(flow))
    assert batch.rgb.is_contiguous(memory_format=torch.channels_last_3d)
    assert [tuple(row.nonzero()[:, 0].tolist()) for row in batch.allowed] == [s.allowed for s in samples]
    parts = batch.parts(3)
    assert [len(part.allowed) for part in parts] == [3, 2, 3] and torch.equal(torch.cat([part.flow for part in parts]), batch.flow)


def test_processes_give_the_bits_of_a_thread_in_order(task, by_processes):
    made = by_processes[0]
    expected = list(Prefetch(loader(task))(loop.epoch_batches(task, 0)))
    assert len(made) == len(expected) == task.per_epoch
    for one, other in zip(made, expected):
        assert all(a is b is None or torch.equal(a, b) for a, b in zip(one, other))
        assert one.rgb.stride() == other.rgb.stride()
    assert not torch.equal(expected[0].rgb, expected[1].rgb)


def test_workers_live_over_rounds_and_end_when_closed(by_processes):
    _, pids, again, _ = by_processes
    assert pids == again and not any(alive(pid) for pid in pids)


def test_a_refusal_comes_out_of_a_worker_as_it_went_in(by_processes):
    assert by_processes[3].code == "damaged_weights" and by_processes[3].params == {"path": "1"}


PARENT = """
import time
from mlcore.batches import Prefetch
if __name__ == "__main__":
    ahead = Prefetch(time.sleep, workers=2)
    for _ in ahead([0.0] * 2 + [600.0] * 2):
        print([w.pid for w in ahead._workers._iterator._workers], flush=True)
"""


def test_workers_die_with_a_killed_parent(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    with subprocess.Popen([sys.executable, str(script)], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True) as parent:
        pids = [int(n) for n in parent.stdout.readline().strip("[]\n").split(",")]
        assert all(map(alive, pids))
        os.kill(pids[0], signal.SIGTERM)  # a signal for the whole group is the parent's to answer
        time.sleep(0.1)
        assert alive(pids[0])
        parent.kill()  # the second worker may still be starting: it must notice, too
    until = time.monotonic() + 60
    while any(map(alive, pids)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(alive, pids))


def test_how_many_workers(monkeypatch):
    cpu, cuda, mb = torch.device("cpu"), torch.device("cuda", 0), 2**20
    monkeypatch.setattr(batches.os, "cpu_count", lambda: 16)
    monkeypatch.setattr(batches.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 2**30}))
    assert [batches.workers_for(None, cpu, mb), batches.workers_for(3, cpu, mb), batches.workers_for(None, cuda, mb)] == [0, 3, 8]
    assert batches.workers_for(None, cuda, mb, processes=4) == 3
    assert batches.workers_for(8, cuda, 100 * mb) == 2 and batches.workers_for(8, cuda, 2**30) == 0  # little shared memory


def test_a_network_with_a_pose_branch_learns_from_poses(tmp_path):
    task = tasks.task(tmp_path, "three", epochs=1, sizes={"branches": "three"})
    with pytest.raises(StepError, match="no_pose"):
        loop.fit(task)
    folder = task.films[0].store.folder
    ordinals = task.films[0].store.ordinals.tolist()
    joints = [[(0.3 + 0.4 * j / 13, 0.5, 0.9) for j in range(13)]] * len(ordinals)
    Poses(ordinals, [0.9] * len(ordinals), joints).write(folder / "pose.json")
    made = loader(task, poses=True)(loop.epoch_batches(task, 0)[0])
    sample, view = (part[2] for part in loop.epoch_batches(task, 0)[0])
    pictures = loader(task).pictures(sample.film)
    assert torch.equal(made.pose[2], torch.from_numpy(pose.clip(pictures, sample.second, view))) and made.pose[2].abs().sum() > 0
    assert len(loop.fit(task).history) == 1


def test_a_part_of_a_batch_keeps_its_pose():
    batch = Batch(torch.rand(3, 3, 2, 4, 4), torch.rand(3, 2, 2, 4, 4), torch.ones(3, 2, dtype=torch.bool), torch.rand(3, 42, 2))
    assert len(batch.inputs) == 3 and torch.equal(batch.parts(2)[1].pose, batch.pose[2:])
    assert len(batch._replace(pose=None).inputs) == 2 and batch._replace(pose=None).parts(2)[0].pose is None


