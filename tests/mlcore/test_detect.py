"""The temporal head: learns where strokes begin and end from dense features, and says how sure it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mlcore import dataset, decide, detect, metrics
from mlcore.decide import HEADED, Decision, Proposal, Strip
from mlcore.detect import Head, HeadSizes, Recipe, Stretch
from mlcore.formats import NEGATIVE, DatasetVideo, Interval
from mlcore.metrics import Span
from mlcore.progress import StepError
from tests.mlcore import squares

RATE, CLASSES = 15.0, 4  # three moves and Negative
SIZES = HeadSizes(8, CLASSES, hidden=24, dilations=(1, 2, 4), dropout=0.1)


def drawn(seed: int, strokes: int = 12) -> tuple[Stretch, list[Span]]:
    """Noisy features in which strokes of three classes and of 0.5 to 1.2 s can be seen, blurred at their edges."""
    rng = np.random.default_rng(seed)
    spans, t = [], 1.0
    for _ in range(strokes):
        length = rng.uniform(0.5, 1.2)
        spans.append(Span(t, t + length, "abc"[rng.integers(3)]))
        t += length + rng.uniform(0.3, 1.5)
    seconds = np.arange(int((t + 1) * RATE)) / RATE
    allowed = np.zeros((len(seconds), CLASSES), bool)
    allowed[:, 3] = True
    edges = np.full((len(seconds), 2), np.nan, np.float32)
    seen = rng.normal(0, 0.2, (len(seconds), 8)).astype(np.float32)
    for s in spans:
        inside = (seconds >= s.begin) & (seconds < s.end)
        allowed[inside] = False
        allowed[inside, "abc".index(s.move)] = True
        edges[inside] = (s.begin, s.end)
        soft = 1 / (1 + np.exp(-(np.minimum(seconds - s.begin, s.end - seconds)) * 12))
        seen[:, "abc".index(s.move)] += soft.astype(np.float32)
    return Stretch(seen, seconds, allowed, edges, np.ones(len(seconds), np.float32)), spans


@pytest.fixture(scope="module")
def head() -> Head:
    return detect.fit([drawn(i)[0] for i in range(6)], SIZES, seed=1, recipe=Recipe(steps=200, batch=4, piece=96))


def test_strokes_it_has_not_seen_are_found_with_class_and_edges(head):
    strips, real = {}, {}
    for i in range(4):
        stretch, spans = drawn(100 + i)
        proposals = tuple(detect.propose(head, stretch.features, stretch.seconds))
        strips[str(i)], real[str(i)] = Strip(np.zeros((1, CLASSES), np.float32), RATE, 0.0, np.zeros(1, bool), proposals), spans
    decision, _ = decide.fit_head(decide.score_on(strips, real, "abcN", True))
    sure = {name: decide.spans(strip, decision, "abcN") for name, strip in strips.items()}
    assert metrics.f1(sure, real)["f1"] > 0.9 and metrics.f1(sure, real, 0.7)["f1"] > 0.75
    assert metrics.mean_average_precision({name: decide.spans(strip, decision, "abcN", every=True) for name, strip in strips.items()}, real) > 0.55
    assert np.median(np.abs(metrics.edges(sure, real)["begin"])) < 1 / RATE


def test_training_is_the_same_for_the_same_seed(head):
    again = detect.fit([drawn(i)[0] for i in range(6)], SIZES, seed=1, recipe=Recipe(steps=200, batch=4, piece=96))
    assert all(torch.equal(a, b) for a, b in zip(head.state_dict().values(), again.state_dict().values()))


def test_what_is_unknown_teaches_nothing():
    stretch, _ = drawn(1)
    lying = Stretch(stretch.features, stretch.seconds, np.roll(stretch.allowed, 9, 0), np.roll(stretch.edges, 9, 0), np.zeros_like(stretch.weight))
    recipe = Recipe(steps=5, batch=2, piece=64)
    alone = detect.fit([stretch], SIZES, seed=2, recipe=recipe)
    half = Stretch(*(np.concatenate((getattr(stretch, n), getattr(lying, n))) for n in ("features", "seconds", "allowed", "edges", "weight")))
    pieces = [detect._piece(half, len(half.seconds), np.random.default_rng(0))]
    torch.manual_seed(0)
    both = float(detect._loss(alone.eval(), pieces, recipe).detach())
    silent = Stretch(half.features, half.seconds, np.ones_like(half.allowed), np.full_like(half.edges, np.nan), half.weight)
    silent.allowed[: len(stretch.seconds)], silent.edges[: len(stretch.seconds)] = stretch.allowed, stretch.edges
    assert both == pytest.approx(float(detect._loss(alone, [silent], recipe).detach()))


def test_nothing_known_is_refused():
    stretch, _ = drawn(1)
    with pytest.raises(StepError) as refusal:
        detect.fit([Stretch(stretch.features, stretch.seconds, stretch.allowed, np.full_like(stretch.edges, np.nan), stretch.weight)], SIZES, seed=1)
    assert refusal.value.code == "nothing_to_learn"


def test_soft_nms_keeps_the_surest_and_weakens_only_what_overlaps():
    begin, end = np.array([0.0, 0.1, 5.0, 0.95]), np.array([1.0, 1.1, 6.0, 2.0])
    taken = dict(detect.soft_nms(begin, end, np.array([0.9, 0.8, 0.5, 0.6]), 0.5))
    assert taken[0] == 0.9 and taken[2] == 0.5
    assert taken[1] < 0.3 and taken[3] == pytest.approx(0.6, abs=0.05)


def test_labels_become_lessons(tmp_path):
    """Strokes give class and edges, gaps of a complete video Negative, rejected suggestions a hard Negative; all else is not known."""
    made, _ = squares.build(tmp_path / "s", ["Right", "Left"])
    n = made.n
    video = DatasetVideo("v", "", "s", n, "g", False, [], [Interval(2, 8, "Right", 0.5)], [Interval(10, 14, "")])
    one = dataset.film(0, video, made, squares.TAXONOMY, 10.0)
    seconds = np.arange(one.n) / 10.0
    allowed, edges, weight = dataset.taught(one, seconds, 3)
    stroke = int(one.spans[0].begin * 10 + 0.999)
    assert allowed[stroke].tolist() == [c == "Right" for c in squares.TAXONOMY.classes]
    assert edges[stroke].tolist() == pytest.approx([one.spans[0].begin, one.spans[0].end]) and weight[stroke] == 0.5
    rejected = int(one.spans[1].centre * 10)
    assert allowed[rejected].tolist() == [c == NEGATIVE for c in squares.TAXONOMY.classes]
    assert weight[rejected] == dataset.HARD and np.isnan(edges[rejected]).all()
    assert weight[-1] == 0 and allowed[-1].all()


def test_the_decision_by_the_head_offers_what_is_sure_enough_in_order_of_time():
    proposals = (Proposal(3.0, 4.0, 1, 0.9, ((1, 0.9),)), Proposal(1.0, 2.0, 0, 0.5, ((0, 0.8),)), Proposal(6.0, 7.0, 2, 0.2, ((2, 0.5),)))
    seen = Strip(np.zeros((1, 4), np.float32), 10.0, 0.0, np.zeros(1, bool), proposals)
    assert [p.begin for p in decide.strokes(seen, HEADED)] == [1.0, 3.0]
    assert len(decide.spans(seen, HEADED, "abcN", every=True)) == 3
    assert Decision.parse(HEADED.body()) == HEADED


def test_scores_are_made_honest():
    """Proposals that are right half as often as they say end up saying so."""
    rng = np.random.default_rng(0)
    scores = rng.uniform(0.05, 0.95, 4000)
    right = rng.random(4000) < scores / 2
    decision = decide.calibrate(scores, right, HEADED)
    said = np.array([decide.calibrated(s, decision) for s in scores])
    for low, high in ((0.0, 0.2), (0.2, 0.5)):
        bin_ = (said >= low) & (said < high)
        assert said[bin_].mean() == pytest.approx(right[bin_].mean(), abs=0.04)
    assert decide.calibrate(scores[:20], right[:20], HEADED) == HEADED


@pytest.mark.parametrize(("rule", "winner"), [("centre", 0), ("vote", 1), ("mean", 2), ("gaussian", 0)])
def test_the_papers_decisions_differ_as_they_should(rule, winner):
    curve = np.array([[0.0, 0.4, 0.35, 0.25]] * 4 + [[1, 0, 0, 0]] * 3 + [[0.0, 0.4, 0.35, 0.25]] * 4, np.float32)
    if rule == "mean":
        curve = np.array([[0.6, 0.0, 0.4, 0.0]] * 6 + [[0.1, 0.0, 0.9, 0.0]] * 5, np.float32)
    assert decide.papers(curve, rule).argmax() == winner
    assert decide.papers(curve, rule).sum() == pytest.approx(1, abs=1e-5)
