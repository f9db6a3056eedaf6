"""What the end of each kind of job changes: real files, real database, real steps."""

import datetime as dt
import hashlib
import json
import threading

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotator import engine, jobs, plans
from mlcore import formats
from strokes import decisions, exports, records, registry, taxonomy, videos
from strokes import jobs as table
from strokes.errors import Refused
from strokes.models import Job, Run, Suggestion, Video
from tests.annotator.running import scenes

Kind, State = Job.Kind, Job.State


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return scenes(tmp_path_factory.mktemp("scenes"), strokes=2, videos=1)[0]


@pytest.fixture
def upload(alice, tmp_path):
    """A function that registers bytes as a new video."""

    def make(data: bytes, name="new.mp4", title="new"):
        path = tmp_path / name
        path.write_bytes(data)
        return videos.register(
            title=title, taxonomy=taxonomy.default(), path=path, sha256=hashlib.sha256(data).hexdigest(),
            bytes=len(data), user=alice, players=[],
        )  # fmt: skip

    return make


def work(slot, **options):
    """Claim the next job of a slot and run it to its end; (its state, the job)."""
    job = table.claim(slot=slot, owner="here:1:1")
    assert job is not None
    state = jobs.run(job, stop=options.pop("stop", threading.Event()), **options)
    job.refresh_from_db()
    return state, job


def queued():
    return list(Job.objects.filter(state=State.QUEUED).order_by("pk").values_list("kind", flat=True))


def claimed(kind, **target):
    job = table.enqueue(kind=kind, **target)
    Job.objects.filter(pk=job.pk).update(priority=1000)
    found = table.claim(slot=job.slot, owner="here:1:1")
    assert found is not None and found.pk == job.pk
    return found


# -- The chain --------------------------------------------------------------------------------------------------------
def test_a_new_video_goes_all_the_way(upload, drawn):
    video = upload(drawn.read_bytes())
    seen = []
    for slot, kind in (("probe", "probe"), ("cpu", "proxy"), ("cpu", "prepare"), ("cpu", "suggest")):
        assert queued() == [kind]
        state, job = work(slot, watch=lambda line: seen.append(line["phase"]))
        assert (state, job.state, job.kind, job.progress) == ("done", "done", kind, 1.0), (job.error_code, job.log)
    assert queued() == []
    video.refresh_from_db()
    folder = videos.folder(video)
    frames = formats.FrameTable.read(folder / "frames.json")
    assert (video.state, video.n_frames, video.width) == (Video.State.PREPARED, frames.n, 320)
    assert formats.Prepared.read(folder / "prepared" / video.prepared_key / "prepared.json").method["method"] == "dis"
    assert {"proxy.mp4", "poster.jpg", "motion.json"} <= {path.name for path in folder.iterdir()}
    found = Suggestion.objects.filter(video=video, current=True)
    assert found.exists() and all(one.run is None and one.move == "" for one in found)
    assert not list(folder.glob("suggestions-*"))
    assert "flow" in seen


