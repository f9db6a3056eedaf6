"""The job table: one claims, a stale owner publishes nothing, a poisonous job is given up."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from strokes import jobs, taxonomy
from strokes.errors import Conflict, Refused
from strokes.models import Job, Video

State = Job.State


def expire(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def claimed(video) -> Job:
    jobs.enqueue(kind="probe", video=video)
    job = jobs.claim(slot="probe", owner="a")
    assert job is not None
    return job


def test_enqueue_gives_the_active_job_of_that_kind_and_target(video):
    made = video()
    first = jobs.enqueue(kind="probe", video=made)
    assert (first.slot, first.priority, first.state) == ("probe", 100, "queued")
    assert jobs.enqueue(kind="probe", video=made) == first
    assert jobs.enqueue(kind="proxy", video=made) != first
    claim = jobs.claim(slot="probe", owner="a")
    assert jobs.enqueue(kind="probe", video=made) == first
    jobs.finish(claim)
    assert jobs.enqueue(kind="probe", video=made) != first
    train = jobs.enqueue(kind="train", taxonomy=taxonomy.default(), args={"preset": "tiny"})
    assert jobs.enqueue(kind="train", taxonomy=taxonomy.default()) == train
    for wrong in ({"kind": "probe"}, {"kind": "dance", "video": made}):
        with pytest.raises(Refused, match="bad_job"):
            jobs.enqueue(**wrong)


def test_claim_takes_the_most_important_and_then_the_oldest_of_its_slot(video):
    one, two = video(), video()
    for kind, target in (("suggest", one), ("prepare", one), ("proxy", two), ("proxy", one), ("probe", one)):
        jobs.enqueue(kind=kind, video=target)
    taken = [jobs.claim(slot="cpu", owner="a") for _ in range(5)]
    assert [(job.kind, job.video) for job in taken[:4] if job] == [
        ("proxy", two),
        ("proxy", one),
        ("prepare", one),
        ("suggest", one),
    ]
    assert taken[4] is None
    assert Job.objects.get(kind="probe").state == State.QUEUED


def test_renew_reports_and_finish_ends(video):
    job = claimed(video())
    assert (job.starts, job.fence, job.lease_owner, job.state) == (1, 1, "a", "running")
    assert jobs.renew(job, 0.5, "flow", 12.0)
    job.refresh_from_db()
    assert (job.progress, job.phase, job.left_s) == (0.5, "flow", 12.0)
    jobs.finish(job)
    assert (job.state, job.progress, job.lease_owner) == ("done", 1.0, "")
    assert job.finished is not None
    assert not jobs.renew(job, 0.6)


def test_a_failed_job_says_why_and_can_be_retried(video):
    job = claimed(video())
    jobs.fail(job, "not_a_video", {"found": "text"}, log="x" * 30_000)
    assert (job.state, job.error_code, job.error_params) == ("failed", "not_a_video", {"found": "text"})
    assert len(job.log) == 20_000
    again = jobs.retry(job)
    assert (again.state, again.starts, again.error_code) == ("queued", 0, "")
    with pytest.raises(Conflict, match="job_not_failed"):
        jobs.retry(job)


def test_retry_beside_an_active_job_gives_the_active_one(video):
    made = video()
    job = claimed(made)
    jobs.fail(job, "killed")
    active = jobs.enqueue(kind="probe", video=made)
    assert jobs.retry(job) == active
    assert Job.objects.get(pk=job.pk).state == State.FAILED


def test_a_stale_owner_publishes_nothing(video):
    made = video()
    stale = claimed(made)
    expire(stale)
    assert jobs.reconcile(lambda owner: True) == [stale]
    fresh = jobs.claim(slot="probe", owner="b")
    assert fresh is not None and fresh.fence == 2
    assert not jobs.renew(stale, 0.9)
    for verb in (jobs.finish, lambda job: jobs.fail(job, "x"), jobs.requeue):
        with pytest.raises(Conflict, match="job_lost"), transaction.atomic():
            Video.objects.filter(pk=made.pk).update(title="published by the stale owner")
            verb(stale)
    made.refresh_from_db()
    assert made.title != "published by the stale owner"
    jobs.finish(fresh)
    assert fresh.state == State.DONE


def test_a_job_is_given_up_after_three_starts(video):
    made = video()
    jobs.enqueue(kind="probe", video=made)
    for n in range(1, 4):
        job = jobs.claim(slot="probe", owner="a")
        assert job is not None and job.starts == n
        jobs.requeue(job, "killed", {"signal": 9})
    assert job.state == State.FAILED
    assert (job.error_code, job.error_params["last"], job.error_params["starts"]) == ("gave_up", "killed", 3)
    assert jobs.claim(slot="probe", owner="a") is None


def test_a_poisonous_job_in_the_queue_is_failed_and_the_next_taken(video):
    one, two = video(), video()
    poison = jobs.enqueue(kind="probe", video=one)
    Job.objects.filter(pk=poison.pk).update(starts=3)
    jobs.enqueue(kind="probe", video=two)
    assert jobs.claim(slot="probe", owner="a").video == two
    poison.refresh_from_db()
    assert (poison.state, poison.error_code) == ("failed", "gave_up")


def test_a_clean_stop_does_not_count_as_a_start(video):
    job = claimed(video())
    jobs.requeue(job, refund=True)
    assert (job.state, job.starts) == ("queued", 0)


def test_reconcile_leaves_the_living_alone(video):
    alive, dead = claimed(video()), claimed(video())
    Job.objects.filter(pk=dead.pk).update(lease_owner="dead")
    assert jobs.reconcile(lambda owner: owner != "dead") == [dead]
    alive.refresh_from_db()
    dead.refresh_from_db()
    assert (alive.state, dead.state, dead.error_code) == ("running", "queued", "worker_died")
    assert jobs.renew(alive, 0.1)


def test_cancel_is_learnt_when_renewing(video):
    job = claimed(video())
    jobs.cancel(Job.objects.get(pk=job.pk))
    assert not jobs.renew(job, 0.5)
    with pytest.raises(Conflict, match="job_not_active"):
        jobs.cancel(job)


@pytest.mark.django_db(transaction=True)
def test_of_twenty_who_claim_one_job_exactly_one_wins(video):
    jobs.enqueue(kind="probe", video=video())
    won, wrong, start = [], [], threading.Barrier(20)

    def claim(n: int) -> None:
        try:
            start.wait()
            job = jobs.claim(slot="probe", owner=f"owner {n}")
            if job:
                won.append((job.lease_owner, job.fence))
        except Exception as error:
            wrong.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=claim, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(won) == 1 and won[0][1] == 1
    job = Job.objects.get()
    assert (job.starts, job.fence, job.lease_owner) == (1, 1, won[0][0])
