"""What django-q2 calls on a schedule: short tasks only, which enqueue long work. `install` writes the schedules down.

A schedule is a line of cron with fixed minute and hour, every day or on one day of the week (“30 2 * * *”, “0 3 * * 0”)
or a fixed minute of every hour (“15 * * * *”): what django-q2 can do without a further package.
"""

from __future__ import annotations

import datetime as dt
import logging
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django_q.models import OrmQ, Schedule
from django_q.tasks import async_task

from annotator import plans, uploads
from strokes import answers, registry
from strokes import jobs as table
from strokes.models import Heartbeat, Job, Run, Taxonomy, Upload, Video

log = logging.getLogger("topspin.schedules")
NIGHTLY, HOUSEKEEPING = "annotator.schedules.nightly", "annotator.schedules.housekeeping"
BEAT = "annotator.schedules.beat"
STALE_DAY_S, KEEP_JOBS_DAYS = 86_400.0, 90


# -- The beat: shows that tasks are really carried out ----------------------------------------------------------------
def beat() -> None:
    """Carried out by a django-q worker; the parent (annotator.worker) restarts the cluster when it stays away."""
    Heartbeat.objects.update_or_create(name="qcluster", defaults={"at": timezone.now()})


def ring() -> str:
    """Ask for one beat. Its result is not kept. Gives the task's number."""
    return str(async_task(BEAT, q_options={"save": False, "timeout": 20, "group": "beat"}))


def waits(task: str) -> bool:
    """Whether a task still stands in the queue: nobody carried it out, or nobody was told that it was."""
    return any(each.task_id() == task for each in OrmQ.objects.all())


def release() -> int:
    """Hand out at once what a cluster that is dead now had reserved (it would come back after `retry`, ten minutes).

    A task that another machine works on may then be carried out twice; the tasks here do no harm twice.
    """
    return int(OrmQ.objects.filter(lock__gt=timezone.now()).update(lock=timezone.now()))


# -- Nightly ----------------------------------------------------------------------------------------------------------
def nightly() -> str:
    """Rebuild what is missing, then train where enough is new. Returns what was queued, for the task's record."""
    queued = [f"{job.kind} {job.video_id}" for job in missing()]
    for taxonomy in Taxonomy.objects.filter(video__isnull=False).distinct():
        if registry.new_decisions(taxonomy) >= settings.RETRAIN_NEW:
            job = table.enqueue(kind=Job.Kind.TRAIN, taxonomy=taxonomy, args={"by": "schedule"})
            queued.append(f"{job.kind} {taxonomy}")
    return ", ".join(queued) or "nothing to do"


def missing() -> Iterator[Job]:
    """Queue, for each video, the next step that has neither been done nor failed for good."""
    tried = Job.objects.filter(video=OuterRef("pk"), state=Job.State.FAILED)
    kinds = Job.Kind
    chain = {kinds.PROBE: Video.State.NEW, kinds.PROXY: Video.State.INDEXED, kinds.PREPARE: Video.State.WATCHABLE}
    for kind, state in chain.items():
        ready = Video.objects.filter(state=state).exclude(Exists(tried.filter(kind=kind)))
        for video in ready.filter(practice=False) if kind == kinds.PREPARE else ready:
            yield table.enqueue(kind=kind, video=video)
    for taxonomy in Taxonomy.objects.filter(video__state=Video.State.PREPARED).distinct():
        want, current = plans.wanted(taxonomy), registry.current(taxonomy)
        for number, video in enumerate(Video.objects.filter(taxonomy=taxonomy, state=Video.State.PREPARED)):
            if number % 100 == 0:
                beat()  # many videos take longer than the parent waits for a sign of life
            if not plans.is_prepared(video, want):
                yield table.enqueue(kind=Job.Kind.PREPARE, video=video)
            elif not video.blind and not _suggested(video, current):
                yield table.enqueue(kind=Job.Kind.SUGGEST, video=video)


def _suggested(video: Video, current: Run | None) -> bool:
    """Whether the current model (or motion alone) has had its say, or failed to."""
    said = Job.objects.filter(video=video, kind=Job.Kind.SUGGEST, run=current)
    return said.filter(state__in=[Job.State.DONE, Job.State.FAILED]).exists()


