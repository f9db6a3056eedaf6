"""The page's own reader of an mp4's index against PyAV: same times, sizes, places and key pictures."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import av
import pytest

from tests.fixtures.numbered import numbered
from tests.js.test_js import HERE, NODE

SCRIPT = """
import { readFileSync } from "node:fs";
import { differs, findMovie, readMovie } from "%s/static/js/workspace/frames/movie.js";
const [path, table] = process.argv.slice(2);
const file = new Uint8Array(readFileSync(path));
const { start, end } = await findMovie((from, to) => file.subarray(from, to), file.length);
const movie = readMovie(file.slice(start, end));
const plain = { ...movie, pts: [...movie.pts], offsets: [...movie.offsets] };
console.log(JSON.stringify({ ...plain, differs: differs(movie, JSON.parse(table)) }));
"""


def read(path: Path, table: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    script = tmp_path / "read.mjs"
    script.write_text(SCRIPT % HERE.parents[1].as_uri())
    ran = subprocess.run([str(NODE), str(script), str(path), json.dumps(table)], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


@pytest.mark.parametrize("kind", ["120fps", "proxy", "30fps", "bframes"])
def test_index_is_the_files(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "video.mp4"
    numbered(path, kind, 50)
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        packets = [packet for packet in file.demux(stream) if packet.size]
        base = stream.time_base
    assert base is not None
    table = {"time_base": [base.numerator, base.denominator], "pts": [packet.pts for packet in packets]}
    found = read(path, table, tmp_path)
    assert found["n"] == len(packets) == 50
    assert found["sizes"] == [packet.size for packet in packets]
    assert found["offsets"] == [packet.pos for packet in packets]
    assert found["keys"] == [k for k, packet in enumerate(packets) if packet.is_keyframe]
    assert found["differs"] is None

    shifted = {**table, "pts": [*table["pts"][:30], *(pts + 1 for pts in table["pts"][30:])]}
    assert read(path, shifted, tmp_path)["differs"] == 30
    short = {**table, "pts": table["pts"][:-1]}
    assert read(path, short, tmp_path)["differs"] == 49
