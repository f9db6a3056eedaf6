"""What each kind of job runs and what its result changes: probe -> proxy -> prepare -> suggest, and train.

`run` takes one claimed job to its end. Files are made by the steps (whole or not at all); rows change here, in one
transaction that first checks the fence, so that a job which was given to somebody else meanwhile publishes nothing.
"""

from __future__ import annotations

import datetime as dt
import errno
import json
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

from annotator import engine
from mlcore import formats
from strokes import exports, practice, records, registry, suggestions, videos, why
from strokes import jobs as table
from strokes.errors import Conflict, Refused
from strokes.models import Job, Run, Suggestion, Taxonomy, Video

log = logging.getLogger("topspin.jobs")
Kind, State = Job.Kind, Job.State
DAMAGED = {"damaged_archive", "not_prepared"}  # what preparation can mend
LEASE_RENEWAL_S, PROGRESS_S = 15.0, 2.0
SITE_TROUBLE = {"disk_full", "internal_error", "out_of_memory"}  # says nothing about the file itself


class PrepareFirst(Exception):
    """The prepared folder is missing or made otherwise than the current model needs."""


@dataclass(frozen=True)
class Plan:
    """The step to run, its limits, and what to do with its result (inside the publishing transaction)."""

    argv: list[str]
    publish: Callable[[dict[str, Any]], None]
    limits: engine.Limits


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
    except PrepareFirst:
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
    plan = PLANS[Kind(job.kind)](job)
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
        table.enqueue(kind=Kind.PREPARE, video=_video(job))
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


# -- What each kind runs ----------------------------------------------------------------------------------------------
def _source(video: Video) -> tuple[str, str]:
    folder = videos.folder(video)
    return str(folder / video.file), str(folder / "frames.json")


def _video(job: Job) -> Video:
    return Video.objects.select_related("taxonomy").get(jobs=job)


def _probe(job: Job) -> Plan:
    video = _video(job)
    folder = videos.folder(video)

    def publish(done: dict[str, Any]) -> None:
        videos.indexed(video, done)
        table.enqueue(kind=Kind.PROXY, video=video)

    argv = ["mlcore.probe", str(folder / video.file), "--out", str(folder), "--sha256", video.sha256]
    argv += ["--max-seconds", str(settings.DURATION_MAX_S), "--rate", f"{settings.PREPARE_RATE:g}"]
    return Plan(argv, publish, engine.Limits(wall_s=300 + video.bytes / 2e6, silent_s=300, grace_s=3, niceness=0))


def _proxy(job: Job) -> Plan:
    video = _video(job)
    source, frames = _source(video)

    def publish(done: dict[str, Any]) -> None:
        if (done["n"], done["unreadable"]) != (
            video.n_frames,
            video.unreadable,
        ):  # decoding all found out more than the index
            found = formats.FrameTable.read(Path(frames))
            Video.objects.filter(pk=video.pk).update(
                n_frames=found.n, fps=found.fps, duration_s=found.duration_s, unreadable=len(found.unreadable)
            )
        _clear_error(video)
        videos.watchable(video)
        if video.practice:
            practice.propose(video)
        else:
            table.enqueue(kind=Kind.PREPARE, video=video)

    argv = ["mlcore.proxy", source, "--frames", frames, "--out", str(videos.folder(video))]
    return Plan(argv, publish, engine.Limits(wall_s=900 + 40 * video.duration_s, grace_s=3))


def wanted(taxonomy: Taxonomy) -> tuple[str, float]:
    """Flow method and least rate to prepare videos for: the current model's if there is one, else the site's."""
    run = registry.current(taxonomy)
    if run is None:
        return settings.FLOW, settings.PREPARE_RATE
    file = formats.Run.read(registry.folder(run) / "run.json")
    return str(file.flow["method"]), max(settings.PREPARE_RATE, float(file.config["grid"]["rate"]))


def is_prepared(video: Video, want: tuple[str, float]) -> bool:
    """Whether the current prepared folder is whole, of this version and fit for `want`."""
    try:
        found = formats.Prepared.read(_prepared(video) / "prepared.json")
    except (FileNotFoundError, formats.FormatError):
        return False
    fit = found.method.get("store") == formats.Prepared.STORE and found.method.get("method") == want[0]
    return bool(video.prepared_key) and fit and found.rate >= want[1] - 1e-6


def _prepared(video: Video) -> Path:
    return videos.folder(video) / "prepared" / video.prepared_key


def _prepare(job: Job) -> Plan:
    video = _video(job)
    source, frames = _source(video)
    want = wanted(video.taxonomy)
    corrections = records.roi(video)
    roi_file = videos.folder(video) / "corrections.json"
    formats.write_atomic(roi_file, json.dumps(corrections).encode())

    def publish(done: dict[str, Any]) -> None:
        _clear_error(video)
        videos.prepared(video, str(done["key"]))
        if records.roi(video) != corrections or wanted(video.taxonomy) != want:
            table.enqueue(kind=Kind.PREPARE, video=video)  # something was changed while this ran
        elif not video.blind:
            table.enqueue(kind=Kind.SUGGEST, video=video)

    argv = ["mlcore.prepare", source, "--frames", frames, "--out", str(videos.folder(video) / "prepared")]
    argv += ["--flow", want[0], "--rate", f"{want[1]:g}", "--roi", str(roi_file), "--check"]
    return Plan(argv, publish, engine.Limits(wall_s=1800 + 600 * video.duration_s))


