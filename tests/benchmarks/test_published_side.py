"""The published side of the benchmarks computes what ours computes, so a ratio compares the same work."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from benchmarks.published import clips, frames, motion, network, scan, training
from mlcore import clips as our_clips
from mlcore import flow, networks, store
from mlcore.cache import Cache
from mlcore.formats import RoiTrack
from mlcore.networks import Sizes

SMALL = {"classes": 5, "T": 16, "H": 24, "W": 16, "channels": (4, 6, 8), "fc": 10}
WIDTH, HEIGHT, N, CENTRE = 320, 180, 14, (150, 96)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A textured patch that moves 3 px a picture over a textured ground, as a lossless film and as published files."""
    root = tmp_path_factory.mktemp("published")
    rng = np.random.default_rng(0)
    ground, patch = (cv2.GaussianBlur(rng.integers(0, 256, (h, w, 3)).astype(np.uint8), (0, 0), 1.5) for h, w in ((HEIGHT, WIDTH), (40, 30)))
    film = cv2.VideoWriter(str(root / "film.avi"), cv2.VideoWriter.fourcc(*"FFV1"), 30, (WIDTH, HEIGHT))
    for k in range(N):
        picture = ground.copy()
        picture[70:110, 100 + 3 * k : 130 + 3 * k] = patch
        film.write(picture)
    film.release()
    assert motion.prepare(root / "film.avi", root) == N
    return root


def test_every_picture_has_its_files_and_the_film_ends_where_it_ends(folder: Path) -> None:
    assert frames.count(folder) == N
    assert frames.read(folder, "rgb", 0).shape == (HEIGHT, WIDTH, 3)
    assert np.loadtxt(folder / "values.txt").shape == (N, 6)
    assert np.loadtxt(folder / "roi.txt").shape == (N, 2)
    first = np.load(frames.name(folder, "flow", 0))
    assert first.shape == (2, HEIGHT, WIDTH)
    assert first.dtype == np.float32
    assert not first.any()
    with pytest.raises(ValueError, match="not a video"):
        frames.extract(folder / "absent.mp4", folder / "other")
    with pytest.raises(FileNotFoundError, match="00000014"):
        frames.read(folder, "rgb", N)


def test_its_flow_is_our_deepflow_before_the_mask(folder: Path) -> None:
    before, after = (cv2.cvtColor(frames.read(folder, "rgb", k), cv2.COLOR_BGR2RGB) for k in (4, 5))
    ours = flow.estimator("deepflow")(flow.grey(before), flow.grey(after))
    theirs = np.load(frames.name(folder, "flow", 5)).transpose(1, 2, 0)
    assert np.abs(theirs).max() > 2
    np.testing.assert_array_equal(theirs, ours)


