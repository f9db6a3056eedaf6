"""The folders of TTStroke-21 and of the MediaEval Sports Video task as their licensees have them, and their XML.

2021   data/videos/<id>.mp4; {classificationTask,detectionTask}/{train,valid,test}/<id>.xml. Untrimmed videos with given intervals;
       one video may have files in several parts (the split is of strokes).
2022   (and 2023) classificationTask/{train,validation}/<Class Name>/<id>.mp4, classificationTask/test/<id>.mp4 with a test.xml:
       each clip is one stroke. detectionTask/{train,validation,test}/<id>.mp4 and <id>.xml beside it.

XML dialects. Classification of 2019 to 2021: `<video><action begin end move/></video>`, `end` is the last frame of the stroke
(inclusive), as the published training code counts. Detection: the same without `move`, `end` exclusive, as the official evaluation
slices. Classification of 2022: `<videos><video name class/></videos>`. "Unknown" and "UNKNOWN" mean: no label. Inside,
intervals are half-open and no label is "". The splits are used as they are.
"""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from mlcore.formats import NEGATIVE, Interval, Move, Part, Taxonomy
from mlcore.kinematics import moves
from mlcore.progress import StepError

UNKNOWN = "Unknown"
STROKE = "Stroke"  # the one class of the detection task
PARTS = {"train": "train", "valid": "validation", "validation": "validation", "test": "test"}
VIDEOS = (".mp4", ".mov", ".mkv", ".avi", ".webm")
Clips = list[tuple[str, str]]


