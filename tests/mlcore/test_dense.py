"""One dense pass over a video equals its windows one by one."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from mlcore import clips, dense, networks, pose
from mlcore.cache import OwnCache
from mlcore.clips import Grid, Normalisation, Pictures
from mlcore.networks import Net, Sizes
from mlcore.progress import StepError
from tests.mlcore import squares

NORMAL = Normalisation((0.3, 0.3), (0.2, 0.2))
SMALL = Sizes(4, T=46, H=24, W=24, channels=(4, 6, 8), fc=12, temporal_padding=0)


def net_of(sizes: Sizes, seed: int = 1) -> Net:
    """A net with strong first weights and norms as if it had learnt, so that windows differ."""
    net = networks.build(sizes, seed=seed).eval()
    generator = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm3d):
            for tensor, low in ((module.weight, -1.0), (module.bias, -0.5), (module.running_mean, -0.2), (module.running_var, 0.5)):
                tensor.data.copy_(low + 1.5 * torch.rand(tensor.shape, generator=generator))
    with torch.no_grad():
        for name, tensor in net.named_parameters():
            if name.startswith(("conv", "linear")) and name.endswith("weight"):
                tensor.mul_(3)
    return net


def pictures_of(tmp_path, sizes: Sizes, moves=("Right", "Up", "Down")) -> Pictures:
    made, _ = squares.build(tmp_path / "film", list(moves), rate=30.0)
    return Pictures(made, Grid(30.0, sizes.T, sizes.H, sizes.W), OwnCache(2**26))


def one_by_one(net: Net, pictures: Pictures, at, wanted=torch.float32):
    """Probabilities and vectors of `clips.clip` at each tick, through the net's own forward pass."""
    out, vectors = [], []
    with torch.inference_mode():
        for k in at:
            inputs = [torch.from_numpy(x)[None] for x in clips.clip(pictures, k / pictures.grid.rate, NORMAL)]
            if "Pose" in net.streams:
                inputs.append(torch.from_numpy(pose.clip(pictures, k / pictures.grid.rate))[None])
            found = net.vectors(*inputs)
            vectors.append(torch.cat(found, 1))
            out.append(torch.softmax(net.head(found), 1))
    return torch.cat(out).numpy(), torch.cat(vectors).numpy()


def softmax(logits):
    return torch.softmax(torch.from_numpy(logits), 1).numpy()


@pytest.mark.parametrize("stride", [1, 2, 3, 4, 8])
def test_dense_equals_windows_at_every_stride(tmp_path, stride):
    net, pictures = net_of(SMALL), pictures_of(tmp_path, SMALL)
    found = dense.scan(net, pictures, NORMAL, 3, 60, stride=stride)
    assert found.at.tolist() == list(range(3, 60, stride))
    p, vectors = one_by_one(net, pictures, found.at)
    assert np.abs(softmax(found.logits) - p).max() < 1e-5
    assert np.abs(found.vectors - vectors).max() < 1e-4 * np.abs(vectors).max()
    assert p.std(0).max() > 0.02  # the windows do differ


@pytest.mark.parametrize("windows", [False, True])
def test_a_stride_beyond_the_window_skips_what_nobody_sees(tmp_path, windows, monkeypatch):
    monkeypatch.setattr(dense, "HEAD", 3)
    net, pictures = net_of(SMALL), pictures_of(tmp_path, SMALL)
    found = dense.scan(net, pictures, NORMAL, -100, 300, stride=56, windows=windows, batch=2, block=8)
    p, _ = one_by_one(net, pictures, found.at)
    assert len(p) == 8 and np.abs(softmax(found.logits) - p).max() < 1e-5


FORMS = {
    "plain": {}, "norm": {"norm": True}, "affine": {"affine": True}, "stem": {"stem": 2}, "all": {"norm": True, "affine": True, "stem": 2, "dropout": 0.3},
    "rgb": {"branches": "rgb"}, "flow": {"branches": "flow", "norm": True}, "pools": {"pools": ((1, 2), (2, 2), (3, 1)), "T": 32},
    "odd": {"T": 51}, "two stages": {"channels": (5, 7), "pools": ((2, 2), (2, 3)), "T": 30}}  # fmt: skip


