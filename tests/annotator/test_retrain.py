"""`manage.py retrain`: its exit codes and its one line, on a real site with the tiny preset."""

import json
import os
import pty
import subprocess
import sys
import threading

import pytest

from annotator import engine
from tests.annotator.running import LABEL, ROOT, Site, scenes

pytestmark = [pytest.mark.slow]
ARGUMENTS = ["--preset", "tiny", "--max-minutes", "1", "--device", "cpu"]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Two labelled, prepared videos."""
    folder = tmp_path_factory.mktemp("scenes")
    site = Site(tmp_path_factory.mktemp("site"), TOPSPIN_BLIND_SHARE="0")
    for number, file in enumerate(scenes(folder, strokes=6)):
        site.manage("add_video", file, "--title", file.name, "--player", f"p{number}:right:left", "--skip-checks")
    with site.working():
        site.finished("suggest", 2)
    site.python(LABEL.format(folder=folder))
    return site


def retrain(site, *argv):
    return site.manage("retrain", "--skip-checks", *argv, check=False, timeout=240)


def test_dry_run_changes_nothing(site):
    before = site.rows("select count(*) from strokes_split"), os.listdir(site.data)
    done = retrain(site, "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 videos with 12 strokes" in done.stdout
    assert (site.rows("select count(*) from strokes_split"), os.listdir(site.data)) == before
    assert site.rows("select count(*) from strokes_run") == [(0,)]


def test_nothing_new_is_nothing_to_do(site):
    done = retrain(site, "--if-new", "1000")
    assert done.returncode == 0 and "nothing to do" in done.stdout
    assert len(done.stdout.strip().splitlines()) == 1


def test_an_unknown_taxonomy_is_named(site):
    done = retrain(site, "--taxonomy", "Tennis")
    assert done.returncode == 1 and "TTStroke-21" in done.stderr


def test_one_at_a_time(site):
    lock = engine.Lock(site.data / "train.lock")
    assert lock.take()
    try:
        done = retrain(site, *ARGUMENTS)
    finally:
        lock.release()
    assert done.returncode == 75 and len(done.stdout.strip().splitlines()) == 1
    assert site.rows("select count(*) from strokes_run") == [(0,)]


def test_training_in_the_foreground(site):
    """Plain lines without a terminal; the verdict decides the exit code; a model that is used queues suggestions."""
    done = retrain(site, *ARGUMENTS)
    state, current = site.rows("select state, current from strokes_run")[0]
    assert (done.returncode, current) in ((0, 1), (3, 0)), done.stdout + done.stderr
    assert state in (("provisional", "promoted") if current else ("trained",))
    assert "Model 1 " in done.stdout.splitlines()[-1]
    assert "\r" not in done.stderr and "%" in done.stderr
    queued = site.one("select count(*) from strokes_job where kind='suggest' and state='queued'")
    assert queued == (2 if current else 0)
    assert retrain(site, "--if-new", "1").returncode == 0
    assert site.rows("select count(*) from strokes_run") == [(1,)]


def test_a_bar_on_a_terminal(site):
    leader, follower = pty.openpty()
    command = [sys.executable, "manage.py", "retrain", "--skip-checks", *ARGUMENTS]
    process = subprocess.Popen(command, cwd=ROOT, env=site.env, stdout=subprocess.DEVNULL, stderr=follower)
    os.close(follower)
    said = b""

    def read():
        nonlocal said
        try:
            while data := os.read(leader, 4096):
                said += data
        except OSError:
            pass

    reader = threading.Thread(target=read)
    reader.start()
    assert process.wait(240) in (0, 3)
    reader.join()
    os.close(leader)
    assert b"\r" in said and "█".encode() in said


def test_a_failure_is_one_plain_line(site):
    """Prepared data that rotted: exit 1, no traceback."""
    for file in (site.data / "media").glob("*/prepared/*/prepared.json"):
        body = json.loads(file.read_text())
        body["version"] = 99
        file.write_text(json.dumps(body))
    done = retrain(site, *ARGUMENTS)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout
    lines = [line for line in done.stderr.splitlines() if line and "%" not in line]
    assert len(lines) == 1, done.stderr


def test_no_videos_is_nothing_to_do(tmp_path):
    empty = Site(tmp_path / "data")
    done = retrain(empty)
    assert done.returncode == 0 and "nothing to train on" in done.stdout
