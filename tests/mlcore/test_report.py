"""The report of a run: its figures agree with hand-made answers, its page is whole, safe and bounded, and little data is enough."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from PIL import Image

from mlcore import calibration, clips, dataset, decide, evaluate, figures, gallery, metrics, networks, report
from mlcore.cache import OwnCache
from mlcore.clips import Grid, Normalisation
from mlcore.decide import Decision, Strip
from mlcore.evaluate import Given, Seen
from mlcore.formats import NEGATIVE, Dataset, Interval
from mlcore.infer import Model
from mlcore.metrics import Span
from mlcore.networks import Sizes
from tests.mlcore import squares
from tests.mlcore.squares import TAXONOMY

RATE, CLASSES = 30.0, TAXONOMY.classes


def curve(film, wrong: dict[int, str], missed: set[int]) -> Strip:
    """What a good model would say about a film, but for the strokes (by number) that it takes for another class or misses."""
    out = np.full((film.n, len(CLASSES)), 0.02, np.float32)
    out[:, -1] = 0.94
    for k, span in enumerate(film.spans):
        if k in missed or span.allowed == (len(CLASSES) - 1,):
            continue
        move = CLASSES.index(wrong.get(k, span.interval.move))
        part = slice(round(span.begin * RATE), round(span.end * RATE))
        out[part] = 0.05
        out[part, move] = 0.85
    return Strip(out, RATE, 0.0, np.zeros(film.n, bool))


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    root = tmp_path_factory.mktemp("films")
    moves = ["Right", "Down", "Up", "Right"]
    videos = [squares.video(root, f"<v{i}>", moves, seed=i) for i in range(3)]
    videos[0].strokes.append(Interval(0, 8, NEGATIVE))
    videos[1].rejected.append(Interval(1, 9, "Right"))
    return dataset.open_films(Dataset.read(squares.dataset(root, "hold-out", videos)), root, RATE)


@pytest.fixture
def seen(films) -> Seen:
    """Film 0 is right, film 1 has a wrong class and a stroke of its own, film 2 misses one."""
    out = Seen(RATE, CLASSES)
    strips = [curve(films[0], {}, set()), curve(films[1], {1: "Up"}, set()), curve(films[2], {}, {3})]
    strips[1].curve[0:10] = [0.05, 0.05, 0.85, 0.05]
    for film, strip in zip(films, strips):
        name = f"{film.number}:0"
        out.strips[name] = strip
        for s in film.spans:
            if s.interval in film.video.strokes:
                begin, end = round(s.begin * RATE), round(s.end * RATE)
                out.given.append(Given(name, s.allowed[0], decide.given(strip.curve, begin, end), strip.curve[begin:end]))
        out.truths[name] = [Span(s.begin, s.end, s.interval.move) for s in film.spans if s.interval.move != NEGATIVE and s.interval in film.video.strokes]
    return out


@pytest.fixture
def found(seen):
    return seen.spans(Decision(smooth=0.0, shortest=0.2, bridge=0.0))


def model(branches: str = "twin") -> Model:
    grid = Grid(15.0, 8, 24, 24)
    sizes = Sizes(len(CLASSES), branches, T=8, H=24, W=24, channels=(4, 6), pools=((2, 2), (2, 2)), fc=8, norm=True, affine=True)
    return Model(networks.build(sizes, seed=1), grid, Normalisation((0.2, 0.2), (0.1, 0.1)), Decision(), CLASSES, 3, {}, torch.device("cpu"))


def subject(films, seen, found, **more) -> report.Subject:
    return report.Subject("run-1", "three <test> videos", seen, found, films, TAXONOMY, 30.0, **more)


def test_figures_of_answers_that_are_known(films, seen, found):
    out = figures.everything(seen, found, films, TAXONOMY, 30.0, others={"nothing": {}})
    d = out["detection"]
    assert (d["strokes"], d["proposals"], d["videos"]) == (12, 12, 3)
    assert d["f1"].value == pytest.approx(2 * 10 / 24) and d["f1_any"].value == pytest.approx(2 * 11 / 24)
    assert d["f1"].low < d["f1"].value < d["f1"].high == 1.0
    assert d["edges_ms"]["begin"].value < 34 and d["segmental"]["f1@50"] == d["f1"].value
    assert d["map"].value == metrics.mean_average_precision(found, seen.truths) and d["map"].low <= d["map"].value <= d["map"].high
    levels = {row["name"]: row for row in out["levels"]["class"]}
    assert set(out["levels"]) == {"class"}, "these classes have no type and no hand"
    assert (levels["Down"]["truth"], levels["Down"]["found"], levels["Up"]["predicted"]) == (3, 2, 5)
    assert levels["Right"]["recall"][0] == pytest.approx(5 / 6)
    c = out["classification"]
    assert c["n"] == 13 and c["accuracy"].value == pytest.approx(11 / 13) and set(c["rules"]) == set(report.RULES)
    assert c["recalls"]["Negative"] == [1, 1] and c["matrices"]["class"]["matrix"][0][-1] == 1
    assert out["false"] == (1, 2), "the rejected stretch is proposed again, the Negative is not"
    assert out["compared"]["nothing"]["f1"].value == 0.0
    assert out["calibration"]["given"]["n"] == 13 and out["calibration"]["proposals"]["n"] == 12
    json.dumps(figures.plain(out), allow_nan=False)


def test_the_rules_differ_where_the_moments_do():
    rows = np.array([[0.6, 0.4], [0.6, 0.4], [0.0, 1.0], [0.45, 0.55], [0.6, 0.4]], np.float32)
    one = Given("0:0", 0, np.array([0.6, 0.4]), rows)
    assert figures.rules([one]) == {"centre": 0.0, "vote": 1.0, "mean": 0.0, "gaussian": 0.0, "here": 1.0}
    assert figures.rules([]) == {}


def test_map_over_drawn_videos_is_that_of_the_videos_repeated(seen, found, monkeypatch):
    """One draw that takes the first video twice and the last not at all, against the same written out."""
    monkeypatch.setattr(figures.bootstrap, "drawn", lambda n, draws, seed: np.array([[2.0, 1.0, 0.0]]))
    low = figures.map_interval(found, seen.truths, draws=1).low
    twice = [{"0:0": v["0:0"], "0:1": v["0:0"], "1:0": v["1:0"]} for v in (found, seen.truths)]
    assert low == pytest.approx(metrics.mean_average_precision(*twice))
    real = {"0:0": [Span(0, 1, "Up")], "1:0": [Span(0, 1, "Up")], "2:0": [Span(0, 1, "Down")]}
    assert figures.map_interval({"0:0": [Span(0, 1, "Up")]}, real, draws=1).low == pytest.approx(2 / 3), "no Down in the draw: it does not count"


def test_evidence_is_what_the_registry_reads(films, seen, found):
    mine = seen.given
    still = figures.Answer({"0:0": [Span(0.5, 1.1, "")]})
    out = figures.evidence(seen.truths, figures.negatives(seen, films), CLASSES, model=figures.Answer(found, mine), baseline=still, champion=None)
    assert out["videos"]["1"] == {"model": {"found": 3, "predicted": 5, "truth": 4}, "baseline": {"found": 0, "predicted": 0, "truth": 4}, "champion": None}
    assert out["classes"]["model"]["Down"] == {"found": 2, "predicted": 2, "truth": 3} and out["classes"]["champion"] is None
    assert out["false"] == {"model": [1, 2], "champion": None} and out["decisions"] == 13 and out["ece"]["champion"] is None
    assert out["interval"]["f1"][0] == pytest.approx(2 * 10 / 24) and 0 < out["ece"]["model"] < 1
    both = figures.evidence(seen.truths, {}, CLASSES, model=figures.Answer(found, mine), baseline=still, champion=figures.Answer(found, mine))
    assert both["videos"]["1"]["champion"] == both["videos"]["1"]["model"] and both["ece"]["champion"] == both["ece"]["model"]
    json.dumps(both, allow_nan=False)


def test_the_worst_errors_are_the_surest(seen, found):
    kinds = [(m.kind, m.stretch) for m in gallery.worst(seen, found)]
    assert kinds == [("wrong class", "1:0"), ("missed", "2:0"), ("not a stroke", "1:0")]
    wrong = gallery.worst(seen, found)[0]
    assert (wrong.truth.move, wrong.found.move) == ("Down", "Up") and 0.8 < wrong.weight < 0.9
    none = gallery.worst(replace(seen, truths={"2:0": []}), {"2:0": [Span(0, 1, "Up", 0.6), Span(2, 3, "Up", 0.9), Span(4, 5, "Up", 0.8)]}, each=2)
    assert [m.weight for m in none] == [0.9, 0.8]
    second = gallery.worst(replace(seen, truths={"2:0": [Span(0, 1, "Up")]}), {"2:0": [Span(0, 1, "Up", 0.6), Span(0, 1, "Down", 0.9)]})
    assert [(m.kind, m.found.move) for m in second] == [("wrong class", "Down")], "though the right class was proposed too"
    many = replace(seen, truths={"2:0": seen.truths["0:0"]})
    assert len(gallery.worst(many, {}, each=2)) == 2 and gallery.worst(Seen(RATE, CLASSES), {}) == []


class Page(HTMLParser):
    """Tags of a page, what it refers to, and what a strict policy would block."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.files: set[str] = set()
        self.blocked: list[str] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.files |= {given[key] for key in ("src", "href", "srcset") if key in given}
        self.blocked += [tag] if tag in ("script", "style", "iframe", "form") else [key for key in given if key == "style" or key.startswith("on")]
        if tag not in ("meta", "link", "img", "source"):
            self.open.append(tag)
        if tag == "img":
            assert given.get("alt"), "every picture has words"

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_whole_and_safe(films, seen, found, tmp_path):
    folder = tmp_path / "report"
    folder.mkdir()
    (folder / "old.png").write_bytes(b"of a run before")
    history = [{"loss": 2.0, "val_loss": 2.1, "accuracy": 0.3, "val_accuracy": 0.2}, {"loss": 1.0, "val_loss": 1.5, "accuracy": 0.6, "val_accuracy": 0.5}]
    told: list[float] = []
    made = report.write(folder, subject(films, seen, found, others={"motion alone": {}}, history=history, model=model()), told.append)
    html = (folder / "index.html").read_text()
    page = Page(html)
    assert not page.blocked and not page.open and "<v1>" not in html and "&lt;v1&gt;" in html and "three &lt;test&gt; videos" in html
    names = {path.name for path in folder.iterdir()}
    assert page.files | {"index.html", "report.json"} == names and all(re.fullmatch(r"[a-z0-9-]+\.(html|css|png|webp|json)", name) for name in names)
    assert sum(path.stat().st_size for path in folder.iterdir()) < report.LIMIT
    assert json.loads((folder / "report.json").read_text())["detection"]["f1"] == made["detection"]["f1"]
    assert f"{100 * made['detection']['f1'][0]:.1f} %" in html and "motion alone" in html and "Down" in html
    assert told == sorted(told) and told[-1] == 1.0
    for name in names:
        if name.endswith((".png", ".webp")):
            with Image.open(folder / name) as picture:
                picture.verify()


