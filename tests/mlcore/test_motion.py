"""Motion alone finds bursts, at every frame rate, and keeps quiet where nothing happens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlcore import motion, store
from mlcore.formats import FrameTable, Suggestions
from mlcore.progress import StepError

TRUTH = [(1.0, 1.8), (3.0, 3.5), (5.0, 6.5), (8.0, 9.0)]  # seconds
DURATION = 10.0


def made(folder: Path, bursts: list[tuple[float, float]], rate: float = 30, step: int = 1) -> store.Store:
    """A video in which a blob moves at 1 px per 1/120 s during the bursts, and trembles otherwise."""
    n = int(DURATION * rate)
    times, random = np.arange(n) / rate, np.random.default_rng(0)
    flow = np.zeros((n, 40, 60, 2), np.float32)
    for k, time in enumerate(times):
        lively = any(begin <= time < end for begin, end in bursts)
        speed = (1.0 if lively else 0.05) * (1 + 0.2 * random.standard_normal())
        flow[k, 10:30, 20:40, 0] = speed * 120 / rate
    return store.build(folder, np.zeros((n, 40, 60, 3), np.uint8), flow, times.tolist(), list(range(0, n * step, step)),
                       sha256="a" * 64)


def overlap(one: tuple[float, float], other: tuple[float, float]) -> float:
    common = max(0.0, min(one[1], other[1]) - max(one[0], other[0]))
    return common / (max(one[1], other[1]) - min(one[0], other[0]))


@pytest.mark.parametrize("rate", [25, 30, 120])
def test_bursts_are_found_at_every_rate(tmp_path: Path, rate: float) -> None:
    found = motion.propose(made(tmp_path / "x", TRUTH, rate))
    assert len(found) == len(TRUTH)
    for (begin, end, score), truth in zip(found, TRUTH, strict=True):
        assert overlap((begin / rate, end / rate), truth) > 0.7
        assert 0 < score < 1


def test_intervals_are_in_source_ordinals(tmp_path: Path) -> None:
    found = motion.propose(made(tmp_path / "x", TRUTH, rate=30, step=4))
    assert [overlap((begin / 120, end / 120), truth) > 0.7 for (begin, end, _), truth in zip(found, TRUTH, strict=True)]


@pytest.mark.parametrize("bursts", [[], [(0.0, DURATION)]])
def test_even_motion_gives_no_proposal(tmp_path: Path, bursts: list[tuple[float, float]]) -> None:
    assert motion.propose(made(tmp_path / "x", bursts)) == []


def test_no_motion_at_all_gives_no_proposal(tmp_path: Path) -> None:
    for n in (1, 2, 60):
        shape = (n, 20, 20)
        opened = store.build(tmp_path / str(n), np.zeros((*shape, 3), np.uint8), np.zeros((*shape, 2), np.float32),
                             (np.arange(n) / 30).tolist(), list(range(n)))
        assert motion.propose(opened) == []


def test_durations_are_bounded(tmp_path: Path) -> None:
    found = motion.propose(made(tmp_path / "x", [(0.5, 7.5), (9.0, 9.04)]))
    seconds = [(end - begin) / 30 for begin, end, _ in found]
    assert len(found) >= 3
    assert all(0.2 <= length <= 3.1 for length in seconds)
    assert sum(seconds) == pytest.approx(7, abs=0.7)


def test_a_long_burst_is_cut_where_it_is_calmest() -> None:
    level = np.full(200, 5.0)
    level[70], level[120] = 1.0, 2.0
    assert motion.cut(level, 0, 200, 8, 90) == [(0, 70), (70, 120), (120, 200)]
    assert motion.cut(level, 0, 5, 8, 90) == []


def test_otsu_parts_two_heaps() -> None:
    threshold, low, high = motion.otsu(np.array([1.0, 1.2, 0.8, 9, 9.2, 8.8, 9]))
    assert (low, high) == pytest.approx((1, 9))
    assert threshold == pytest.approx(5)


def test_the_region_is_what_counts(tmp_path: Path) -> None:
    flow = np.zeros((60, 150, 400, 2), np.float32)
    flow[:, 70:80, 100:110, 0] = 2
    opened = store.build(tmp_path / "x", np.zeros((60, 150, 400, 3), np.uint8), flow, (np.arange(60) / 30).tolist(),
                         list(range(60)))
    assert motion.energy(opened) == pytest.approx(0.5 * 100 / 120**2)


def write_table(path: Path, sha256: str, n: int = 300) -> Path:
    FrameTable(sha256, 0, "h264", 60, 40, 0, (1, 30), list(range(n)), [0]).write(path)
    return path


def test_the_step_writes_suggestions_without_a_class(tmp_path: Path) -> None:
    made(tmp_path / "x", TRUTH)
    frames, out = write_table(tmp_path / "frames.json", "a" * 64), tmp_path / "suggestions.json"
    assert motion.main([str(tmp_path / "x"), "--frames", str(frames), "--out", str(out)]) == {"strokes": 4}
    written = Suggestions.read(out)
    assert written.run == ""
    assert {stroke.move for stroke in written.strokes} == {""}
    assert all(0 <= stroke.begin < stroke.end <= 300 for stroke in written.strokes)


def test_the_step_refuses_what_does_not_belong_together(tmp_path: Path) -> None:
    made(tmp_path / "x", TRUTH)
    frames = write_table(tmp_path / "frames.json", "b" * 64)
    for folder, code in ((tmp_path / "x", "other_video"), (tmp_path / "nothing", "not_prepared")):
        with pytest.raises(StepError) as refused:
            motion.main([str(folder), "--frames", str(frames), "--out", str(tmp_path / "out.json")])
        assert refused.value.code == code
    assert not (tmp_path / "out.json").exists()
