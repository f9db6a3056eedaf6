"""What the network sees: time by seconds, one transform, vectors that turn with their pixels."""

from __future__ import annotations

import numpy as np
import pytest

from mlcore import clips
from mlcore.cache import OwnCache
from mlcore.clips import Augmentation, Grid, Normalisation, Pictures, View
from tests.mlcore import squares

UNIT = Normalisation((10.0, 10.0), (0.0, 0.0))
GRID = Grid(30.0, 8, 48, 48)


def pictures(tmp_path, moves=("Right", "Up"), grid=GRID, rate=30.0):
    made, truth = squares.build(tmp_path / f"s{rate:g}", list(moves), rate=rate)
    return Pictures(made, grid, OwnCache(2**24)), truth


def middle(truth, rate=30.0):
    return (truth.begin + truth.end - 1) / 2 / rate


def moving(flow):
    """Mean (u, v) where anything moves."""
    strong = np.abs(flow).sum(0) > 0.02
    return flow[:, strong].mean(1)


def test_shapes_ranges_and_rgb_order(tmp_path):
    p, truth = pictures(tmp_path)
    rgb, flow = clips.clip(p, middle(truth[0]), UNIT)
    assert rgb.shape == (3, 8, 48, 48) and flow.shape == (2, 8, 48, 48)
    assert rgb.dtype == flow.dtype == np.float32 and all(x.transpose(1, 2, 3, 0).flags.c_contiguous for x in (rgb, flow))
    assert rgb.min() >= 0 and np.abs(flow).max() <= 1
    assert rgb[0].max() > rgb[1].max() > rgb[2].max()  # the square is (220, 200, 180) in R, G, B


@pytest.mark.parametrize("rate", [30.0, 60.0, 120.0, 240.0])
def test_every_frame_rate_means_the_same(tmp_path, rate):
    p, truth = pictures(tmp_path, rate=rate)
    _, flow = clips.clip(p, middle(truth[0], rate), UNIT)
    # 2 px per 1/30 s = 0.5 px per 1/120 s, over a divisor of 10
    assert moving(flow) == pytest.approx([0.05, 0.0], abs=0.003)


def test_a_slower_source_repeats_its_nearest_picture(tmp_path):
    p, truth = pictures(tmp_path, rate=15.0)
    rgb, flow = clips.clip(p, middle(truth[0], 15.0), UNIT)
    same = [np.array_equal(rgb[:, t], rgb[:, t + 1]) for t in range(7)]
    assert sum(same) >= 3 and not all(same)
    assert moving(flow) == pytest.approx([0.05, 0.0], abs=0.003)


def test_before_the_first_and_after_the_last_picture_nothing_moves(tmp_path):
    p, _ = pictures(tmp_path)
    for at, first in ((-10.0, 0), (1000.0, p.store.n - 1)):
        rgb, flow = clips.clip(p, at, UNIT)
        assert not flow.any()
        expected = p.store.rgb(first, first + 1)[0].transpose(2, 0, 1) / 255
        assert np.allclose(rgb, expected[:, None], atol=1e-6)


def test_half_outside_keeps_the_inside(tmp_path):
    p, truth = pictures(tmp_path)
    _rgb, flow = clips.clip(p, truth[0].begin / 30, UNIT)
    assert flow.any() and not flow[:, 0].any()


def test_a_crop_at_the_border_stays_inside_and_a_small_picture_is_padded(tmp_path):
    p, _ = pictures(tmp_path, grid=Grid(30.0, 4, 24, 24, view=0.5))
    matrix = clips.transform(p, (0.0, 1.0), View())
    corner = np.linalg.inv(matrix[:, :2].astype(float)) @ (np.array([0.0, 23.0]) - matrix[:, 2])
    assert corner == pytest.approx([0.0, p.size[1] - 1], abs=0.01)
    big = Pictures(p.store, Grid(30.0, 4, 96, 96, view=2.0), OwnCache(2**24))
    rgb, flow = clips.clip(big, 0.2, UNIT)
    assert rgb.shape == (3, 4, 96, 96) and np.isfinite(rgb).all()
    assert not flow[:, :, :20].any() and rgb[:, :, :20].max() > 0  # colour goes on, motion does not