def test_its_values_are_the_maxima_of_the_masked_flow_and_its_region_follows_the_patch(folder: Path) -> None:
    assert np.loadtxt(folder / "values.txt")[6, 0] == pytest.approx(np.abs(motion.masked(folder, 6)[..., 0]).max(), abs=1e-6)
    centres = np.loadtxt(folder / "roi.txt")
    assert np.abs(centres[N // 2] - (115 + 3 * (N // 2), 90)).max() < 20


def as_ours(folder: Path, tmp_path: Path) -> store.Store:
    """The published pictures and masked flow in our store, with one centre at whole pixels."""
    rgb = [cv2.cvtColor(frames.read(folder, "rgb", k), cv2.COLOR_BGR2RGB) for k in range(N)]
    track = RoiTrack(WIDTH, HEIGHT, 120, list(range(N)), [CENTRE[0] / WIDTH] * N, [CENTRE[1] / HEIGHT] * N, ["manual"] * N)
    vectors = [motion.masked(folder, k) for k in range(N)]
    return store.build(tmp_path / "store", rgb, vectors, [k / 120 for k in range(N)], list(range(N)), roi=track)


@pytest.mark.parametrize("flip", [False, True])
def test_its_clip_is_ours(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flip: bool) -> None:
    opened = as_ours(folder, tmp_path)
    monkeypatch.setattr(clips.np, "loadtxt", lambda *_, **__: np.tile(np.array(CENTRE, float), (N, 1)))
    normal = (np.array([4, 3], np.float32), np.array([1, 0.5], np.float32))
    rgb, vectors = clips.load(folder, 2, normal, clips.Change(flip=flip) if flip else None, length=8)
    pictures = our_clips.Pictures(opened, our_clips.Grid(120, 8, 120, 120), Cache(tmp_path / "cache", 2**28))
    view = our_clips.View(flip=flip)
    ours = our_clips.clip(pictures, 5.5 / 120, our_clips.Normalisation((4.0, 3.0), (1.0, 0.5)), view)
    assert rgb.shape == ours[0].shape == (3, 8, 120, 120)
    assert np.abs(vectors).max() > 0.2
    # half a step of 1/64 px; our pictures are kept as JPEG of quality 95
    assert np.abs(vectors - ours[1]).max() < 0.02
    assert np.abs(rgb[::-1] - ours[0]).mean() < 0.02
    assert np.corrcoef(rgb[::-1].ravel(), ours[0].ravel())[0, 1] > 0.99


def test_vectors_turn_with_the_pixels() -> None:
    picture, vectors = np.zeros((HEIGHT, WIDTH, 3), np.float32), np.zeros((HEIGHT, WIDTH, 2), np.float32)
    picture[88:93, 60:260] = 1  # a bar along x, and the motion along it
    vectors[..., 0] = 1
    turned, moved, _ = clips.changed(picture, vectors, (160, 90), clips.Change(turn=10, zoom=1.1))
    rows, columns = np.nonzero(turned[..., 0] > 0.5)
    slope = np.polyfit(columns, rows, 1)[0]
    u, v = moved[99, 176]
    assert v / u == pytest.approx(slope, abs=0.02)
    assert np.hypot(u, v) == pytest.approx(1.1, abs=0.01)


def test_crops_and_begins_stay_inside() -> None:
    assert clips.crop_box((310, 2), 320, 180) == (slice(0, 120), slice(200, 320))
    rng = np.random.default_rng(0)
    assert clips.begin_of(10, 60, 400) == 0
    begins = [clips.begin_of(100, 260, 400, rng) for _ in range(200)]
    assert min(begins) >= 100 and max(begins) <= 160
    assert len(set(begins)) > 10


@pytest.mark.parametrize("form", [{}, {"attention": True}, {"context": True}])
def test_same_weights_same_logits_as_ours(form: dict[str, bool]) -> None:
    sizes = Sizes(**{**SMALL, "T": 24}, attention="attention" in form, temporal_padding=0 if "context" in form else 1)
    ours = networks.build(sizes, seed=1).eval()
    theirs = network.Twin(5, (24, 24, 16), (4, 6, 8), 10, **form).eval()
    assert set(theirs.state_dict()) == set(ours.state_dict())
    theirs.load_state_dict(ours.state_dict())
    rgb, vectors = torch.rand(2, 3, 24, 24, 16), torch.rand(2, 2, 24, 24, 16) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(theirs(rgb, vectors), ours(rgb, vectors), rtol=1e-4, atol=1e-6)


def test_the_network_of_published_size() -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in network.Twin().parameters()) == 221_611_811


def test_windows_are_scanned_one_by_one_and_the_rules_decide() -> None:
    net = network.Twin(5, (16, 24, 16), (4, 6, 8), 10)
    rng = np.random.default_rng(1)
    rgb, vectors = rng.random((3, 40, 24, 16), np.float32), rng.random((2, 40, 24, 16), np.float32)
    asked: list[int] = []

    def load(begin: int) -> tuple[np.ndarray, np.ndarray]:
        asked.append(begin)
        return rgb[:, begin : begin + 16], vectors[:, begin : begin + 16]

    found = scan.windows(net, load, range(0, 25, 8), batch=3)
    assert asked == [0, 8, 16, 24]
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    with torch.no_grad():
        one = torch.softmax(net(*(torch.from_numpy(x[None, :, 8:24]) for x in (rgb, vectors))), 1)
    np.testing.assert_allclose(found[1], one[0], atol=1e-6)
    curve = np.array([[0.6, 0.4, 0], [0.6, 0.4, 0], [0.0, 0.4, 0.6], [0.6, 0.4, 0], [0, 1, 0.0], [0, 1, 0.0]])
    assert [scan.decide(curve, rule) for rule in ("centre", "vote", "mean", "gaussian")] == [0, 0, 1, 1]
    with pytest.raises(ValueError, match="median"):
        scan.decide(curve, "median")


def test_the_recipe_learns_restarts_from_its_best_state_and_keeps_it() -> None:
    torch.manual_seed(0)
    net = network.Twin(2, (8, 8, 8), (4, 6), 8)
    net.linear.weight.data *= 6  # so small a bilinear form begins too flat to learn within seconds
    rgb, vectors = torch.rand(8, 3, 8, 8, 8), torch.rand(8, 2, 8, 8, 8)
    labels = torch.arange(8) % 2
    rgb[labels == 1] += 1.5
    batch, begun = (rgb, vectors, labels), []

    def train(epoch: int) -> list[training.Batch]:
        begun.append(net.linear.weight.detach().clone())
        return [batch] * 10

    # from epoch 15 on the validation contradicts the training, and nothing is ever better again
    course = training.fit(net, train, lambda epoch: [(rgb, vectors, labels if epoch < 15 else 1 - labels)], 36, patience=4)
    best = [min(range(k + 1), key=course.validation.__getitem__) for k in course.restarts]
    assert course.validation[course.best] < course.validation[0] * 0.7
    assert course.best < 15 and len(course.restarts) >= 5
    assert all(torch.equal(begun[k + 1], begun[b + 1]) for k, b in zip(course.restarts, best))
    assert not any(torch.equal(begun[k + 1], begun[k]) for k in course.restarts)
    assert [course.lr[0], *(course.lr[k + 1] for k in course.restarts)][:5] == pytest.approx([1e-2, 1e-3, 1e-4, 1e-5, 1e-2])
    assert training.evaluated(net, [batch]) == pytest.approx(course.validation[course.best], rel=1e-5)
