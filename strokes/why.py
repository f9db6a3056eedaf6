"""Why a suggestion: the clip the network saw of it, made when somebody asks, kept for a while as files."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.utils import timezone

from mlcore import files, formats
from strokes import jobs, registry, videos
from strokes.models import Job, Suggestion, Video

State = Job.State
TRY_AGAIN = timedelta(minutes=2)  # after a failure, asking again starts anew


def stem(video: Video, suggestion: Suggestion) -> Path:
    """Where its files lie, without ending: <stem>.webp, <stem>-still.webp, <stem>.json."""
    return videos.folder(video) / "why" / f"{suggestion.pk}-{suggestion.run_id}"


def found(video: Video, suggestion: Suggestion) -> formats.Why | None:
    """What was made of it already."""
    try:
        return formats.Why.read(stem(video, suggestion).with_name(f"{stem(video, suggestion).name}.json"))
    except (FileNotFoundError, files.FormatError):
        return None


def ask(video: Video, suggestion: Suggestion) -> dict[str, Any]:
    """Have it made, or say how far that is; asking again and again is harmless.

    {"state": "motion"} (no network was asked), "not_prepared", "run_gone", {"state": "working", "job"} or {"state": "failed", "job"}.
    """
    if suggestion.run is None:
        return {"state": "motion"}
    if not (registry.folder(suggestion.run) / "run.json").exists():
        return {"state": "run_gone"}
    if not video.prepared_key:
        return {"state": "not_prepared"}
    last = Job.objects.filter(kind=Job.Kind.WHY, video=video, args__suggestion=str(suggestion.pk)).order_by("-pk").first()
    if last and last.state == State.FAILED and last.finished and last.finished > timezone.now() - TRY_AGAIN:
        return {"state": "failed", "job": last}
    job = jobs.enqueue(kind=Job.Kind.WHY, video=video, args={"suggestion": str(suggestion.pk)})
    return {"state": "working", "job": job}
