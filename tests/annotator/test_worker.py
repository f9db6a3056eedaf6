"""The worker's parts: who lives, one per data folder, schedules. Whole worker processes are in test_kills."""

import datetime as dt
import os
import socket
import subprocess
import threading
import time

import pytest
from django.utils import timezone
from django_q.models import Schedule

from annotator import engine, schedules, worker
from strokes import jobs as table
from strokes import registry
from strokes.models import Heartbeat, Job, Run, Video

NOW = dt.datetime(2026, 3, 4, 10, 30, tzinfo=dt.UTC)  # a Wednesday


def test_owner_names_this_process_and_nobody_after_it():
    assert worker.alive(worker.owner())
    child = subprocess.Popen(["sleep", "30"])
    born = engine.stat(child.pid)[1]
    host = socket.gethostname()
    assert worker.alive(f"{host}:{child.pid}:{born}")
    assert not worker.alive(f"{host}:{child.pid}:{born - 1}")  # the number was given to another process
    child.kill()
    child.wait()
    assert not worker.alive(f"{host}:{child.pid}:{born}")
    assert worker.alive(f"elsewhere:{child.pid}:{born}")  # only its lease can tell


def test_jobs_of_a_dead_worker_are_queued_again(video):
    job = table.enqueue(kind=Job.Kind.PROXY, video=video(state=Video.State.INDEXED))
    mine = table.enqueue(kind=Job.Kind.PROXY, video=video(state=Video.State.INDEXED))
    assert table.claim(slot="cpu", owner=f"{socket.gethostname()}:{os.getpid()}:1").pk == job.pk
    assert table.claim(slot="cpu", owner=worker.owner()).pk == mine.pk
    assert [found.pk for found in table.reconcile(worker.alive)] == [job.pk]


def test_what_gave_up_is_settled(video):
    one = video(state=Video.State.INDEXED)
    job = table.enqueue(kind=Job.Kind.PROXY, video=one)
    Job.objects.filter(pk=job.pk).update(starts=3, error_code="killed", error_params={"step": "proxy", "signal": 9})
    assert table.claim(slot="cpu", owner=worker.owner()) is None
    site = worker.Worker(threading.Event())
    site._reconcile()
    one.refresh_from_db()
    assert one.error_code == "gave_up"
    Video.objects.filter(pk=one.pk).update(error_code="")
    table.enqueue(kind=Job.Kind.PROXY, video=one)
    worker.Worker(threading.Event())._reconcile()  # a new worker, and somebody has tried again meanwhile
    one.refresh_from_db()
    assert one.error_code == ""


@pytest.mark.parametrize(
    ("line", "kind", "at"),
    [
        ("0 2 * * *", "D", dt.datetime(2026, 3, 5, 2, 0)),
        ("45 10 * * *", "D", dt.datetime(2026, 3, 4, 10, 45)),
        ("0 3 * * 0", "W", dt.datetime(2026, 3, 8, 3, 0)),
        ("0 3 * * 3", "W", dt.datetime(2026, 3, 11, 3, 0)),
        ("0 11 * * 3", "W", dt.datetime(2026, 3, 4, 11, 0)),
        ("15 * * * *", "H", dt.datetime(2026, 3, 4, 11, 15)),
    ],
)
def test_lines_of_cron(line, kind, at):
    assert schedules.parse_cron(line, NOW) == (kind, at.replace(tzinfo=dt.UTC))


@pytest.mark.parametrize(
    "line", ["", "0 2 * *", "*/5 * * * *", "0 2 1 * *", "0 25 * * *", "61 2 * * *", "0 2 * * 9", "x y * * *"]
)
def test_other_lines_are_refused_in_words(line):
    with pytest.raises(ValueError, match="minute hour"):
        schedules.parse_cron(line, NOW)


def test_schedules_are_written_once_and_follow_the_setting(db, settings):
    for _ in range(2):
        schedules.install(NOW)
    assert Schedule.objects.count() == 2
    before = Schedule.objects.get(func=schedules.NIGHTLY)
    assert (before.schedule_type, before.next_run) == ("D", dt.datetime(2026, 3, 5, 2, 0, tzinfo=dt.UTC))
    settings.RETRAIN_CRON = "30 4 * * 1"
    schedules.install(NOW)
    after = Schedule.objects.get(func=schedules.NIGHTLY)
    assert (after.pk, after.schedule_type) == (before.pk, "W")
    assert after.next_run == dt.datetime(2026, 3, 9, 4, 30, tzinfo=dt.UTC)


