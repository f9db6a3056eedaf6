"""Every way a step can end, on real processes."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from annotator import engine
from annotator.engine import EngineError, Interrupted, Limits, Lock

ROOT = Path(__file__).resolve().parents[2]


def step(*argv, **options):
    return engine.run(["tests.annotator.step", *map(str, argv)], **options)


def gone(pid, within=5.0):
    until = time.monotonic() + within
    while time.monotonic() < until and engine.stat(pid):
        time.sleep(0.02)
    return engine.stat(pid) is None


def wait_for(path, within=20.0):
    until = time.monotonic() + within
    while time.monotonic() < until:
        if path.exists() and path.read_text():
            return path.read_text()
        time.sleep(0.02)
    raise AssertionError(f"{path} was not written")


def test_result_and_progress_arrive():
    lines = []
    assert step("done", on_line=lines.append) == {"n": 3}
    assert [line["phase"] for line in lines] == ["done", "counting"]
    assert lines[-1]["progress"] == 1.0


def test_step_runs_apart_and_without_secrets(monkeypatch):
    monkeypatch.setenv("TOPSPIN_SECRET_KEY", "k" * 50)
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "annotator.settings")
    found = step("environment", limits=Limits(niceness=3))
    assert "PATH" in found["names"] and "OMP_NUM_THREADS" in found["names"]
    assert not [name for name in found["names"] if "TOPSPIN" in name or "DJANGO" in name or "SECRET" in name]
    assert found["group"] == found["pid"] != os.getpgid(0)
    assert found["nice"] == min(19, os.nice(0) + 3)
    assert found["cwd"] == str(ROOT)


@pytest.mark.parametrize(
    ("kind", "code", "params"),
    [
        ("refuse", "too_long", {"minutes": 7}),
        ("crash", "killed", {"step": "step", "signal": int(signal.SIGABRT)}),
        ("oom", "killed", {"step": "step", "signal": 9}),
        ("raise", "step_crashed", {"step": "step"}),
        ("babble", "step_crashed", {"step": "step"}),
        ("quiet", "step_crashed", {"step": "step"}),
        ("truncated", "step_crashed", {"step": "step"}),
    ],
)
def test_each_ending_has_its_code(kind, code, params):
    began = time.monotonic()
    with pytest.raises(EngineError) as caught:
        step(kind)
    assert (caught.value.code, caught.value.params) == (code, params)
    assert time.monotonic() - began < 10


def test_tail_of_the_log_is_kept():
    with pytest.raises(EngineError) as caught:
        step("crash")
    assert caught.value.log.endswith("the last words\n")
    assert len(caught.value.log) <= engine.LOG_BYTES


def test_a_defect_keeps_its_traceback():
    with pytest.raises(EngineError) as caught:
        step("raise")
    assert "RuntimeError: a defect" in caught.value.log


def test_wall_limit_and_silence_end_the_step():
    with pytest.raises(EngineError, match="took_too_long"):
        step("silent", limits=Limits(wall_s=1.0))
    with pytest.raises(EngineError, match="step_silent"):
        step("silent", limits=Limits(silent_s=1.0))


def test_stop_lets_the_step_save(tmp_path):
    stop = threading.Event()
    saved = tmp_path / "saved"
    with pytest.raises(Interrupted) as caught:
        step("checkpoint", saved, stop=stop, on_line=lambda line: stop.set() if line["phase"] == "ready" else None)
    assert caught.value.saved and saved.read_text() == "saved"


def test_a_step_that_does_not_stop_is_killed_with_its_children(tmp_path):
    stop, pids = threading.Event(), tmp_path / "pids"
    began = time.monotonic()
    with pytest.raises(Interrupted) as caught:
        step(
            "deaf",
            pids,
            stop=stop,
            limits=Limits(grace_s=0.5),
            on_line=lambda line: stop.set() if line["phase"] == "ready" else None,
        )
    assert not caught.value.saved
    assert time.monotonic() - began < 10
    assert all(gone(int(pid)) for pid in pids.read_text().split())


def test_what_a_tick_raises_ends_the_step(tmp_path):
    pids = tmp_path / "pids"

    def tick():
        if pids.exists() and pids.read_text():
            raise KeyError("lost")

    with pytest.raises(KeyError):
        step("deaf", pids, on_tick=tick)
    assert all(gone(int(pid)) for pid in pids.read_text().split())


STARTER = """
import signal, sys
from pathlib import Path
from annotator import engine
lock = engine.Lock(Path(sys.argv[1])); assert lock.take()
engine.run(["tests.annotator.step", sys.argv[2], sys.argv[3]], lock=lock,
           limits=engine.Limits(on_death=signal.Signals(int(sys.argv[4]))))
"""


def start_and_kill(tmp_path, kind, on_death):
    """A starter with a step under a lock, killed -9 once the step is ready; the step's process numbers."""
    note, path = tmp_path / "note", tmp_path / "lock"
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(path), kind, str(note), str(int(on_death))], cwd=ROOT
    )
    lock = Lock(path)
    try:
        until = time.monotonic() + 20
        while time.monotonic() < until and not (path.read_text() and (kind != "deaf" or note.exists())):
            time.sleep(0.02)
        assert not lock.take()
        noted = json.loads(path.read_text())
        time.sleep(0.7)  # the step's own handler is in place
    finally:
        starter.kill()
        starter.wait()
    return lock, noted["step"][0], note


def test_step_dies_with_its_starter(tmp_path):
    lock, pid, _ = start_and_kill(tmp_path, "silent", signal.SIGKILL)
    assert gone(pid)
    assert lock.take(wait_s=2)
    lock.release()


def test_training_saves_when_its_starter_dies(tmp_path):
    lock, pid, note = start_and_kill(tmp_path, "checkpoint", signal.SIGTERM)
    assert wait_for(note) == "saved"
    assert gone(pid)
    assert lock.take(wait_s=2)
    lock.release()


def test_an_orphan_that_holds_the_lock_is_removed(tmp_path):
    lock, pid, note = start_and_kill(tmp_path, "deaf", signal.SIGTERM)
    child = int(note.read_text().split()[1])
    assert engine.stat(pid) and engine.stat(child) and not lock.take()
    lock.remove_orphan(grace_s=0.5)
    assert lock.take(wait_s=2)
    assert gone(pid) and gone(child)
    lock.release()


def test_the_step_of_a_living_starter_is_left_alone(tmp_path):
    path, pids = tmp_path / "lock", tmp_path / "pids"
    first, second = Lock(path), Lock(path)
    assert first.take() and not second.take()
    stop, ended = threading.Event(), []

    def hold():
        try:
            step("deaf", pids, stop=stop, lock=first, limits=Limits(grace_s=0.1))
        except Interrupted as error:
            ended.append(error)

    thread = threading.Thread(target=hold)
    thread.start()
    pid = int(wait_for(pids).split()[0])
    second.remove_orphan(grace_s=0.1)
    assert engine.stat(pid)
    stop.set()
    thread.join()
    assert ended
    first.release()
    second.release()


def test_learning_libraries_stay_out():
    code = (
        "import django; django.setup(); import annotator.worker, annotator.schedules;"
        "import annotator.wsgi, annotator.urls, sys;"
        "print([name for name in ('torch', 'cv2', 'av', 'blosc2', 'numpy') if name in sys.modules])"
    )
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "annotator.settings"}
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert found.stdout.strip() == "[]", found.stderr
