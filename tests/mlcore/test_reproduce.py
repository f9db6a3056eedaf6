"""The papers' tables on folders laid out as the licensees have them, from videos to pages; decisions and figures by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from mlcore import layouts, papers, presets, reproduce, tables
from mlcore.formats import Dataset, Interval, Run
from mlcore.metrics import wilson
from mlcore.progress import StepError, Stopped
from tests.mlcore import films

ORDER = ["Right", "Up", "Down"]


def curve(labels, sure=0.9):
    out = np.full((len(labels), 3), (1 - sure) / 2, np.float32)
    out[np.arange(len(labels)), labels] = sure
    return out


def test_the_four_decisions_on_a_given_stroke():
    labels = curve([2, 2, 2, 1, 1, 0, 1, 1, 2, 2, 2])  # windows that reach beyond the stroke have no say
    assert papers.choices(labels, 6) == {"no window": 0, "vote": 1, "mean": 1, "Gaussian": 1}
    assert papers.choices(labels, 40) == {"no window": 0, "vote": 0, "mean": 0, "Gaussian": 0}  # shorter than a window: the middle
    sure = curve([0, 0, 0, 1, 1]) * np.array([[1], [1], [1], [1.6], [1.6]], np.float32)
    assert papers.choices(sure, 0)["vote"] == 0 and papers.choices(sure, 0)["mean"] == 1


def test_detection_needs_a_quarter_of_a_second():
    labels = curve([2] * 10 + [0] * 12 + [2] * 10 + [1] * 2 + [2] * 10)
    assert papers.strokes(labels, 12.0)["no window"] == [(10, 22)]
    assert papers.strokes(labels, 8.0)["no window"] == [(10, 22), (32, 34)]
    assert papers.strokes(labels, 12.0)["vote"] == [(10, 22)] and papers.strokes(labels, 12.0)["mean"] == [(10, 22)]


def test_a_sliding_mean_is_centred_and_keeps_probabilities():
    flat = np.zeros((9, 2), np.float32)
    flat[4] = 1
    assert np.allclose(papers.sliding(flat, 3)[:, 0], [0, 0, 0, 1 / 3, 1 / 3, 1 / 3, 0, 0, 0])
    assert papers.sliding(curve([0, 1, 2] * 4), 5).sum(1) == pytest.approx(np.ones(12), abs=1e-5)


def test_intervals_over_seeds():
    assert str(tables.over_seeds([0.5, 0.6, 0.7])) == "0.600 (0.352 to 0.848)"  # t(2) = 4.303, sd 0.1
    assert str(tables.over_seeds([0.8])) == "0.800" and tables.over_seeds([0.8], 20).interval == wilson(0.8, 20)
    assert tables.over_seeds([1.0, 1.0], 4).interval == pytest.approx(wilson(1.0, 4))  # seeds that agree on four strokes know no more than the four
    assert tables.over_seeds([0.5, 0.6, 0.7], 10_000).interval == pytest.approx((0.352, 0.848), abs=1e-3)


def old_layout(root):
    """2021: three films; "a" holds strokes of two parts; test moves are unknown in one task and absent in the other."""
    for k, name in enumerate(("a", "b", "c")):
        _, truth = films.write(root / "data" / "videos" / f"{name}.mp4", ORDER * (2 if name == "a" else 1), seed=k)
        split = {"a": {"train": truth[:4], "valid": truth[4:]}, "b": {"train": truth}, "c": {"test": [Interval(s.begin, s.end, "") for s in truth]}}[name]
        for part, found in split.items():
            path = root / "classificationTask" / part / f"{name}.xml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(layouts.actions_xml(found, moves=True))
        path = root / "detectionTask" / {"a": "train", "b": "valid", "c": "test"}[name] / f"{name}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(layouts.actions_xml(truth, moves=False))


def new_layout(root):
    """2022: trimmed clips in folders of their classes, a test.xml that says them all; two untrimmed videos for detection."""
    clips, labels = root / "classificationTask", []
    for k, move in enumerate([*ORDER, "Negative"] * 2):
        films.write(clips / "train" / move / f"{k}.mp4", [move], gap=2, seed=k)
    for k, move in enumerate([*ORDER, "Negative"]):
        films.write(clips / "validation" / move / f"{k}.mp4", [move], gap=2, seed=20 + k)
        films.write(clips / "test" / f"{k}.mp4", [move], gap=2, seed=40 + k)
        labels.append((f"{k}.mp4", move))
    (clips / "test.xml").write_bytes(layouts.clips_xml(labels))
    for k, part in enumerate(("train", "validation", "test")):
        _, truth = films.write(root / "detectionTask" / part / f"{k}.mp4", ORDER, seed=60 + k)
        (root / "detectionTask" / part / f"{k}.xml").write_bytes(layouts.actions_xml(truth, moves=False))


def run(folder, out, *more):
    return reproduce.main([str(folder), "--out", str(out), "--preset", "tiny", "--seeds", "1", "--networks", "flow", "--device", "cpu", *more])


def rows_of(out, title):
    made = json.loads((out / "tables.json").read_text())
    (table,) = [t for t in made["tables"] if t["title"].startswith(title)]
    return {row[0]: row[1:] for row in table["rows"]}


def test_the_layout_of_2021_end_to_end(tmp_path, capsys):
    old_layout(tmp_path / "set")
    done = run(tmp_path / "set", tmp_path / "out")
    assert done == {"cells": 2, "tables": 4, "measured_on": {"classification": "validation", "detection": "test"}}
    split = rows_of(tmp_path / "out", "Accuracy on the split")
    assert split["flow, ours"][1] == "–" and split["Twin †, published"] == ["0.878", "0.873"]
    assert float(split["flow, ours"][0].split()[0]) in (0.0, 0.5, 1.0)  # two validation strokes
    found = rows_of(tmp_path / "out", "Detection")
    assert float(found["flow, fitted, ours"][0].split()[0]) > 0.3
    learned = {video.id: video for video in Dataset.read(tmp_path / "out" / "classification" / "dataset.json").videos}
    assert learned["c"].strokes == [] and len(learned["a"].strokes) == 6 and len(learned["a"].parts) == 6
    given = layouts.actions(tmp_path / "set" / "classificationTask" / "test" / "c.xml", inclusive=True)
    sent = layouts.actions(tmp_path / "out" / "submission" / "flow-s1" / "classificationTask" / "c.xml", inclusive=True)
    assert [(s.begin, s.end) for s in sent] == [(s.begin, s.end) for s in given] and all(s.move for s in sent)
    assert (tmp_path / "out" / "submission" / "flow-s1" / "detectionTask" / "c.xml").exists()
    assert Run.read(tmp_path / "out" / "runs" / "detection-flow-s1" / "run.json").taxonomy.classes == ["Stroke", "Negative"]
    shares = [json.loads(line)["progress"] for line in capsys.readouterr().out.splitlines()]
    assert shares == sorted(shares)


def test_the_layout_of_2022_end_to_end_and_again(tmp_path):
    new_layout(tmp_path / "set")
    done = run(tmp_path / "set", tmp_path / "out")
    assert done["measured_on"] == {"classification": "test", "detection": "test"}
    cell = json.loads((tmp_path / "out" / "results" / "classification-flow-s1.json").read_text())
    assert len(cell) == 8 and {row["move"] for row in cell} == {*ORDER, "Negative"}
    assert all(set(row["choices"]) == set(papers.DECISIONS) for row in cell)
    by_decision = rows_of(tmp_path / "out", "Accuracy by decision")["flow, ours"]
    right = [sum(row["choices"][d] == row["move"] for row in cell if row["part"] == "test") / 4 for d in papers.DECISIONS]
    assert [float(text.split()[0]) for text in by_decision] == right and max(right) >= 0.5
    sent = dict(layouts.clips(tmp_path / "out" / "submission" / "flow-s1" / "classificationTask" / "test.xml"))
    assert set(sent) == {f"{k}.mp4" for k in range(4)} and all(sent.values())
    before = (tmp_path / "out" / "tables.json").read_bytes()
    weights = tmp_path / "out" / "runs" / "classification-flow-s1" / "weights.safetensors"
    weights.unlink()  # what is finished is not done again
    assert run(tmp_path / "set", tmp_path / "out") == done
    assert (tmp_path / "out" / "tables.json").read_bytes() == before and not weights.exists()
    page = (tmp_path / "out" / "index.html").read_text()
    assert "published" in page and "0.864" in page
    with pytest.raises(StepError, match="folder_in_use"):
        run(tmp_path / "set", tmp_path / "out", "--stride", "1")


def test_asked_to_stop_it_stops_before_the_next_thing(tmp_path):
    old_layout(tmp_path / "set")
    job = reproduce.Job(layouts.read(tmp_path / "set"), tmp_path / "out", presets.named("tiny"), [1], ["flow"], torch.device("cpu"), 1.0, stopping=[True])
    with pytest.raises(Stopped):
        reproduce.reproduce(job)
    assert not (tmp_path / "out" / "runs").exists() and not (tmp_path / "out" / "tables.json").exists()


def test_an_unknown_network_and_an_interval_beyond_the_video_are_refused_before_any_learning(tmp_path):
    films.write(tmp_path / "data" / "videos" / "a.mp4", ["Up"])
    path = tmp_path / "classificationTask" / "train" / "a.xml"
    path.parent.mkdir(parents=True)
    path.write_bytes(layouts.actions_xml([Interval(5000, 5020, "Up")], moves=True))
    with pytest.raises(StepError, match="unknown_network"):
        run(tmp_path, tmp_path / "out", "--networks", "twin,cube")
    with pytest.raises(StepError, match="bad_annotation"):
        run(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out" / "runs").exists()
