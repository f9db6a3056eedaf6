"""A video file and a run folder, nothing else: the same strokes as the site would see, in every form, and a preview that labels every picture right."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from mlcore import checkpoint, export, formats, infer, layouts, networks, predict, prepare, presets, preview
from mlcore import store as stores
from mlcore.clips import Normalisation
from mlcore.decide import Decision
from mlcore.formats import FrameTable, Run, SuggestedStroke, Suggestions
from mlcore.progress import StepError
from tests.mlcore import films, squares


def run_folder(folder, **decision):
    """A network that has learned nothing, but decides; its flow is what this machine makes."""
    preset = presets.named("tiny")
    net = networks.build(preset.network(4), seed=3)
    folder.mkdir(parents=True)
    checkpoint.write_weights(folder / "weights.safetensors", net)
    how = prepare.planned(sha256="", seconds=[0.0], width=64, height=64, rate=30.0, method="dis").method
    chosen = Decision(**{"threshold": 0.5, "smooth": 0.0, "shortest": 0.1, "bridge": 0.0, "switch": 0.5} | decision)
    Run("r1", squares.TAXONOMY, net.sizes.body(), preset.body(), Normalisation((2.0, 2.0), (1.0, 1.0)).body(), chosen.body(), {}, how, "0").write(folder / "run.json")
    return folder


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """One video predicted: folder with film.mp4, run/, work/, out/."""
    root = tmp_path_factory.mktemp("predict")
    films.write(root / "film.mp4", ["Right", "Up"])
    run_folder(root / "run")
    line = [str(root / "film.mp4"), "--run", str(root / "run"), "--out", str(root / "out"), "--work", str(root / "work"), "--preview", "--device", "cpu"]
    assert predict.main(line)["strokes"] > 0
    return root


def test_the_strokes_are_those_of_the_inference_step(done):
    (table,) = (done / "work").glob("*.frames.json")
    (folder,) = (p for p in (done / "work").iterdir() if p.is_dir())
    infer.infer(prepared=folder, frames=FrameTable.read(table), run=done / "run", out=done / "suggestions.json", device="cpu")
    wanted = Suggestions.read(done / "suggestions.json").strokes
    body = json.loads((done / "out" / "predictions.json").read_text())
    assert body["frames"] == 2 * (films.GAP + films.STROKE) + films.GAP and body["fps"] == 30 and body["run"] == "r1"
    assert [(s["begin"], s["end"], s["move"], s["score"]) for s in body["strokes"]] == [(s.begin, s.end, s.move, s.score) for s in wanted]
    assert [s["begin_s"] for s in body["strokes"]] == pytest.approx([s.begin / 30 for s in wanted], abs=1e-3)
    with (done / "out" / "predictions.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [(int(row["begin"]), row["move"], float(row["score"])) for row in lines] == [(s.begin, s.move, s.score) for s in wanted]
    assert all(float(row["score"]) >= float(row["score_2"]) >= float(row["score_3"]) for row in lines)
    for name, inclusive in (("mediaeval-2020", True), ("mediaeval-2022-detection", False)):
        found = layouts.actions(done / "out" / name / "film.xml", inclusive=inclusive)
        assert [(s.begin, s.end) for s in found] == [(s.begin, s.end) for s in wanted]


def strokes_and_table(n):
    found = [SuggestedStroke(10, 30, "Right", 0.91), SuggestedStroke(30, 44, "Up", 0.52), SuggestedStroke(60, n, "Down", 0.77)]
    return found, FrameTable("x", 0, "h264", 320, 180, 0, (1, 90), [0, *(3 * k + k % 2 for k in range(1, n))], [0])


def test_every_picture_of_the_preview_shows_its_own_label(tmp_path):
    """Variable frame times; the caption of every decoded picture is nearest to the one of the stroke that it belongs to."""
    n = 75
    found, table = strokes_and_table(n)
    source = tmp_path / "source.mp4"
    with av.open(str(source), "w") as file:
        stream = file.add_stream("libx264", rate=30, options={"preset": "ultrafast", "x264-params": "bframes=0:force-cfr=0"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        stream.time_base = stream.codec_context.time_base = films.Fraction(1, 90)
        for pts in table.pts:
            frame = av.VideoFrame.from_ndarray(np.full((180, 320, 3), 60, np.uint8), format="rgb24")
            frame.pts, frame.time_base = pts, stream.codec_context.time_base
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    with av.open(str(source)) as file:
        base = file.streams.video[0].time_base
        table = FrameTable("x", 0, "h264", 320, 180, 0, base.as_integer_ratio(), sorted(p.pts for p in file.demux(video=0) if p.size), [0])
    roi = formats.RoiTrack(320, 180, 100, [0, n - 1], [0.3, 0.7], [0.5, 0.5], ["flow", "flow"])
    preview.write(source, table, tmp_path / "p.mp4", found, squares.TAXONOMY, roi)
    colours = preview.colours_of(squares.TAXONOMY)
    captions = np.stack([preview.caption(s, colours, 320) for s in [*found, None]]).astype(float)
    labels, times, boxes, needles = [], [], [], []
    with av.open(str(tmp_path / "p.mp4")) as file:
        for frame in file.decode(video=0):
            picture = frame.to_ndarray(format="rgb24").astype(float)
            labels.append(int(np.abs(captions - picture[180:220]).mean((1, 2, 3)).argmin()))
            boxes.append(int(picture[90, :, 0].argmax()))
            needles.append(int(picture[221:223, :, :].sum((0, 2)).argmax()))
            times.append(float(frame.pts * frame.time_base))
    wanted = [0 if 10 <= k < 30 else 1 if 30 <= k < 44 else 2 if k >= 60 else 3 for k in range(n)]
    assert labels == wanted
    assert times == pytest.approx([table.seconds(k) for k in range(n)], abs=1e-4)
    assert boxes == pytest.approx(np.linspace(0.3 * 320 - 50, 0.7 * 320 - 50, n), abs=2)
    assert needles == pytest.approx([k * 320 / n for k in range(n)], abs=3)


def test_the_command_writes_a_whole_preview(done):
    n = json.loads((done / "out" / "predictions.json").read_text())["frames"]
    with av.open(str(done / "out" / "preview.mp4")) as file:
        stream = file.streams.video[0]
        assert stream.codec_context.name == "h264" and sum(1 for _ in file.decode(video=0)) == n
    assert {p.name for p in (done / "out").iterdir()} == {"predictions.json", "predictions.csv", "mediaeval-2020", "mediaeval-2022-detection", "preview.mp4"}


def test_where_strokes_overlap_the_surer_one_is_shown():
    assert preview.owner_of(6, [SuggestedStroke(0, 4, "Up", 0.9), SuggestedStroke(2, 6, "Down", 0.5)]).tolist() == [0, 0, 0, 0, 1, 1]


def test_a_second_call_goes_on_with_what_is_prepared_and_an_export_says_the_same(done, tmp_path, monkeypatch):
    export.export(done / "run", tmp_path / "bundle")

    def no(*args, **more):
        raise AssertionError("decoded again")

    monkeypatch.setattr(predict.probe, "probe", no)
    monkeypatch.setattr(stores.Writer, "add", no)
    monkeypatch.setattr(networks, "multiplies_bf16", lambda device: False)
    results = []
    for folder in (done / "run", tmp_path / "bundle"):
        predict.predict(done / "film.mp4", folder, tmp_path / folder.name, done / "work", device="cpu")
        results.append(json.loads((tmp_path / folder.name / "predictions.json").read_text())["strokes"])
    assert results[0] and [(s["begin"], s["end"], s["move"]) for s in results[0]] == [(s["begin"], s["end"], s["move"]) for s in results[1]]


def test_without_django_and_with_progress_only_on_standard_output(done, tmp_path):
    code = (
        "import sys\nfrom mlcore import predict\nfrom mlcore.progress import run_step\ncode = run_step(lambda: predict.main(sys.argv[1:]))\n"
        "found = [m for m in sys.modules if m.split('.')[0] in ('django', 'strokes', 'annotator', 'rest_framework')]\n"
        "print(found, file=sys.stderr)\nraise SystemExit(code)"
    )
    line = [str(done / "film.mp4"), "--run", str(done / "run"), "--out", str(tmp_path / "out"), "--work", str(done / "work"), "--device", "cpu"]
    ended = subprocess.run([sys.executable, "-c", code, *line], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert ended.returncode == 0 and ended.stderr.strip() == "[]"
    assert all(set(json.loads(said)) & {"progress", "done"} for said in ended.stdout.splitlines())


def refused(tmp_path, video, run, code):
    out = tmp_path / "refused"
    with pytest.raises(StepError, match=code):
        predict.predict(video, run, out, tmp_path / "work", device="cpu")
    assert not out.exists()


def test_bad_input_is_refused_by_name_and_leaves_nothing(done, tmp_path):
    film, run = done / "film.mp4", done / "run"
    refused(tmp_path, film, tmp_path, "not_a_run")
    other = run_folder(tmp_path / "other")
    body = Run.read(other / "run.json")
    body.flow = {**body.flow, "opencv": "3.0"}
    body.write(other / "run.json")
    refused(tmp_path, film, other, "other_flow")
    assert not (tmp_path / "work").exists()  # nothing was decoded for it
    (run_folder(tmp_path / "damaged") / "weights.safetensors").write_bytes(b"x" * 50)
    refused(tmp_path, film, tmp_path / "damaged", "damaged_weights")
    (run_folder(tmp_path / "bare") / "weights.safetensors").unlink()
    refused(tmp_path, film, tmp_path / "bare", "no_weights")
    refused(tmp_path, tmp_path / "none.mp4", run, "file_missing")
    (tmp_path / "text.mp4").write_text("not a video, but long enough to be looked at")
    refused(tmp_path, tmp_path / "text.mp4", run, "not_a_video|format_not_allowed")