def _suggest(job: Job) -> Plan:
    video = _video(job)
    _, frames = _source(video)
    model = registry.current(video.taxonomy)
    folder = videos.folder(video)
    out, curves = (folder / f"{what}-{job.pk}-{job.fence}.json" for what in ("suggestions", "curves"))
    if not is_prepared(video, wanted(video.taxonomy)):
        raise PrepareFirst
    _note(job, run=model)

    def publish(done: dict[str, Any]) -> None:
        _clear_error(video)
        suggestions.store(video=video, run=model, file=formats.Suggestions.read(out))
        out.unlink()
        if model:
            curves.replace(folder / "curves.json")
        else:
            (folder / "curves.json").unlink(missing_ok=True)
        if registry.current(video.taxonomy) != model:
            table.enqueue(kind=Kind.SUGGEST, video=video)

    argv = ["mlcore.infer" if model else "mlcore.motion", str(_prepared(video)), "--frames", frames, "--out", str(out)]
    if model:
        argv += ["--run", str(registry.folder(model)), "--curves", str(curves)]
    return Plan(argv, publish, engine.Limits(wall_s=900 + 60 * video.duration_s, grace_s=3))


def _why(job: Job) -> Plan:
    """What the network saw of one suggestion. Nothing in the database changes: the step writes files of their own."""
    video = _video(job)
    row = Suggestion.objects.select_related("run").get(pk=job.args["suggestion"], video=video)
    assert row.run is not None
    _, frames = _source(video)
    out = why.stem(video, row)
    out.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    argv = ["mlcore.why", str(_prepared(video)), "--frames", frames, "--run", str(registry.folder(row.run)), "--out", str(out)]
    argv += ["--begin", str(row.begin), "--end", str(row.end), "--move", row.move, "--device", "cpu"]
    return Plan(argv, lambda done: None, engine.Limits(wall_s=300, silent_s=180, grace_s=3, niceness=0))


def _train(job: Job) -> Plan:
    taxonomy = job.taxonomy
    assert taxonomy is not None
    model, dataset = _run_and_dataset(job, taxonomy)
    folder = registry.folder(model)
    champion = registry.current(taxonomy)
    minutes = float(job.args.get("max_minutes") or settings.RETRAIN_MAX_MINUTES)

    def publish(done: dict[str, Any]) -> None:
        registry.finish(run=model, metrics=formats.Run.read(folder / "run.json").metrics)
        model.refresh_from_db()
        if model.current:
            suggest_again(taxonomy)

    argv = ["mlcore.train", str(dataset), "--out", str(folder), "--id", str(model.pk), "--preset", model.preset]
    argv += ["--device", str(job.args.get("device") or settings.DEVICE), "--max-minutes", f"{minutes:g}"]
    argv += ["--cache", str(settings.DATA / "clips")]
    if champion:
        argv += ["--champion", str(registry.folder(champion))]
    limits = engine.Limits(
        wall_s=minutes * 60 + 3600, silent_s=1800, on_death=signal.SIGTERM
    )  # it saves its state first
    return Plan(argv, publish, limits)


def _run_and_dataset(job: Job, taxonomy: Taxonomy) -> tuple[Run, Path]:
    """The run this job trains: the same one, on the same data, when it is taken up again."""
    if job.run is not None and job.run.state == Run.State.TRAINING and job.args.get("dataset"):
        dataset = Path(settings.DATA) / job.args["dataset"]
        if dataset.exists():
            return job.run, dataset
    with transaction.atomic():
        if job.run is not None and job.run.state == Run.State.TRAINING:
            registry.fail(run=job.run, code="dataset_gone")
        model = registry.start(taxonomy=taxonomy, preset=str(job.args.get("preset") or settings.PRESET))
        _note(job, run=model)
    dataset = exports.dataset(taxonomy=taxonomy, root=settings.DATASETS_ROOT)
    with transaction.atomic():
        registry.use(run=model, dataset=dataset)
        _note(job, args={**job.args, "dataset": str(dataset.relative_to(settings.DATA))})
    return model, dataset


def _note(job: Job, **values: Any) -> None:
    """Write something down about a job that is still ours."""
    if not Job.objects.filter(pk=job.pk, fence=job.fence, state=State.RUNNING).update(**values):
        raise Conflict("job_lost", id=job.pk)
    for name, value in values.items():
        setattr(job, name, value)


PLANS: dict[Job.Kind, Callable[[Job], Plan]] = {
    Kind.PROBE: _probe, Kind.PROXY: _proxy, Kind.PREPARE: _prepare, Kind.SUGGEST: _suggest, Kind.TRAIN: _train,
    Kind.WHY: _why,
}  # fmt: skip


# -- What else calls for work -----------------------------------------------------------------------------------------
def _clear_error(video: Video) -> None:
    Video.objects.filter(pk=video.pk).exclude(error_code="").update(error_code="", error_params={})


def suggest_again(taxonomy: Taxonomy) -> int:
    """After the current model changed: new suggestions for each prepared video that is not blind; how many."""
    waiting = Video.objects.filter(taxonomy=taxonomy, state=Video.State.PREPARED, blind=False, practice=False)
    return len([table.enqueue(kind=Kind.SUGGEST, video=video) for video in waiting])


def roi_changed(video: Video) -> Job | None:
    """A box was dragged: make the ROI track anew (the flow stays), then the suggestions. None if not prepared."""
    if video.state != Video.State.PREPARED:
        return None
    return table.enqueue(kind=Kind.PREPARE, video=video)
