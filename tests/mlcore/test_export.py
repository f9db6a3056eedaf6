"""A run as a folder for ONNX Runtime: the same figures, everything said that a stranger needs, whole or not at all."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch

from mlcore import checkpoint, export, networks, presets
from mlcore.clips import Normalisation
from mlcore.decide import Decision
from mlcore.detect import Head, HeadSizes
from mlcore.formats import Run
from mlcore.infer import load_model
from mlcore.progress import StepError
from tests.mlcore import squares

CLASSES = len(squares.TAXONOMY.classes)


def run_folder(folder, branches="flow", head=False, **sizes):
    preset = presets.named("tiny")
    net = networks.build(replace(preset.network(CLASSES), branches=branches, **sizes), seed=1)
    folder.mkdir(parents=True)
    checkpoint.write_weights(folder / "weights.safetensors", net)
    head_sizes = HeadSizes(net.sizes.fc * len(net.streams) + CLASSES, CLASSES, hidden=8, dilations=(1, 2))
    if head:
        checkpoint.write_weights(folder / "head.safetensors", Head(head_sizes))
    normal, decision = Normalisation((2.0, 3.0), (0.5, 0.25), 3.0), Decision(threshold=0.7, head=head, least=0.02)
    Run("r1", squares.TAXONOMY, net.sizes.body(), preset.body(), normal.body(), decision.body(), {}, {"method": "dis"}, "0",
        head=head_sizes.body() if head else {}).write(folder / "run.json")  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """(run folder, exported folder) of a Twin with a temporal head."""
    root = tmp_path_factory.mktemp("export")
    folder = run_folder(root / "run", "twin", head=True)
    assert export.export(folder, root / "out")["difference"] < 1e-5
    return folder, root / "out"


def agrees(net, path):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for count in (1, 3):
        clips = dict(zip([export.NAMES[s] for s in net.streams], export.examples(net.sizes, count, seed=7)))
        assert [i.name for i in session.get_inputs()] == list(clips)
        logits, vectors = session.run(None, {name: x.numpy() for name, x in clips.items()})
        with torch.inference_mode():
            wanted = net(clips.get("rgb"), clips.get("flow"), clips.get("pose")).numpy()
        assert logits.shape == (count, CLASSES) and vectors.shape == (count, net.sizes.fc * len(net.streams))
        assert np.ptp(wanted) > 0.01 and np.abs(logits - wanted).max() < 1e-5


@pytest.mark.parametrize(("branches", "sizes"), [("rgb", {}), ("flow", {"temporal_padding": 1, "T": 8}), ("three", {"norm": False, "affine": False})])
def test_onnx_runtime_gives_the_logits_of_torch(tmp_path, branches, sizes):
    net = load_model(run_folder(tmp_path / "run", branches, **sizes))[1].net.eval()
    export.write_onnx(net, tmp_path / "model.onnx")
    agrees(net, tmp_path / "model.onnx")


@pytest.mark.slow
def test_so_do_attention_and_the_published_shape(tmp_path):
    for k, sizes in enumerate(({"attention": True}, {"norm": False, "affine": False, "stem": 1, "channels": (30, 60, 80), "pools": ((2, 2),) * 3, "T": 100})):
        net = load_model(run_folder(tmp_path / f"run{k}", "twin", **sizes))[1].net.eval()
        export.write_onnx(net, tmp_path / "model.onnx")
        agrees(net, tmp_path / "model.onnx")


def test_the_twin_of_the_bundle_too(bundle):
    agrees(load_model(bundle[0])[1].net.eval(), bundle[1] / "model.onnx")


def test_the_folder_says_what_a_stranger_needs(bundle):
    out = bundle[1]
    assert {p.name for p in out.iterdir()} == {"model.onnx", "head.onnx", "labels.json", "preprocessing.json", "run.json", "README.txt"}
    assert json.loads((out / "labels.json").read_text()) == ["Right", "Down", "Up", "Negative"]
    spec = json.loads((out / "preprocessing.json").read_text())
    grid = presets.named("tiny").grid
    assert spec["inputs"] == {"rgb": ["batch", 3, grid.T, 24, 24], "flow": ["batch", 2, grid.T, 24, 24]} and spec["outputs"]["vectors"] == ["batch", 32]
    assert spec["time"]["rate_hz"] == 15.0 and spec["picture"]["colour"] == "RGB" and spec["decision"]["threshold"] == 0.7
    assert spec["flow"]["normalisation"]["scale"] == pytest.approx([3 / 3.5, 3 / 3.75]) and spec["flow"]["made_by"] == {"method": "dis"}
    assert "15 Hz" in (out / "README.txt").read_text()


def test_the_bundle_looks_at_a_video_as_the_run_does(bundle, tmp_path, monkeypatch):
    monkeypatch.setattr(networks, "multiplies_bf16", lambda device: False)
    store, _ = squares.build(tmp_path / "s", ["Right", "Up"])
    (run, exported), (same, model) = export.load_bundle(bundle[1]), load_model(bundle[0])
    assert run == same
    mine, theirs = exported.look(store), model.look(store)
    assert np.allclose(mine.curve, theirs.curve, atol=1e-5) and len(mine.proposals) == len(theirs.proposals) > 0
    assert [p.begin for p in mine.proposals] == pytest.approx([p.begin for p in theirs.proposals], abs=1e-3)


def test_only_progress_lines_on_standard_output(tmp_path):
    line = [sys.executable, "-m", "mlcore.export", str(run_folder(tmp_path / "run")), "--out", str(tmp_path / "out")]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""
    assert set(json.loads(done.stdout)) == {"done"}


def test_an_older_export_is_replaced_and_nothing_else_is(tmp_path, monkeypatch):
    monkeypatch.setattr(export, "write_onnx", lambda net, path: path.write_bytes(b"a graph"))
    monkeypatch.setattr(export, "parity", lambda net, path: 0.0)
    folder = run_folder(tmp_path / "run")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(StepError, match="folder_in_use"):
        export.export(folder, tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["thesis.txt"]
    (tmp_path / "out" / "thesis.txt").rename(tmp_path / "out" / "preprocessing.json")
    export.export(folder, tmp_path / "out")
    assert (tmp_path / "out" / "model.onnx").exists() and not list(tmp_path.glob(".out*"))


def test_a_network_that_comes_out_different_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(export, "write_onnx", lambda net, path: path.write_bytes(b"a graph"))
    monkeypatch.setattr(export, "parity", lambda net, path: float("nan"))
    with pytest.raises(StepError, match="export_differs"):
        export.export(run_folder(tmp_path / "run"), tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("harm", ["empty", "no model", "not onnx"])
def test_a_damaged_bundle_is_refused(tmp_path, harm):
    (tmp_path / "out").mkdir()
    if harm != "empty":
        Run.read(run_folder(tmp_path / "run") / "run.json").write(tmp_path / "out" / "run.json")
    if harm == "not onnx":
        (tmp_path / "out" / "model.onnx").write_bytes(b"\x00 not a graph")
    with pytest.raises(StepError, match="not_a_bundle"):
        export.load_bundle(tmp_path / "out")
