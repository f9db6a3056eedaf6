"""The comparison of flows on the user's own data: the same split and seed for all, figures that can be checked by hand, done once."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mlcore import compare_flow, dataset, flow, predict, presets
from mlcore import store as stores
from mlcore.compare_flow import Cell
from mlcore.formats import Dataset, DatasetVideo, Part
from mlcore.metrics import balanced_accuracy
from mlcore.progress import StepError, Stopped
from tests.mlcore import films, squares


def material(root, protocol="hold-out"):
    """Two films (train, test), found by their content, not by their names."""
    videos = []
    for k, part in enumerate(("train", "test")):
        path = root / "videos" / "deep" / f"whatever {k}.mp4"
        n, truth = films.write(path, ["Right", "Up", "Down", "Up", "Right", "Down"][: 6 - 3 * k], seed=k)
        parts = [Part(part, 0, n)] if protocol == "hold-out" else []
        videos.append(DatasetVideo(f"v{k}", hashlib.sha256(path.read_bytes()).hexdigest(), "nowhere", n, f"v{k}", True, parts, truth))
    return squares.dataset(root, protocol, videos)


def command(root, path, *more):
    line = [str(path), "--videos", str(root / "videos"), "--out", str(root / "out"), "--preset", "tiny", "--device", "cpu", *more]
    return compare_flow.main(line)


def test_two_methods_and_two_normalisations_end_to_end_and_again(tmp_path, monkeypatch):
    path = material(tmp_path)
    done = command(tmp_path, path, "--methods", "dis,farneback")
    body = json.loads((tmp_path / "out" / "flow.json").read_text())
    assert done["cells"] == 4 and {(c["method"], c["norm"]) for c in body["cells"]} == {(m, n) for m in ("dis", "farneback") for n in ("max", "normal")}
    for cell in body["cells"]:
        assert np.sum(cell["confusion"]) == 3 and cell["ms"] > 0
        assert cell["value"] == balanced_accuracy(np.array(cell["confusion"]))["value"] and cell["low"] < cell["high"]
    assert max(cell["value"] for cell in body["cells"]) > 0.6  # three classes: 1/3 by chance
    rows = list(csv.reader(io.StringIO((tmp_path / "out" / "flow.csv").read_text())))
    assert len(rows) == 5 and float(rows[1][1]) == pytest.approx(max(cell["value"] for cell in body["cells"]), abs=5e-4)
    with Image.open(tmp_path / "out" / "flow.png") as picture:
        assert len(picture.convert("RGB").getcolors(10_000)) > 10
    assert "flow.png" in (tmp_path / "out" / "index.html").read_text()

    def no(*args, **more):
        raise AssertionError("learned again")

    monkeypatch.setattr(compare_flow, "learned", no)
    assert command(tmp_path, path, "--methods", "dis,farneback") == done
    with pytest.raises(AssertionError):  # another seed is another question
        command(tmp_path, path, "--methods", "dis", "--seed", "9")


def test_an_estimator_that_is_only_compared_is_prepared_like_the_others(tmp_path, monkeypatch):
    n, _ = films.write(tmp_path / "a.mp4", ["Right"])
    table, wanted = predict.ready(tmp_path / "a.mp4", tmp_path / "one", method="dis", rate=15.0)
    monkeypatch.setattr(flow, "compared", lambda: {"twin of dis": lambda: flow.estimator("dis")})
    other, made = compare_flow.with_other(tmp_path / "a.mp4", tmp_path / "two", method="twin of dis", rate=15.0, tell=lambda share: None)
    a, b = stores.read(wanted), stores.read(made)
    assert table == other and a.n == b.n == n and a.roi == b.roi
    assert np.array_equal(a.flow_steps(0, n), b.flow_steps(0, n)) and np.array_equal(a.rgb(0, n), b.rgb(0, n)) and a.flow_steps(0, n).any()
    assert b.prepared.method == {**a.prepared.method, "method": "twin of dis", "preset": "default"}
    monkeypatch.setattr(compare_flow, "Pipeline", None)  # whole: not made again
    assert compare_flow.with_other(tmp_path / "a.mp4", tmp_path / "two", method="twin of dis", rate=15.0, tell=lambda share: None)[1] == made


@pytest.mark.parametrize("method", ["tvl1", "dis-ultrafast"])
def test_every_kind_of_method_has_a_cost(tmp_path, method):
    store, _ = squares.build(tmp_path / "s", ["Right"])
    film = dataset.film(0, DatasetVideo("s", "s", "s", store.n, "s", True, [], []), store, squares.TAXONOMY, 15.0)
    assert compare_flow.cost([film], method) > 0 and compare_flow.versions(method)["method"] == method


def test_max_divides_by_the_greatest_and_normal_by_mean_and_three_deviations(tmp_path):
    videos = [squares.video(tmp_path, "a", ["Right", "Up"]), squares.video(tmp_path, "b", ["Down"], part="test", seed=1)]
    found = dataset.open_films(Dataset.read(squares.dataset(tmp_path, "hold-out", videos)), tmp_path, 15.0)
    train = dataset.regions(found, "train")
    found[0].store.prepared.flow_maxima[:10] = [(9.0 + k, 30.0 - k) for k in range(10)]
    found[1].store.prepared.flow_maxima[0] = (99.0, 99.0)  # of the test part: has no say
    top = (18.0, 30.0)
    assert compare_flow.normalised(found, train, "max").scale == pytest.approx(1 / np.array(top))
    normal = compare_flow.normalised(found, train, "normal")
    assert normal.mean == pytest.approx((13.5, 25.5), abs=2.5) and normal.std[0] > 1 and normal.gain == 1.0
    assert normal.scale == pytest.approx(1 / (np.array(normal.mean) + 3 * np.array(normal.std)))


def job(tmp_path, path, **changes):
    made = compare_flow.opened(type("O", (), {"dataset": path, "preset": "tiny", "network": "flow", "videos": tmp_path / "videos", "out": tmp_path / "out",
                                              "methods": "dis", "norms": "normal", "seed": None, "device": "cpu", "max_minutes": None}))  # fmt: skip
    return replace(made, **changes)


def test_a_stopped_comparison_goes_on(tmp_path):
    path = material(tmp_path)
    stopping = [True]
    with pytest.raises(Stopped):
        compare_flow.compare(job(tmp_path, path, stopping=stopping))
    assert not (tmp_path / "out" / "cells").exists()
    assert compare_flow.compare(job(tmp_path, path))["cells"] == 1
    assert not list((tmp_path / "out").glob("checkpoint/*"))


def test_without_a_hold_out_the_folds_are_measured(tmp_path):
    found = [squares.video(tmp_path, "a", ["Right", "Up", "Down", "Up"]), squares.video(tmp_path, "b", ["Down", "Right"], seed=1)]
    path = squares.dataset(tmp_path, "leave-one-video-out", found)
    opened = dataset.open_films(Dataset.read(path), tmp_path, 15.0)
    parts = compare_flow.splits(job(tmp_path, path), opened)
    assert len(parts) == 2 and {r.film for fold, _ in parts for r in fold.unseen} == {0, 1}
    assert all(not {r.film for r in fold.train} & {r.film for r in fold.unseen} for fold, _ in parts)
    found[1].strokes, found[0].strokes = [], found[0].strokes[:1]
    path = squares.dataset(tmp_path, "time-blocks", found)
    with pytest.raises(StepError, match="nothing_unseen"):
        compare_flow.splits(job(tmp_path, path), dataset.open_films(Dataset.read(path), tmp_path, 15.0))


def test_the_table_has_the_best_first_and_the_plot_stands_one_cell():
    cells = [Cell("dis", "max", [[1, 1], [0, 2]], 5.0, ""), Cell("deepflow", "normal", [[2, 0], [0, 2]], 170.0, "")]
    made = compare_flow.table(cells)
    assert [row[0] for row in made.rows] == ["deepflow, normal", "dis, max"] and made.rows[1][1] == "0.750"
    with Image.open(io.BytesIO(compare_flow.plot(cells))) as picture:
        rows = np.array(picture.convert("RGB")).astype(int)
    for k, (value, colour) in enumerate(((1.0, compare_flow.BLUE), (0.75, compare_flow.ORANGE))):
        assert tuple(rows[70 + 26 * k + 13, round(190 + 430 * value)]) == colour
    assert compare_flow.plot(cells[:1]).startswith(b"\x89PNG")


@pytest.mark.parametrize(("more", "code"), [(("--methods", "dis,psychic"), "unknown_flow"), (("--norms", "max,min"), "unknown_norm")])
def test_bad_names_are_refused_before_anything_is_made(tmp_path, more, code):
    with pytest.raises(StepError, match=code):
        command(tmp_path, squares.dataset(tmp_path, "hold-out", []), *more)
    assert not (tmp_path / "out").exists()


def test_a_video_that_is_not_there_is_named(tmp_path):
    path = material(tmp_path)
    (tmp_path / "videos" / "deep" / "whatever 1.mp4").unlink()
    with pytest.raises(StepError, match="video_missing") as error:
        command(tmp_path, path)
    assert error.value.params == {"video": "v1"}
    assert presets.named("tiny").gain == 3.0  # the comparison has a gain of its own