# -- Housekeeping -----------------------------------------------------------------------------------------------------
def housekeeping() -> str:
    """Remove what nobody refers to any more: folders of removed videos, leftovers of killed steps, old job rows."""
    removed = [path for path in _left_over() if _remove(path)]
    old = timezone.now() - dt.timedelta(days=KEEP_JOBS_DAYS)
    given_up = uploads.sweep()
    rows, _ = Job.objects.filter(state__in=[Job.State.DONE, Job.State.CANCELLED], finished__lt=old).delete()
    kept = answers.forget()
    gone = f"{len(removed)} left-over files and folders, {given_up} old uploads, {rows} old jobs, {kept} old answers"
    return f"{gone} removed"


def _left_over() -> Iterator[Path]:
    known = {str(pk) for pk in Video.objects.values_list("pk", flat=True)}
    if not settings.MEDIA_ROOT.exists():
        return
    for folder in settings.MEDIA_ROOT.iterdir():
        try:
            uuid.UUID(folder.name)
        except ValueError:
            continue
        if folder.name not in known:
            yield folder
        else:
            yield from folder.glob("suggestions-*.json")
            yield from folder.glob("curves-*.json")
            yield from folder.glob("why/*")  # made again when somebody asks again
            yield from folder.glob(".*.tmp*")
    kept = {str(pk) for pk in Upload.objects.values_list("pk", flat=True)}
    incoming = settings.DATA / "incoming"
    yield from (path for path in (incoming.iterdir() if incoming.exists() else ()) if path.name not in kept)
    yield from _stale()


def _stale() -> Iterator[Path]:
    """Prepared folders of videos that have a newer one. Not while something is learned from, or made: it may be out of them."""
    busy = [Job.Kind.TRAIN, Job.Kind.PREPARE]
    if Job.objects.filter(kind__in=busy, state__in=[Job.State.QUEUED, Job.State.RUNNING]).exists():
        return
    for pk, key in Video.objects.exclude(prepared_key="").values_list("pk", "prepared_key"):
        folder = settings.MEDIA_ROOT / str(pk) / "prepared"
        if (folder / key / "prepared.json").exists():
            yield from (path for path in folder.iterdir() if path.is_dir() and path.name != key)


def _remove(path: Path) -> bool:
    if time.time() - path.stat().st_mtime < STALE_DAY_S:
        return False
    log.warning("removing %s, which nothing refers to", path)
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    return True


# -- Writing the schedules down ---------------------------------------------------------------------------------------
def parse_cron(line: str, now: dt.datetime) -> tuple[str, dt.datetime]:
    """(type of schedule, next time) of a line of cron in the site's time zone; ValueError in words."""
    try:
        minute, hour, day, month, weekday = line.split()
        if (day, month) != ("*", "*") or (hour == "*" and weekday != "*"):
            raise ValueError
        local = timezone.localtime(now).replace(second=0, microsecond=0, minute=int(minute))
        if hour == "*":
            return Schedule.HOURLY, local if local > now else local + dt.timedelta(hours=1)
        local = local.replace(hour=int(hour))
        if weekday == "*":
            return Schedule.DAILY, local if local > now else local + dt.timedelta(days=1)
        if not 0 <= int(weekday) <= 7:
            raise ValueError
        local += dt.timedelta(days=(int(weekday) - local.isoweekday()) % 7)
        return Schedule.WEEKLY, local if local > now else local + dt.timedelta(days=7)
    except ValueError:
        raise ValueError(f"“{line}”: write minute hour * * *, minute hour * * weekday, or minute * * * *") from None


def install(now: dt.datetime | None = None) -> None:
    """Write the schedules of this site, or change them when the setting changed. May be called at every start."""
    now = now or timezone.now()
    for func, cron in ((NIGHTLY, settings.RETRAIN_CRON), (HOUSEKEEPING, "40 3 * * *")):
        kind, at = parse_cron(cron, now)
        kept = Schedule.objects.filter(func=func).order_by("pk")
        Schedule.objects.filter(func=func).exclude(pk__in=kept.values("pk")[:1]).delete()
        first = kept.first()
        if first is None:
            Schedule.objects.create(
                name=func.rpartition(".")[2], func=func, schedule_type=kind, next_run=at, repeats=-1
            )
        elif (first.schedule_type, timezone.localtime(first.next_run).time()) != (
            kind,
            at.time(),
        ) or first.next_run > at:
            Schedule.objects.filter(pk=first.pk).update(schedule_type=kind, next_run=at)
