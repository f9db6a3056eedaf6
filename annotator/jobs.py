"""One job from claim to end: its lease, its step, what a failure means. What each kind runs is in annotator.plans.

`run` takes one claimed job to its end. Files are made by the steps (whole or not at all); rows change here, in one
transaction that first checks the fence, so that a job which was given to somebody else meanwhile publishes nothing.
"""

from __future__ import annotations

import datetime as dt
import errno
import logging
import signal
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone

from annotator import engine, plans
from strokes import jobs as table
from strokes import registry, videos
from strokes.errors import Conflict, Refused
from strokes.models import Job, Run, Video

log = logging.getLogger("topspin.jobs")
Kind, State = Job.Kind, Job.State
DAMAGED = {"damaged_archive", "not_prepared"}  # what preparation can mend
LEASE_RENEWAL_S, PROGRESS_S = 15.0, 2.0
SITE_TROUBLE = {"disk_full", "internal_error", "out_of_memory"}  # says nothing about the file itself


@dataclass
class Lease:
    """Shows that the job is being worked on: keeps lease and progress fresh; Conflict when the fence has moved on."""

    job: Job
    watch: Callable[[Mapping[str, Any]], None] | None = None
    latest: Mapping[str, Any] | None = None
    renewed: float = 0.0
    fraction: float = 0.0
    phase: str = ""
    left_s: float | None = None

    def line(self, line: Mapping[str, Any]) -> None:
        self.latest = line
        if self.watch:
            self.watch(line)

    def tick(self) -> None:
        age = time.monotonic() - self.renewed
        if age < (PROGRESS_S if self.latest else LEASE_RENEWAL_S):
            return
        if self.latest:
            left = self.latest.get("left_s")
            self.fraction, self.phase = float(self.latest["progress"]), str(self.latest.get("phase", ""))
            self.left_s = None if left is None else float(left)
            self.latest = None
        try:
            if not table.renew(self.job, self.fraction, self.phase, self.left_s):
                raise Conflict("job_lost", id=self.job.pk)
        except DatabaseError:  # busy or full: the lease lasts longer than one missed renewal
            log.exception("could not renew the lease of job %s", self.job.pk)
        self.renewed = time.monotonic()


# -- One job from claim to end ----------------------------------------------------------------------------------------
def train_lock() -> Path:
    return Path(settings.DATA) / "train.lock"


def lock_path(job: Job) -> Path:
    """The lock that the step of this job inherits. One training at a time on this machine, whoever starts it."""
    if job.kind == Kind.TRAIN:
        return train_lock()
    assert job.video is not None
    return videos.folder(job.video) / f".{job.kind}.lock"


def run(
    job: Job,
    *,
    stop: Event,
    watch: Callable[[Mapping[str, Any]], None] | None = None,
    lock: engine.Lock | None = None,
) -> str:
    """Work on a claimed job until it ended, was stopped (requeued) or was lost; the state it is in now."""
    own = lock is None
    try:
        lock = lock or engine.Lock(lock_path(job))
        if own and not lock.take():
            lock.remove_orphan(grace_s=engine.Limits.grace_s)
            if not lock.take(wait_s=5.0):
                return _give_back(job)
        _work(job, stop, watch, lock)
        return str(State.DONE)
    except engine.Interrupted:
        return _give_back(job)
    except engine.EngineError as error:
        if error.code in DAMAGED and not _just_prepared(job):
            return _repair(job, error)
        return _failed(job, error)
    except plans.PrepareFirst:
        return _prepare_first(job)
    except Refused as error:
        if not isinstance(error, Conflict):
            return _failed(job, engine.EngineError(error.code, error.params))
        log.warning("job %s (%s) is not ours any more (%s); its result is dropped", job.pk, job.kind, error)
        return "lost"
    except DatabaseError:
        log.exception("job %s (%s) could not be written down; it will be taken up again", job.pk, job.kind)
        return _give_back(job, refund=False)
    except Exception as error:
        full = isinstance(error, OSError) and error.errno == errno.ENOSPC
        text = traceback.format_exc()[-engine.LOG_BYTES :]
        return _failed(job, engine.EngineError("disk_full" if full else "internal_error", {}, text))
    finally:
        if own and lock is not None:
            lock.release()


