"""The networks of CRISP by their published sizes and names."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from mlcore.networks import Attention, Net, Residual, Sizes, build
from mlcore.progress import StepError

SMALL = {"classes": 5, "T": 16, "H": 16, "W": 16, "channels": (4, 6, 8), "fc": 10}


def clips(sizes: Sizes, n: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return (torch.rand(n, 3, sizes.T, sizes.H, sizes.W, generator=generator), torch.rand(n, 2, sizes.T, sizes.H, sizes.W, generator=generator))


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
@pytest.mark.parametrize("branches", ["twin", "rgb", "flow"])
def test_every_form_learns_one_batch_by_heart(branches, attention):
    sizes = Sizes(**SMALL, branches=branches, attention=attention)
    net = build(sizes, seed=4)
    rgb, flow = clips(sizes, 4)
    labels = torch.arange(4)
    for i in range(4):  # each with a bright bar of its own
        rgb[i, :, :, 4 * i : 4 * i + 4] += 2
        flow[i, :, 4 * i : 4 * i + 4] += 2
    optimiser = torch.optim.Adam(net.parameters(), 5e-3)
    for _ in range(30):
        loss = F.cross_entropy(net(rgb, flow), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert net(rgb, flow).argmax(1).tolist() == labels.tolist()


def test_one_branch_does_not_ask_for_the_other_input_and_a_twin_does():
    sizes = Sizes(**SMALL, branches="flow")
    rgb, flow = clips(sizes)
    net = build(sizes, seed=0)
    assert torch.equal(net(None, flow), net(rgb, flow))
    with pytest.raises(ValueError, match="Flow"):
        build(Sizes(**SMALL), seed=0)(rgb, None)


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
