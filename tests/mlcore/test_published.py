"""Weights under the published names become ours; files that could run code are not opened."""

from __future__ import annotations

import json
import pickle

import pytest
import torch
import torch.nn.functional as F

from mlcore import checkpoint, networks, published
from mlcore.networks import Sizes
from mlcore.progress import StepError
from tests.mlcore import test_networks as written_out

SIZE = {"T": 16, "H": 16, "W": 16}


def weights(branch: str = "twin", channels=(4, 6, 8), fc=10, classes=5, flat=8 * 2 * 2 * 2) -> dict[str, torch.Tensor]:
    """A state dict as the published code writes it, made without our networks."""
    torch.manual_seed(2)
    out = {}
    for stream, c_in in {"twin": (("_RGB", 3), ("_Flow", 2)), "rgb": (("", 3),), "flow": (("", 2),)}[branch]:
        for stage, c_out in enumerate(channels, 1):
            out[f"conv{stage}{stream}.weight"], out[f"conv{stage}{stream}.bias"] = torch.randn(c_out, c_in, 3, 3, 3) * 0.2, torch.randn(c_out) * 0.1
            c_in = c_out
        linear = f"linear{stream or '1'}"
        out[f"{linear}.weight"], out[f"{linear}.bias"] = torch.randn(fc, flat) * 0.2, torch.randn(fc) * 0.1
    last, shape = ("linear", (classes, fc, fc)) if branch == "twin" else ("linear2", (classes, fc))
    out[f"{last}.weight"], out[f"{last}.bias"] = torch.randn(shape) * 0.2, torch.randn(classes) * 0.1
    return out


def saved(tmp_path, body, name="model.tar"):
    torch.save(body, tmp_path / name)
    return tmp_path / name


def refused(path, code, **size):
    with pytest.raises(StepError) as error:
        published.convert(path, **(size or SIZE))
    assert error.value.code == code
    return error.value.params


def test_softmax_of_our_logits_is_what_the_published_net_says(tmp_path):
    """The published forward, softmax included, written out in doubles."""
    foreign = weights()
    sizes, tensors = published.convert(saved(tmp_path, {"epoch": 3, "model_state_dict": foreign, "optimizer_state_dict": {"state": {}}}), **SIZE)
    assert sizes == Sizes(5, channels=(4, 6, 8), fc=10, **SIZE)
    net = networks.build(sizes).eval()
    checkpoint.load_weights(net, tensors)
    rgb, flow = written_out.clips(sizes, 1)
    state = {name: value.double().numpy() for name, value in foreign.items()}
    said = written_out.softmax_of(written_out.reference_twin(state, rgb[0].double().numpy(), flow[0].double().numpy()))
    with torch.no_grad():
        logits = net(rgb, flow)
    assert torch.softmax(logits, 1)[0].numpy() == pytest.approx(said, abs=1e-6)
    assert abs(float(logits.sum()) - 1) > 0.1  # logits, not probabilities


@pytest.mark.parametrize("branch", ["rgb", "flow"])
def test_one_branch_is_told_by_its_input(tmp_path, branch):
    sizes, tensors = published.convert(saved(tmp_path, weights(branch)), **SIZE)
    assert sizes == Sizes(5, branch, channels=(4, 6, 8), fc=10, **SIZE) and len(tensors) == 10


def test_a_prefix_of_data_parallel_and_half_precision_are_taken_off(tmp_path):
    foreign = {f"module.{name}": value.half() for name, value in weights().items()}
    sizes, tensors = published.convert(saved(tmp_path, {"state_dict": foreign}), **SIZE)
    assert set(tensors) == set(weights()) and tensors["linear.weight"].dtype == torch.float32 and sizes.branches == "twin"


def test_attention_under_our_names_is_taken(tmp_path):
    sizes = Sizes(5, channels=(4, 6, 8), fc=10, attention=True, **SIZE)
    net = networks.build(sizes, seed=1)
    found, tensors = published.convert(saved(tmp_path, net.state_dict()), **SIZE)
    assert found == sizes and all(torch.equal(tensors[name], value) for name, value in net.state_dict().items())


def test_blue_green_red_is_turned(tmp_path):
    path = saved(tmp_path, weights())
    _, plain = published.convert(path, **SIZE)
    sizes, turned = published.convert(path, bgr=True, **SIZE)
    one, two = (networks.build(sizes).eval() for _ in range(2))
    checkpoint.load_weights(one, plain)
    checkpoint.load_weights(two, turned)
    rgb, flow = written_out.clips(sizes)
    with torch.no_grad():
        assert torch.allclose(one(rgb.flip(1), flow), two(rgb, flow), atol=1e-6)
        assert not torch.allclose(one(rgb, flow), two(rgb, flow), atol=1e-4)


def test_published_sizes_are_found_without_being_told(tmp_path):
    sizes, _ = published.convert(saved(tmp_path, weights("flow", (2, 3, 4), fc=3, flat=4 * 12 * 15 * 15)))
    assert (sizes.T, sizes.H, sizes.W) == (100, 120, 120)


class Harmful:
    def __reduce__(self):
        return (print, ("this ran",))


def test_a_file_that_runs_code_is_refused_before_it_runs(tmp_path, capsys):
    path = saved(tmp_path, {"model_state_dict": weights(), "args": Harmful()})
    assert refused(path, "unsafe_checkpoint") == {"path": str(path)}
    (tmp_path / "plain.pkl").write_bytes(pickle.dumps(Harmful()))
    refused(tmp_path / "plain.pkl", "unsafe_checkpoint")
    torch.save({"args": Harmful()}, tmp_path / "old.tar", _use_new_zipfile_serialization=False)
    refused(tmp_path / "old.tar", "unsafe_checkpoint")
    (tmp_path / "cut.tar").write_bytes(path.read_bytes()[:-600])
    refused(tmp_path / "cut.tar", "damaged_weights")
    assert "this ran" not in capsys.readouterr().out


def test_what_does_not_fit_is_named(tmp_path):
    assert refused(tmp_path / "none.tar", "no_weights")
    (tmp_path / "text.tar").write_text("not a checkpoint")
    refused(tmp_path / "text.tar", "damaged_weights")
    refused(saved(tmp_path, {"resnet.weight": torch.zeros(3)}), "foreign_weights")
    refused(saved(tmp_path, {"epoch": 3}), "foreign_weights")
    assert refused(saved(tmp_path, weights()), "other_clip_size", T=100, H=120, W=120) == {"found": "8", "expected": "12 x 15 x 15"}
    short = {name: value for name, value in weights().items() if name != "conv2_Flow.bias"}
    assert refused(saved(tmp_path, short), "foreign_weights") == {"found": "conv2_Flow.bias"}


def test_the_command_writes_what_a_net_is_built_from(tmp_path):
    path = saved(tmp_path, weights())
    done = published.main([str(path), "--out", str(tmp_path / "out"), "--ticks", "16", "--height", "16", "--width", "16"])
    sizes = Sizes.parse(json.loads((tmp_path / "out" / "sizes.json").read_text()))
    net = networks.build(sizes)
    checkpoint.load_weights(net, checkpoint.read_tensors(tmp_path / "out" / "weights.safetensors"))
    assert done["branches"] == "twin" and F.mse_loss(net.get_parameter("linear.weight"), weights()["linear.weight"]) == 0
