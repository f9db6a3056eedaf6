"""kill -9 at every stage, on a real worker with real steps: work resumes, ends once, nothing half-written is read."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from annotator import engine
from tests.annotator.running import LABEL, ROOT, TRAIN, Site, processes, scenes

pytestmark = [pytest.mark.slow]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """One video of half a minute: several segments of preparation."""
    folder = tmp_path_factory.mktemp("scenes")
    return folder, scenes(folder, strokes=8, videos=2)


@pytest.fixture(scope="module")
def site(tmp_path_factory, drawn):
    site = Site(tmp_path_factory.mktemp("site"), TOPSPIN_BLIND_SHARE="0", TOPSPIN_PREPARE_RATE="60")
    yield site
    for pid, _ in processes(site.data):
        os.kill(pid, signal.SIGKILL)


def kill_during(site, step, ready=lambda: True):
    """kill -9 the worker while `step` runs and `ready`; the step's process number."""
    pid = site.running(step)
    site.until(lambda: ready() or not engine.stat(pid), every=0.005)
    assert engine.stat(pid), f"{step} had ended before the worker was killed"
    site.kill()
    return pid


def dies(pid, within):
    end = time.monotonic() + within
    while time.monotonic() < end:
        if engine.stat(pid) is None:
            return True
        time.sleep(0.02)
    return False


def test_killed_in_each_phase_of_a_new_video(site, drawn):
    """probe, proxy, flow, suggest: the step dies with the worker, the next worker does it again, and each ends once."""
    _, files = drawn
    site.manage("add_video", files[0], "--title", files[0].name, "--player", "anna:right:left", "--skip-checks")
    [media] = list((site.data / "media").glob("*-*"))
    segments = lambda: sorted(media.glob("prepared/*/segment-*.pile"))  # noqa: E731
    whole = lambda: list(media.glob("prepared/*/prepared.json"))  # noqa: E731
    news = lambda known: lambda: {*map(str, segments())} - set(known) or whole()  # noqa: E731
    kept: dict[str, int] = {}
    for kind, step, ready in (
        ("probe", "probe", lambda: True),
        ("proxy", "proxy", lambda: any((media / ".making").glob("proxy.mp4"))),
        ("prepare", "prepare", lambda: len(segments()) >= 1),
        ("suggest", "motion", lambda: True),
    ):
        site.start()
        pid = kill_during(site, step, ready)
        assert dies(pid, within=5), f"{step} outlived the worker"
        if kind == "prepare":
            kept = {str(path): path.stat().st_ino for path in segments()}
            assert kept and not whole()
        assert site.one("select count(*) from strokes_job where kind=? and state='done'", kind) == 0
        site.start()
        if kind == "prepare":
            began = time.monotonic()
            site.until(news(kept), every=0.005)
            again = {str(path): path.stat().st_ino for path in segments()}
            assert not again or {name: again.get(name) for name in kept} == kept, "a finished segment was done again"
            print(f"flow went on {time.monotonic() - began:.1f} s after the new worker's start")
        site.finished(kind)
        site.stop()
    site.start()
    site.until(lambda: not site.rows("select 1 from strokes_job where state in ('queued', 'running')"))
    assert site.rows("select kind, state, count(*) from strokes_job group by kind, state order by kind") == [
        ("prepare", "done", 1), ("probe", "done", 1), ("proxy", "done", 1), ("suggest", "done", 1),
    ]  # fmt: skip
    assert site.rows("select distinct starts from strokes_job") == [(2,)]
    assert site.one("select state from strokes_video") == "prepared"
    assert not [path for path in media.rglob("*") if "suggestions-" in path.name or path.name.startswith((".segment", ".prepared"))]
    assert "Traceback" not in site.said()
    site.stop()