def _work(job: Job, stop: Event, watch: Callable[[Mapping[str, Any]], None] | None, lock: engine.Lock) -> None:
    lease = Lease(job, watch)
    lease.tick()
    plan = plans.PLANS[Kind(job.kind)](job)
    done = engine.run(plan.argv, on_line=lease.line, on_tick=lease.tick, stop=stop, limits=plan.limits, lock=lock)
    with transaction.atomic():
        table.finish(job)
        plan.publish(done)


def _give_back(job: Job, *, refund: bool = True, why: engine.EngineError | None = None) -> str:
    """Queue the job again. A start that was stopped on purpose does not count towards the three (`refund`)."""
    code, params, text = (why.code, why.params, why.log) if why else ("", {}, "")
    try:
        with transaction.atomic():
            table.requeue(job, code, params, text, refund=refund)
            if job.state == State.FAILED:
                failed_for_good(job, code, params)
    except Conflict:
        return "lost"
    return str(job.state)


def _prepare_first(job: Job) -> str:
    """End this suggest job and queue a preparation, which queues the suggestions again."""
    with transaction.atomic():
        table.finish(job)
        table.enqueue(kind=Kind.PREPARE, video=plans.video_of(job))
    return str(State.DONE)


def _just_prepared(job: Job) -> bool:
    """Whether the prepared folders this job reads were checked in the last hour: then another look would not help."""
    videos_of = {"video": job.video} if job.video else {"video__taxonomy": job.taxonomy}
    recent = timezone.now() - dt.timedelta(hours=1)
    return Job.objects.filter(**videos_of, kind=Kind.PREPARE, state=State.DONE, finished__gt=recent).exists()


def _repair(job: Job, error: engine.EngineError) -> str:
    """A prepared folder is damaged: have it checked and repaired. Suggestions follow by themselves; a training says why it ended."""
    if job.kind == Kind.SUGGEST:
        return _prepare_first(job)
    with transaction.atomic():
        for video in Video.objects.filter(taxonomy=job.taxonomy, state=Video.State.PREPARED):
            table.enqueue(kind=Kind.PREPARE, video=video)
    return _failed(job, error)


def _failed(job: Job, error: engine.EngineError) -> str:
    """Write a failure down: once more if something killed the step from outside, else for good, with what it means."""
    log.warning("job %s (%s) failed: %s %s\n%s", job.pk, job.kind, error.code, error.params, error.log)
    if error.code == "killed" and error.params.get("signal") == signal.SIGKILL:
        return _give_back(job, refund=False, why=error)
    try:
        with transaction.atomic():
            table.fail(job, error.code, error.params, error.log)
            failed_for_good(job, error.code, error.params)
    except Conflict:
        return "lost"
    return str(State.FAILED)


def settle(job: Job) -> None:
    """What the end of a job that gave up (three starts) means. May be repeated: a video that went on is left alone."""
    later = Job.objects.filter(kind=job.kind, video=job.video_id, taxonomy=job.taxonomy_id, pk__gt=job.pk)
    if job.kind == Kind.PROBE and job.video is not None and job.video.state != Video.State.NEW:
        return
    if not later.exists():
        with transaction.atomic():
            failed_for_good(job, job.error_code, job.error_params)


def failed_for_good(job: Job, code: str, params: Mapping[str, Any]) -> None:
    """What the end of a job means for its video or run. A video that was looked into stays usable."""
    if job.kind == Kind.TRAIN:
        if job.run is not None and job.run.state == Run.State.TRAINING:
            registry.fail(run=job.run, code=code, params=params)
        return
    video = job.video
    assert video is not None
    if job.kind == Kind.WHY:
        return  # whoever asked is told; the video is as good as before
    if job.kind == Kind.PROBE and code not in SITE_TROUBLE:
        crashed = code in ("killed", "step_crashed", "step_silent", "took_too_long", "gave_up")
        videos.refuse(video, "decoder_crashed" if crashed else code, {} if crashed else dict(params))
        return
    Video.objects.filter(pk=video.pk).update(error_code=code, error_params=dict(params))
