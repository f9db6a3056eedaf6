"""The models of each set of classes: which one is in use and why, its figures, curves and report, the next training."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from csp.constants import NONE
from csp.decorators import csp_update
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import get_language
from django.views.decorators.http import require_safe
from django_q.models import Schedule

from annotator.access import admin, members_only
from annotator.api import shapes
from annotator.api.runs import epochs_of
from annotator.media import RUN_FILES, send
from annotator.messages import sentence
from strokes.models import Job, Run, Taxonomy

NIGHTLY = "annotator.schedules.nightly"
RUNS_SHOWN = 30
REPORT = "report"  # folder of a run that mlcore.report wrote; flat, with plain names
REPORT_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,80}\.([a-z]{3,4})")
REPORT_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "png": "image/png",
    "webp": "image/webp",
    "json": "application/json",
}


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
        "range": _range(unseen),
        "calibration": (unseen.get("ece") or {}).get("model"),
        "chance": unseen.get("floor"),
        "decisions": unseen.get("decisions"),
    }


def _range(unseen: dict[str, Any]) -> tuple[float, float] | None:
    """Where F1 would lie for other videos, 95 %; None where too few videos were seen to say."""
    _, low, high = (unseen.get("interval") or {}).get("f1") or (None, None, None)
    return None if low is None or high is None else (low, high)


def by_class(run: Run) -> list[dict[str, Any]]:
    """What the run found of each class that was marked or proposed in what it had not seen, in the order of the classes."""
    counts = ((run.metrics.get("unseen") or {}).get("classes") or {}).get("model") or {}
    french = (get_language() or "").startswith("fr")
    rows = []
    for move in run.taxonomy.moves:
        if row := counts.get(move["name"]):
            recall = row["found"] / row["truth"] if row["truth"] else None
            rows.append({"name": (french and move.get("fr")) or move["name"], **row, "recall": recall})
    return rows


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
        "classes": by_class(run) if run.current else [],
        "report": (folder / REPORT / "index.html").exists(),
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


@csp_update({"script-src": [NONE]})  # type: ignore[untyped-decorator, unused-ignore]
@members_only
@require_safe
def report_file(request: HttpRequest, pk: UUID, name: str) -> HttpResponseBase:
    """/runs/<run>/report/<name>, to admins: it shows stretches of all videos. Nothing in it may run as a script."""
    if not admin(request.user):
        raise PermissionDenied
    run = get_object_or_404(Run, pk=pk)
    match = REPORT_NAME.fullmatch(name)
    if match is None or match[1] not in REPORT_TYPES:
        raise Http404
    return send(request, Path(settings.RUNS_ROOT) / str(run.pk) / REPORT / name, REPORT_TYPES[match[1]])