@pytest.mark.parametrize("stride", [1, 8])
@pytest.mark.parametrize("form", FORMS)
def test_dense_equals_windows_in_every_form(tmp_path, form, stride):
    sizes = Sizes.parse({**SMALL.body(), **FORMS[form]})
    net, pictures = net_of(sizes), pictures_of(tmp_path, sizes)
    found = dense.scan(net, pictures, NORMAL, 20, 50, stride=stride)
    p, vectors = one_by_one(net, pictures, found.at)
    assert np.abs(softmax(found.logits) - p).max() < 1e-5
    assert np.abs(found.vectors - vectors).max() < 1e-4 * np.abs(vectors).max()
    assert p.std(0).max() > 0.001


@pytest.mark.parametrize(("stride", "block"), [(1, 1), (1, 7), (2, 13), (8, 8), (8, 5), (4, 1000)])
def test_blocks_leave_no_trace_also_beyond_the_videos_ends(tmp_path, stride, block, monkeypatch):
    monkeypatch.setattr(dense, "HEAD", 5)
    monkeypatch.setattr(dense, "CACHED_BYTES", 60_000)  # a few positions
    net, pictures = net_of(SMALL), pictures_of(tmp_path, SMALL, ("Right",))
    last = pictures.store.n + 10
    found = dense.scan(net, pictures, NORMAL, -10, last, stride=stride, block=block)
    assert found.at.tolist() == list(range(-10, last, stride))
    p, _ = one_by_one(net, pictures, found.at)
    assert np.abs(softmax(found.logits) - p).max() < 1e-5


OTHERS = {"padded": {"temporal_padding": 1, "T": 32}, "attention": {"attention": True}, "padded attention": {"attention": True, "temporal_padding": 1, "T": 32},
          "padded, norm, stem": {"temporal_padding": 1, "T": 33, "norm": True, "stem": 2, "affine": True}}  # fmt: skip


@pytest.mark.parametrize("stride", [3, 4])
@pytest.mark.parametrize("form", OTHERS)
def test_other_nets_are_scanned_window_by_window(tmp_path, form, stride):
    sizes = Sizes.parse({**SMALL.body(), **OTHERS[form]})
    assert not dense.exact(sizes) and dense.exact(SMALL)
    net, pictures = net_of(sizes), pictures_of(tmp_path, sizes)
    found = dense.scan(net, pictures, NORMAL, 20, 40, stride=stride, batch=3)
    p, vectors = one_by_one(net, pictures, found.at)
    assert np.abs(softmax(found.logits) - p).max() < 1e-5
    assert np.abs(found.vectors - vectors).max() < 1e-4 * np.abs(vectors).max()


def test_padding_makes_windows_their_own(tmp_path):
    """Why padded nets may not take the dense road: the same weights without padding give other numbers."""
    padded = Sizes.parse({**SMALL.body(), "temporal_padding": 1, "T": 32})
    assert padded.context() == SMALL
    net, other = net_of(padded), net_of(SMALL)
    other.load_state_dict(net.state_dict())
    p = softmax(dense.scan(net, pictures_of(tmp_path, padded), NORMAL, 20, 60, stride=8).logits)
    q = softmax(dense.scan(other, pictures_of(tmp_path, SMALL), NORMAL, 20, 60, stride=8).logits)
    assert np.abs(p - q).max() > 1e-3


def test_both_roads_agree_and_the_share_done_rises(tmp_path):
    net, pictures = net_of(SMALL), pictures_of(tmp_path, SMALL)
    told: list[float] = []
    one = dense.scan(net, pictures, NORMAL, 0, 40, stride=2, tell=told.append)
    two = dense.scan(net, pictures, NORMAL, 0, 40, stride=2, windows=True)
    assert np.abs(softmax(one.logits) - softmax(two.logits)).max() < 1e-5
    assert told == sorted(told) and told[-1] == 1.0
    assert one.vectors.shape == (20, 24) and one.logits.dtype == one.vectors.dtype == np.float32


