"""Every claim about speed and memory as a measurement of both sides in one run: `python -m benchmarks.bench [--row NAME ...] [--quick]`.

Each row runs in a process of its own with one thread a core claim, so that one that fails or runs out of memory takes nothing
with it. Both sides are measured in interleaved pairs; a ratio is the median over at least five. A full run of a row replaces its
part of benchmarks/results.json and docs/benchmarks.md is written anew; `--quick` only prints.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import conditions, report
from benchmarks.measuring import Bench, Line, Row

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results.json"
PAGE = ROOT / "docs" / "benchmarks.md"
LEAST_PAIRS = 5
MODULES = ("stages", "flow", "storage", "clips", "memory", "training", "scan", "networks", "reliability", "scenes", "gpu", "pictures")


def rows() -> list[Row]:
    """All rows in the order of the report. A new one is a module of benchmarks/rows with a list ROWS, and its name above."""
    found: list[Row] = []
    for name in MODULES:
        try:
            found += importlib.import_module(f"benchmarks.rows.{name}").ROWS
        except ImportError as error:
            found.append(_unavailable(name, error))
    return found


def _unavailable(name: str, error: ImportError) -> Row:
    def measure(bench: Bench) -> list[Line]:
        return [Line.missing(f"rows of {name}", f"cannot be imported: {error}")]

    return Row(name, f"rows of {name}", measure)


def here(row: Row, bench: Bench, out: Path) -> None:
    """Measure in this process and leave the lines in `out`."""
    lines = row.measure(bench)
    out.write_text(json.dumps([asdict(line) for line in lines]))


def apart(row: Row, bench: Bench) -> list[Line]:
    """Measure in a fresh process; what goes wrong there becomes the line of the row."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "lines.json"
        command = [sys.executable, "-m", "benchmarks.bench", "--row", row.name, "--into", str(out), "--pairs", str(bench.pairs), "--folder", str(bench.folder)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run([*command, *(["--quick"] if bench.quick else [])], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True, check=False)
        if out.exists():
            return [Line(**line) for line in json.loads(out.read_text())]
        said = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
        return [Line.missing(row.claims, said[-1][:200])]


def measured(row: Row, bench: Bench) -> dict[str, Any]:
    """The row's part of the results."""
    lines = apart(row, bench)
    print(report.printed(row, lines), flush=True)
    return {"date": datetime.now(UTC).strftime("%Y-%m-%d"), "pairs": bench.pairs, **conditions.machine(), "lines": [line.body() for line in lines]}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; 1 when a bar was missed or a row could not be measured."""
    parser = argparse.ArgumentParser(prog="benchmarks.bench", description=__doc__)
    parser.add_argument("--row", action="append", help="only this row (may be repeated)")
    parser.add_argument("--list", action="store_true", help="names of the rows")
    parser.add_argument("--pairs", type=int, default=LEAST_PAIRS)
    parser.add_argument("--quick", action="store_true", help="one pair, small sizes, nothing is written")
    parser.add_argument("--folder", type=Path, default=ROOT / "data" / "bench", help="films made once are kept here")
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    known = {row.name: row for row in rows()}
    if given.list:
        print("\n".join(f"{row.name:12} {row.claims}" for row in known.values()))
        return 0
    unknown = set(given.row or ()) - set(known)
    if unknown or (given.pairs < LEAST_PAIRS and not given.quick):
        parser.error(f"no row {', '.join(sorted(unknown))}" if unknown else f"at least {LEAST_PAIRS} pairs")
    bench = Bench(1 if given.quick else given.pairs, given.quick, given.folder)
    bench.folder.mkdir(parents=True, exist_ok=True)
    chosen = [known[name] for name in given.row or known if given.row or not known[name].soak]
    if given.into:
        here(chosen[0], bench, given.into)
        return 0
    return _all(chosen, list(known.values()), bench)


def _all(chosen: list[Row], known: list[Row], bench: Bench) -> int:
    good = True
    for row in chosen:
        found = measured(row, bench)
        good &= all(line["figure"] is not None and line["met"] is not False for line in found["lines"])
        if not bench.quick:
            results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}  # now: another run may have written meanwhile
            results[row.name] = found
            report.save(RESULTS, results)
            report.write(PAGE, known, results)
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
