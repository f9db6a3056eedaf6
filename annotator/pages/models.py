"""The models of each set of classes: which one is in use and why, its figures and curves, the next training."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django_q.models import Schedule

from annotator.access import members_only
from annotator.api import shapes
from annotator.api.runs import epochs_of
from annotator.media import RUN_FILES
from annotator.messages import sentence
from strokes.models import Job, Run, Taxonomy

NIGHTLY = "annotator.schedules.nightly"
RUNS_SHOWN = 30


def next_training() -> datetime | None:
    """When the schedule looks next whether to train; None before the worker has run for the first time."""
    schedule = Schedule.objects.filter(func=NIGHTLY).exclude(repeats=0).order_by("next_run").first()
    return schedule.next_run if schedule else None


def figures(metrics: dict[str, Any]) -> dict[str, Any]:
    """The figures of a run that people look at first; fields are None where a run does not have them."""
    unseen = metrics.get("unseen") or {}
    model, baseline = unseen.get("model") or {}, unseen.get("baseline") or {}
    champion, fit = unseen.get("champion") or {}, metrics.get("fit") or {}
    test = metrics.get("test") or {}
    return {
        "f1": model.get("f1"),
        "f1_any": model.get("f1_any"),
        "strokes": unseen.get("strokes"),
        "baseline": baseline.get("f1"),
        "baseline_any": baseline.get("f1_any"),
        "champion": champion.get("f1"),
        "fit": (fit.get("model") or fit).get("f1"),
        "test": (test.get("model") or test).get("f1"),
        "protocol": metrics.get("protocol", ""),
        "checkable": unseen.get("classes_checkable", True),
    }


def _shown(run: Run) -> dict[str, Any]:
    folder = Path(settings.RUNS_ROOT) / str(run.pk)
    epochs = epochs_of(run) if run.current or run.state == Run.State.TRAINING else []
    return {
        "row": run,
        "figures": figures(run.metrics),
        "reasons": shapes.reasons(run),
        "epochs": epochs,
        "accuracy": epochs[-1].get("val_accuracy") if epochs else None,
        "pictures": [name for name in RUN_FILES if (folder / name).exists()],
    }


def _jobs() -> dict[int, Job]:
    """The training of each set of classes that waits or runs, else the last one if it failed."""
    last: dict[int, Job] = {}
    for job in Job.objects.filter(kind=Job.Kind.TRAIN).exclude(taxonomy=None).order_by("pk"):
        last[job.taxonomy_id or 0] = job
    shown = (Job.State.QUEUED, Job.State.RUNNING, Job.State.FAILED)
    return {pk: job for pk, job in last.items() if job.state in shown}


@members_only
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    runs: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for run in Run.objects.select_related("taxonomy").order_by("-number"):
        if run.current or len(runs[run.taxonomy_id]) < RUNS_SHOWN:
            runs[run.taxonomy_id].append(_shown(run))
    jobs = _jobs()
    wanted = Q(video__isnull=False) | Q(run__isnull=False)
    used = Taxonomy.objects.filter(wanted).distinct().order_by("name", "-revision")
    sets = []
    for row in used:
        job, mine = jobs.get(row.pk), runs[row.pk]
        sets.append(
            {
                "taxonomy": row,
                "runs": mine,
                "current": next((run for run in mine if run["row"].current), None),
                "training": next((run for run in mine if run["row"].state == Run.State.TRAINING), None),
                "job": job,
                "failure": sentence(job.error_code or "crashed", job.error_params)
                if job and job.state == Job.State.FAILED
                else "",
            }
        )
    context = {"sets": sets, "next": next_training(), "preset": settings.PRESET, "new": settings.RETRAIN_NEW}
    return render(request, "models.html", context)