def test_clips_move_and_name_truth_and_model(films, seen, found, tmp_path):
    report.write(tmp_path, subject(films, seen, found, model=model()))
    html = (tmp_path / "index.html").read_text()
    assert re.search(r"expert: Down; model: Up \(8\d%\)", html) and "expert: Right; model: nothing" in html and "expert: nothing; model: Up" in html
    with Image.open(tmp_path / "error-1.webp") as clip:
        assert clip.n_frames >= 15 and clip.width == gallery.WIDTH and clip.info["loop"] == 0
        first = np.asarray(clip.convert("RGB"), int)[10 : -gallery.BAR - 10]
        clip.seek(clip.n_frames // 2)
        assert np.abs(np.asarray(clip.convert("RGB"), int)[10 : -gallery.BAR - 10] - first).max() > 60, "the square has moved"
    with Image.open(tmp_path / "saw-1.webp") as clip:
        assert clip.n_frames == 8, "one picture for each that the network saw"


def test_what_the_model_saw_is_its_own_input(films):
    pictures = clips.Pictures(films[0].store, model().grid, OwnCache(2**20))
    rgb, flow = clips.clip(pictures, films[0].spans[1].centre, model().normal)
    colours = gallery.flow_colours(flow)
    assert colours.shape == (8, 24, 24, 3) and (colours[:, 0, 0] == 0).all(), "black where nothing moves"
    moving = colours.max((0, 1, 2))
    assert moving[0] > 50 and moving[0] > 2 * moving[2], "to the right is red"
    hot = gallery.heated(np.zeros((1, 4, 4, 3), np.uint8), np.eye(4, dtype=np.float32)[None])
    assert hot[0, 0, 0].tolist() == [255, 230, 120] and hot[0, 0, 1].tolist() == [0, 0, 0] and rgb.shape == (3, 8, 24, 24)


@pytest.mark.parametrize(("branches", "shown"), [("rgb", 4), ("three", 0)])
def test_other_networks(films, seen, found, tmp_path, branches, shown):
    """One branch has one map of heat; what poses saw is not a picture."""
    report.write(tmp_path, subject(films, seen, found, model=model(branches)))
    assert len(list(tmp_path.glob("saw-?.webp"))) == shown


def test_a_real_look_can_be_reported(films, tmp_path):
    """What the evaluation makes of a network, all the way, the strokes it explains being those it was asked about."""
    asked = model()
    seen = evaluate.look(asked, films, dataset.regions(films, "train"), OwnCache(2**24))
    about = subject(films, seen, seen.spans(Decision()), ranked=seen.spans(Decision(), every=True), model=asked, temperature=2.0)
    assert report.write(tmp_path, about)["classification"]["n"] == 13 == len(seen.given)
    chosen = report.explained(about)
    assert {label.allowed[0] for _, label, _ in chosen} <= {g.move for g in seen.given}
    sure = max(float(calibration.scaled(g.p, 2.0).max()) for g in seen.given)
    assert max(float(p.max()) for _, _, p in chosen) == pytest.approx(sure, abs=0.02)


def test_a_temperature_changes_certainty_and_no_class(films, seen, found):
    cold, hot = (figures.everything(seen, found, films, TAXONOMY, 30.0, others={}, temperature=t) for t in (1.0, 5.0))
    assert cold["classification"] == hot["classification"]
    assert cold["calibration"]["raw_ece"] == hot["calibration"]["raw_ece"] == pytest.approx(cold["calibration"]["given"]["ece"])
    assert hot["calibration"]["given"]["ece"] > 0.3 > cold["calibration"]["given"]["ece"]
    answers = [figures.Answer(found, seen.given, t) for t in (1.0, 5.0)]
    both = figures.evidence(seen.truths, {}, CLASSES, model=answers[0], baseline=figures.Answer({}), champion=answers[1])
    assert both["ece"] == {"model": cold["calibration"]["given"]["ece"], "champion": hot["calibration"]["given"]["ece"]}


def test_only_map_looks_below_the_threshold(films, seen, found):
    more = {name: [*spans, Span(0.0, 0.1, "Up", 0.01)] for name, spans in found.items()}
    less = {name: spans[:2] for name, spans in found.items()}
    plain, with_more, with_less = (figures.everything(seen, found, films, TAXONOMY, 30.0, others={}, ranked=r)["detection"] for r in (None, more, less))
    assert plain["f1"] == with_more["f1"] == with_less["f1"] and plain["proposals"] == with_more["proposals"]
    assert with_more["map"].value == pytest.approx(plain["map"].value) and with_less["map"].value < plain["map"].value


def test_a_full_folder_takes_no_more_clips(films, seen, found, tmp_path, monkeypatch):
    monkeypatch.setattr(report, "LIMIT", 500_000)
    report.write(tmp_path, subject(films, seen, found, model=model()))
    assert not list(tmp_path.glob("*.webp")) and (tmp_path / "index.html").exists()


@pytest.mark.parametrize("kept", [0, 1])
def test_little_data(films, seen, found, tmp_path, kept):
    names = list(seen.truths)[:kept]
    few = replace(seen, given=[g for g in seen.given if g.name in names], strips={n: seen.strips[n] for n in names}, truths={n: seen.truths[n][:1] for n in names})
    made = report.write(tmp_path, subject(films, few, {n: found[n][:1] for n in names}, model=model()))
    assert made["detection"]["f1"] == [float(kept), None, None]
    assert not Page((tmp_path / "index.html").read_text()).blocked


def test_partial_labels_are_missed_but_break_nothing(films, seen, found, tmp_path):
    seen.truths["0:0"][0] = replace(seen.truths["0:0"][0], move="Plain")
    made = report.write(tmp_path, subject(films, seen, found))
    assert made["detection"]["f1"][0] == pytest.approx(2 * 9 / 24)


def test_a_film_that_moves_on_from_its_edges(films, tmp_path):
    """A mistake at the very end of a film, beyond its last picture."""
    end = films[0].duration
    late = gallery.Mistake("not a stroke", "0:0", None, Span(end - 0.05, end + 2, "Up", 0.9), 0.9)
    moving, still = gallery.error_loop(films[0].store, late)
    assert moving[:4] == b"RIFF" and still[:4] == b"RIFF"
