"""The region follows the published formula, moves smoothly in seconds, stays in the picture and obeys a person."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlcore import roi
from mlcore.progress import StepError

WIDTH, HEIGHT = 320, 180


def still(n: int = 121, x: float = 160, y: float = 90) -> np.ndarray:
    return np.tile(np.array([[x, y]], np.float32), (n, 1))


def track(centres: np.ndarray, corrections: list[dict[str, Any]] | None = None, rate: float = 30) -> Any:
    n = len(centres)
    seconds, ordinals = (np.arange(n) / rate).tolist(), [4 * k for k in range(n)]
    return roi.track(centres, seconds, ordinals, WIDTH, HEIGHT, corrections or [])


def test_the_centre_is_six_tenths_strongest_and_four_tenths_centroid() -> None:
    flow = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    flow[80, 100:201] = (1, 0)
    flow[100, 150] = (-3, 4)
    count = 101 + 1
    x_centroid, y_centroid = (np.arange(100, 201).sum() + 150) / count, (80 * 101 + 100) / count
    expected = (0.6 * 150 + 0.4 * x_centroid, 0.6 * 100 + 0.4 * y_centroid)
    assert roi.centre(flow) == pytest.approx(expected)


def test_both_points_are_clamped_before_they_are_mixed() -> None:
    flow = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    flow[:, 0:2] = 1
    flow[10, 0] = 9
    x, y = roi.centre(flow)
    assert x == 60
    assert y == pytest.approx(0.6 * 60 + 0.4 * 89.5, abs=0.1)


def test_strength_does_not_overflow_small_integers() -> None:
    steps = np.zeros((HEIGHT, WIDTH, 2), np.int16)
    steps[90, 200] = (-32768, -32768)
    steps[90, 100] = (100, 0)
    assert roi.centre(steps)[0] == pytest.approx(0.6 * 200 + 0.4 * 150)


def test_no_motion_has_no_centre_and_holds_the_one_before() -> None:
    assert np.isnan(roi.centre(np.zeros((HEIGHT, WIDTH, 2), np.float32))).all()
    centres = np.full((90, 2), np.nan, np.float32)
    centres[30] = (100, 80)
    found = track(centres)
    assert set(found.x) == {round(100 / WIDTH, 5)}
    assert set(track(np.full((9, 2), np.nan, np.float32)).x) == {0.5}


def test_smoothing_is_a_third_of_a_second_at_every_rate() -> None:
    widths = []
    for rate in (30, 60, 120, 240):
        centres = still(2 * rate + 1)
        centres[rate:, 0] = 200  # a jump after one second
        x = np.array(track(centres, rate=rate).x) * WIDTH
        times = np.arange(len(x)) / rate
        moving = times[(x > 160.5) & (x < 199.5)]
        widths.append(moving[-1] - moving[0])
        assert x[times < 1 - 1 / 6 - 1 / rate] == pytest.approx(160, abs=0.01)
    assert max(widths) - min(widths) <= 2 / 30
    assert 0.1 < widths[-1] < 1 / 3


def test_the_published_kernel_at_120_hertz() -> None:
    impulse = np.zeros((241, 2))
    impulse[120] = 1
    kernel = roi.smoothed(impulse, 120)[100:141, 0]
    assert kernel.sum() == pytest.approx(1)
    assert np.count_nonzero(roi.smoothed(impulse, 120)[:, 0]) == 41
    assert kernel[20] / kernel[26] == pytest.approx(np.exp(0.5 * (6 / 6.5) ** 2))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_very_short_videos_have_a_track(n: int) -> None:
    assert len(track(still(n)).x) == n


def test_the_region_is_bounded_by_a_small_picture() -> None:
    found = roi.track(still(3, 50, 80), [0, 0.1, 0.2], [0, 1, 2], 90, 160)
    assert (found.side, found.width, found.height) == (90, 90, 160)
    assert set(found.x) == {0.5}


def test_one_correction_shifts_the_track_and_fades_over_two_seconds() -> None:
    found = track(still(301), [{"frame": 600, "x": 0.3, "y": 0.4}])  # picture 150, second 5
    assert (found.x[150], found.y[150]) == (0.3, 0.4)
    assert found.x[180] == pytest.approx(0.5 - 0.2 / 2)
    assert found.x[120] == pytest.approx(0.5 - 0.2 / 2)
    assert (found.x[89], found.x[211]) == (0.5, 0.5)
    assert [found.source[k] for k in (89, 91, 150, 209, 211)] == ["flow", "manual", "manual", "manual", "flow"]


def test_between_near_corrections_the_centre_moves_in_a_line() -> None:
    found = track(still(301), [{"frame": 600, "x": 0.6, "y": 0.5}, {"frame": 120, "x": 0.2, "y": 0.5}])
    assert (found.x[30], found.x[90], found.x[150]) == pytest.approx((0.2, 0.4, 0.6))
    assert set(found.source[30:151]) == {"manual"}


def test_between_distant_corrections_flow_decides() -> None:
    found = track(still(901), [{"frame": 120, "x": 0.2, "y": 0.5}, {"frame": 3000, "x": 0.6, "y": 0.5}])
    assert (found.x[30], found.x[400], found.x[750]) == (0.2, 0.5, 0.6)
    assert found.source[400] == "flow"


def test_a_correction_cannot_push_the_region_out_of_the_picture() -> None:
    found = track(still(), [{"frame": 40, "x": 0.0, "y": 1.0}])
    assert found.x[10] == pytest.approx(60 / WIDTH, abs=1e-5)
    assert found.y[10] == pytest.approx(120 / HEIGHT, abs=1e-5)


@pytest.mark.parametrize("bad", [[{"frame": 1, "x": 0.5}], [{"frame": "a", "x": 0, "y": 0}], [3], {"frame": 1}, None,
                                 [{"frame": -1, "x": 0.5, "y": 0.5}], [{"frame": 1, "x": 1.5, "y": 0.5}],
                                 [{"frame": 1, "x": float("nan"), "y": 0.5}]])
def test_corrections_that_are_none_are_refused(bad: Any) -> None:
    with pytest.raises(StepError) as refused:
        roi.checked(bad)
    assert refused.value.code == "bad_corrections"


def test_a_boxed_track_is_the_mean_over_its_length() -> None:
    seconds = np.sort(np.random.default_rng(0).uniform(0, 4, 200))
    values = np.random.default_rng(1).uniform(0, 1, (200, 2))
    found = roi.boxed(values, seconds, 0.8)
    for k in (0, 3, 90, 150, 199):
        moments = np.linspace(seconds[k] - 0.4, seconds[k] + 0.4, 20001)
        expected = [np.interp(moments, seconds, column).mean() for column in values.T]
        assert found[k] == pytest.approx(expected, abs=1e-3)
    assert roi.boxed(values[:1], seconds[:1], 0.8).tolist() == values[:1].tolist()


@pytest.mark.parametrize("rate", [30, 120, 240])
def test_a_boxed_jump_becomes_a_ramp_of_that_length_at_every_rate(rate: int) -> None:
    seconds = np.arange(4 * rate) / rate
    values = np.where(seconds < 2, 100.0, 160.0)[:, None].repeat(2, axis=1)
    found = roi.boxed(values, seconds, 0.8)[:, 0]
    assert np.diff(found).max() <= 60 / 0.8 / rate + 1e-9
    assert np.interp([1.5, 1.8, 2.0, 2.2, 2.5], seconds, found) == pytest.approx([100, 115, 130, 145, 160], abs=2)
