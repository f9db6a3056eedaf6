"""The XML dialects of the MediaEval Sports Video task, written and read. Inside Topspin intervals are half-open.

2019-2021: `<video><action begin="556" end="712" move="Offensive Forehand Flip" /></video>`, frames 0-based; CRISP's
code counts `end` as the last frame of the stroke (inclusive), which is how it is written here. 2022 and 2023,
detection: the same without `move`, `end` exclusive, as their evaluation slices it; classification:
`<videos><video name="1.mp4" class="Negative" /></videos>`.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from xml.parsers import expat

from mlcore.formats import NEGATIVE, Interval
from strokes.errors import Refused

SIZE_MAX = 10 * 1024**2
UNKNOWN = "Unknown"


@dataclass
class Line(Interval):
    """One `<action>` of a file: its interval, its line number, and what is wrong with it, {code, params}."""

    line: int = 0
    problem: dict[str, Any] | None = None


def write_2020(intervals: Iterable[Interval]) -> bytes:
    """Actions with moves, `end` inclusive; a stroke without a class is "Unknown"."""
    root = ET.Element("video")
    for begin, end, move in _ordered(intervals):
        ET.SubElement(root, "action", begin=str(begin), end=str(end - 1), move=move or UNKNOWN)
    return _bytes(root)


def write_detection(intervals: Iterable[Interval]) -> bytes:
    """Actions without moves, `end` exclusive; what is labelled Negative is no action."""
    root = ET.Element("video")
    for begin, end, move in _ordered(intervals):
        if move != NEGATIVE:
            ET.SubElement(root, "action", begin=str(begin), end=str(end))
    return _bytes(root)


def write_classification(clips: Iterable[tuple[str, str]]) -> bytes:
    """A list of trimmed clips (name, class); a clip without a class is "UNKNOWN", as in the published files."""
    root = ET.Element("videos")
    for name, move in clips:
        ET.SubElement(root, "video", {"name": name, "class": move or UNKNOWN.upper()})
    return _bytes(root)


def read(xml: bytes, inclusive: bool) -> list[Line]:
    """All actions of a file in its order, half-open; `inclusive` says how the file counts `end`.

    A line that makes no sense is returned too, with its `problem`: bad_frame{line, field, value},
    end_before_begin{line, begin, end}, unexpected_element{line, found}. Refused: too_big{megabytes},
    not_xml{line, reason}, xml_doctype{line}, wrong_root{root}. Entities and document types are refused before
    anything is expanded.
    """
    if len(xml) > SIZE_MAX:
        raise Refused("too_big", megabytes=SIZE_MAX // 1024**2)
    reader = _Reader(inclusive)
    try:
        reader.parser.Parse(xml, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        line = getattr(error, "lineno", reader.parser.CurrentLineNumber)
        raise Refused("not_xml", line=line, reason=str(error)) from error
    return reader.lines


class _Reader:
    """A parser that keeps line numbers, which ElementTree does not."""

    def __init__(self, inclusive: bool) -> None:
        self.inclusive, self.depth, self.lines = inclusive, 0, list[Line]()
        self.parser = expat.ParserCreate()
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.EntityDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end

    def _doctype(self, *_: Any) -> None:
        raise Refused("xml_doctype", line=self.parser.CurrentLineNumber)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth == 1 and name != "video":
            raise Refused("wrong_root", root=name[:60])
        if self.depth == 1:
            return
        line = self.parser.CurrentLineNumber
        if self.depth > 2 or name != "action":
            self.lines.append(_bad(line, "unexpected_element", found=name[:60]))
        else:
            self.lines.append(self._action(line, attributes))

    def _end(self, name: str) -> None:
        self.depth -= 1

    def _action(self, line: int, attributes: dict[str, str]) -> Line:
        frames = []
        for field in ("begin", "end"):
            value = attributes.get(field, "").strip()
            if not re.fullmatch(r"[0-9]{1,9}", value):
                return _bad(line, "bad_frame", field=field, value=value[:40])
            frames.append(int(value))
        begin, end = frames[0], frames[1] + self.inclusive
        if end <= begin:
            return _bad(line, "end_before_begin", begin=frames[0], end=frames[1])
        move = attributes.get("move", "").strip()
        if move.casefold() == UNKNOWN.casefold():
            move = ""
        return Line(begin, end, move, source="imported", line=line)


def _bad(line: int, code: str, **params: Any) -> Line:
    return Line(0, 0, "", source="imported", line=line, problem={"code": code, "params": {"line": line, **params}})


def _ordered(intervals: Iterable[Interval]) -> list[tuple[int, int, str]]:
    return sorted((interval.begin, interval.end, interval.move) for interval in intervals)


def _bytes(root: ET.Element) -> bytes:
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"
