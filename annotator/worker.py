"""The one parent of all work on a machine: keeps django-q2 alive, claims jobs per slot, runs each as a process.

django-q2 can be stuck for ever after the death of an idle worker and looks healthy then; so a small task must really be
carried out every few seconds, or the whole cluster is killed and started again. Long work is not in it: threads here
claim jobs (one thread per place in a slot) and follow one `mlcore` process each. A second one on the same data exits.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.utils import timezone

from annotator import engine, jobs, schedules
from strokes import jobs as table
from strokes.models import Heartbeat, Job

log = logging.getLogger("topspin.worker")
EXIT_ALREADY_RUNNING = 75
IDLE_S, RECONCILE_S, BEAT_S = 0.5, 15.0, 8.0
SILENT_S, STARTING_S = 30.0, 120.0  # a cluster that carried nothing out for so long (after its start) is restarted
STOP_S = 10.0


def owner() -> str:
    """host:pid:start time of this process: names it also after its number was given to another one."""
    seen = engine.stat(os.getpid())
    return f"{socket.gethostname()}:{os.getpid()}:{seen[1] if seen else 0}"


def alive(name: str) -> bool:
    """Whether an owner still lives. Of another machine's owner only the lease can tell."""
    host, pid, born = name.rsplit(":", 2)
    if host != socket.gethostname():
        return True
    seen = engine.stat(int(pid))
    return seen is not None and str(seen[1]) == born


def cluster_note() -> Path:
    """Where the process group of this site's django-q is written down."""
    return Path(settings.DATA) / "qcluster.group"


