"""The job table: the truth about long work (docs/decisions/0002-jobs.md).

Every change of state is one conditional UPDATE. A job is its holder's only while `fence` is the number it was claimed
with, so somebody who lost it (lease expired, requeued, claimed anew) can no longer renew, finish or fail it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from strokes.errors import Conflict, Refused
from strokes.models import Job, Taxonomy, Video

State, Kind = Job.State, Job.Kind
LEASE = timedelta(seconds=90)
LOG_MAX = 20_000
SLOTS: dict[str, tuple[str, int]] = {  # kind -> slot, priority
    Kind.PROBE: ("probe", 100),
    Kind.PROXY: ("cpu", 80),
    Kind.PREPARE: ("cpu", 40),
    Kind.SUGGEST: ("cpu", 30),
    Kind.TRAIN: ("gpu", 10),
    Kind.WHY: ("probe", 90),  # somebody waits for it in front of the screen
}
ACTIVE = [State.QUEUED, State.RUNNING]


def enqueue(
    *, kind: str, video: Video | None = None, taxonomy: Taxonomy | None = None, args: Mapping[str, Any] | None = None
) -> Job:
    """Queue work of `kind` on `video` or `taxonomy`; the active job of that kind and target if there is one.

    Refused bad_job{kind} for an unknown kind or no target.
    """
    if kind not in SLOTS or (video is None) == (taxonomy is None):
        raise Refused("bad_job", kind=kind)
    slot, priority = SLOTS[kind]
    target = Job.objects.filter(kind=kind, video=video, taxonomy=taxonomy, state__in=ACTIVE)
    for _ in range(3):  # a job may end between a refused insert and the look for it
        if found := target.first():
            return found
        try:
            with transaction.atomic():
                return Job.objects.create(
                    kind=kind, video=video, taxonomy=taxonomy, args=dict(args or {}), slot=slot, priority=priority
                )
        except IntegrityError:
            continue
    raise Conflict("job_busy", kind=kind)


def claim(*, slot: str, owner: str) -> Job | None:
    """Take the next queued job of `slot` for `owner` (host:pid:start time); None if there is none.

    Counts the start before the work. A job already started Job.MAX_STARTS times is failed with `gave_up`, not started.
    """
    for candidate in list(Job.objects.filter(slot=slot, state=State.QUEUED).order_by("-priority", "created", "pk")):
        queued = Job.objects.filter(pk=candidate.pk, state=State.QUEUED, fence=candidate.fence)
        if candidate.starts >= Job.MAX_STARTS:
            _give_up(queued, candidate)
            continue
        now = timezone.now()
        taken = queued.filter(starts__lt=Job.MAX_STARTS).update(
            state=State.RUNNING, starts=F("starts") + 1, fence=F("fence") + 1, lease_owner=owner,
            lease_until=now + LEASE, started=now, finished=None, progress=0, phase="", left_s=None,
            error_code="", error_params={},
        )  # fmt: skip
        if taken:
            fence = candidate.fence + 1  # ours, whatever happens to the row from now on
            candidate.refresh_from_db()
            candidate.fence = fence
            return candidate
    return None


def renew(job: Job, progress: float, phase: str = "", left_s: float | None = None) -> bool:
    """Say that the work goes on and how far it is (0..1); False if it is no longer ours: stop at once."""
    return bool(
        _held(job).update(
            lease_until=timezone.now() + LEASE, progress=min(max(progress, 0.0), 1.0), phase=phase[:40], left_s=left_s
        )
    )


def finish(job: Job) -> None:
    """It is done. Call it first in the transaction that publishes the result: Conflict job_lost undoes the whole."""
    _swap(job, state=State.DONE, progress=1.0, left_s=0.0, finished=timezone.now())


def fail(job: Job, code: str, params: Mapping[str, Any] | None = None, log: str = "") -> None:
    """It cannot be done; `log` is for admins. Conflict job_lost."""
    _swap(
        job, state=State.FAILED, error_code=code[:60], error_params=dict(params or {}), log=log[-LOG_MAX:],
        left_s=None, finished=timezone.now(),
    )  # fmt: skip


def requeue(
    job: Job, code: str = "", params: Mapping[str, Any] | None = None, log: str = "", *, refund: bool = False
) -> None:
    """Put it back; failed with `gave_up` if it was started Job.MAX_STARTS times. Conflict job_lost.

    `refund`: this start does not count, because the work was asked to stop and will go on where it was.
    """
    if refund:
        _swap(job, **_queued(code, params, log), starts=F("starts") - 1)
    elif job.starts >= Job.MAX_STARTS:
        if not _give_up(_held(job), job, code=code, params=params, log=log):
            raise Conflict("job_lost", id=job.pk)
        job.refresh_from_db()
    else:
        _swap(job, **_queued(code, params, log))


def retry(job: Job) -> Job:
    """A person wants a failed or cancelled job tried again, with new starts; the active one if there is one by now."""
    fresh = {"state": State.QUEUED, "starts": 0, "finished": None, "log": "", "error_code": "", "error_params": {}}
    try:
        with transaction.atomic():
            if not Job.objects.filter(pk=job.pk, state__in=[State.FAILED, State.CANCELLED]).update(**fresh):
                raise Conflict("job_not_failed", id=job.pk)
    except IntegrityError:
        return Job.objects.get(kind=job.kind, video=job.video_id, taxonomy=job.taxonomy_id, state__in=ACTIVE)
    job.refresh_from_db()
    return job


def cancel(job: Job) -> None:
    """A person does not want it any more. Whoever works on it learns so when renewing. Conflict job_not_active."""
    changed = Job.objects.filter(pk=job.pk, state__in=ACTIVE).update(state=State.CANCELLED, finished=timezone.now())
    if not changed:
        raise Conflict("job_not_active", id=job.pk)
    job.refresh_from_db()


def reconcile(alive: Callable[[str], bool]) -> list[Job]:
    """Requeue running jobs whose owner is dead (`alive(lease_owner)` is False) or whose lease ran out; returns them."""
    found = []
    for job in list(Job.objects.filter(state=State.RUNNING)):
        expired = job.lease_until is None or job.lease_until < timezone.now()
        if not expired and alive(job.lease_owner):
            continue
        try:
            requeue(job, "worker_died")
        except Conflict:
            continue
        found.append(job)
    return found


def _held(job: Job) -> QuerySet[Job]:
    return Job.objects.filter(pk=job.pk, fence=job.fence, state=State.RUNNING)


def _swap(job: Job, **values: Any) -> None:
    if not _held(job).update(lease_owner="", lease_until=None, **values):
        raise Conflict("job_lost", id=job.pk)
    job.refresh_from_db()


def _queued(code: str, params: Mapping[str, Any] | None, log: str) -> dict[str, Any]:
    return {
        "state": State.QUEUED, "error_code": code[:60], "error_params": dict(params or {}), "log": log[-LOG_MAX:],
        "left_s": None,
    }  # fmt: skip


def _give_up(
    jobs: QuerySet[Job], job: Job, *, code: str = "", params: Mapping[str, Any] | None = None, log: str = ""
) -> int:
    """Fail a job that was started too often, keeping the last reason."""
    reason = {"starts": job.starts, "last": code or job.error_code, "last_params": dict(params or job.error_params)}
    return jobs.update(
        state=State.FAILED, error_code="gave_up", error_params=reason, log=(log or job.log)[-LOG_MAX:],
        lease_owner="", lease_until=None, left_s=None, finished=timezone.now(),
    )  # fmt: skip