@pytest.mark.parametrize("branches", ["pose", "three"])
def test_poses_are_scanned_with_the_pictures(tmp_path, branches):
    sizes = Sizes.parse({**SMALL.body(), "branches": branches, "norm": True})
    net, pictures = net_of(sizes), pictures_of(tmp_path, sizes)
    rng = np.random.default_rng(0)
    joints = np.concatenate([rng.uniform(0.3, 0.7, (pictures.store.n, 13, 2)), rng.uniform(0, 1, (pictures.store.n, 13, 1))], 2)
    pose.Poses(list(range(pictures.store.n)), [0.9] * pictures.store.n, joints.tolist()).write(pictures.store.folder / "pose.json")
    for stride in (1, 4):
        found = dense.scan(net, pictures, NORMAL, 20, 40, stride=stride)
        p, _ = one_by_one(net, pictures, found.at)
        assert np.abs(softmax(found.logits) - p).max() < 1e-5
        assert p.std(0).max() > 0.001


def test_bf16_stays_close(tmp_path):
    for changes in ({}, {"attention": True, "temporal_padding": 1, "T": 32}):
        sizes = Sizes.parse({**SMALL.body(), **changes})
        net, pictures = net_of(sizes), pictures_of(tmp_path, sizes)
        exact, half = (dense.scan(net, pictures, NORMAL, 20, 60, stride=8, precision=p) for p in ("float32", "bf16"))
        difference = np.abs(softmax(exact.logits) - softmax(half.logits)).max()
        assert 0 < difference < 0.02


def test_a_machine_without_onednn_gives_the_same(tmp_path, monkeypatch):
    net, pictures = net_of(SMALL), pictures_of(tmp_path, SMALL)
    one = dense.scan(net, pictures, NORMAL, 0, 40, stride=2)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    two = dense.scan(net, pictures, NORMAL, 0, 40, stride=2)
    assert np.abs(softmax(one.logits) - softmax(two.logits)).max() < 1e-5


@pytest.mark.slow
def test_openvino_gives_the_same_attention(tmp_path):
    pytest.importorskip("openvino")
    sizes = Sizes.parse({**SMALL.body(), "attention": True, "branches": "flow", "channels": (4,), "pools": ((2, 2),), "T": 10})
    net, pictures = net_of(sizes), pictures_of(tmp_path, sizes)
    one = dense.scan(net, pictures, NORMAL, 20, 30, stride=3)
    two = dense.scan(net, pictures, NORMAL, 20, 30, stride=3, openvino=True)
    assert np.abs(softmax(one.logits) - softmax(two.logits)).max() < 1e-5


def test_openvino_that_is_missing_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    sizes = Sizes.parse({**SMALL.body(), "attention": True})
    with pytest.raises(StepError, match="no_openvino"):
        dense.scan(net_of(sizes), pictures_of(tmp_path, sizes), NORMAL, 20, 21, stride=1, openvino=True)


def test_sizes_that_are_not_the_grids_are_refused(tmp_path):
    pictures = pictures_of(tmp_path, SMALL)
    other = networks.build(Sizes.parse({**SMALL.body(), "T": 54}), seed=0)
    with pytest.raises(ValueError, match="T=54"):
        dense.scan(other, pictures, NORMAL, 0, 10, stride=1)
    for wrong in ({"stride": 0}, {"stride": 1, "precision": "int8"}):
        with pytest.raises(ValueError):
            dense.scan(net_of(SMALL), pictures, NORMAL, 0, 10, **wrong)


def test_memory_is_bounded_by_the_block(tmp_path):
    """No more positions are kept between blocks than the windows in hand need."""
    net, pictures = net_of(SMALL), pictures_of(tmp_path, SMALL, ("Right", "Up") * 6)
    seen = []
    keep = dense._windowed

    def watched(x, *rest):
        seen.append(x.shape[2])
        return keep(x, *rest)

    dense._windowed = watched
    try:
        dense.scan(net, pictures, NORMAL, 0, 400, stride=1, block=16)
    finally:
        dense._windowed = keep
    assert max(seen) <= dense.HEAD + 3 * 8 + 2 * 16 + 1