def test_killed_in_training(site, drawn):
    """The worker dies -9: training saves its state, the next worker goes on with the same run and ends it once."""
    folder, files = drawn
    for file, player in zip(
        files, ("anna:right:left", "ben:left:right")
    ):  # the first is here already, unless run alone
        site.manage("add_video", file, "--title", file.name, "--player", player, "--skip-checks", check=False)
    with site.working():
        site.finished("suggest", 2)
    site.python(LABEL.format(folder=folder))
    site.python(TRAIN)
    site.start()
    runs = lambda: list((site.data / "runs").glob("*/epochs.jsonl"))  # noqa: E731
    epochs = lambda: [json.loads(line) for path in runs() for line in path.read_text().splitlines()]  # noqa: E731
    pid = kill_during(site, "train", lambda: len(epochs()) >= 2)
    assert dies(pid, within=25), "training did not stop"
    before = epochs()
    assert list((site.data / "runs").glob("*/checkpoint/*/*")), "no checkpoint"
    assert not list((site.data / "runs").glob("*/run.json"))
    began = time.monotonic()
    site.start()
    site.running("train")
    print(f"training went on {time.monotonic() - began:.1f} s after the new worker's start")
    site.until(lambda: len(epochs()) > len(before))
    assert epochs()[: len(before)] == before, "epochs were learnt again"
    site.finished("train", within=420)
    assert site.rows("select count(*), max(number) from strokes_run") == [(1, 1)]
    assert site.rows("select state, starts from strokes_job where kind='train'") == [("done", 2)]
    assert site.one("select state from strokes_run") in ("trained", "provisional", "promoted")
    site.stop()


def test_sigterm_lets_training_save_and_does_not_count(site):
    """A restart of the service costs no start, and the run goes on."""
    site.python(TRAIN)
    site.start()
    site.running("train")
    time.sleep(2)
    began = time.monotonic()
    assert site.stop() == 0
    assert time.monotonic() - began < 40
    assert site.rows("select state, starts from strokes_job where kind='train' order by id desc limit 1") == [
        ("queued", 0)
    ]
    assert not list(processes(site.data))
    with site.working():
        site.finished("train", 2, within=420)
    assert site.rows("select starts from strokes_job where kind='train' order by id desc limit 1") == [(1,)]


@pytest.mark.parametrize(("child", "how"), [(0, signal.SIGKILL), (1, signal.SIGSTOP)], ids=["idle worker killed", "monitor stuck"])
def test_schedules_go_on_within_a_minute(site, child, how):
    """django-q2 alone would look healthy, and never carry anything out again or never write down that it did."""
    with site.working():
        beats = lambda: site.rows("select at from strokes_heartbeat where name='qcluster'")  # noqa: E731
        old = beats()
        site.until(lambda: beats() != old, within=60)
        cluster = group(site)
        time.sleep(child)  # the monitor is stopped at rest: in the middle of writing it would keep the database locked
        os.kill(children(cluster)[child], how)
        site.python(
            f"from django_q.tasks import async_task; async_task('annotator.schedules.housekeeping', task_name='proof {child}')"
        )
        began = time.monotonic()
        site.until(lambda: site.rows("select 1 from django_q_task where name=? and success", f"proof {child}"), within=90)
        took = time.monotonic() - began
        print(f"schedules went on after {took:.0f} s")
        assert took < 60
        assert group(site) != cluster
        assert not members(cluster)


def test_whole_cluster_is_gone_after_the_worker_was_killed(site):
    """No second django-q works beside the one of the next worker."""
    site.start()
    first = group(site)
    site.until(lambda: len(members(first)) >= 4)
    site.kill()
    site.start()
    site.until(lambda: group(site) != first and members(group(site)))
    assert not members(first)
    site.stop()
    assert not list(processes(site.data))


def test_a_second_worker_says_so_and_exits(site):
    with site.working():
        site.until(lambda: (site.data / "qcluster.group").exists())
        second = site.manage("worker", "--skip-checks", check=False)
        assert second.returncode == 75
        assert "already running" in second.stderr
        assert site.worker.poll() is None


def test_no_learning_library_in_worker_or_queue(site):
    """Neither process has mapped torch, OpenCV or FFmpeg."""
    with site.working():
        site.until(lambda: len(members(group(site))) >= 4)
        for pid in [site.worker.pid, *members(group(site))]:
            maps = Path(f"/proc/{pid}/maps").read_text()
            assert "python" in maps
            assert not [name for name in ("torch", "cv2", "/av/", "blosc2") if name in maps]
    code = "import annotator.wsgi, sys; print([n for n in ('torch', 'cv2', 'av', 'blosc2') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=site.env, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def group(site) -> int:
    note = site.data / "qcluster.group"
    return site.until(lambda: note.exists() and note.read_text().strip() and int(note.read_text()))


def members(pgid: int) -> list[int]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and (seen := engine.stat(int(name))) and seen[0] == pgid:
            found.append(int(name))
    return sorted(found)


def children(pgid: int) -> list[int]:
    """What the sentinel forked, in its order: the task process, the monitor that writes down results, the pusher."""
    parents = {}
    for pid in members(pgid):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        parents.setdefault(int(fields[1]), []).append(pid)
    [sentinel] = parents[pgid]
    return sorted(parents[sentinel])
