"""The training step from labels to a run folder: measured as its protocol says, stopped and resumed to the same bits."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mlcore import clips, dataset, infer, loop, presets, train
from mlcore import store as stores
from mlcore.cache import OwnCache
from mlcore.dataset import Pool
from mlcore.formats import Dataset, FrameTable, Run
from mlcore.loop import Task
from mlcore.metrics import Span, f1
from mlcore.progress import StepError, Stopped
from tests.mlcore import squares

MANY = ["Right", "Up", "Down", "Up", "Right", "Down"]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def command(path: Path, out: Path, *more: str) -> dict:
    return train.main([str(path), "--out", str(out), "--id", "r1", "--preset", "tiny", "--device", "cpu", *more])


def task(tmp_path, epochs=3, name="t", **changes) -> Task:
    root = tmp_path / "data"
    if not root.exists():
        squares.dataset(root, "time-blocks", [squares.video(root, "a", MANY)])
    films = dataset.open_films(Dataset.read(root / "dataset.json"), root, 15.0)
    regions = dataset.regions(films, "train")
    preset = presets.named("tiny")
    preset = replace(preset, sizes={**preset.sizes, "dropout": 0.3})
    normal = clips.normalisation(dataset.maxima(films, regions), preset.gain)
    given = {"films": films, "pool": Pool(films, regions, 3), "validation": [], "preset": preset, "sizes": preset.network(4), "normal": normal,
             "seed": 5, "epochs": epochs, "seconds": 3600.0, "folder": tmp_path / name, "cache": OwnCache(2**24), "device": torch.device("cpu")}  # fmt: skip
    return Task(name, **(given | changes))


def weights(fitted):
    return {k: v.clone() for k, v in fitted.net.state_dict().items()}


def test_time_blocks_give_a_whole_run_that_knows_its_film(tmp_path, capsys):
    path = squares.dataset(tmp_path, "time-blocks", [squares.video(tmp_path, "a", MANY)])
    metrics = command(path, tmp_path / "run")
    run = Run.read(tmp_path / "run" / "run.json")
    assert metrics["protocol"] == "time-blocks" and run.metrics == json.loads(json.dumps(metrics))
    unseen = metrics["unseen"]
    assert unseen["strokes"] == 6 and unseen["classes_checkable"] and unseen["champion"] is None and metrics["test"] is None
    assert set(unseen["model"]) == set(unseen["baseline"]) == {"f1", "f1_any"} and set(unseen["videos"]) == {"0"}
    assert metrics["fit"]["f1_any"] >= 0.8 and metrics["fit"]["classification"]["balanced_accuracy"]["value"] >= 0.7
    names = {p.name for p in (tmp_path / "run").iterdir()}
    files = {"run.json", "weights.safetensors", "curves.json", "metrics.json", "confusion.png", "curves.png", "epochs.jsonl"}
    assert names == files | {"report", "tensorboard"}
    report = (tmp_path / "run" / "report" / "index.html").read_text()
    assert "fold by fold" in report and json.loads((tmp_path / "run" / "report" / "report.json").read_text())["detection"]["strokes"] == 6
    for name in ("confusion.png", "curves.png"):
        with Image.open(tmp_path / "run" / name) as picture:
            assert picture.width > 100
    lines = [json.loads(line) for line in (tmp_path / "run" / "epochs.jsonl").read_text().splitlines()]
    assert {"epoch", "loss", "val_loss", "val_accuracy", "lr", "seconds"} <= set(lines[0])
    assert {line["phase"] for line in lines} == {"block-0", "block-1", "block-2", "final"}
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    shares = [line["progress"] for line in said]
    assert shares == sorted(shares) and len(shares) > 5

    out = tmp_path / "s.json"
    table = FrameTable("a", 0, "h264", 48, 48, 0, (1, 30), list(range(run_n(path))), [0])
    infer.infer(prepared=tmp_path / "a", frames=table, run=tmp_path / "run", out=out)
    truth = [Span(s.begin, s.end, s.move) for s in Dataset.read(path).videos[0].strokes]
    found = [Span(s["begin"], s["end"], s["move"], s["score"]) for s in json.loads(out.read_text())["strokes"]]
    assert f1({"a": found}, {"a": truth})["f1"] == pytest.approx(metrics["fit"]["f1"], abs=0.35)
    before = (tmp_path / "run" / "run.json").read_bytes()
    assert command(path, tmp_path / "run") == run.metrics  # done already: nothing is learned again
    assert (tmp_path / "run" / "run.json").read_bytes() == before


def run_n(path: Path) -> int:
    return Dataset.read(path).videos[0].n_frames


def test_hold_out_measures_on_test_and_asks_the_champion_there(tmp_path):
    videos = [squares.video(tmp_path, "a", MANY), squares.video(tmp_path, "b", ["Up", "Right", "Down"], part="validation", seed=1),
              squares.video(tmp_path, "c", ["Down", "Up", "Right"], part="test", seed=2)]  # fmt: skip
    path = squares.dataset(tmp_path, "hold-out", videos)
    metrics = command(path, tmp_path / "one")
    assert metrics["unseen"]["strokes"] == 3 == metrics["test"]["strokes"] and metrics["unseen"]["classes_checkable"]
    assert metrics["unseen"]["model"]["f1"] == metrics["test"]["f1"]
    lines = [json.loads(line) for line in (tmp_path / "one" / "epochs.jsonl").read_text().splitlines()]
    best = max(lines, key=lambda line: line["val_accuracy"] - 0.01 * line["val_loss"])
    assert Run.read(tmp_path / "one" / "run.json").config["best_epoch"] == best["epoch"]
    again = command(path, tmp_path / "two", "--champion", str(tmp_path / "one"), "--seed", "9")
    assert again["unseen"]["champion"] == metrics["unseen"]["model"]


def test_from_25_strokes_on_a_temporal_head_is_learned_kept_and_used(tmp_path):
    """It is part of the run folder; whoever loads the run gets its proposals."""
    videos = [squares.video(tmp_path, name, MANY * 3, seed=k) for k, name in enumerate("ab")]
    videos.append(squares.video(tmp_path, "c", MANY * 4, part="validation", seed=7))
    path = squares.dataset(tmp_path, "hold-out", videos)
    metrics = command(path, tmp_path / "run")
    run, model = infer.load_model(tmp_path / "run")
    assert run.head["classes"] == 4 and model.head is not None and (tmp_path / "run" / "head.safetensors").exists()
    store = stores.read(tmp_path / "c")
    seen = model.look(store)
    assert seen.proposals and all(0 <= p.begin < p.end <= 1.1 * store.seconds[-1] for p in seen.proposals if p.score > 0.3)
    assert metrics["unseen"]["ece"]["model"] is not None and metrics["unseen"]["strokes"] == 24
    with pytest.raises(StepError) as refusal:
        (tmp_path / "run" / "head.safetensors").unlink()
        infer.load_model(tmp_path / "run")
    assert refusal.value.code == "no_weights"


def test_leave_one_video_out_never_learns_from_test_parts(tmp_path):
    videos = [squares.video(tmp_path, "a", MANY[:4]), squares.video(tmp_path, "b", MANY[2:], seed=1),
              squares.video(tmp_path, "c", ["Down", "Up"], part="test", seed=2)]  # fmt: skip
    path = squares.dataset(tmp_path, "leave-one-video-out", videos)
    metrics = command(path, tmp_path / "run")
    assert metrics["unseen"]["strokes"] == 8 and metrics["test"]["strokes"] == 2
    assert metrics["fit"]["strokes"] == 8


def test_stopped_at_any_batch_and_resumed_ends_with_the_same_bits(tmp_path):
    whole = loop.fit(task(tmp_path, name="whole"))
    steps = [0]

    def stop_at(limit):
        def stop():
            steps[0] += 1
            return steps[0] >= limit

        return stop

    per_epoch = task(tmp_path).per_epoch
    for limit in (1, per_epoch - 1, 1, per_epoch):  # the last stop falls on the end of an epoch, before validation
        steps[0] = 0
        with pytest.raises(Stopped):
            loop.fit(task(tmp_path, name="parts", stop=stop_at(limit)))
    resumed = loop.fit(task(tmp_path, name="parts"))
    assert all(torch.equal(v, weights(resumed)[k]) for k, v in weights(whole).items())
    assert [h["loss"] for h in whole.history] == [h["loss"] for h in resumed.history]


def test_sigterm_checkpoints_and_exits_75_then_goes_on(tmp_path):
    path = squares.dataset(tmp_path, "time-blocks", [squares.video(tmp_path, "a", MANY)])
    line = [sys.executable, "-m", "mlcore.train", str(path), "--out", str(tmp_path / "run"), "--id", "r1", "--preset", "tiny"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}) as process:
        said = json.loads(process.stdout.readline())
        assert "progress" in said
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read().splitlines()
    assert process.returncode == 75 and "stopped" in json.loads(rest[-1])
    assert list((tmp_path / "run" / "checkpoint").glob("*/ckpt-*")) and not (tmp_path / "run" / "run.json").exists()
    assert command(path, tmp_path / "run")["unseen"]["strokes"] == 6


def test_not_a_number_rolls_back_halves_the_rate_and_gives_up_after_three(tmp_path, monkeypatch):
    wild = task(tmp_path, name="wild")
    monkeypatch.setattr(wild.preset.__class__, "lr", 1e30, raising=False)
    wild.preset = replace(wild.preset, lr=1e30)
    with pytest.raises(StepError, match="diverged"):
        loop.fit(wild)
    rough = loop._Run(task(tmp_path, name="rough"))
    rough.roll_back()
    assert rough.course.factor == 0.5 and rough.course.rollbacks == 1


def test_when_time_runs_short_the_schedule_ends_in_time(tmp_path):
    ticking = task(tmp_path, epochs=100_000, seconds=3.0, name="short")
    fitted = loop.fit(ticking)
    assert fitted.history[-1]["lr"] < 0.5 * max(line["lr"] for line in fitted.history)
    assert 3.0 <= fitted.history[-1]["seconds"] < 30 and len(fitted.history) < 1000


def test_the_published_schedule_falls_by_tens_and_restarts():
    preset = presets.named("published")
    assert [loop.rate(preset, 0.5, k) for k in range(5)] == pytest.approx([1e-2, 1e-3, 1e-4, 1e-5, 1e-5])
    cpu = presets.named("cpu")
    rates = [loop.rate(cpu, s, 0) for s in np.linspace(0, 1, 101)]
    assert max(rates) <= cpu.lr and np.argmax(rates) <= 6 and rates[-1] == pytest.approx(0, abs=1e-9)


def test_partial_labels_cost_their_summed_probability():
    logits = torch.tensor([[2.0, 1.0, 0.0, -1.0]])
    p = torch.softmax(logits, 1)[0]
    allowed = torch.tensor([[True, True, False, False]])
    assert loop.set_loss(logits, allowed).item() == pytest.approx(-math.log(p[0] + p[1]), abs=1e-6)


def test_memory_that_is_not_there_is_said_in_a_code(tmp_path, monkeypatch):
    def step(self, batch):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(loop._Run, "step", step)
    with pytest.raises(StepError, match="out_of_memory"):
        loop.fit(task(tmp_path))


@pytest.mark.parametrize(("text", "code"), [("{}", "bad_dataset"), ("no json", "bad_dataset")])
def test_what_is_no_dataset_is_refused(tmp_path, text, code):
    path = tmp_path / "dataset.json"
    path.write_text(text)
    with pytest.raises(StepError, match=code):
        command(path, tmp_path / "run")


def test_a_film_without_strokes_is_nothing_to_learn(tmp_path):
    video = squares.video(tmp_path, "a", ["Right"])
    video.strokes = []
    with pytest.raises(StepError, match="nothing_to_learn"):
        command(squares.dataset(tmp_path, "time-blocks", [video]), tmp_path / "run")
