"""Memory of a preparation does not grow with the video."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks import films
from benchmarks.measuring import Bench, Line, Row, child, cores

FPS, MOST_MB = 30, 500


def measure(bench: Bench) -> list[Line]:
    """A minute, and the same packets twenty times over, both at 30 pictures a second, with a worker per core."""
    minute = films.drawn(bench.folder, bench.pick(60, 2), FPS)
    lines = []
    for times in (1, 20):
        film = films.repeated(minute, times)
        table, out = films.table(film), Path(tempfile.mkdtemp(dir=bench.folder))
        command = [sys.executable, "-m", "mlcore.prepare", str(film), "--frames", str(film.with_suffix(".json")), "--out", str(out)]
        used = child([*command, "--rate", str(FPS), "--workers", str(min(2, cores()))])
        shutil.rmtree(out)
        claim = f"peak memory of preparing {table.duration_s / 60:.2g} min at 720p, {table.n} pictures"
        lines.append(Line.at_most(claim, used.peak_bytes / 2**20, MOST_MB, "MiB", ours=f"{used.wall_s:.0f} s, all processes together, ten times a second"))
    return lines


ROWS = [Row("memory", f"preparation of 1 and 20 minutes in <= {MOST_MB} MiB", measure)]