def test_a_damaged_archive_is_found_made_whole_again_and_looked_at_anew(upload, drawn):
    video = upload(drawn.read_bytes())
    for slot in ("probe", "cpu", "cpu", "cpu"):
        work(slot)
    video.refresh_from_db()
    (segment,) = (videos.folder(video) / "prepared" / video.prepared_key).glob("segment-*.pile")
    whole = segment.read_bytes()
    segment.write_bytes(bytes(255 - b if i > len(whole) // 2 and i < len(whole) - 2000 else b for i, b in enumerate(whole)))
    Job.objects.filter(video=video).update(finished=timezone.now() - dt.timedelta(hours=2))
    table.enqueue(kind=Kind.SUGGEST, video=video)
    assert work("cpu")[0] == "done" and queued() == ["prepare"]
    assert work("cpu")[0] == "done" and segment.read_bytes() == whole
    assert queued() == ["suggest"] and work("cpu")[0] == "done"


def test_a_blind_video_gets_no_suggest_job(upload, drawn):
    video = upload(drawn.read_bytes())
    Video.objects.filter(pk=video.pk).update(blind=True)
    for slot in ("probe", "cpu", "cpu"):
        work(slot)
    video.refresh_from_db()
    assert video.state == Video.State.PREPARED
    assert queued() == [] and not Job.objects.filter(kind=Kind.SUGGEST).exists()


def test_a_dragged_box_rebuilds_only_the_region(upload, drawn, alice):
    video = upload(drawn.read_bytes())
    for slot in ("probe", "cpu", "cpu", "cpu"):
        work(slot)
    video.refresh_from_db()
    prepared = videos.folder(video) / "prepared" / video.prepared_key
    before = {path.name: path.stat().st_mtime_ns for path in prepared.iterdir()}
    lane = records.lane(video=video, expert=alice)
    decisions.apply(lane=lane, expert=alice, base=0, ops=[
        {"id": "11111111-1111-4111-8111-111111111111", "kind": "roi", "data": {"frame": 30, "x": 0.25, "y": 0.75}},
    ])  # fmt: skip
    assert plans.roi_changed(video) is not None
    state, job = work("cpu")
    assert (state, job.kind) == ("done", "prepare")
    after = {path.name: path.stat().st_mtime_ns for path in prepared.iterdir()}
    assert {name for name in after if after[name] != before.get(name)} == {"roi.json"}
    assert "manual" in formats.RoiTrack.read(prepared / "roi.json").source
    assert queued() == ["suggest"]


# -- Refusals and failures --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("data", "code"), [(b"no video at all, just text\n" * 20, "not_a_video"), (b"", "empty_file")])
def test_a_refused_file_leaves_nothing_behind(upload, data, code):
    video = upload(data)
    state, job = work("probe")
    video.refresh_from_db()
    assert (state, job.error_code) == ("failed", code)
    assert (video.state, video.error_code) == (Video.State.REFUSED, code)
    assert not videos.folder(video).exists()
    assert queued() == []


def test_a_decoder_that_breaks_down_refuses_the_file(upload, drawn):
    video = upload(drawn.read_bytes())
    job = claimed(Kind.PROBE, video=video)
    assert jobs._failed(job, engine.EngineError("killed", {"step": "probe", "signal": 11})) == "failed"
    video.refresh_from_db()
    assert (video.state, video.error_code) == (Video.State.REFUSED, "decoder_crashed")


def test_a_full_disk_does_not_refuse_the_file(upload, drawn):
    video = upload(drawn.read_bytes())
    job = claimed(Kind.PROBE, video=video)
    jobs._failed(job, engine.EngineError("disk_full", {}))
    video.refresh_from_db()
    assert (video.state, video.error_code) == (Video.State.NEW, "disk_full")
    assert (videos.folder(video) / video.file).exists()


def test_a_failed_preparation_keeps_the_video_watchable(upload, drawn):
    video = upload(drawn.read_bytes())
    work("probe")
    work("cpu")
    (videos.folder(video) / "frames.json").write_text("{}")
    state, job = work("cpu")
    video.refresh_from_db()
    assert (state, job.kind) == ("failed", "prepare")
    assert (video.state, video.error_code) == (Video.State.WATCHABLE, job.error_code)


def test_killed_from_outside_is_tried_three_times(video):
    one = video(state=Video.State.INDEXED)
    table.enqueue(kind=Kind.PROXY, video=one)
    for expected in ("queued", "queued", "failed"):
        job = table.claim(slot="cpu", owner="here:1:1")
        assert jobs._failed(job, engine.EngineError("killed", {"step": "proxy", "signal": 9}, "oom")) == expected
    job.refresh_from_db()
    one.refresh_from_db()
    assert (job.error_code, job.error_params["last"], job.starts, job.log) == ("gave_up", "killed", 3, "oom")
    assert one.error_code == "killed"


def test_a_stopped_start_does_not_count(upload, drawn):
    upload(drawn.read_bytes())
    stop = threading.Event()
    stop.set()
    state, job = work("probe", stop=stop)
    assert (state, job.state, job.starts) == ("queued", "queued", 0)


def test_what_somebody_else_took_over_is_not_published(upload, drawn):
    video = upload(drawn.read_bytes())
    job = table.claim(slot="probe", owner="here:1:1")
    Job.objects.filter(pk=job.pk).update(fence=job.fence + 1)
    assert jobs.run(job, stop=threading.Event()) == "lost"
    video.refresh_from_db()
    assert video.state == Video.State.NEW
    assert queued() == []


def test_a_video_removed_meanwhile_publishes_nothing(upload, drawn, admin):
    video = upload(drawn.read_bytes())
    job = table.claim(slot="probe", owner="here:1:1")
    folder = videos.folder(video)

    def remove(line):
        if folder.exists():
            videos.remove(video=video, user=admin)

    assert jobs.run(job, stop=threading.Event(), watch=remove) in ("lost", "failed")
    assert not Video.objects.exists() and not Job.objects.exists()


def test_a_job_that_gave_up_refuses_the_file_once(upload, drawn):
    video = upload(drawn.read_bytes())
    Job.objects.filter(kind=Kind.PROBE).update(starts=Job.MAX_STARTS)
    assert table.claim(slot="probe", owner="here:1:1") is None
    job = Job.objects.get()
    for _ in range(2):
        jobs.settle(job)
        video.refresh_from_db()
        assert (video.state, video.error_code) == (Video.State.REFUSED, "decoder_crashed")


METHOD = {"method": "dis", "store": formats.Prepared.STORE}


# -- Suggestions and the current model --------------------------------------------------------------------------------
def run_with(current_taxonomy, **flow):
    """A current model whose run.json asks for `flow`."""
    run = registry.start(taxonomy=current_taxonomy, preset="tiny")
    Run.objects.filter(pk=run.pk).update(state=Run.State.PROMOTED, current=True)
    file = formats.Run(
        id=str(run.pk), taxonomy=taxonomy.as_file(current_taxonomy), network={},
        config={"grid": {"rate": flow.pop("rate", 15.0)}}, normalisation={}, decision={},
        metrics={}, flow=flow, dataset_sha256="",
    )  # fmt: skip
    file.write(registry.folder(run) / "run.json")
    return run


def test_the_model_decides_how_videos_are_prepared(video, settings):
    one = video(state=Video.State.WATCHABLE)
    assert plans.wanted(one.taxonomy) == (settings.FLOW, settings.PREPARE_RATE)
    run_with(one.taxonomy, method="farneback", rate=120.0)
    assert plans.wanted(one.taxonomy) == ("farneback", 120.0)
    argv = plans.PLANS[Kind.PREPARE](claimed(Kind.PREPARE, video=one)).argv
    assert argv[argv.index("--flow") + 1] == "farneback" and argv[argv.index("--rate") + 1] == "120"


def test_a_video_prepared_otherwise_is_prepared_again_first(video):
    one = video(prepared_key="old")
    folder = videos.folder(one) / "prepared" / "old"
    formats.Prepared("old", one.sha256, 320, 180, 30.0, METHOD, [], [], []).write(folder / "prepared.json")
    assert plans.is_prepared(one, ("dis", 30.0))
    older = formats.Prepared("old", one.sha256, 320, 180, 30.0, {"method": "dis", "store": 1}, [], [], [])
    older.write(folder / "prepared.json")
    assert not plans.is_prepared(one, ("dis", 30.0))  # another version of the files beside it
    formats.Prepared("old", one.sha256, 320, 180, 30.0, METHOD, [], [], []).write(folder / "prepared.json")
    run_with(one.taxonomy, method="farneback")
    job = claimed(Kind.SUGGEST, video=one)
    assert jobs.run(job, stop=threading.Event()) == "done"
    assert queued() == ["prepare"]


def test_after_a_promotion_open_videos_are_asked_again(video):
    open_, blind, early = video(), video(blind=True), video(state=Video.State.WATCHABLE)
    assert plans.suggest_again(open_.taxonomy) == 1
    assert list(Job.objects.values_list("video", flat=True)) == [open_.pk]
    assert {blind.pk, early.pk}.isdisjoint(Job.objects.values_list("video", flat=True))


def test_a_model_that_changed_meanwhile_is_asked_too(video):
    one = video()
    folder = videos.folder(one) / "prepared" / "key"
    formats.Prepared("key", one.sha256, 320, 180, 30.0, METHOD, [], [], []).write(folder / "prepared.json")
    job = claimed(Kind.SUGGEST, video=one)
    plan = plans.PLANS[Kind.SUGGEST](job)
    formats.Suggestions("", []).write(plan_out(plan))
    run_with(one.taxonomy, method="dis")
    table.finish(job)
    plan.publish({})
    assert queued() == ["suggest"]


def plan_out(plan):
    from pathlib import Path

    return Path(plan.argv[plan.argv.index("--out") + 1])


# -- Training ---------------------------------------------------------------------------------------------------------
def test_nothing_to_train_on_is_said(video):
    one = video()
    job = claimed(Kind.TRAIN, taxonomy=one.taxonomy)
    with pytest.raises(Refused) as refused:
        exports.dataset(taxonomy=one.taxonomy, root=videos.folder(one))
    assert jobs.run(job, stop=threading.Event()) == "failed"
    job.refresh_from_db()
    assert job.error_code == refused.value.code
    assert job.run.state == Run.State.FAILED


def test_a_second_training_waits_for_the_lock(video, data_root):
    one = video()
    lock = engine.Lock(jobs.train_lock())
    assert lock.take()
    other = engine.Lock(jobs.train_lock())
    assert not other.take()
    lock.release()
    assert other.take()
    other.release()
    assert one.taxonomy is not None


def test_progress_is_written_seldom(video):
    """A step may say a lot; the database hears it every two seconds."""
    job = claimed(Kind.PROXY, video=video(state=Video.State.INDEXED))
    lease = jobs.Lease(job)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        for k in range(200):
            lease.line({"progress": k / 200, "phase": "p", "left_s": 3})
            lease.tick()
    assert len(queries) == 1
    job.refresh_from_db()
    assert job.phase == "p"
    assert json.dumps(job.args) == "{}"
