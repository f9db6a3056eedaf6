"""A long video is shared by several processes: the same bytes, and the end of one is the end of all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlcore import prepare, store
from mlcore.formats import FrameTable
from tests.mlcore.living import alive
from tests.mlcore.test_prepare import ROOT, contents, moving_square, write_video


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """2,200 small pictures at 240 a second."""
    folder = tmp_path_factory.mktemp("long")
    write_video(folder / "v.mp4", moving_square(240, 2200 / 240, 64, 48), 240).write(folder / "frames.json")
    return folder / "v.mp4", folder / "frames.json"


def shared(video: tuple[Path, Path], out: Path, workers: int) -> list[str]:
    return [sys.executable, "-m", "mlcore.prepare", str(video[0]), "--frames", str(video[1]), "--out", str(out), "--rate", "240",
            "--segment", "64", "--flow", "dis-ultrafast", "--workers", str(workers)]


@pytest.fixture(scope="module")
def by_one(long: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("one")
    subprocess.run(shared(long, out, 1), cwd=ROOT, check=True, capture_output=True, timeout=60)
    return next(out.iterdir())


def children(process: subprocess.Popen[str]) -> list[int]:
    return [int(k) for k in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


@pytest.mark.parametrize(("how", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 75)])
def test_processes_share_a_long_video_die_together_and_give_the_same_bytes(
        long: tuple[Path, Path], by_one: Path, tmp_path: Path, how: signal.Signals, code: int) -> None:
    folder = tmp_path / by_one.name
    process = subprocess.Popen(shared(long, tmp_path, 2), cwd=ROOT, stdout=subprocess.PIPE, text=True)
    while not (folder / "segment-00001.pile").exists() or len(list(folder.glob("segment-0002*"))) < 1:
        assert process.poll() is None, "ended before it could be interrupted"
        time.sleep(0.002)
    workers = children(process)
    assert len(workers) == 2
    if how == signal.SIGKILL:
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)  # so that they cannot notice by themselves
    process.send_signal(how)
    process.communicate(timeout=30)
    assert process.returncode == code
    until = time.monotonic() + 10
    while any(alive(pid) for pid in workers) and time.monotonic() < until:
        time.sleep(0.01)
    left = [pid for pid in workers if alive(pid)]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == [], "the end of the parent is the end of its processes"
    kept = {path.name: path.stat().st_mtime_ns for path in folder.glob("segment-*")}
    assert 2 <= len(kept) < 35
    if how == signal.SIGKILL:
        return
    done = subprocess.run(shared(long, tmp_path, 2), cwd=ROOT, capture_output=True, check=True, timeout=60)
    told = [line["progress"] for line in map(json.loads, done.stdout.splitlines()) if "progress" in line]
    assert told == sorted(told) and told[0] >= len(kept) * 64 / 2200 - 0.001 and len(set(told)) >= 2
    assert {name: (folder / name).stat().st_mtime_ns for name in kept} == kept
    assert contents(folder) == contents(by_one)


def test_what_one_process_refuses_the_step_refuses(long: tuple[Path, Path], tmp_path: Path) -> None:
    table = FrameTable.read(long[1])
    assert table.pts[11] - table.pts[10] > 1
    table.pts[10] += 1  # a picture that the video does not have
    table.write(tmp_path / "frames.json")
    done = subprocess.run(shared((long[0], tmp_path / "frames.json"), tmp_path, 2), cwd=ROOT, capture_output=True, timeout=60)
    assert done.returncode == 2
    assert json.loads(done.stdout.splitlines()[-1])["error"] == {"code": "frame_lost", "params": {"frame": 10}}


def test_a_short_video_is_not_shared(tmp_path: Path) -> None:
    prepared = prepare.planned(sha256="x", seconds=[k / 60 for k in range(144)], width=64, height=48, rate=60, method="dis", segment=16)
    going = store.Writer(tmp_path, n=len(prepared.ordinals), height=48, width=64, segment=16)
    assert prepare._shares(going, 8) == [(0, 9)]
