"""The page about own networks: its script runs as it stands, and learns."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import torch

from tests.mlcore import squares

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "own-network.md").read_text("utf-8")


def test_the_script_of_the_page_trains_and_measures(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "own_network.py").write_text(code)
    videos = [squares.video(tmp_path, "a", ["Right", "Up", "Down"] * 2), squares.video(tmp_path, "b", ["Up", "Right", "Down"], part="validation", seed=1),
              squares.video(tmp_path, "c", ["Down", "Up", "Right"] * 2, part="test", seed=2)]  # fmt: skip
    path = squares.dataset(tmp_path, "hold-out", videos)
    line = [sys.executable, "-W", "error", str(tmp_path / "own_network.py"), str(path), str(tmp_path / "out"), "tiny"]
    ended = subprocess.run(line, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"})
    assert ended.returncode == 0, ended.stderr
    accuracy, count = re.fullmatch(r"balanced accuracy ([\d.]+) on (\d+) strokes\n", ended.stdout).groups()
    assert int(count) == 6 and float(accuracy) >= 0.6  # one in four by chance
    weights = torch.load(tmp_path / "out" / "mine.pt", weights_only=True)
    assert weights["last.weight"].shape == (4, 32 * 18) and "body.0.weight" in weights


def test_the_page_names_only_what_is_there():
    for name in re.findall(r"python -m (mlcore\.\w+)", PAGE):
        assert (ROOT / f"{name.replace('.', '/')}.py").exists()
