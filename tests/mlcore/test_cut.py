"""Clips: exactly the pictures of their interval, read from the pixels, at their own times."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from mlcore import cut, probe, video
from mlcore.formats import FrameTable
from mlcore.progress import StepError
from tests.fixtures.numbered import numbered, read_number

N = 60


def table_of(path: Path) -> FrameTable:
    probe.main([str(path), "--out", str(path.parent), "--sha256", "0" * 64, "--max-seconds", "600"])
    return FrameTable.read(path.parent / "frames.json")


@pytest.mark.parametrize("kind", ["120fps", "vfr", "bframes", "rotated"])
def test_a_clip_holds_exactly_its_pictures(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "v.mp4"
    numbered(path, kind, N)
    table = table_of(path)
    for begin, end in ((0, 1), (17, 43), (N - 5, N)):
        clip = tmp_path / f"{begin}" / "clip.mp4"
        cut.cut(path, table, begin, end, clip)
        again = table_of(clip)
        assert [read_number(picture) for _, picture in video.frames(clip, again)] == list(range(begin, end))
        base = Fraction(*table.time_base)
        assert cut.times(clip) == [base * (table.pts[k] - table.pts[begin]) for k in range(begin, end)]


def test_an_interval_outside_the_video_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    numbered(path, "30fps", N)
    table = table_of(path)
    for begin, end in ((5, 5), (-1, 4), (50, N + 1)):
        with pytest.raises(StepError, match="bad_frames"):
            cut.cut(path, table, begin, end, tmp_path / "clips" / "clip.mp4")
    assert not (tmp_path / "clips").exists()
