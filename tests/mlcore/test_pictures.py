"""Single pictures: whatever is asked for and in whatever order, the picture that comes says its own ordinal."""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mlcore import pictures, proxy
from mlcore.files import FormatError
from mlcore.formats import FrameTable
from mlcore.pictures import Pictures
from mlcore.progress import StepError
from mlcore.video import open_video
from tests.fixtures.numbered import numbered, read_number
from tests.mlcore.test_video import damaged, indexed

ROOT = Path(__file__).parents[2]
N = 60


def made(folder: Path, kind: str = "120fps", n: int = N) -> FrameTable:
    """A folder of a video as the site keeps it."""
    folder.mkdir(parents=True, exist_ok=True)
    numbered(folder / "source.mp4", kind, n)
    table = indexed(folder / "source.mp4")
    table.write(folder / "frames.json")
    proxy.make(folder / "source.mp4", frames=folder / "frames.json", out=folder)
    return FrameTable.read(folder / "frames.json")


def number(jpeg: bytes) -> int | None:
    return read_number(np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")))


@pytest.mark.parametrize("kind", ["30fps", "120fps", "vfr", "bframes", "rotated", "odd", "proxy"])
def test_every_picture_in_any_order(tmp_path: Path, kind: str) -> None:
    made(tmp_path, kind)
    asked = [*range(N), *reversed(range(N))]
    random.Random(kind).shuffle(asked)
    held = Pictures(cache_bytes=100_000)  # so small that most are decoded anew
    for k in [*asked, 0, N - 1, N - 2, N - 1]:
        about, jpeg = held.picture(tmp_path, k)
        assert (about["frame"], number(jpeg)) == (k, k)
        if k % 3 == 0:
            held.work_ahead()


def test_neighbours_are_packed_while_nobody_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path)
    held = Pictures()
    held.picture(tmp_path, 30)
    packed = sum(held.work_ahead() for _ in range(50))
    assert packed == 11, "the other pictures of the group [24, 36)"
    monkeypatch.setattr(pictures.Film, "jpeg", lambda self, frame: pytest.fail("decoded again"))
    assert [number(held.picture(tmp_path, k)[1]) for k in range(24, 36)] == list(range(24, 36))


def test_memory_is_bounded(tmp_path: Path) -> None:
    for name in "abc":
        made(tmp_path / name, n=24)
    held = Pictures(films=2, cache_bytes=50_000)
    for name in "abcabc":
        for k in range(0, 24, 5):
            assert number(held.picture(tmp_path / name, k)[1]) == k
            while held.work_ahead():
                pass
            assert held._bytes == sum(map(len, held._packed.values())) <= 50_000
            assert len(held._films) <= 2


def test_a_table_shifted_by_one_shows_the_neighbour(tmp_path: Path) -> None:
    """The tests above can fail: it is the table that says which picture is which."""
    table = made(tmp_path)
    table.pts = [table.pts[0] - (table.pts[1] - table.pts[0]), *table.pts[:-1]]
    table.write(tmp_path / "frames.json")
    assert number(Pictures().picture(tmp_path, 30)[1]) == 30, "shifted as a whole nothing changes"
    table.pts = [table.pts[0], *table.pts[2:], table.pts[-1] + (table.pts[1] - table.pts[0])]
    table.write(tmp_path / "frames.json")
    assert number(Pictures().picture(tmp_path, 30)[1]) == 31


def test_what_is_not_at_its_time_is_refused(tmp_path: Path) -> None:
    table = made(tmp_path)
    with open_video(tmp_path / "proxy.mp4") as video:
        base, step = video.time_base, video.step
    table.time_base, table.pts = base.as_integer_ratio(), [k * step + (k == 30) for k in range(N)]
    table.write(tmp_path / "frames.json")
    held = Pictures()
    with pytest.raises(StepError, match="frame_lost"):
        held.picture(tmp_path, 30)
    assert number(held.picture(tmp_path, 31)[1]) == 31
    table.time_base, table.pts = (base.numerator, base.denominator * 7), [k * step * 7 + (k == 30) for k in range(N)]
    table.write(tmp_path / "frames.json")
    with pytest.raises(FormatError):
        held.picture(tmp_path, 31)


@pytest.mark.parametrize("frame", [-1, N, 10**30])
def test_outside(tmp_path: Path, frame: int) -> None:
    made(tmp_path)
    with pytest.raises(StepError, match="no_such_frame") as error:
        Pictures().picture(tmp_path, frame)
    assert error.value.params == {"frame": frame, "n": N}


def test_an_unreadable_picture_says_so(tmp_path: Path) -> None:
    source = damaged(tmp_path)
    indexed(source).write(tmp_path / "frames.json")
    proxy.make(source, frames=tmp_path / "frames.json", out=tmp_path)
    table, held = FrameTable.read(tmp_path / "frames.json"), Pictures()
    assert table.unreadable
    for k in (table.unreadable[0] - 1, *table.unreadable, 10):
        about, jpeg = held.picture(tmp_path, k)
        assert about["unreadable"] == (k in table.unreadable)
        if k in (10, table.unreadable[0] - 1):
            assert number(jpeg) == k


def test_a_new_proxy_is_read_anew(tmp_path: Path) -> None:
    made(tmp_path)
    held = Pictures()
    assert number(held.picture(tmp_path, 5)[1]) == 5
    made(tmp_path / "other", "30fps", 20)
    for name in ("frames.json", "proxy.mp4"):
        (tmp_path / "other" / name).replace(tmp_path / name)
    with pytest.raises(StepError, match="no_such_frame"):
        held.picture(tmp_path, 40)


class Asked:
    """The real step, asked through its pipes."""

    def __init__(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-m", "mlcore.pictures"], cwd=ROOT, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)

    def ask(self, line: object) -> tuple[dict[str, Any], bytes]:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(line).encode() + b"\n")
        self.process.stdin.flush()
        head = json.loads(self.process.stdout.readline())
        return head, self.process.stdout.read(head.get("bytes", 0))


@pytest.fixture
def asked() -> Iterator[Asked]:
    running = Asked()
    with running.process:
        yield running
        running.process.kill()


def test_the_step_answers_until_its_input_ends(tmp_path: Path, asked: Asked) -> None:
    made(tmp_path)
    for k in (7, 8, 6, 59, 0):
        head, jpeg = asked.ask({"folder": str(tmp_path), "frame": k})
        assert (head["frame"], head["bytes"], number(jpeg)) == (k, len(jpeg), k)
    assert asked.ask({"folder": str(tmp_path), "frame": 99})[0]["error"]["code"] == "no_such_frame"
    assert asked.ask({"folder": str(tmp_path / "none"), "frame": 0})[0]["error"]["code"] == "not_found"
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/frames.json").write_text("{")
    (tmp_path / "bad/proxy.mp4").write_bytes(b"x")
    assert asked.ask({"folder": str(tmp_path / "bad"), "frame": 0})[0]["error"]["code"] == "bad_frames"
    assert number(asked.ask({"folder": str(tmp_path), "frame": 3})[1]) == 3, "and goes on"
    assert asked.process.stdin
    asked.process.stdin.close()
    assert asked.process.wait(10) == 0


def test_the_step_ends_when_nobody_asks(tmp_path: Path) -> None:
    source, end = os.pipe()
    try:
        pictures.serve(source, io.BytesIO(), idle_s=0.05)
    finally:
        os.close(source)
        os.close(end)
