"""Grad-CAM shows where the evidence was put, and adds up to the logit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mlcore import explain, networks
from mlcore.networks import Sizes

CPU = torch.device("cpu")


def plain(branches: str = "twin", **more) -> networks.Net:
    """A small net without biases: where nothing goes in, nothing speaks."""
    net = networks.build(Sizes(3, branches, T=16, H=32, W=32, channels=(4, 6), pools=((2, 2), (2, 2)), fc=12, **more), seed=3)
    with torch.no_grad():
        for name, value in net.named_parameters():
            if name.endswith("bias"):
                value.zero_()
    return net


def block() -> dict[str, np.ndarray]:
    """Something happens in pictures 10 to 13, above on the right, in both inputs."""
    rng = np.random.default_rng(1)
    made = {"RGB": np.zeros((3, 16, 32, 32), np.float32), "Flow": np.zeros((2, 16, 32, 32), np.float32)}
    for x in made.values():
        x[:, 10:14, 2:10, 20:30] = rng.uniform(0.2, 1, (len(x), 4, 8, 10))
    return made


def test_the_heat_lies_where_something_happens():
    net, inputs = plain(), block()
    with torch.no_grad():
        target = int(net(*(torch.from_numpy(x[None]) for x in inputs.values()))[0].argmax())
    heats = explain.gradcam(net, inputs, target, CPU)
    assert set(heats) == {"RGB", "Flow"}
    for heat in heats.values():
        assert heat.shape == (16, 32, 32) and heat.max() == pytest.approx(1.0) and heat.min() >= 0
        t, y, x = np.unravel_index(int(heat.argmax()), heat.shape)
        assert 8 <= t < 16 and y < 14 and x >= 14
        curve = explain.over_time(heat)
        assert curve.shape == (16,) and curve.max() == pytest.approx(1.0) and curve[:2].max() == 0
        assert curve[:6].sum() < 0.3 * curve.sum() and curve[11] > 0.5


def test_what_is_shown_adds_up_to_the_logit():
    net, inputs = plain("rgb"), block()
    with torch.no_grad():
        logits = net(torch.from_numpy(inputs["RGB"][None]), None)[0]
    for target in range(3):
        cells = explain.contributions(net, inputs, target, CPU)["RGB"]
        assert cells.shape == (4, 8, 8) and float(cells.sum()) == pytest.approx(float(logits[target]), rel=1e-4)


def test_nothing_in_gives_no_heat_and_no_division_by_nothing():
    still = {name: np.zeros_like(x) for name, x in block().items()}
    heats = explain.gradcam(plain(), still, 0, CPU)
    assert all(not heat.any() and not explain.over_time(heat).any() for heat in heats.values())


@pytest.mark.parametrize("more", [{"norm": True, "affine": True, "dropout": 0.5}, {"attention": True}, {"temporal_padding": 0}])
def test_every_kind_of_net_can_be_asked_and_stays_as_it_was(more):
    net, inputs = plain(**more), block()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    one, two = (explain.gradcam(net, inputs, 1, CPU) for _ in range(2))
    assert all(np.array_equal(one[s], two[s]) and np.isfinite(one[s]).all() for s in one), "no dropout, no running statistics"
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert all(p.grad is None for p in net.parameters())


def test_poses_have_a_curve_over_time():
    net = networks.build(Sizes(3, "three", T=16, H=32, W=32, channels=(4, 6), pools=((2, 2), (2, 2)), fc=12), seed=1)
    inputs = {**block(), "Pose": np.random.default_rng(2).uniform(size=(networks.INPUTS["Pose"], 16)).astype(np.float32)}
    heats = explain.gradcam(net, inputs, 2, CPU)
    assert heats["Pose"].shape == (16, 1, 1) and explain.over_time(heats["Pose"]).shape == (16,)
