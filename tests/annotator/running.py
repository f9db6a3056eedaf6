"""A site on a data folder of its own with a real worker process, for tests that kill it."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path

from pysqlite3 import dbapi2 as sqlite

from annotator import engine

ROOT = Path(__file__).resolve().parents[2]
LABEL = """
from pathlib import Path
from django.contrib.auth.models import User
from strokes import imports
from strokes.models import Video
alice, _ = User.objects.get_or_create(username="alice")
for video in Video.objects.order_by("created"):
    xml = Path(r"{folder}", video.title).with_suffix(".xml")
    intervals = imports.read_mediaeval(xml.read_bytes(), inclusive=True)
    imports.apply(video=video, expert=alice, intervals=intervals, complete=True)
"""
TRAIN = """
from strokes import jobs, taxonomy
print(jobs.enqueue(kind="train", taxonomy=taxonomy.default(), args={"preset": "tiny", "max_minutes": 1}).pk)
"""


class Site:
    """`manage`, `rows` (SQL), a worker that can be started and killed."""

    def __init__(self, data: Path, **settings: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TOPSPIN_")}
        self.data, self.worker = data, None
        self.env = {**kept, "TOPSPIN_DATA": str(data), "DJANGO_SETTINGS_MODULE": "annotator.settings", **settings}
        self.manage("migrate", "--skip-checks", "-v0")

    def manage(self, *argv, check=True, timeout=120):
        command = [sys.executable, "manage.py", *map(str, argv)]
        done = subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=timeout)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def python(self, code: str) -> str:
        code = f"import django; django.setup()\n{code}"
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=self.env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def rows(self, sql: str, *values):
        with closing(sqlite.connect(self.data / "db.sqlite3", timeout=20)) as connection:
            connection.execute("PRAGMA query_only=ON")
            return connection.execute(sql, values).fetchall()

    def one(self, sql: str, *values):
        return self.rows(sql, *values)[0][0]

    # -- Worker --
    def start(self) -> subprocess.Popen:
        self.log = open(self.data / "worker.log", "ab")  # noqa: SIM115
        self.worker = subprocess.Popen(
            [sys.executable, "manage.py", "worker", "--skip-checks"], cwd=ROOT, env=self.env, stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=self.log, start_new_session=True,
        )  # fmt: skip
        return self.worker

    def kill(self) -> None:
        """kill -9 the worker alone; what it started is its own business."""
        self.worker.kill()
        self.worker.wait()
        self.log.close()

    def stop(self, within: float = 60) -> int:
        self.worker.send_signal(signal.SIGTERM)
        try:
            return self.worker.wait(within)
        finally:
            if self.worker.poll() is None:
                self.kill()
            self.log.close()

    @contextmanager
    def working(self):
        self.start()
        try:
            yield self
        finally:
            if self.worker.poll() is None:
                self.stop()

    def said(self) -> str:
        return (self.data / "worker.log").read_text("utf-8", "replace")

    # -- Waiting --
    def until(self, condition, within: float = 240, every: float = 0.02):
        """The first true value of `condition`, with the worker's last words if none comes."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            if value := condition():
                return value
            time.sleep(every)
        jobs = self.rows("select kind, state, phase, error_code, starts, log from strokes_job")
        raise AssertionError(f"waited {within} s in vain\n{jobs}\n{self.said()[-4000:]}")

    def running(self, kind: str):
        """The process of the step that works on a job of this kind."""
        return self.until(lambda: [pid for pid, line in processes(self.data) if f"mlcore.{kind}" in line])[0]

    def finished(self, kind: str, number: int = 1, within: float = 420):
        sql = "select count(*) from strokes_job where kind=? and state='done'"
        return self.until(lambda: self.one(sql, kind) >= number, within)


def processes(data: Path):
    """(number, command line) of the living processes that work on this data folder."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or not engine.stat(int(entry.name)):
            continue
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            env = (entry / "environ").read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        if str(data) in line or f"TOPSPIN_DATA={data}\0" in env:
            yield int(entry.name), line


def scenes(folder: Path, *, strokes: int = 4, videos: int = 2) -> list[Path]:
    """Small drawn videos with their XML."""
    size = ["--width", "320", "--height", "180", "--fps", "60"]
    engine.run(
        ["mlcore.synthetic", str(folder), "--videos", str(videos), "--players", "2", "--strokes", str(strokes), *size]
    )
    return sorted(folder.glob("*.mp4"))
