"""The bundle: all that an outside researcher or a GPU host needs, in one zip; the same bytes for the same data."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from collections import Counter
from pathlib import Path

from django.conf import settings

from strokes import datasets, labels, records, splits, videos
from strokes import taxonomy as taxonomies
from strokes.errors import Refused
from strokes.models import Split, SplitMember, Taxonomy

README = """\
{name}: strokes labelled in Topspin
{rule}

WHAT IS HERE
train/ validation/ test/   one XML file a video, named by the video's id
strokes.csv                the same strokes in one table
taxonomy.json              the classes, with French names and groups
{dataset}SHA256SUMS                 check with: sha256sum -c SHA256SUMS

HOW FRAMES ARE COUNTED
A frame is the ordinal of a picture of the source video in presentation order, the first one being 0.
XML files follow the MediaEval 2020 dialect: "end" is the LAST frame of the stroke (inclusive).
strokes.csv and dataset.json are half-open: "end" is the first frame AFTER the stroke (exclusive).
So end in the CSV = end in the XML + 1. begin_s and end_s are seconds from the first picture.

WHAT COUNTS AS TRUTH
For each video the consensus if there is one, else the lane of the expert who took most decisions ("lane" in the CSV;
experts appear as numbers, players as pseudonyms). "source": blind = marked by hand, accepted = a suggestion taken
untouched, edited = a suggestion taken and changed, imported. "Unknown" in the XML (empty or a group's name in the CSV)
means that the class is not settled. "Negative" is a stretch labelled as no stroke.

SPLIT
Version {version}, seed {seed}. Videos that share a player are in one part. {leaks}
{counts}
"""
DATASET_LINE = """\
dataset.json               the same for python -m mlcore.train; prepared/<video id>/<key> must lie beside it
"""


def bundle(taxonomy: Taxonomy, *, with_prepared: bool = False) -> Path:
    """Write the bundle of all labelled videos of `taxonomy` and return its path; freezes the split.

    `with_prepared`: put the prepared folders in too (large), so that a host without our disk can train from it.
    Refused: no_labelled_videos{taxonomy}.
    """
    split = splits.current(taxonomy)
    members = list(split.members.select_related("video__taxonomy").order_by("video__created", "video"))
    if not members:
        raise Refused("no_labelled_videos", taxonomy=taxonomy.name)
    files = _files(split, members)
    prepared = _prepared(members) if with_prepared else {}
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    sums |= {name: _sha256(path) for name, path in prepared.items()}
    listing = "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)).encode()
    files["SHA256SUMS"] = listing
    root = Path(settings.DATASETS_ROOT) / "bundles"
    target = root / f"{hashlib.sha256(listing).hexdigest()}.zip"
    if not target.exists():
        _write(target, files, prepared)
    splits.freeze(split)
    return target


def _files(split: Split, members: list[SplitMember]) -> dict[str, bytes]:
    listed = [member.video for member in members]
    files = {f"{m.part}/{m.video_id}.xml": labels.mediaeval2020(m.video, whole_names=True) for m in members}
    files["strokes.csv"] = labels.csv(listed).encode()
    files["taxonomy.json"] = _json(taxonomies.as_file(split.taxonomy).body())
    try:
        file = datasets.build(split)
    except Refused:  # nothing of it is prepared yet: the labels are exported all the same
        file = None
    if file:
        for video in file.videos:
            video.prepared = f"prepared/{video.id}/{Path(video.prepared).name}"
        files["dataset.json"] = _json(file.body())
    files["README.txt"] = _readme(split, members, with_dataset=file is not None).encode()
    return files


def _readme(split: Split, members: list[SplitMember], *, with_dataset: bool) -> str:
    found = splits.leaks(split)
    says = "No leak was found." if not found else "LEAKS: " + "; ".join(_sentence(leak) for leak in found)
    amount: Counter[str] = Counter()
    for member in members:
        amount[member.part] += len(records.truth(member.video)[0])
    videos_in = Counter(member.part for member in members)
    parts = [str(part) for part in ("train", "validation", "test")]
    name = str(split.taxonomy)
    return README.format(
        name=name, rule="=" * (len(name) + 28), version=split.version, seed=split.seed, leaks=says,
        dataset=DATASET_LINE if with_dataset else "",
        counts="\n".join(f"{part}: {videos_in[part]} videos, {amount[part]} intervals" for part in parts),
    )  # fmt: skip


def _sentence(leak: splits.Leak) -> str:
    return f"{leak['code']} " + ", ".join(f"{key} {value}" for key, value in sorted(leak["params"].items()))


def _prepared(members: list[SplitMember]) -> dict[str, Path]:
    found = {}
    for member in members:
        key = member.video.prepared_key
        folder = videos.folder(member.video) / "prepared" / key
        for path in sorted(folder.rglob("*")) if key else []:
            if path.is_file():
                found[f"prepared/{member.video_id}/{key}/{path.relative_to(folder).as_posix()}"] = path
    return found


def _write(target: Path, files: dict[str, bytes], prepared: dict[str, Path]) -> None:
    """Zip with fixed dates and order, so that the same data give the same bytes; appears by rename."""
    videos.room_for(sum(map(len, files.values())) + sum(path.stat().st_size for path in prepared.values()))
    target.parent.mkdir(parents=True, exist_ok=True)
    fd, temporary = tempfile.mkstemp(dir=target.parent, suffix=".part")
    try:
        with os.fdopen(fd, "wb") as out, zipfile.ZipFile(out, "w") as archive:
            for name in sorted(files):
                archive.writestr(_entry(name, zipfile.ZIP_DEFLATED), files[name])
            for name in sorted(prepared):
                with prepared[name].open("rb") as source, archive.open(_entry(name), "w", force_zip64=True) as entry:
                    shutil.copyfileobj(source, entry, 1024**2)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _entry(name: str, method: int = zipfile.ZIP_STORED) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type, entry.external_attr, entry.create_system = method, 0o644 << 16, 3
    return entry


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _json(body: object) -> bytes:
    return (json.dumps(body, indent=1, ensure_ascii=False) + "\n").encode()
