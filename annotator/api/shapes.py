"""Rows as the JSON that serializers.py describes. Nothing here asks the database beyond what was fetched."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from django.contrib.auth.models import User
from django.urls import reverse

from annotator import uploads
from annotator.messages import problem, sentence
from strokes import scores
from strokes.models import Appearance, Decision, Job, Run, Stroke, Suggestion, Taxonomy, Upload, Video

Json: TypeAlias = dict[str, Any]
WATCHABLE = {Video.State.WATCHABLE, Video.State.PREPARED}


def person(user: User) -> Json:
    return {"id": user.pk, "name": user.get_username(), "admin": user.is_staff}


def taxonomy_name(taxonomy: Taxonomy) -> Json:
    return {"id": taxonomy.pk, "name": taxonomy.name}


def error(code: str, params: Json) -> Json | None:
    return {"code": code, "message": sentence(code, params)} if code else None


def seen(appearances: Iterable[Appearance]) -> list[Json]:
    return [{"pseudonym": a.player.pseudonym, "hand": a.player.hand, "side": a.side} for a in appearances]


def progress(jobs: list[Job]) -> Json | None:
    """Progress of the video's work that comes first: the running job, else the waiting one of highest priority."""
    active = [job for job in jobs if job.state in (Job.State.RUNNING, Job.State.QUEUED)]
    if not active:
        return None
    job = min(active, key=lambda job: (job.state != Job.State.RUNNING, -job.priority, job.pk))
    waiting = job.state == Job.State.QUEUED
    return {"kind": job.kind, "waiting": waiting, "phase": job.phase, "fraction": job.progress, "left_s": job.left_s}


def video_error(video: Video, jobs: list[Job]) -> Json | None:
    """Why the video came no further: its own refusal, else its last failed job that nothing has replaced."""
    if video.error_code:
        return error(video.error_code, video.error_params)
    failed = [job for job in jobs if job.state == Job.State.FAILED]
    if not failed or len(failed) < len(jobs):
        return None
    last = max(failed, key=lambda job: job.pk)
    return error(last.error_code or "crashed", last.error_params)


def video(row: Video) -> Json:
    """A video fetched by `annotator.api.videos.listed`."""
    jobs: list[Job] = list(getattr(row, "open_jobs", []))
    pictures = {name: reverse("media", args=[row.pk, f"{name}.jpg"]) for name in ("poster", "thumbs")}
    media = pictures if row.state in WATCHABLE else dict.fromkeys(pictures)
    plain = ("id", "title", "state", "n_frames", "fps", "duration_s", "width", "height", "blind", "practice", "unreadable", "bytes",
             "disk_estimate", "created")  # fmt: skip
    return {
        **{name: getattr(row, name) for name in plain},
        "id": str(row.pk),
        "taxonomy": taxonomy_name(row.taxonomy),
        "players": seen(row.appearance_set.all()),
        "progress": progress(jobs),
        "error": video_error(row, jobs),
        "mine": {
            "strokes": getattr(row, "my_strokes", None) or 0,
            "to_decide": getattr(row, "to_decide", None) or 0,
            "complete": bool(getattr(row, "my_complete", None)),
        },
        "urls": {"workspace": reverse("workspace", args=[row.pk]), **media},
    }


def stroke(row: Stroke) -> Json:
    plain = ("begin", "end", "move", "note", "unsure", "source", "version")
    return {
        "id": str(row.pk),
        **{name: getattr(row, name) for name in plain},
        "player": row.player.pseudonym if row.player else None,
        "suggestion": str(row.suggestion_id) if row.suggestion_id else None,
    }


def found(row: Any) -> Json:
    """A stroke of strokes.finding.page, with its video and where to open it."""
    video, proposed = row.lane.video, row.suggestion
    fps = video.fps or 1.0
    return {
        **stroke(row),
        "video": {"id": str(video.pk), **{name: getattr(video, name) for name in ("title", "width", "height")}},
        "expert": row.lane.expert.get_username() if row.lane.expert else None,
        "score": proposed.score if proposed and proposed.run_id else None,
        "step": scores.step_of(proposed.score) if proposed and proposed.run_id else "",
        "seconds": row.seconds,
        "at_s": row.begin / fps,  # near enough to find a thumbnail; frames are what counts
        "made": row.made,
        "url": f"{reverse('workspace', args=[video.pk])}?frame={row.begin}&stroke={row.pk}",
    }


def suggestion(row: Suggestion) -> Json:
    plain = ("begin", "end", "move", "score", "top")
    shown = {name: getattr(row, name) for name in plain}
    return {"id": str(row.pk), **shown, "run": row.run.number if row.run else None}


def decided(row: Suggestion, accepted: bool) -> Json:
    return {**suggestion(row), "verdict": "accepted" if accepted else "rejected"}


def decision(row: Decision) -> Json:
    return {
        "id": str(row.pk),
        "number": row.number,
        "kind": row.kind,
        "stroke": str(row.stroke) if row.stroke else None,
        "suggestion": str(row.suggestion_id) if row.suggestion_id else None,
        "data": row.data,
        "before": row.before,
        "undoes": str(row.undoes) if row.undoes else None,
        "step": str(row.step) if row.step else None,
        "at": row.at,
    }


def reasons(run: Run) -> list[Json]:
    return [{"code": each["code"], "message": sentence(each["code"], each.get("params"))} for each in run.reasons]


def run(row: Run) -> Json:
    plain = ("number", "preset", "state", "current", "metrics", "started", "finished")
    return {
        "id": str(row.pk),
        **{name: getattr(row, name) for name in plain},
        "taxonomy": taxonomy_name(row.taxonomy),
        "reasons": reasons(row),
    }


def job(row: Job) -> Json:
    plain = ("kind", "state", "starts", "phase", "progress", "left_s", "created", "started", "finished")
    return {
        "id": row.pk,
        **{name: getattr(row, name) for name in plain},
        "video": str(row.video_id) if row.video_id else None,
        "taxonomy": row.taxonomy_id,
        "run": str(row.run_id) if row.run_id else None,
        "error": error(row.error_code, row.error_params),
    }


def video_name(row: Video | None) -> Json | None:
    return {"id": str(row.pk), "title": row.title} if row else None


def upload(row: Upload, twin: Video | None = None) -> Json:
    plain = ("name", "modified", "bytes", "offset")
    return {
        "id": str(row.pk),
        "url": reverse("api-upload", args=[row.pk]),
        **{name: getattr(row, name) for name in plain},
        "state": uploads.state(row),
        "expires": uploads.expires(row),
        "video": video_name(row.video),
        "twin": video_name(twin),
        "error": problem(row.error_code, row.error_params) if row.error_code else None,
    }
