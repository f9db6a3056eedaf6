"""Drawn lessons: the drawn edges are the true ones, classes differ to the eye, the practice video and its truth agree."""

from __future__ import annotations

import json
from itertools import combinations, pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from mlcore import formats, kinematics, lesson

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("move", kinematics.moves())
def test_the_player_moves_from_the_first_picture_to_the_last_and_rests_around_them(move: str) -> None:
    (one,) = lesson.play([lesson.lesson(move)])

    def racket(k: int) -> np.ndarray:
        inside = one if one.begin <= k < one.end else None
        return np.array(lesson._joints(inside, (k + 0.5) / lesson.FPS)[0]["racket"])

    rest = racket(one.begin - 1)
    assert np.array_equal(rest, racket(one.begin - 5)) and np.allclose(rest, racket(one.end), atol=0.02)
    assert np.hypot(*(racket(one.begin) - rest)) > 0.005 and np.hypot(*(racket(one.begin + 1) - rest)) > 0.02, "seen at once"
    assert np.hypot(*(racket(one.end - 1) - rest)) > 0.002 and np.hypot(*(racket(one.end - 3) - rest)) > 0.01, "and so is the end"


def test_classes_differ_in_the_way_of_the_racket() -> None:
    ways = {}
    for move in kinematics.moves():
        one = lesson.lesson(move)
        poses = [one.pose(part * one.length_s) for part in np.linspace(0.02, 0.98, 25)]
        ways[move] = np.array([kinematics.joints(pose, lesson.BODY, 0, 1)["racket"] for pose in poses])
    for a, b in combinations(ways, 2):
        if a.split()[1] == b.split()[1]:  # forehand and backhand also differ in the racket's colour
            assert np.abs(ways[a] - ways[b]).max() > 0.1, (a, b)


def test_the_ball_meets_the_racket() -> None:
    for move in kinematics.moves():
        (one,) = lesson.play([lesson.lesson(move)])
        assert one.lesson
        at = one.begin_s + one.lesson.contact_s
        assert np.allclose(lesson.ball(one, at - 1e-6), lesson._joints(one, at)[0]["racket"], atol=1e-3), move


def test_practice_is_what_its_truth_says(tmp_path: Path) -> None:
    played = lesson.practice()
    truth, proposed = lesson.truth(played), lesson.proposals(played)
    assert 12 <= len(truth) <= 18 and 40 <= played[-1].end / lesson.FPS <= 60
    assert all(a.end + lesson.FPS // 2 < b.begin for a, b in pairwise(truth)), "rests between all strokes"
    assert [p.hint for p in played] == [True, True] + [False] * (len(played) - 2)
    exact = {(t.begin, t.end, t.move) for t in truth}
    spans = [(t.begin, t.end) for t in truth]
    assert any(s.move not in {m for b, e, m in exact if b < s.end and s.begin < e} and any(b < s.end and s.begin < e for b, e in spans) for s in proposed)
    assert any(not any(b < s.end and s.begin < e for b, e in spans) for s in proposed), "one proposal is no stroke"
    assert max(s.end for s in proposed) < truth[-1].begin, "the last stroke is missed"


def test_written_and_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lesson, "PRACTICE", ("OF Loop",))
    monkeypatch.setattr(lesson, "proposals", lambda played: [])
    done = lesson.main(["practice", str(tmp_path)])
    with av.open(str(tmp_path / "practice.mp4")) as file:
        assert sum(1 for _ in file.decode(video=0)) == done["pictures"]
    (stroke,) = formats.Practice.read(tmp_path / "truth.json").strokes
    assert stroke.move == "Offensive Forehand Loop" and stroke.end < done["pictures"]
    assert json.loads((tmp_path / "suggestions.json").read_text())["strokes"] == []


def test_the_loops_that_come_with_the_site_are_these() -> None:
    names = {path.name for path in (ROOT / "static" / "examples").iterdir()}
    assert names == {lesson.file_name(move) for move in kinematics.moves()}
    for move in kinematics.moves()[::7]:
        (one,) = lesson.play([lesson.lesson(move)], lead_s=0.6)
        with av.open(str(ROOT / "static" / "examples" / lesson.file_name(move))) as file:
            assert file.streams.video[0].frames == one.end + round(0.6 * lesson.FPS)
