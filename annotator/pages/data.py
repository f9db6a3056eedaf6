"""What goes in and out: splits with their leak check, exports, imports, sets of classes, the job log."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from annotator.access import members_only, person, visible_videos
from annotator.api import shapes
from strokes import splits
from strokes.models import Job, Split, SplitMember, Taxonomy, Video

PARTS = [part.value for part in SplitMember.Part]
JOBS_SHOWN = 50
UNUSED = (Video.State.NEW, Video.State.REFUSED)


def _split(row: Taxonomy, videos: list[Video]) -> dict[str, Any] | None:
    """The latest split as it stands. Looking at it draws nothing."""
    split = Split.objects.filter(taxonomy=row).order_by("-version").first()
    if split is None:
        return None
    members = list(split.members.select_related("video").order_by("part", "group", "video__title"))
    placed = {member.video_id for member in members}
    missing = [video for video in videos if video.pk not in placed and video.state not in UNUSED]
    ready = [video for video in missing if splits.count_of(video) is not None]
    return {
        "row": split,
        "parts": [(part, [member for member in members if member.part == part]) for part in PARTS],
        "leaks": splits.leaks(split),
        "ready": ready,
        "waiting": [video for video in missing if video not in ready],
    }


def _blind(videos: list[Video]) -> dict[str, Any]:
    """Which share of the videos is labelled without suggestions, and which share is wanted."""
    counted = [video for video in videos if video.state not in UNUSED]
    titles = [video.title for video in counted if video.blind]
    share = round(100 * len(titles) / len(counted)) if counted else 0
    return {"n": len(titles), "of": len(counted), "share": share, "wanted": round(100 * settings.BLIND_SHARE),
            "after": settings.BLIND_AFTER, "titles": titles}  # fmt: skip


@members_only
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    user = person(request)
    videos = list(visible_videos(user).filter(practice=False).select_related("taxonomy").order_by("title"))
    sets = []
    for row in Taxonomy.objects.order_by("name", "-revision"):
        mine = [video for video in videos if video.taxonomy_id == row.pk]
        sets.append({"taxonomy": row, "videos": mine, "split": _split(row, mine) if mine else None, "blind": _blind(mine)})
    jobs = Job.objects.select_related("video", "taxonomy").order_by("-pk")[:JOBS_SHOWN] if user.is_staff else []
    context = {
        "sets": sets,
        "used": [each for each in sets if each["videos"]],
        "videos": [video for video in videos if video.state not in UNUSED],
        "jobs": [(job, shapes.error(job.error_code, job.error_params)) for job in jobs],
        "admin": user.is_staff,
    }
    return render(request, "data.html", context)