def test_same_draw_same_view_and_ranges_hold():
    ranges = Augmentation(tempo=0.2, light=0.4, grey=0.5)
    views = [clips.draw(ranges, np.random.default_rng([1, 2, i])) for i in range(300)]
    assert views[5] == clips.draw(ranges, np.random.default_rng([1, 2, 5]))
    assert views[5] != views[6]
    assert max(abs(v.turn) for v in views) <= 10 and min(v.zoom for v in views) >= 0.9
    assert 0.4 < np.mean([v.flip for v in views]) < 0.6
    assert clips.draw(Augmentation(0, 0, 0, 0), np.random.default_rng(0)) == View()


def test_light_reaches_colour_only(tmp_path):
    p, truth = pictures(tmp_path)
    plain = clips.clip(p, middle(truth[0]), UNIT)
    lit = clips.clip(p, middle(truth[0]), UNIT, View(gain=(1.2, 1.0, 0.8), bias=0.1))
    grey = clips.clip(p, middle(truth[0]), UNIT, View(grey=True))
    assert np.array_equal(plain[1], lit[1]) and not np.array_equal(plain[0], lit[0])
    assert lit[0].min() >= 0 and lit[0].max() <= 1
    assert np.array_equal(grey[0][0], grey[0][2])


def test_tempo_and_zoom_change_the_speed_that_is_seen(tmp_path):
    p, truth = pictures(tmp_path)
    for view in (View(tempo=1.5), View(zoom=1.5)):
        _, flow = clips.clip(p, middle(truth[0]), UNIT, view)
        assert moving(flow)[0] == pytest.approx(0.075, abs=0.006)


def test_a_small_cache_gives_the_same_clip(tmp_path):
    p, _truth = pictures(tmp_path, moves=["Right"] * 6)
    tight = Pictures(p.store, GRID, OwnCache(1))
    for at in (0.5, 4.0, 0.5):
        a, b = clips.clip(p, at, UNIT), clips.clip(tight, at, UNIT)
        assert np.array_equal(a[0], b[0]) and np.array_equal(a[1], b[1])
    assert tight.shelf.cache.bytes <= 4096


def test_a_fast_store_is_thinned_to_the_grid_and_a_slow_one_kept():
    fast, slow = np.arange(240) / 120, np.arange(50) / 25
    kept = clips.thinned(fast, 30.0)
    assert np.diff(kept).tolist() == [4] * (len(kept) - 1) and kept[0] == 0
    assert clips.thinned(slow, 30.0).tolist() == list(range(50))
    assert clips.thinned(np.array([0.0]), 30.0).tolist() == [0]


def test_cached_velocities_come_back_as_they_were(tmp_path):
    p, truth = pictures(tmp_path)
    k = truth[0].begin + 3
    expected = np.rint(p.store.velocity(k, k + 1)[0] * clips.UNIT)
    assert np.array_equal(p.at(k)[1], expected.transpose(2, 0, 1)) and expected.any()


def test_at_its_own_scale_a_plain_clip_is_cut_and_not_interpolated(tmp_path):
    """Every pixel of it is a pixel of the archive, and where it lies changes by whole pixels; a turned one is interpolated."""
    made, _ = squares.build(tmp_path / "s", ["Right", "Down"])
    pictures = Pictures(made, Grid(30.0, 9, SIDE, SIDE), OwnCache(2**24)) if (SIDE := made.roi.side) else None
    assert pictures is not None and pictures.exact
    small = Pictures(made, Grid(30.0, 9, 24, 24, view=0.5), OwnCache(2**24))
    assert small.exact and small.size == (48, 48)
    rgb, _ = clips.clip(small, 0.6, UNIT)
    k = int(small.near(np.array([0.6]))[0][0])
    x, y = np.rint(small.centres[k] + 0.5 - 12).astype(int)
    assert np.array_equal(np.rint(rgb[:, 4] * 255), small.at(k)[0][y : y + 24, x : x + 24].transpose(2, 0, 1))
    turned, _ = clips.clip(small, 0.6, UNIT, View(turn=3.0))
    assert not np.array_equal(turned, rgb)
