"""The true strokes of videos as tables and XML for other people's code. Pseudonyms only; each states how it counts."""

from __future__ import annotations

import csv as csv_writer
import io
from collections.abc import Iterable
from typing import Any

from mlcore import formats
from strokes import mediaeval, records, videos
from strokes import taxonomy as taxonomies
from strokes.errors import Refused
from strokes.models import Video

COLUMNS = (
    "video", "title", "begin", "end", "move", "begin_s", "end_s", "player", "lane", "source", "unsure", "n_frames",
    "fps",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@")


def csv(videos: Iterable[Video]) -> str:
    """All true strokes of `videos`, one a row, `end` exclusive; begin_s and end_s from the frame table. Without practice.

    Cells that a spreadsheet would take for a formula are led by an apostrophe.
    """
    out = io.StringIO()
    writer = csv_writer.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for video in videos:
        if video.practice:
            continue
        for row in _csv_rows(video):
            writer.writerow([safe(cell) for cell in row])
    return out.getvalue()


def mediaeval2020(video: Video, *, whole_names: bool = False) -> bytes:
    """XML of the true strokes, `end` inclusive. `whole_names`: partial labels are written as "Unknown".

    Refused, as all exports of one video: practice_video (practice is nobody's data).
    """
    _not_practice(video)
    intervals, _ = records.truth(video)
    for interval in intervals:
        if whole_names and not taxonomies.is_full(video.taxonomy, interval.move):
            interval.move = ""
    return mediaeval.write_2020(intervals)


def mediaeval2022(video: Video, task: str) -> bytes:
    """XML of the true strokes; `task` is "detection" (half-open, no moves) or "classification" (clips and classes)."""
    _not_practice(video)
    intervals, _ = records.truth(video)
    if task == "detection":
        return mediaeval.write_detection(intervals)
    if task != "classification":
        raise Refused("unknown_export", format=f"mediaeval2022 {task}"[:60])
    full = set(taxonomies.names(video.taxonomy))
    return mediaeval.write_classification(
        (f"{video.pk}_{i.begin:07d}_{i.end:07d}.mp4", i.move if i.move in full else "") for i in intervals
    )


def _not_practice(video: Video) -> None:
    if video.practice:
        raise Refused("practice_video")


def safe(cell: Any) -> Any:
    """`cell` so that no spreadsheet runs it."""
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip()[:1] in FORMULA and cell else cell


def _csv_rows(video: Video) -> list[list[Any]]:
    lane = records.true_lane(video)
    if lane is None:
        return []
    who = "consensus" if lane.expert_id is None else f"expert {lane.expert_id}"
    second = _clock(video)
    return [
        [
            str(video.pk), video.title, row.begin, row.end, row.move,
            f"{second(row.begin):.6f}", f"{second(row.end):.6f}",
            row.player.pseudonym if row.player else "", who, row.source, int(row.unsure),
            video.n_frames, f"{video.fps:.6g}",
        ]
        for row in lane.strokes.select_related("player").order_by("begin", "end", "pk")
    ]  # fmt: skip


def _clock(video: Video) -> Any:
    """Frame ordinal -> seconds from the first picture, by the frame table where it is there."""
    try:
        return formats.FrameTable.read(videos.folder(video) / "frames.json").seconds
    except FileNotFoundError:
        return lambda frame: frame / video.fps if video.fps else 0.0
