"""How long the preparation of a video still takes: what the running step says, and what the later ones took on this machine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from statistics import median
from typing import Any

from strokes.models import Job

CHAIN = ["probe", "proxy", "prepare", "suggest"]
LATEST = 120  # so many finished jobs are looked at


def typical() -> dict[str, float]:
    """Seconds of each step for one second of video, the median of the latest jobs of this site."""
    done = Job.objects.filter(state=Job.State.DONE, kind__in=CHAIN, video__duration_s__gt=0, finished__isnull=False)
    took = defaultdict(list)
    for kind, started, finished, length in done.order_by("-pk").values_list("kind", "started", "finished", "video__duration_s")[:LATEST]:
        if started and finished:
            took[kind].append((finished - started).total_seconds() / length)
    return {kind: median(each) for kind, each in took.items()}


def left(video: Mapping[str, Any], per_second: Mapping[str, float]) -> float | None:
    """Seconds until everything is prepared, None while they cannot be told. `video`: as shapes.video gives it."""
    progress = video["progress"]
    if not progress or progress["kind"] not in CHAIN or not video["duration_s"]:
        return None
    at = CHAIN.index(progress["kind"])
    later = [kind for kind in CHAIN[at + 1 :] if not (kind == "suggest" and video["blind"])]
    now = progress["left_s"]
    if progress["waiting"] or now is None:
        later, now = [progress["kind"], *later], 0.0
    if any(kind not in per_second for kind in later):
        return None
    return float(now) + float(video["duration_s"]) * sum(per_second[kind] for kind in later)
