"""Results as a page (docs/benchmarks.md), as JSON, and as lines on the terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measuring import Line, Row
from mlcore.files import write_atomic

HEAD = """# Benchmarks

Written by `make bench` (`python -m benchmarks.bench`); one row again: `python -m benchmarks.bench --row NAME`. Both sides of a ratio
are measured in the same run, in interleaved pairs; the figure is the median of the pairs' ratios, in brackets the least and the
greatest. Claims per core count processor time on one thread, claims about parallel work count wall time. "Published" is the method
of the CRISP pipeline re-implemented from its description in `benchmarks/published/` (credits there), with the same results. The
film is a drawn rally at 1280x720 and 120 fps with the texture of a hall, so that its files are as large as a real video's.
"""


def verdict(line: Line) -> str:
    """In a word; nothing for a figure that is only reported."""
    if line.figure is None:
        return "not measured"
    return {True: "met", False: "NOT MET", None: ""}[line.met]



def save(path: Path, results: Mapping[str, Any]) -> None:
    """results.json, readable in a diff."""
    write_atomic(path, (json.dumps(results, indent=1, sort_keys=True) + "\n").encode())


def write(path: Path, rows: Sequence[Row], results: Mapping[str, Any]) -> None:
    """The page, rows in the order of `rows`; a row that was never run says so."""
    parts = [HEAD]
    for row in rows:
        parts.append(f"## {row.name}: {row.claims}")
        found = results.get(row.name)
        parts.append("Not measured yet.\n" if found is None else f"{where(found)}\n\n{table(found['lines'])}\n")
    write_atomic(path, "\n".join(parts).encode())


def where(found: Mapping[str, Any]) -> str:
    """The conditions of one row in a sentence."""
    libraries = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    extensions = f" ({', '.join(found['features'])})" if found["features"] else ""
    return f"{found['date']}, {found['pairs']} pairs, {found['processor']}{extensions}, {found['cores']} cores, GPU: {found['gpu']}; {libraries}."


def table(lines: Sequence[Mapping[str, Any]]) -> str:
    """Markdown of the lines of one row."""
    out = ["| claim | figure | ours | other side | bar | |", "|---|---|---|---|---|---|"]
    for body in lines:
        line = Line(**body)
        cells = (line.claim, line.text, line.ours, line.other, line.bar, verdict(line))
        out.append("| " + " | ".join(cell.replace("|", "/").replace("\n", " ") for cell in cells) + " |")
    return "\n".join(out)


def printed(row: Row, lines: Sequence[Line]) -> str:
    """For the terminal."""
    out = [f"{row.name}: {row.claims}"]
    for line in lines:
        sides = "; ".join(f"{side} {text}" for side, text in (("ours", line.ours), ("other", line.other)) if text)
        out.append(f"  {verdict(line):12} {line.claim}: {line.text}" + (f", bar {line.bar}" if line.bar else "") + (f" [{sides}]" if sides else ""))
    return "\n".join(out)
