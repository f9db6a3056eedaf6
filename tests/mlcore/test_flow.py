"""Flow sees known motion, the mask keeps what moves, and the statistics are the published ones, never NaN."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mlcore import flow
from mlcore.progress import StepError


def texture(height: int = 96, width: int = 128, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width)).astype(np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX)


@pytest.mark.parametrize("method", sorted(flow.METHODS))
def test_a_shift_is_measured(method: str) -> None:
    before = texture()
    after = np.roll(before, (2, 3), axis=(0, 1))
    found = flow.estimator(method)(before, after)
    assert found.shape == (96, 128, 2)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.median(found[16:-16, 16:-16], axis=(0, 1)), (3, 2), atol=0.15)


@pytest.mark.parametrize("method", sorted(flow.compared()))
def test_every_other_estimator_of_the_library_is_there_to_compare_with(method: str) -> None:
    before = texture()
    found = flow.compared()[method]()(before, np.roll(before, (1, 2), axis=(0, 1)))
    assert found.shape == (96, 128, 2)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.median(found[16:-16, 16:-16], axis=(0, 1)), (2, 1), atol=0.5)
    assert method not in flow.METHODS


def test_dis_does_not_depend_on_the_number_of_threads() -> None:
    before = texture(180, 320)
    after = np.roll(texture(180, 320), 4, axis=1)
    results = []
    for threads in (1, 4):
        cv2.setNumThreads(threads)
        results.append(flow.estimator("dis")(before, after))
    assert np.array_equal(*results)


def test_an_estimator_has_no_memory() -> None:
    a, b, c = texture(seed=1), np.roll(texture(seed=1), 2, axis=1), texture(seed=2)
    used = flow.estimator("dis")
    used(a, c)
    assert np.array_equal(used(a, b), flow.estimator("dis")(a, b))


@pytest.mark.parametrize("call", [flow.estimator, flow.versions])
def test_an_unknown_method_is_named(call: object) -> None:
    with pytest.raises(StepError) as refused:
        call("tvl1")  # type: ignore[operator]
    assert refused.value.code == "unknown_flow"
    assert refused.value.params == {"method": "tvl1", "known": "dis, dis-fast, dis-ultrafast, deepflow, farneback"}


def test_versions_tell_methods_and_library_apart() -> None:
    assert flow.versions("dis")["opencv"] == cv2.__version__
    assert len({str(flow.versions(method)) for method in flow.METHODS}) == len(flow.METHODS)


def test_only_what_moves_is_foreground() -> None:
    random = np.random.default_rng(0)
    back = np.stack([texture(64, 96)] * 3, axis=2) // 2 + 40

    def picture(x: int | None) -> np.ndarray:
        rgb = np.clip(back.astype(np.int16) + random.integers(-2, 3, back.shape), 0, 255).astype(np.uint8)
        if x is not None:
            rgb[20:40, x : x + 20] = 250
        return rgb

    model = flow.Foreground(30, [picture(None) for _ in range(60)])
    assert model.mask(picture(None)).sum() == 0
    for x in (10, 20, 30):
        mask = model.mask(picture(x))
    assert mask[20:40, 30:50].mean() == 1
    assert mask[19:41, 29:51].mean() == 1, "dilated by one pixel"
    mask[18:42, 28:52] = 0
    assert mask.sum() == 0


def test_masked_flow_is_zero_outside_and_blurred_inside() -> None:
    vectors = np.zeros((9, 9, 2), np.float32)
    vectors[4, 4] = (16, -16)
    mask = np.zeros((9, 9), np.uint8)
    mask[4, 3:5] = 1
    out = flow.masked(vectors, mask)
    assert out[4, 4].tolist() == [4, -4]
    assert out[4, 3].tolist() == [2, -2]
    assert np.count_nonzero(out) == 4


def test_statistics_are_of_the_maxima_above_five_pixels() -> None:
    strong = np.array([6, 8, 10, 12, 14, 16, 18, 20.0])
    maxima = np.concatenate([np.stack([strong, 2 * strong], axis=1), np.full((100, 2), 4.9)])
    found = flow.normalisation(maxima)
    assert found["mean"] == pytest.approx([13, 26])
    assert found["std"] == pytest.approx([strong.std(), 2 * strong.std()])


def test_statistics_of_calm_videos_lower_the_threshold() -> None:
    maxima = np.stack([np.full(20, 2.0), np.full(20, 0.0)], axis=1)
    assert flow.normalisation(maxima) == {"mean": [2.0, 1.0], "std": [0.0, 0.0]}


@pytest.mark.parametrize("maxima", [np.zeros((0, 2)), np.full((50, 2), np.nan), np.zeros((5, 2))])
def test_statistics_are_never_nan(maxima: np.ndarray) -> None:
    found = flow.normalisation(maxima)
    assert np.isfinite([*found["mean"], *found["std"]]).all()
    assert np.isfinite(flow.normalise(np.ones((3, 2), np.float32), found)).all()


def test_normalised_velocity_is_scaled_by_component_and_clipped() -> None:
    out = flow.normalise(np.array([[5, 5], [-50, 4]], np.float32), {"mean": [7, 2], "std": [1, 1]})
    np.testing.assert_allclose(out, [[0.5, 1], [-1, 0.8]])
