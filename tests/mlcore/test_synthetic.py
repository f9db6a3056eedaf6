"""Drawn scenes: the same pixels and events everywhere, strokes that differ in motion and not in poses, videos and
truth that agree."""

import hashlib
import json
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import av
import numpy as np
import pytest

from mlcore import kinematics, synthetic
from mlcore.formats import NEGATIVE
from mlcore.progress import StepError


def scene(seed=3, **options):
    return synthetic.make_scene(seed, **{"strokes": 20, **options})


def picture(made, second, width=160, height=90):
    return next(synthetic.render_at(made, [second], width, height))


def digest(array):
    return hashlib.sha256(array.tobytes()).hexdigest()


def path_of(move, *, joint="wrist", ticks=41):
    """The way of a joint through one stroke of a plain player, from its begin to its end, (ticks, 2)."""
    event = kinematics.Event(1.0, 2.2, move)
    body = kinematics.Body(1.75, 0.6, 0.87, 0.54)
    times = np.linspace(1.0, 2.2, ticks)
    return np.array(
        [kinematics.joints(kinematics.pose_at([event], 0, t, np.zeros(13)), body, 0.0, 1)[joint] for t in times]
    )


def test_the_moves_are_those_of_ttstroke21_in_their_order():
    names = synthetic.moves()
    assert len(set(names)) == 20
    assert names[:5] == [
        "Serve Forehand Backspin",
        "Serve Forehand Loop",
        "Serve Forehand Sidespin",
        "Serve Forehand Topspin",
        "Serve Backhand Backspin",
    ]
    assert names[8:11] == ["Offensive Forehand Hit", "Offensive Forehand Loop", "Offensive Forehand Flip"]
    assert names[17:] == ["Defensive Backhand Push", "Defensive Backhand Block", "Defensive Backhand Backspin"]


def test_a_seed_gives_the_same_pixels_and_another_seed_others():
    assert digest(picture(scene(), 2.0)) == digest(picture(scene(), 2.0))
    assert digest(picture(scene(), 2.0)) != digest(picture(scene(4), 2.0))


def test_the_pixels_of_a_seed_are_the_committed_ones():
    """If drawing changes on purpose, all figures taken on scenes change with it: renew this number in a commit of its
    own."""
    assert digest(picture(scene(1), 1.5, 64, 36)) == "f2e907949fd9a621e394239978d04aafabc32fb35ffed165be9f0de13134031a"


def test_a_picture_depends_on_its_second_alone():
    made = scene()
    at_120 = list(synthetic.render(made, width=64, height=36, fps=120, begin=240, end=245))
    at_30 = list(synthetic.render(made, width=64, height=36, fps=30, begin=60, end=62))
    assert np.array_equal(at_120[0], at_30[0]) and np.array_equal(at_120[4], at_30[1])
    assert not np.array_equal(at_120[0], at_120[1])


@pytest.mark.parametrize("split", ["train", "test"])
def test_events_are_the_same_at_every_rate_and_do_not_overlap(split):
    made = scene(split=split)
    slow, fast = synthetic.truth(made, 30), synthetic.truth(made, 120)
    assert [(s.begin * 4, s.end * 4, s.move) for s in slow] == [(s.begin, s.end, s.move) for s in fast]
    assert sorted(s.move for s in fast) == sorted(synthetic.moves())
    for before, after in pairwise(fast):
        assert 0.8 <= (after.begin - before.end) / 120 <= 2.4
    assert all(0.7 <= (s.end - s.begin) / 120 <= 1.8 for s in fast)
    assert fast[-1].end <= round(made.duration_s * 120)


def test_negatives_lie_between_the_strokes():
    made = scene(5, strokes=30)
    known = synthetic.truth(made, 120, negatives=True)
    assert {event.kind for event in made.events if not event.move} == set(kinematics.NEGATIVES)
    assert any(s.move == NEGATIVE for s in known)
    assert all(a.end <= b.begin for a, b in pairwise(known))


def test_the_order_of_strokes_differs_from_seed_to_seed():
    assert len({tuple(s.move for s in synthetic.truth(scene(seed), 30)) for seed in range(4)}) == 4


def test_every_two_strokes_differ_in_the_way_of_the_racket():
    ways = {move: path_of(move, joint="racket") for move in synthetic.moves()}
    names = list(ways)
    for k, a in enumerate(names):
        for b in names[k + 1 :]:
            distance = np.abs(ways[a] - ways[b]).max()
            assert distance > 0.25, (a, b, distance)


SAME_POSES = [
    ("Serve {} Backspin", "Serve {} Loop", "Serve {} Sidespin", "Serve {} Topspin"),
    ("Offensive {} Hit", "Offensive {} Flip", "Defensive {} Push", "Defensive {} Block"),
    ("Offensive {} Loop", "Defensive {} Backspin"),
]