def test_a_schedule_that_is_due_is_not_put_off(db):
    """A worker started a minute after two o'clock still does what was due at two."""
    schedules.install(NOW)
    schedules.install(NOW + dt.timedelta(hours=15, minutes=31))
    assert Schedule.objects.get(func=schedules.NIGHTLY).next_run == dt.datetime(2026, 3, 5, 2, 0, tzinfo=dt.UTC)


def test_a_beat_shows_life(db):
    schedules.beat()
    assert abs((Heartbeat.objects.get(name="qcluster").at - timezone.now()).total_seconds()) < 5


def test_nightly_queues_what_is_missing(video, settings):
    new, indexed, watchable = (video(state=state) for state in ("new", "indexed", "watchable"))
    lost = video(prepared_key="gone")
    failed = video(state="indexed")
    job = table.enqueue(kind=Job.Kind.PROXY, video=failed)
    Job.objects.filter(pk=job.pk).update(state=Job.State.FAILED)
    settings.RETRAIN_NEW = 1
    schedules.nightly()
    schedules.nightly()
    found = set(Job.objects.filter(state=Job.State.QUEUED).values_list("kind", "video"))
    assert found == {("probe", new.pk), ("proxy", indexed.pk), ("prepare", watchable.pk), ("prepare", lost.pk)}


def test_nightly_trains_when_enough_is_new(video, settings, alice):
    from strokes import decisions, records

    one = video()
    settings.RETRAIN_NEW = 2
    lane = records.lane(video=one, expert=alice)

    def add(number):
        op = {"id": f"00000000-0000-4000-8000-{number:012d}", "kind": "add",
              "stroke": f"00000000-0000-4000-9000-{number:012d}",
              "data": {"begin": 10 * number, "end": 10 * number + 5, "move": ""}}  # fmt: skip
        decisions.apply(lane=lane, expert=alice, ops=[op], base=None)

    add(1)
    schedules.nightly()
    assert not Job.objects.filter(kind=Job.Kind.TRAIN).exists()
    add(2)
    schedules.nightly()
    assert Job.objects.filter(kind=Job.Kind.TRAIN, taxonomy=one.taxonomy).count() == 1
    Job.objects.all().delete()
    run = registry.start(taxonomy=one.taxonomy, preset="tiny")
    Run.objects.filter(pk=run.pk).update(state=Run.State.TRAINED)
    schedules.nightly()
    assert not Job.objects.filter(kind=Job.Kind.TRAIN).exists()


def test_housekeeping_removes_only_what_nobody_refers_to(video, data_root, settings):
    kept = video()
    folder = settings.MEDIA_ROOT / str(kept.pk)
    stray = settings.MEDIA_ROOT / "0a0a0a0a-0000-4000-8000-000000000000"
    fresh = settings.MEDIA_ROOT / "0b0b0b0b-0000-4000-8000-000000000000"
    for place in (folder, stray, fresh):
        place.mkdir()
        (place / "source.mp4").write_text("x")
    half = folder / "suggestions-3-1.json"
    half.write_text("{}")
    long_ago = timezone.now().timestamp() - 2 * schedules.STALE_DAY_S
    for path in (stray, half, folder):
        os.utime(path, (long_ago, long_ago))
    old = table.enqueue(kind=Job.Kind.PROXY, video=kept)
    then = timezone.now() - dt.timedelta(days=200)
    Job.objects.filter(pk=old.pk).update(state=Job.State.DONE, finished=then)
    assert schedules.housekeeping().startswith("2 left-over")
    assert (folder / "source.mp4").exists() and fresh.exists()
    assert not stray.exists() and not half.exists()
    assert not Job.objects.exists()


@pytest.mark.parametrize("carried_out", [True, False])
def test_a_silent_cluster_has_the_long_time_of_a_start_only_until_its_first_task(db, monkeypatch, carried_out):
    """Also where that was a task left by the cluster before it, done before this one was asked for anything."""
    cluster, started = worker.Cluster(), []
    monkeypatch.setattr(cluster, "start", lambda: started.append(cluster.process))
    monkeypatch.setattr(cluster, "kill", lambda: None)
    cluster.process = subprocess.Popen(["sleep", "30"])
    now = time.monotonic()
    cluster.started, cluster.rung, cluster.heard = now - 40, now - 35, now - 40
    if carried_out:
        Heartbeat.objects.create(name="qcluster", at=timezone.now() - dt.timedelta(seconds=38))
    cluster.watch()
    cluster.process.kill()
    cluster.process.wait()
    assert bool(started) == carried_out
