"""What the pose branch sees. The published code's faults (numbered as in our list of pitfalls) each have a test here."""

from __future__ import annotations

import numpy as np
import pytest

from mlcore import clips, pose
from mlcore import store as stores
from mlcore.cache import OwnCache
from mlcore.clips import Grid, Pictures, View
from mlcore.files import FormatError
from mlcore.formats import RoiTrack
from mlcore.pose import ENTRIES, JOINTS, Poses
from mlcore.progress import StepError

N, WIDTH, HEIGHT, RATE = 24, 200, 100, 30.0  # neither 320 nor 180
SIDE, AT = 60, (0.7, 0.4)  # region of interest, right of and above the middle
GRID = Grid(RATE, 8, 30, 30)


def joints(seed: int = 0, score: float = 0.9) -> np.ndarray:
    """13 different joints (x, y, score) near the region of interest."""
    rng = np.random.default_rng(seed)
    xy = np.array(AT) + rng.uniform(-0.12, 0.12, (len(JOINTS), 2))
    return np.column_stack([xy, np.full(len(JOINTS), score)]).round(4)


def film(tmp_path, poses: Poses | None, name="film", kept=1) -> Pictures:
    """A prepared film with a resting region of interest; `kept`: every how manieth source picture is stored."""
    ordinals = list(range(0, N, kept))
    n = len(ordinals)
    roi = RoiTrack(WIDTH, HEIGHT, SIDE, ordinals, [AT[0]] * n, [AT[1]] * n, ["flow"] * n)
    rgb, flow = np.zeros((n, HEIGHT, WIDTH, 3), np.uint8), np.zeros((n, HEIGHT, WIDTH, 2), np.float32)
    made = stores.build(tmp_path / name, rgb, flow, [o / RATE for o in ordinals], ordinals, roi=roi)
    if poses is not None:
        poses.write(made.folder / "pose.json")
    return Pictures(made, GRID, OwnCache(2**24))


def every(score: float = 0.9, **changes) -> Poses:
    """A pose in each picture, the joints moving to the right."""
    step = np.array([0.002, 0, 0])
    found = [joints(score=score) + k * step for k in range(N)]
    return Poses(**{"ordinals": list(range(N)), "scores": [0.8] * N, "joints": [f.tolist() for f in found], **changes})


def entries(x: np.ndarray) -> np.ndarray:
    return x.reshape(ENTRIES, 3, -1)


def expected(xy: np.ndarray) -> np.ndarray:
    """Fractions of the picture to -1..1 of the crop, by hand: the region is SIDE px wide around AT."""
    px = xy * [WIDTH, HEIGHT]
    return (px - np.array(AT) * [WIDTH, HEIGHT]) / (SIDE / 2)


def test_a_clip_has_42_rows_and_the_strips_ticks(tmp_path):
    p = film(tmp_path, every())
    found = pose.clip(p, 0.4)
    assert found.shape == (42, 8) and found.dtype == np.float32 and found.flags.c_contiguous
    ticks = 0.4 + (np.arange(8) - 3.5) / RATE
    assert np.array_equal(found, pose.strip(p, ticks)) and np.array_equal(found[:, 2:5], pose.strip(p, ticks[2:5]))
    assert (entries(found)[0, 2] == np.float32(0.8)).all()
    assert np.diff(entries(found)[1, 0]) == pytest.approx(0.002 * WIDTH / (SIDE / 2), abs=1e-5)


def test_pitfall_32_every_joint_stands_at_its_own_place(tmp_path):
    found = entries(pose.clip(film(tmp_path, every()), 0.4))
    assert len({tuple(xy) for xy in found[1:, :2, 3].round(4)}) == len(JOINTS)
    k = 9  # the picture of tick 3: 0.4 s - 0.5 / 30, midway, so the earlier one
    ticks = 0.4 + (3 - 3.5) / RATE
    index = int(film(tmp_path, None, "other").near(np.array([ticks]))[0][0])
    assert abs(index - ticks * RATE) <= 0.5 + 1e-6 and k <= index <= 12
    assert found[1:, :2, 3] == pytest.approx(expected(joints()[:, :2] + [0.002 * index, 0]), abs=1e-4)
    assert found[0, :2, 3] == pytest.approx(found[1:, :2, 3].mean(0), abs=1e-5)  # the whole pose: their middle


@pytest.mark.parametrize("view", [View(), View(turn=25), View(zoom=1.3), View(shift=(0.2, -0.1)), View(turn=-10, zoom=0.8, shift=(-0.1, 0.1))])
def test_pitfall_33_x_and_y_go_through_the_matrix_of_the_pixels_in_this_order(tmp_path, view):
    """A bright spot in the picture and the joint upon it land on the same pixel."""
    spot = (153, 31)  # x, y
    rgb = np.zeros((N, HEIGHT, WIDTH, 3), np.uint8)
    rgb[:, spot[1] - 1 : spot[1] + 2, spot[0] - 1 : spot[0] + 2] = 255
    roi = RoiTrack(WIDTH, HEIGHT, SIDE, list(range(N)), [AT[0]] * N, [AT[1]] * N, ["flow"] * N)
    made = stores.build(tmp_path / "spot", rgb, np.zeros((N, HEIGHT, WIDTH, 2)), [k / RATE for k in range(N)], list(range(N)), roi=roi)
    where = np.tile([(spot[0] + 0.5) / WIDTH, (spot[1] + 0.5) / HEIGHT, 1.0], (len(JOINTS), 1))
    Poses(list(range(N)), [1.0] * N, [where.tolist()] * N).write(made.folder / "pose.json")
    grid = Grid(RATE, 8, 60, 60)
    p = Pictures(made, grid, OwnCache(2**24))
    for one in (view, View(view.turn, view.zoom, view.shift, flip=True)):
        picture = clips.clip(p, 0.4, clips.Normalisation((1.0, 1.0), (0.0, 0.0)), one)[0][0, 3]
        rows, columns = np.nonzero(picture > 0.2)
        weights = picture[rows, columns]
        seen = np.array([(columns * weights).sum(), (rows * weights).sum()]) / weights.sum()
        told = (entries(pose.clip(p, 0.4, one))[1, :2, 3] + 1) / 2 * 60 - 0.5
        assert told == pytest.approx(seen, abs=0.3)


