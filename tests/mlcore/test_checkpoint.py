"""Checkpoints: whole or walked over, and never code."""

from __future__ import annotations

import pytest
import torch

from mlcore import checkpoint, networks
from mlcore.checkpoint import State
from mlcore.networks import Sizes
from mlcore.progress import StepError

SIZES = Sizes(3, T=8, H=16, W=16, channels=(2, 3, 4), fc=5)


def state(value: int) -> State:
    return State({"net.a": torch.full((3,), float(value))}, {"step": value})


def test_the_newest_is_read_and_old_ones_go(tmp_path):
    for step in (1, 2, 3):
        checkpoint.write(tmp_path, step, state(step))
    found = checkpoint.read(tmp_path)
    assert found.values == {"step": 3} and found.tensors["net.a"].tolist() == [3.0] * 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ckpt-00000002", "ckpt-00000003"]


@pytest.mark.parametrize("damage", ["truncate", "flip", "no manifest", "other state"])
def test_a_damaged_checkpoint_is_walked_over(tmp_path, damage):
    checkpoint.write(tmp_path, 1, state(1))
    newest = checkpoint.write(tmp_path, 2, state(2))
    tensors = newest / "tensors.safetensors"
    data = bytearray(tensors.read_bytes())
    if damage == "truncate":
        tensors.write_bytes(data[:-4])
    elif damage == "flip":
        data[-1] ^= 1
        tensors.write_bytes(data)
    elif damage == "no manifest":
        (newest / "MANIFEST.json").unlink()
    else:
        (newest / "state.json").write_text('{"step": 9}')
    assert checkpoint.read(tmp_path).values == {"step": 1}


def test_a_half_written_folder_is_not_seen(tmp_path):
    (tmp_path / ".ckpt-00000007.part").mkdir()
    (tmp_path / ".ckpt-00000007.part" / "tensors.safetensors").write_bytes(b"half")
    assert checkpoint.read(tmp_path) is None
    checkpoint.write(tmp_path, 9, state(9))
    assert [p.name for p in tmp_path.iterdir()] == ["ckpt-00000009"]  # and does not stay


def test_weights_come_back_and_foreign_ones_are_refused(tmp_path):
    net = networks.build(SIZES, seed=1)
    checkpoint.write_weights(tmp_path / "w.safetensors", net)
    other = networks.build(SIZES, seed=2)
    checkpoint.load_weights(other, checkpoint.read_tensors(tmp_path / "w.safetensors"))
    assert all(torch.equal(a, b) for a, b in zip(net.state_dict().values(), other.state_dict().values()))
    with pytest.raises(StepError, match="foreign_weights"):
        checkpoint.load_weights(networks.build(Sizes(4, T=8, H=16, W=16, channels=(2, 3, 4), fc=5)), net.state_dict())
    with pytest.raises(StepError, match="no_weights"):
        checkpoint.read_tensors(tmp_path / "absent")
    (tmp_path / "bad").write_bytes(b"\x80\x04pickle")
    with pytest.raises(StepError, match="damaged_weights"):
        checkpoint.read_tensors(tmp_path / "bad")


def test_the_optimiser_comes_back(tmp_path):
    def stepped(steps: int, optimiser, net):
        for _ in range(steps):
            optimiser.zero_grad()
            torch.manual_seed(0)
            net(torch.rand(2, 3, 8, 16, 16), torch.rand(2, 2, 8, 16, 16)).sum().backward()
            optimiser.step()

    one, two = networks.build(SIZES, seed=1), networks.build(SIZES, seed=1)
    a, b = (torch.optim.AdamW(n.parameters(), 1e-2) for n in (one, two))
    stepped(4, a, one)
    stepped(2, b, two)
    path = checkpoint.write(tmp_path, 2, State({f"net.{k}": v for k, v in two.state_dict().items()} | checkpoint.optimiser_tensors(b), {}))
    assert path.exists()
    three, c_state = networks.build(SIZES, seed=9), checkpoint.read(tmp_path)
    checkpoint.load_weights(three, {k[4:]: v for k, v in c_state.tensors.items() if k.startswith("net.")})
    c = torch.optim.AdamW(three.parameters(), 1e-2)
    checkpoint.load_optimiser(c, c_state.tensors)
    stepped(2, c, three)
    assert all(torch.equal(x, y) for x, y in zip(one.state_dict().values(), three.state_dict().values()))
