"""The harness of the benchmarks: pairs, clocks, bars, films, the page."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from benchmarks import bench, films, report
from benchmarks.measuring import Bench, Line, Pairs, Row, child, interleaved, processor, seconds, spoken, wall
from benchmarks.rows import stages
from mlcore import video

PAIRS = Pairs([1.0, 1.0, 2.0], [10.0, 12.0, 26.0])


def test_sides_take_turns_and_each_pair_has_its_own_ratio() -> None:
    order: list[str] = []
    now = [0.0]

    def work(name: str, cost: float) -> None:
        order.append(name)
        now[0] += cost

    costs = count(1)
    found = interleaved(lambda: work("ours", 2), lambda: work("other", 10 * next(costs)), pairs=3, clock=lambda: now[0], units=(2, 5))
    assert order == ["other", "ours"] * 4
    assert found.ours == [1, 1, 1]
    assert found.other == [4, 6, 8]  # the first call warms up
    assert found.ratios == [4, 6, 8]


def test_a_ratio_is_the_median_of_its_pairs_and_knows_its_bar() -> None:
    line = Line.ratio("claim", PAIRS, 12, "picture")
    assert (line.figure, line.low, line.high, line.met) == (12, 10, 13, True)
    assert line.text == "12x (10 to 13)"
    assert line.ours == "1 s a picture" and line.bar == ">= 12x"
    assert Line.ratio("claim", PAIRS, 12.1, "picture").met is False
    assert Line.at_most("error", 0.0101, 0.01, "px").met is False
    assert Line.at_least("share", [0.8, 0.95, 1], 0.9).met is True
    assert Line.missing("claim", "why").met is None
    assert [spoken(s) for s in (2.5, 0.0123, 0.00004)] == ["2.5 s", "12.3 ms", "40 us"]


def test_processor_time_counts_children_and_not_waiting() -> None:
    busy = [sys.executable, "-c", "s = sum(k * k for k in range(4_000_000))"]
    assert seconds(lambda: subprocess.run(busy, check=True), processor) > 0.1
    sleep = [sys.executable, "-S", "-c", "import time; time.sleep(0.5)"]
    assert seconds(lambda: subprocess.run(sleep, check=True), processor) < 0.3 < seconds(lambda: subprocess.run(sleep, check=True), wall)


def test_memory_of_a_process_and_its_children_is_summed() -> None:
    inner = "x = bytearray(120 << 20); import time; time.sleep(0.6)"
    outer = f"import subprocess, sys; x = bytearray(80 << 20); subprocess.run([sys.executable, '-c', {inner!r}], check=True)"
    used = child([sys.executable, "-c", outer])
    assert 200 < used.peak_bytes / 2**20 < 260
    assert used.wall_s > 0.6
    with pytest.raises(subprocess.CalledProcessError) as failed:
        child([sys.executable, "-c", "raise SystemExit('no such film')"])
    assert "no such film" in failed.value.stderr


def test_a_row_that_fails_is_not_measured_and_harms_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    broken = Row("broken", "something that is not there", lambda bench: [])
    lines = bench.apart(broken, Bench(1, True, tmp_path))  # its own process knows no such row
    assert [(line.claim, line.figure, line.met) for line in lines] == [("something that is not there", None, None)]
    assert "no row broken" in lines[0].other
    monkeypatch.setattr(bench, "MODULES", ("absent", "stages"))
    absent, *others = bench.rows()
    assert [row.name for row in others] == ["stages"]
    assert "absent" in absent.measure(Bench(1, True, tmp_path))[0].other
    monkeypatch.setattr(bench, "apart", lambda row, given: row.measure(given))
    assert bench.main(["--row", "absent", "--quick", "--folder", str(tmp_path)]) == 1
    assert "not measured" in capsys.readouterr().out


def test_all_rows_are_there() -> None:
    names = [row.name for row in bench.rows()]
    assert len(names) == len(set(names)) >= 12
    assert not [row.claims for row in bench.rows() if row.claims.startswith("rows of")]  # a module that cannot be imported


def test_too_few_pairs_and_unknown_rows_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, words in ((["--pairs", "3"], "at least 5 pairs"), (["--row", "nonsense"], "no row nonsense")):
        with pytest.raises(SystemExit):
            bench.main(arguments)
        assert words in capsys.readouterr().err


def test_the_page_says_what_was_met_missed_and_never_measured(tmp_path: Path) -> None:
    rows = [Row(name, f"claims of {name}", lambda bench: []) for name in ("done", "never")]
    lines = [Line.ratio("fast", PAIRS, 5, "clip"), Line.at_most("error", 2, 1, "px"), Line.missing("on a GPU", "no GPU here")]
    found = {"date": "2026-01-02", "pairs": 5, "processor": "P", "features": ["avx2"], "cores": 2, "gpu": "none", "versions": {"torch": "9"}}
    report.save(tmp_path / "results.json", {"done": {**found, "lines": [line.body() for line in lines]}})
    report.write(tmp_path / "page.md", rows, json.loads((tmp_path / "results.json").read_text()))
    page = (tmp_path / "page.md").read_text()
    assert "2026-01-02, 5 pairs, P (avx2), 2 cores, GPU: none; torch 9." in page
    assert "| fast | 12x (10 to 13) | 1 s a clip | 12 s a clip | >= 5x | met |" in page
    assert "| error | 2 px |  |  | <= 1 px | NOT MET |" in page
    assert "| on a GPU | - |  | no GPU here |  | not measured |" in page
    assert "## never: claims of never\nNot measured yet." in page


def test_a_published_stage_that_is_too_dear_is_told() -> None:
    fair = {name: ms / 2 for name, ms in stages.REFERENCE.items()}
    assert all(line.met for line in stages.compared(fair))
    dear = {**fair, "clip, plain": 2 * fair["clip, plain"]}
    assert [line.claim for line in stages.compared(dear) if not line.met] == ["published clip, plain"]


def test_texture_lies_where_nothing_moves() -> None:
    ground = np.full((40, 60, 3), 100, np.uint8)
    moved = ground.copy()
    moved[10:20, 10:20] = 200
    first, second = films.detailed(iter([ground, moved]))
    assert first.std() > 10
    assert np.array_equal(first[20:], second[20:])
    assert np.array_equal(second[10:20, 10:20], moved[10:20, 10:20])


def test_a_repeated_film_shows_its_pictures_again_and_again(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    films.encode(tmp_path / "film.mp4", [np.full((48, 64, 3), level, np.uint8) for level in rng.permutation(np.arange(20, 230, 21))], 30)
    path = films.repeated(tmp_path / "film.mp4", 3)
    table = films.table(path)
    shown = [int(picture.mean()) for _, picture in video.frames(path, table)]
    assert table.n == 30 and len(set(shown[:10])) == 10
    assert shown[:10] == shown[10:20] == shown[20:]
    assert np.diff([table.seconds(k) for k in range(30)]) == pytest.approx(1 / 30, abs=1e-6)