def remove_old_cluster() -> None:
    """A django-q whose parent was killed leaves children behind; they must not work beside the next one."""
    try:
        group = int(cluster_note().read_text())
    except (FileNotFoundError, ValueError):
        return
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (seen := engine.stat(int(entry.name))) and seen[0] == group:
            try:
                ours = b"qcluster" in (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if ours:
                engine.kill_group(group)
                return


class Cluster:
    """django-q2's `qcluster` as a process group that is restarted as a whole when it ends or carries nothing out."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.started = self.rung = self.heard = 0.0
        self.asked = ""  # the number of the beat that was asked for last
        self.proven = False  # has carried something out since it was started
        self._note = cluster_note()

    def start(self) -> None:
        starter = os.getpid()
        libc = ctypes.CDLL(None)

        def in_child() -> None:
            libc.prctl(engine.PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
            if os.getppid() != starter:
                os._exit(1)

        remove_old_cluster()
        schedules.release()
        self.process = subprocess.Popen(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), "qcluster", "--skip-checks"], cwd=settings.BASE_DIR,
            stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=in_child,
        )  # fmt: skip
        self._note.write_text(str(self.process.pid))
        self.started = self.heard = time.monotonic()
        self.rung, self.asked, self.proven = 0.0, "", False

    def watch(self) -> None:
        """Ask for a beat now and then; start the cluster again when it is gone or no beat came."""
        now = time.monotonic()
        if self.process is None or self.process.poll() is not None:
            if self.process is not None:
                log.error("django-q ended (%s); starting it again", self.process.returncode)
            self.kill()
            self.start()
            return
        # It may carry out first what was asked of the one before it: that proves it, too.
        self.proven = self.proven or self._beaten_since(self.started)
        beaten = not self.rung or self._beaten_since(self.rung)
        # Tasks whose ends nobody writes down (a worker was killed while it told of one) would come again and again.
        if beaten and not schedules.waits(self.asked):
            self.heard = now
            if now - self.rung >= BEAT_S:
                self.rung = now
                self.asked = schedules.ring()
        elif now - self.heard > (SILENT_S if self.proven else STARTING_S):
            log.error("django-q carries nothing out; starting it again")
            self.kill()
            self.start()

    def _beaten_since(self, moment: float) -> bool:
        """Whether a beat was carried out after `moment` (of the monotonic clock)."""
        row = Heartbeat.objects.filter(name="qcluster").first()
        return row is not None and (timezone.now() - row.at).total_seconds() < time.monotonic() - moment + 0.001

    def stop(self) -> None:
        """Ask it to end its tasks; kill what is left after a while."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                log.warning("django-q did not stop in %s s; killing it", STOP_S)
        self.kill()
        self._note.unlink(missing_ok=True)

    def kill(self) -> None:
        if self.process is not None:
            engine.kill_group(self.process.pid)
            self.process.wait()


class Worker:
    """Claims and runs jobs until `stop` is set."""

    def __init__(self, stop: threading.Event) -> None:
        self.stop, self.owner, self.cluster = stop, owner(), Cluster()
        self._settled: set[int] = set()
        places = [(slot, place) for slot, number in settings.SLOTS.items() for place in range(number)]
        self._threads = [
            threading.Thread(target=self._claim_and_run, args=(slot,), name=f"{slot}-{place}") for slot, place in places
        ]

    def run(self) -> None:
        """Until stopped: one thread per place; this thread looks after leases, django-q and the sign of life."""
        self._reconcile()
        schedules.install()
        for thread in self._threads:
            thread.start()
        due: dict[Callable[[], None], tuple[float, float]] = {
            self.cluster.watch: (1.0, 0.0), self._reconcile: (RECONCILE_S, time.monotonic() + RECONCILE_S),
            self._beat: (BEAT_S, 0.0),
        }  # fmt: skip
        while not self.stop.wait(IDLE_S):
            for duty, (every, at) in due.items():
                if time.monotonic() >= at:
                    due[duty] = (every, time.monotonic() + every)
                    self._guarded(duty)
        self.cluster.stop()
        for thread in self._threads:
            thread.join()
        Heartbeat.objects.filter(name="worker").delete()

    def _guarded(self, duty: Callable[[], None]) -> None:
        """A busy or full database must not end the worker."""
        try:
            duty()
        except (DatabaseError, OSError):
            log.exception("the worker could not %s; it tries again", getattr(duty, "__name__", "work"))
            close_old_connections()

    def _beat(self) -> None:
        Heartbeat.objects.update_or_create(name="worker", defaults={"at": timezone.now()})

    def _reconcile(self) -> None:
        table.reconcile(alive)
        for job in Job.objects.filter(state=Job.State.FAILED, error_code="gave_up").exclude(pk__in=self._settled):
            jobs.settle(job)
            self._settled.add(job.pk)

    def _claim_and_run(self, slot: str) -> None:
        while not self.stop.is_set():
            worked = False
            try:
                worked = self._one(slot)
            except Exception:  # the thread is the place in the slot: it must outlive anything
                log.exception("a job in slot %s ended the wrong way", slot)
                close_old_connections()
            if not worked:
                self.stop.wait(IDLE_S)

    def _one(self, slot: str) -> bool:
        """Run the next job of a slot, if there is one and (training) nobody else trains on this machine."""
        if not Job.objects.filter(slot=slot, state=Job.State.QUEUED).exists():
            return False
        lock = engine.Lock(jobs.train_lock()) if slot == "gpu" else None
        try:
            if lock is not None and not lock.take():
                lock.remove_orphan(grace_s=engine.Limits.grace_s)
                return False
            job = table.claim(slot=slot, owner=self.owner)
            return job is not None and jobs.run(job, stop=self.stop, lock=lock) != Job.State.QUEUED
        finally:
            if lock is not None:
                lock.release()


def main() -> int:
    """Run the worker of this data folder until SIGTERM or SIGINT; 75 if another one runs."""
    lock = engine.Lock(Path(settings.DATA) / "worker.lock")
    if not lock.take():
        lock.release()
        return EXIT_ALREADY_RUNNING
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        Worker(stop).run()
    finally:
        lock.release()
    return 0