@pytest.mark.parametrize("hand", ["Forehand", "Backhand"])
@pytest.mark.parametrize("group", SAME_POSES)
def test_strokes_that_share_poses_differ_in_their_order_alone(group, hand):
    """At equal distance from the middle of the stroke they show the same two poses: only which comes first differs."""
    ways = []
    for name in group:
        event = kinematics.Event(0.0, 1.2, name.format(hand))
        low, high = event.core_s
        ways.append(np.array([kinematics.stroke_u(event, t) for t in np.linspace(low, high, 401)]))
    pairs = [np.sort(np.stack([way, way[::-1]]), axis=0) for way in ways]
    assert max(np.abs(pair - pairs[0]).max() for pair in pairs) < 1e-6
    assert all(np.abs(a - b).max() > 0.9 for k, a in enumerate(ways) for b in ways[k + 1 :])


def test_the_arm_never_jumps():
    made = scene(7, strokes=10)
    times = np.arange(0, made.duration_s, 1 / 120)
    wrist = np.array([made.joints(t)["wrist"] for t in times])
    assert np.linalg.norm(np.diff(wrist, axis=0), axis=1).max() * 120 < 30  # m/s


def test_mirroring_keeps_the_forehand():
    """Facing the other way mirrors the picture, and a left hand changes the arm that is in front: never the way of
    the arm."""
    pose = kinematics.pose_at([kinematics.Event(0, 1, "Offensive Forehand Loop")], 0, 0.4, np.zeros(13))
    body = kinematics.Body(1.75, 0.6, 0.87, 0.54)
    right, left = kinematics.joints(pose, body, 0.0, 1), kinematics.joints(pose, body, 0.0, -1)
    assert right["racket"][0] == -left["racket"][0] < right["hip"][0]
    assert right["racket"][1] == left["racket"][1]


def test_test_players_lie_outside_the_training_ranges():
    train, test = ([synthetic.make_player(seed, split) for seed in range(40)] for split in ("train", "test"))
    for value in (lambda p: p.tempo, lambda p: p.body.height, lambda p: p.look.girth):
        low, high = min(map(value, train)), max(map(value, train))
        assert not any(low <= value(player) <= high for player in test)
        assert all(low - 0.2 * low <= value(player) <= high * 1.2 for player in test)
    assert {p.hand for p in train} == {"left", "right"}


def test_the_ball_meets_the_racket_and_is_heard():
    made = scene(9)
    hits = [second for second, kind in made.sounds if kind == "hit"]
    for event in (event for event in made.events if event.move):
        assert min(abs(event.contact_s - hit) for hit in hits) < 1e-9
        joints = made.joints(event.contact_s)
        (ball,) = made.balls(event.contact_s, joints)
        assert np.hypot(ball[0] - joints["racket"][0], ball[1] - joints["racket"][1]) < 0.02
    wave = synthetic.sound(made)
    first = round(hits[0] * synthetic.SOUND_RATE)
    assert wave.shape == (round(made.duration_s * 48_000),) and np.abs(wave[first : first + 480]).max() > 0.2


def test_unknown_moves_and_splits_are_refused():
    with pytest.raises(ValueError, match="Smash"):
        synthetic.make_scene(1, moves=["Smash"])
    with pytest.raises(ValueError, match="validation"):
        synthetic.make_player(1, "validation")


def test_the_command_writes_videos_truth_and_players_that_agree(tmp_path: Path, capsys):
    code = synthetic.main(
        [
            str(tmp_path),
            "--videos",
            "1",
            "--strokes",
            "2",
            "--seed",
            "4",
            "--width",
            "160",
            "--height",
            "90",
            "--fps",
            "30",
        ]
    )
    assert code == 0 and json.loads(capsys.readouterr().out.splitlines()[-1])["done"]["videos"] == 1
    made = synthetic.make_scene(4000, strokes=2, player=synthetic.make_player(4000))
    with av.open(str(tmp_path / "scene-train-004-00.mp4")) as container:
        assert container.streams.audio[0].codec_context.sample_rate == 48_000
        pts = [frame.pts * frame.time_base for frame in container.decode(video=0)]
    assert len(pts) == round(made.duration_s * 30)
    assert all(abs(float(b - a) - 1 / 30) < 1e-6 for a, b in pairwise(pts))
    actions = ElementTree.parse(tmp_path / "scene-train-004-00.xml").getroot().findall("action")
    assert [(int(a.get("begin")), int(a.get("end")) + 1, a.get("move")) for a in actions] == [
        (s.begin, s.end, s.move) for s in synthetic.truth(made, 30)
    ]
    assert json.loads((tmp_path / "players.json").read_text())["scene-train-004-00"][0]["hand"] == made.player.hand


def test_the_command_refuses_odd_sizes(tmp_path: Path, capsys):
    assert synthetic.main([str(tmp_path), "--width", "161"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "bad_scene"
    assert StepError("bad_scene").code == "bad_scene"
