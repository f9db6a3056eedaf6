"""The networks of CRISP by their published sizes and names."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mlcore.networks import Attention, Net, Residual, Sizes, build
from mlcore.progress import StepError

SMALL = {"classes": 5, "T": 16, "H": 16, "W": 16, "channels": (4, 6, 8), "fc": 10}


def clips(sizes: Sizes, n: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return (torch.rand(n, 3, sizes.T, sizes.H, sizes.W, generator=generator), torch.rand(n, 2, sizes.T, sizes.H, sizes.W, generator=generator))


def poses(sizes: Sizes, n: int = 2) -> torch.Tensor:
    return torch.rand(n, 42, sizes.T, generator=torch.Generator().manual_seed(5))


# The papers' formulas once more in numpy, float64, one sample at a time: x is (C, T, H, W), state a state dict as arrays.


def convolution(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None = None, padding: int = 0) -> np.ndarray:
    x = np.pad(x, ((0, 0), *[(padding, padding)] * 3))
    k = weight.shape[2]
    t, h, w = (size - k + 1 for size in x.shape[1:])
    out = np.zeros((len(weight), t, h, w))
    for i, j, l in np.ndindex(k, k, k):
        out += np.einsum("oc,cthw->othw", weight[:, :, i, j, l], x[:, i : i + t, j : j + h, l : l + w])
    return out if bias is None else out + bias[:, None, None, None]


def halved(x: np.ndarray) -> np.ndarray:
    c, t, h, w = (x.shape[0], *(size // 2 for size in x.shape[1:]))
    return x[:, : 2 * t, : 2 * h, : 2 * w].reshape(c, t, 2, h, 2, w, 2).max((2, 4, 6))


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def softmax_of(x: np.ndarray) -> np.ndarray:
    return np.exp(x - x.max()) / np.exp(x - x.max()).sum()


def reference_twin(state: dict[str, np.ndarray], rgb: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Logits (classes,): three times convolution, ReLU, pooling; linear, ReLU; bilinear."""
    vectors = {}
    for stream, x in (("RGB", rgb), ("Flow", flow)):
        for stage in (1, 2, 3):
            x = halved(relu(convolution(x, state[f"conv{stage}_{stream}.weight"], state[f"conv{stage}_{stream}.bias"], padding=1)))
        vectors[stream] = relu(state[f"linear_{stream}.weight"] @ x.reshape(-1) + state[f"linear_{stream}.bias"])
    return np.einsum("i,kij,j->k", vectors["RGB"], state["linear.weight"], vectors["Flow"]) + state["linear.bias"]