def test_pitfall_34_a_picture_without_pose_is_zero_not_another_point(tmp_path):
    known = [k for k in range(N) if k not in (10, 11, 12)]
    found = every()
    some = Poses(known, [0.8] * len(known), [found.joints[k] for k in known])
    p = film(tmp_path, some)
    x = pose.strip(p, np.array([9, 10, 11, 12, 13]) / RATE)
    assert not x[:, 1:4].any()
    assert x[:, 0].any() and x[:, 4].any()
    assert not pose.strip(p, np.array([-5.0, 1000.0])).any()  # before and after the video nobody is known either


def test_pitfall_35_any_picture_size_and_both_axes_in_crop_coordinates(tmp_path):
    corners = np.tile([*AT, 1.0], (len(JOINTS), 1))
    corners[0, :2] = (AT[0] * WIDTH - SIDE / 2) / WIDTH, (AT[1] * HEIGHT - SIDE / 2) / HEIGHT
    corners[1, :2] = (AT[0] * WIDTH + SIDE / 2) / WIDTH, (AT[1] * HEIGHT + SIDE / 2) / HEIGHT
    p = film(tmp_path, Poses(list(range(N)), [1.0] * N, [corners.tolist()] * N))
    found = entries(pose.clip(p, 0.4))[..., 3]
    assert found[1, :2] == pytest.approx([-1, -1], abs=1e-4)
    assert found[2, :2] == pytest.approx([1, 1], abs=1e-4)
    assert found[3, :2] == pytest.approx([0, 0], abs=1e-4)


def test_pitfall_36_unsure_joints_are_unknown(tmp_path):
    body = every()
    body.joints[12] = [[0.01, 0.99, 0.1] if k % 3 == 0 else joint for k, joint in enumerate(body.joints[12])]
    p = film(tmp_path, Poses(body.ordinals, body.scores, body.joints))
    found = entries(pose.strip(p, np.array([12 / RATE])))[..., 0]
    unsure = np.arange(len(JOINTS)) % 3 == 0
    assert not found[1:][unsure].any() and (found[1:][~unsure, 2] == np.float32(0.9)).all()
    assert found[0, :2] == pytest.approx(found[1:][~unsure, :2].mean(0), abs=1e-5)  # they do not pull the whole pose either
    everything = entries(pose.strip(p, np.array([12 / RATE]), threshold=0.0))[..., 0]
    assert everything[1:][unsure, 2] == pytest.approx(0.1)
    nobody = film(tmp_path, every(score=0.2), "nobody")
    assert not pose.clip(nobody, 0.4).any()


def test_a_mirror_changes_sides_and_hands(tmp_path):
    p = film(tmp_path, every())
    plain, mirrored = entries(pose.clip(p, 0.4)), entries(pose.clip(p, 0.4, View(flip=True)))
    left, right = 1 + JOINTS.index("left wrist"), 1 + JOINTS.index("right wrist")
    assert mirrored[left, 0] == pytest.approx(-plain[right, 0], abs=1e-5)
    assert mirrored[left, 1] == pytest.approx(plain[right, 1], abs=1e-5)
    assert mirrored[1, 0] == pytest.approx(-plain[1, 0], abs=1e-5)  # the nose has no side
    assert sorted(pose.MIRRORED) == list(range(ENTRIES))
    assert all(JOINTS[m - 1].split()[-1] == JOINTS[k - 1].split()[-1] for k, m in enumerate(pose.MIRRORED) if k)


def test_poses_are_found_by_source_ordinal(tmp_path):
    whole, half = film(tmp_path, every(), "whole"), film(tmp_path, every(), "half", kept=2)
    at = np.array([8, 12, 16]) / RATE
    assert np.allclose(pose.strip(whole, at), pose.strip(half, at), atol=1e-5)


def test_a_file_comes_back_and_a_changed_one_is_read_anew(tmp_path):
    p = film(tmp_path, every())
    assert pose.load(p.store.folder) == every()
    before = pose.clip(p, 0.4)
    every(scores=[0.5] * N, estimator="another").write(p.store.folder / "pose.json")
    assert not np.array_equal(pose.clip(p, 0.4), before)


def test_no_poses_and_nonsense_are_said(tmp_path):
    with pytest.raises(StepError, match="no_pose") as none:
        pose.clip(film(tmp_path, None), 0.4)
    assert none.value.params == {"video": "film"} and pose.load(tmp_path / "film") is None
    (tmp_path / "film" / "pose.json").write_text('{"format": "topspin-pose", "version": 9}')
    with pytest.raises(StepError, match="bad_pose"):
        pose.load(tmp_path / "film")
    short = [joints()[:5].tolist()] * N
    for wrong in ({"joints": short}, {"scores": [2.0] * N}, {"scores": [0.5]}, {"ordinals": [0] * N}):
        with pytest.raises(FormatError):
            every(**wrong)