@dataclass
class Source:
    """One video of a task. `given`: per part of the split, its intervals (`move` "" where there is no label) in the order of its file.

    `trimmed`: the whole file is one interval, of class `move`; its length is known when it has been read, so `given` holds [0, 1).
    """

    id: str
    path: Path
    given: dict[str, list[Interval]] = field(default_factory=dict)
    trimmed: bool = False

    def parts(self, n_frames: int) -> list[Part]:
        """Whole video for one part; else cut between neighbouring strokes, each piece going where its stroke belongs."""
        if len(self.given) == 1:
            return [Part(next(iter(self.given)), 0, n_frames)]
        strokes = sorted(((s.begin, s.end, part) for part, found in self.given.items() for s in found))
        cuts = [0, *((a[1] + b[0]) // 2 for a, b in itertools.pairwise(strokes)), n_frames]
        return [Part(part, a, b) for (_, _, part), a, b in zip(strokes, cuts, cuts[1:]) if b > a]


@dataclass
class Layout:
    """What was found: `year` 2021 or 2022 (also 2023), and the videos of either task ({} where there is none)."""

    year: int
    classification: list[Source]
    detection: list[Source]

    def taxonomy(self) -> Taxonomy:
        """The 20 classes of TTStroke-21 in their official order; classes it does not know make a taxonomy of their own."""
        found = {s.move for source in self.classification for given in source.given.values() for s in given} - {"", NEGATIVE}
        known = moves()
        return taxonomy("TTStroke-21", known) if found <= set(known) else taxonomy("found in the folders", sorted(found))


def taxonomy(name: str, names: Sequence[str]) -> Taxonomy:
    """Classes called "<Type> <Hand> <Technique>" get their type, hand and group from their name."""
    out = []
    for move in names:
        words = move.split()
        typed = len(words) == 3
        out.append(Move(move, group=" ".join(words[:2]) if typed else "", leaf=words[2] if typed else move,
                        type=words[0] if typed else "", hand=words[1] if typed else ""))  # fmt: skip
    return Taxonomy(name, 1, out)


DETECTION = taxonomy("stroke or not", [STROKE])


def read(folder: Path) -> Layout:
    """Which layout `folder` has, and what is in it. StepError: not_ttstroke{path}, bad_annotation{file, found}, video_missing{video}."""
    classification, detection = folder / "classificationTask", folder / "detectionTask"
    old = folder / "data" / "videos"
    if old.is_dir():
        layout = Layout(2021, _old(old, classification, inclusive=True), _old(old, detection, inclusive=False))
    else:
        layout = Layout(2022, _clips(classification), _beside(detection))
    if not (layout.classification or layout.detection):
        raise StepError("not_ttstroke", path=str(folder))
    for source in (*layout.classification, *layout.detection):
        if not source.path.is_file():
            raise StepError("video_missing", video=source.path.name)
    return layout


def _old(videos: Path, task: Path, *, inclusive: bool) -> list[Source]:
    sources: dict[str, Source] = {}
    for name, part in PARTS.items():
        for path in sorted((task / name).glob("*.xml")):
            source = sources.setdefault(path.stem, Source(path.stem, _video(videos, path.stem)))
            source.given.setdefault(part, []).extend(actions(path, inclusive=inclusive))
    return list(sources.values()) if inclusive else _as_strokes(sources.values())


def _beside(task: Path) -> list[Source]:
    sources = []
    for name, part in PARTS.items():
        for path in sorted(p for p in (task / name).glob("*") if p.suffix.lower() in VIDEOS):
            marks = path.with_suffix(".xml")
            sources.append(Source(path.stem, path, {part: actions(marks, inclusive=False) if marks.exists() else []}))
    return _as_strokes(sources)


def _as_strokes(sources: Iterable[Source]) -> list[Source]:
    return [Source(s.id, s.path, {part: [Interval(i.begin, i.end, STROKE) for i in given] for part, given in s.given.items()}) for s in sources]


def _clips(task: Path) -> list[Source]:
    out = []
    for name, part in PARTS.items():
        for path in sorted(p for p in (task / name).glob("*/*") if p.suffix.lower() in VIDEOS):
            out.append(Source(f"{part}-{path.parent.name}-{path.stem}", path, {part: [Interval(0, 1, path.parent.name)]}, True))
    labels = dict(clips(task / "test.xml")) if (task / "test.xml").exists() else {}
    labels |= dict(clips(task / "test" / "test.xml")) if (task / "test" / "test.xml").exists() else {}
    for path in sorted(p for p in (task / "test").glob("*") if p.suffix.lower() in VIDEOS):
        out.append(Source(f"test-{path.stem}", path, {"test": [Interval(0, 1, labels.get(path.name, ""))]}, True))
    return out


def _video(folder: Path, stem: str) -> Path:
    return next((p for p in (folder / f"{stem}{suffix}" for suffix in VIDEOS) if p.exists()), folder / f"{stem}.mp4")


def actions(path: Path, *, inclusive: bool) -> list[Interval]:
    """The `<action>`s of a file in its order, half-open; `inclusive` says how the file counts `end`. StepError bad_annotation{file, found}."""
    out = []
    for action in _root(path, "video"):
        begin, end = (action.get(name, "").strip() for name in ("begin", "end"))
        if action.tag != "action" or not (begin.isdecimal() and end.isdecimal()):
            raise StepError("bad_annotation", file=path.name, found=f"<{action.tag} begin={begin!r} end={end!r}>"[:80])
        first, last = int(begin), int(end) + inclusive
        if last <= first:
            raise StepError("bad_annotation", file=path.name, found=f"begin {begin}, end {end}")
        out.append(Interval(first, last, label(action.get("move", "")), source="imported"))
    return out


def clips(path: Path) -> Clips:
    """(file name, class or "") of a classification file of 2022. StepError bad_annotation{file, found}."""
    return [(video.get("name", ""), label(video.get("class", ""))) for video in _root(path, "videos")]


def label(text: str) -> str:
    """A class name, "" for Unknown in any spelling."""
    text = text.strip()
    return "" if text.casefold() == UNKNOWN.casefold() else text


def _root(path: Path, wanted: str) -> ET.Element:
    """The root element; a document type (entities) is refused before anything is expanded."""

    def refuse(*_: object) -> None:
        raise StepError("bad_annotation", file=path.name, found="<!DOCTYPE")

    data = path.read_bytes()
    guard = expat.ParserCreate()
    guard.StartDoctypeDeclHandler = refuse
    try:
        guard.Parse(data, True)
        root = ET.fromstring(data)
    except (expat.ExpatError, ET.ParseError, ValueError, LookupError) as error:
        raise StepError("bad_annotation", file=path.name, found=str(error)[:80]) from error
    if root.tag != wanted:
        raise StepError("bad_annotation", file=path.name, found=f"<{root.tag[:40]}>")
    return root


def actions_xml(intervals: Iterable[Interval], *, moves: bool) -> bytes:
    """With moves: the dialect of 2019 to 2021, `end` inclusive, no label is "Unknown". Without: detection, `end` exclusive, Negatives left out.
    The order is that of `intervals`."""
    root = ET.Element("video")
    for s in intervals:
        if moves:
            ET.SubElement(root, "action", begin=str(s.begin), end=str(s.end - 1), move=s.move or UNKNOWN)
        elif s.move != NEGATIVE:
            ET.SubElement(root, "action", begin=str(s.begin), end=str(s.end))
    return _bytes(root)


def clips_xml(found: Iterable[tuple[str, str]]) -> bytes:
    """(file name, class) as the classification file of 2022; no label is "UNKNOWN"."""
    root = ET.Element("videos")
    for name, move in found:
        ET.SubElement(root, "video", {"name": name, "class": move or UNKNOWN.upper()})
    return _bytes(root)


def _bytes(root: ET.Element) -> bytes:
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"