def reference_attention(state: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    """Residual attention as its description reads; `state` by the names of `networks.Attention`."""

    def norm(y: np.ndarray, name: str) -> np.ndarray:
        weight, bias, mean, var = (state[f"{name}.{part}"][:, None, None, None] for part in ("weight", "bias", "running_mean", "running_var"))
        return (y - mean) / np.sqrt(var + 1e-5) * weight + bias

    def residual(y: np.ndarray, name: str) -> np.ndarray:
        z = convolution(relu(norm(y, f"{name}.bn1")), state[f"{name}.conv1.weight"])
        z = convolution(relu(norm(z, f"{name}.bn2")), state[f"{name}.conv2.weight"], padding=1)
        return y + convolution(relu(norm(z, f"{name}.bn3")), state[f"{name}.conv3.weight"])

    def pool(y: np.ndarray) -> np.ndarray:
        y = np.pad(y, ((0, 0), *[(1, 1)] * 3), constant_values=-np.inf)
        windows = np.lib.stride_tricks.sliding_window_view(y, (3, 3, 3), axis=(1, 2, 3))
        return windows[:, ::2, ::2, ::2].max((4, 5, 6))

    def grow(y: np.ndarray, like: np.ndarray) -> np.ndarray:
        for axis in (1, 2, 3):
            n, m = y.shape[axis], like.shape[axis]
            at = np.linspace(0, n - 1, m)
            matrix = np.stack([np.interp(at, np.arange(n), row) for row in np.eye(n)], 1)  # (m, n)
            y = np.moveaxis(np.tensordot(matrix, y, (1, axis)), 0, axis)
        return y

    x = residual(x, "first")
    b1 = residual(pool(x), "down1")
    b2 = residual(pool(b1), "down2")
    b3 = residual(residual(pool(b2), "down3.0"), "down3.1")
    u = residual(grow(b3, b2) + residual(b2, "skip2"), "up3")
    u = residual(grow(u, b1) + residual(b1, "skip1"), "up2")
    u = convolution(relu(norm(grow(u, x), "mask.0")), state["mask.2.weight"])
    mask = 1 / (1 + np.exp(-convolution(relu(norm(u, "mask.3")), state["mask.5.weight"])))
    return residual((1 + mask) * residual(residual(x, "trunk.0"), "trunk.1"), "last")


def in_doubles(module: torch.nn.Module) -> dict[str, np.ndarray]:
    return {name: value.double().numpy() for name, value in module.state_dict().items()}


@pytest.mark.parametrize("sizes", [Sizes(**SMALL), Sizes(21, H=16, W=16)], ids=["small", "published layers"])
def test_the_twin_computes_what_the_paper_says(sizes):
    net = build(sizes, seed=6).eval()
    with torch.no_grad():
        net.linear.weight.mul_(10)  # logits that are more than their bias
        rgb, flow = clips(sizes, 1)
        found = net(rgb, flow)[0].double().numpy()
    expected = reference_twin(in_doubles(net), rgb[0].double().numpy(), flow[0].double().numpy())
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()
    assert np.std(expected - in_doubles(net)["linear.bias"]) > 1e-3
    assert softmax_of(found) == pytest.approx(softmax_of(expected), abs=1e-5)


@pytest.mark.parametrize("shape", [(9, 12, 15), (8, 6, 6)])
def test_attention_computes_what_the_paper_says(shape):
    torch.manual_seed(8)
    block = Attention(6).eval()
    for module in block.modules():
        if isinstance(module, torch.nn.BatchNorm3d):  # as if trained
            for tensor, low in ((module.weight, 0.5), (module.bias, -0.5), (module.running_mean, -0.5), (module.running_var, 0.5)):
                tensor.data.uniform_(low, low + 1)
        elif isinstance(module, torch.nn.Conv3d):
            module.weight.data.mul_(2)
    x = torch.randn(1, 6, *shape)
    with torch.no_grad():
        found = block(x)[0].double().numpy()
    expected = reference_attention(in_doubles(block), x[0].double().numpy())
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


def test_pooling_before_relu_gives_the_same_bits():
    sizes = Sizes(**SMALL)
    net = build(sizes, seed=1).eval()
    x, y = clips(sizes)[0], clips(sizes)[0]
    with torch.no_grad():
        for stage in (1, 2, 3):
            y = F.max_pool3d(F.relu(net.get_submodule(f"conv{stage}_RGB")(y)), 2)
        assert torch.equal(net.features(x, "RGB"), y)
        assert y.min() == 0 < y.max()


def count(net: Net) -> int:
    return sum(p.numel() for p in net.parameters())


def test_published_twin_has_published_size_and_names():
    net = build(Sizes(21), device="meta")
    assert count(net) == 221_611_811
    names = {f"{layer}_{stream}.{kind}" for layer in ("conv1", "conv2", "conv3", "linear") for stream in ("RGB", "Flow") for kind in ("weight", "bias")}
    assert set(net.state_dict()) == names | {"linear.weight", "linear.bias"}
    assert net.get_parameter("conv1_Flow.weight").shape == (30, 2, 3, 3, 3)
    assert net.get_parameter("linear_RGB.weight").shape == (500, 216_000)


@pytest.mark.parametrize(("branches", "channels"), [("rgb", 3), ("flow", 2)])
def test_one_branch_has_published_names(branches, channels):
    net = build(Sizes(21, branches=branches), device="meta")
    assert set(net.state_dict()) == {f"{n}.{k}" for n in ("conv1", "conv2", "conv3", "linear1", "linear2") for k in ("weight", "bias")}
    assert net.get_parameter("conv1.weight").shape == (30, channels, 3, 3, 3)


def test_a_state_dict_under_the_published_names_gives_the_published_function():
    """The published forward, written out with ReLU before pooling, on a foreign state dict."""
    sizes = Sizes(**SMALL)
    foreign = {name: torch.randn_like(value) * 0.1 for name, value in build(sizes, seed=1).state_dict().items()}
    net = build(sizes, seed=2)
    net.load_state_dict(foreign)
    rgb, flow = clips(sizes)
    vectors = []
    for stream, x in (("RGB", rgb), ("Flow", flow)):
        for stage in (1, 2, 3):
            x = F.max_pool3d(F.relu(F.conv3d(x, foreign[f"conv{stage}_{stream}.weight"], foreign[f"conv{stage}_{stream}.bias"], padding=1)), 2)
        vectors.append(F.relu(F.linear(x.flatten(1), foreign[f"linear_{stream}.weight"], foreign[f"linear_{stream}.bias"])))
    expected = F.bilinear(*vectors, foreign["linear.weight"], foreign["linear.bias"])
    assert torch.allclose(net(rgb, flow), expected, atol=1e-5)


@pytest.mark.parametrize("attention", [False, True])
@pytest.mark.parametrize("branches", ["twin", "rgb", "flow", "pose", "three"])
def test_every_form_learns_one_batch_by_heart(branches, attention):
    sizes = Sizes(**SMALL, branches=branches, attention=attention)
    net = build(sizes, seed=4)
    rgb, flow = clips(sizes, 4)
    pose = poses(sizes, 4)
    labels = torch.arange(4)
    for i in range(4):  # each with a bright bar of its own
        rgb[i, :, :, 4 * i : 4 * i + 4] += 2
        flow[i, :, 4 * i : 4 * i + 4] += 2
        pose[i, 10 * i : 10 * i + 10] += 2
    optimiser = torch.optim.Adam(net.parameters(), 5e-3)
    for _ in range(90 if branches == "pose" else 30):
        loss = F.cross_entropy(net(rgb, flow, pose), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert net(rgb, flow, pose).argmax(1).tolist() == labels.tolist()


def test_one_branch_does_not_ask_for_the_other_input_and_a_twin_does():
    sizes = Sizes(**SMALL, branches="flow")
    rgb, flow = clips(sizes)
    net = build(sizes, seed=0)
    assert torch.equal(net(None, flow), net(rgb, flow))
    with pytest.raises(ValueError, match="Flow"):
        build(Sizes(**SMALL), seed=0)(rgb, None)


def test_three_streams_sum_the_scores_of_their_pairs():
    sizes = Sizes(**SMALL, branches="three")
    net = build(sizes, seed=3).eval()
    pairs = ("linear_RGB_Flow", "linear_RGB_Pose", "linear_Flow_Pose")
    layers = {f"{layer}_{stream}" for layer in ("conv1", "conv2", "conv3", "linear") for stream in ("RGB", "Flow", "Pose")}
    assert set(net.state_dict()) == {f"{name}.{kind}" for name in (*layers, *pairs) for kind in ("weight", "bias")}
    rgb, flow = clips(sizes)
    with torch.no_grad():
        vectors = net.vectors(rgb, flow, poses(sizes))
        assert [v.shape for v in vectors] == [(2, sizes.fc)] * 3
        a, b, c = vectors
        expected = sum(F.bilinear(u, v, net.get_parameter(f"{n}.weight"), net.get_parameter(f"{n}.bias"))
                       for n, u, v in zip(pairs, (a, a, b), (b, c, c)))  # fmt: skip
        assert torch.allclose(net(rgb, flow, poses(sizes)), expected, atol=1e-6)
    with pytest.raises(ValueError, match="Pose"):
        net(rgb, flow)


def test_the_pose_branch_convolves_over_time_alone():
    sizes = Sizes(**SMALL, branches="pose")
    net = build(sizes, seed=3).eval()
    assert set(net.state_dict()) == {f"{n}.{k}" for n in ("conv1", "conv2", "conv3", "linear1", "linear2") for k in ("weight", "bias")}
    assert net.get_parameter("conv1.weight").shape == (4, 42, 3) and net.get_parameter("linear1.weight").shape == (10, 8 * 2)
    assert build(Sizes(21, branches="three"), device="meta").get_parameter("linear_Pose.weight").shape == (500, 80 * 12)
    x = poses(sizes)
    later = torch.cat([x[..., :1].expand(-1, -1, 8), x[..., :-8]], 2)  # one slot later
    with torch.no_grad():
        assert not torch.allclose(net(None, None, x), net(None, None, x.flip(2)), atol=1e-4)
        a, b = net.features(x, "Pose"), net.features(later, "Pose")
        assert a.shape == (2, 8, 2) and not torch.allclose(a, b, atol=1e-4)


@pytest.mark.parametrize(("branches", "extra"), [("twin", 0), ("three", 0), ("twin", 1), ("three", 1)])
def test_the_head_takes_one_vector_a_stream(branches, extra):
    sizes = Sizes(**SMALL, branches=branches, affine=bool(extra), norm=True, dropout=0.5)
    net = build(sizes, seed=0).eval()
    rgb, flow = clips(sizes)
    with torch.no_grad():
        vectors = net.vectors(rgb, flow, poses(sizes))
        assert torch.equal(net.head(vectors), net(rgb, flow, poses(sizes)))
        assert net.head([v.bfloat16() for v in vectors]).dtype == torch.float32


def test_a_run_of_before_still_finds_every_name():
    net = build(Sizes(**SMALL, norm=True, affine=True, stem=2), seed=0)
    layers = [f"{layer}_{s}" for s in ("RGB", "Flow") for layer in ("conv1", "norm1", "conv2", "norm2", "conv3", "norm3", "linear", "norm")] + ["linear"]
    assert list(dict.fromkeys(name.rsplit(".", 1)[0] for name in net.state_dict())) == layers
    assert net.linear.weight.shape == (5, 11, 11)


def test_same_seed_same_weights():
    first, second, other = (build(Sizes(**SMALL), seed=s).state_dict() for s in (7, 7, 8))
    assert all(torch.equal(first[k], second[k]) for k in first)
    assert not torch.equal(first["conv1_RGB.weight"], other["conv1_RGB.weight"])


def test_attention_keeps_the_shape_and_residual_follows_the_papers_formula():
    x = torch.rand(2, 6, 9, 12, 15)
    assert Attention(6)(x).shape == x.shape
    block = Residual(6, 8).eval()
    a = F.relu(block.bn1(x))
    y = block.conv3(F.relu(block.bn3(block.conv2(F.relu(block.bn2(block.conv1(a)))))))
    assert torch.equal(block(x), y + block.shortcut(a))
    assert block.conv1.weight.shape[0] == 2  # ceil(8 / 4)
    assert all(m.bias is None for m in block.modules() if isinstance(m, torch.nn.Conv3d))


def test_no_temporal_padding_keeps_the_weights_shape_at_110_frames():
    padded, context = build(Sizes(21), device="meta"), build(Sizes(21, T=110, temporal_padding=0), device="meta")
    assert {k: v.shape for k, v in padded.state_dict().items()} == {k: v.shape for k, v in context.state_dict().items()}


@pytest.mark.parametrize(("sizes", "frames"), [(Sizes(21), 110), (Sizes(4, T=32, H=64, W=64, channels=(4, 4, 4), stem=2), 46)])
def test_a_net_with_context_has_as_many_slots(sizes, frames):
    context = sizes.context()
    assert context.T == frames == sizes.frames(sizes.slots) and context.slots == sizes.slots
    assert context.stages()[-1] == sizes.stages()[-1] and context.stride == 8
    with pytest.raises(StepError, match="network_too_small"):
        _ = Sizes.parse({**context.body(), "T": sizes.frames(1) - 1}).slots


def test_the_affine_form_contains_the_linear_ones():
    sizes = Sizes(**SMALL, affine=True)
    net = build(sizes, seed=0).eval()
    rgb, flow = clips(sizes)
    with torch.no_grad():
        net.linear.weight[:, :-1, :-1] = 0
        a, b = net.branch(rgb, "RGB"), net.branch(flow, "Flow")
        left, right, both = net.linear.weight[:, :-1, -1], net.linear.weight[:, -1, :-1], net.linear.weight[:, -1, -1]
        expected = 4 / sizes.fc**0.5 * (a @ left.T + b @ right.T) + 4 * both + net.linear.bias
        assert torch.allclose(net(rgb, flow), expected, atol=1e-5)


def test_sizes_survive_json_and_refuse_nonsense():
    sizes = Sizes(**SMALL, norm=True, stem=2)
    assert Sizes.parse(sizes.body()) == sizes
    with pytest.raises(StepError, match="unknown_network"):
        Sizes.parse({**sizes.body(), "colour": 1})
    with pytest.raises(StepError, match="network_too_small"):
        build(Sizes(5, T=4))
