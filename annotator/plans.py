"""What each kind of job runs and what its result changes: probe -> proxy -> prepare -> suggest, train, why.

Each kind has a plan: the step, its limits, and what is published when it has ended (inside annotator.jobs' transaction).
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from annotator import engine
from mlcore import files, formats
from strokes import exports, practice, records, registry, suggestions, videos, why
from strokes import jobs as table
from strokes.errors import Conflict
from strokes.models import Job, Run, Suggestion, Taxonomy, Video

Kind, State = Job.Kind, Job.State


class PrepareFirst(Exception):
    """The prepared folder is missing or made otherwise than the current model needs."""


@dataclass(frozen=True)
class Plan:
    """The step to run, its limits, and what to do with its result (inside the publishing transaction)."""

    argv: list[str]
    publish: Callable[[dict[str, Any]], None]
    limits: engine.Limits


def _source(video: Video) -> tuple[str, str]:
    folder = videos.folder(video)
    return str(folder / video.file), str(folder / "frames.json")


def video_of(job: Job) -> Video:
    return Video.objects.select_related("taxonomy").get(jobs=job)


def _probe(job: Job) -> Plan:
    video = video_of(job)
    folder = videos.folder(video)

    def publish(done: dict[str, Any]) -> None:
        videos.indexed(video, done)
        table.enqueue(kind=Kind.PROXY, video=video)

    argv = ["mlcore.probe", str(folder / video.file), "--out", str(folder), "--sha256", video.sha256]
    argv += ["--max-seconds", str(settings.DURATION_MAX_S), "--rate", f"{settings.PREPARE_RATE:g}"]
    return Plan(argv, publish, engine.Limits(wall_s=300 + video.bytes / 2e6, silent_s=300, grace_s=3, niceness=0))


def _proxy(job: Job) -> Plan:
    video = video_of(job)
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
    except (FileNotFoundError, files.FormatError):
        return False
    fit = found.method.get("store") == formats.Prepared.STORE and found.method.get("method") == want[0]
    return bool(video.prepared_key) and fit and found.rate >= want[1] - 1e-6


def _prepared(video: Video) -> Path:
    return videos.folder(video) / "prepared" / video.prepared_key


def _prepare(job: Job) -> Plan:
    video = video_of(job)
    source, frames = _source(video)
    want = wanted(video.taxonomy)
    corrections = records.roi(video)
    roi_file = videos.folder(video) / "corrections.json"
    files.write_atomic(roi_file, json.dumps(corrections).encode())

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
    video = video_of(job)
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
    video = video_of(job)
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
