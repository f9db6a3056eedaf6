"""Datasets: what a training run reads, built from the truth of the labelled videos. Pseudonyms only."""

from __future__ import annotations

import hashlib
import json
import os
from itertools import pairwise
from pathlib import Path

from mlcore import formats
from strokes import records, splits, videos
from strokes import taxonomy as taxonomies
from strokes.errors import Refused
from strokes.models import Player, Split, SplitMember, Taxonomy

HOLD_OUT, LEAVE_ONE_OUT, TIME_BLOCKS = "hold-out", "leave-one-video-out", "time-blocks"
HOLD_OUT_STROKES = 10  # strokes that one group of the validation part needs for a hold-out
TRAIN_BLOCK = 0.75  # share of the strokes of a single video that come before the cut
Part = SplitMember.Part


def dataset(*, taxonomy: Taxonomy, root: Path) -> Path:
    """Write what a training run reads and return its dataset.json: root/<sha256 of the content>/dataset.json.

    In it: prepared videos with a part that have a stroke with a whole class name or are complete. A stroke whose class
    is not yet known has an empty move: it is neither a sample nor background. Protocol: hold-out when one group of the
    validation part has at least 10 strokes (the split is then frozen); else leave-one-video-out with at least two
    videos beside the blind ones; else time-blocks. Blind videos are always `test`.
    Refused: no_labelled_videos{taxonomy}.
    """
    split = splits.current(taxonomy)
    file = build(split)
    if file.protocol == HOLD_OUT:
        splits.freeze(split)
    folder = root / fingerprint(file)
    for video in file.videos:
        video.prepared = os.path.relpath(video.prepared, folder)
    path = folder / "dataset.json"
    if not path.exists():
        file.write(path)
    return path


def build(split: Split) -> formats.Dataset:
    """The dataset of `split`, with absolute paths of prepared folders. Refused: no_labelled_videos{taxonomy}."""
    members = split.members.select_related("video__taxonomy").order_by("video__created", "video")
    found = [_video(member) for member in members]
    listed = [(video, blind) for video, blind in found if video]
    if not any(video.strokes for video, blind in listed if not blind):
        raise Refused("no_labelled_videos", taxonomy=split.taxonomy.name)
    protocol = _protocol(listed)
    for video, blind in listed:
        video.parts = _parts(video, protocol, blind)
    return formats.Dataset(
        name=str(split.taxonomy), taxonomy=taxonomies.as_file(split.taxonomy), protocol=protocol, seed=split.seed,
        videos=[video for video, _ in listed],
    )  # fmt: skip


def fingerprint(file: formats.Dataset) -> str:
    """SHA-256 of the content; where the prepared folders lie does not matter, only which they are."""
    body = file.body()
    for video in body["videos"]:
        video["prepared"] = Path(video["prepared"]).name
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _video(member: SplitMember) -> tuple[formats.DatasetVideo | None, bool]:
    """(the video as a dataset lists it, blind); None where it cannot be learnt from yet."""
    video = member.video
    intervals, complete = records.truth(video)
    full = set(taxonomies.names(video.taxonomy))
    known = [interval for interval in intervals if interval.move in full]
    if not video.prepared_key or not (known or complete):
        return None, video.blind
    for interval in intervals:
        interval.move = interval.move if interval.move in full else ""
    return formats.DatasetVideo(
        id=str(video.pk),
        sha256=video.sha256,
        prepared=str(videos.folder(video).resolve() / "prepared" / video.prepared_key),
        n_frames=video.n_frames,
        group=member.group,
        complete=complete,
        parts=[formats.Part(member.part, 0, video.n_frames)],
        strokes=intervals,
        rejected=records.rejected(video),
        players=sorted(Player.objects.filter(appearance__video=video).values_list("pseudonym", flat=True)),
    ), video.blind


def _protocol(listed: list[tuple[formats.DatasetVideo, bool]]) -> str:
    sizes: dict[str, int] = {}
    train = False
    for video, _ in listed:
        part, strokes = video.parts[0].part, sum(bool(stroke.move) for stroke in video.strokes)
        train = train or (part == Part.TRAIN and strokes > 0)
        if part == Part.VALIDATION:
            sizes[video.group] = sizes.get(video.group, 0) + strokes
    if train and sizes and max(sizes.values()) >= HOLD_OUT_STROKES:
        return HOLD_OUT
    return LEAVE_ONE_OUT if sum(not blind for _, blind in listed) >= 2 else TIME_BLOCKS


def _parts(video: formats.DatasetVideo, protocol: str, blind: bool) -> list[formats.Part]:
    if protocol == HOLD_OUT:
        return video.parts
    if blind:
        return [formats.Part(Part.TEST.value, 0, video.n_frames)]
    cut = _cut(video) if protocol == TIME_BLOCKS else video.n_frames
    parts = [formats.Part(Part.TRAIN.value, 0, cut), formats.Part(Part.VALIDATION.value, cut, video.n_frames)]
    return [part for part in parts if part.end > part.begin]


def _cut(video: formats.DatasetVideo) -> int:
    """The frame, in a gap between strokes, that leaves nearest to TRAIN_BLOCK of the strokes before it."""
    strokes = sorted(video.strokes, key=lambda stroke: stroke.begin)
    gaps, reach = [], 0
    for before, (stroke, after) in enumerate(pairwise(strokes), start=1):
        reach = max(reach, stroke.end)
        if reach <= after.begin:
            gaps.append((abs(before - TRAIN_BLOCK * len(strokes)), (reach + after.begin) // 2))
    return min(gaps)[1] if gaps else video.n_frames
