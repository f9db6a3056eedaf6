"""From curves to suggestions, exactly."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mlcore import checkpoint, decide, infer, machine, networks, presets
from mlcore.clips import Grid, Normalisation
from mlcore.decide import Decision, Strip
from mlcore.formats import FrameTable, Run, Suggestions
from mlcore.infer import Model
from mlcore.networks import Sizes
from mlcore.progress import StepError
from tests.mlcore import squares

NAMES = squares.TAXONOMY.classes
PLAIN = Decision(threshold=0.5, smooth=0.0, shortest=0.1, bridge=0.05, switch=3.0)


def strip(labels, rate=10.0, sure=0.9, bursts=None):
    """A curve that is `sure` of class labels[k] at tick k."""
    curve = np.full((len(labels), 4), (1 - sure) / 3, np.float32)
    curve[np.arange(len(labels)), labels] = sure
    return Strip(curve, rate, 0.0, np.zeros(len(labels), bool) if bursts is None else bursts)


def found(*args, decision=PLAIN, **kwargs):
    return [(f.begin, f.end, f.move) for f in decide.intervals(strip(*args, **kwargs), decision)]


def test_runs_become_intervals_with_mean_probability():
    labels = [3] * 5 + [1] * 6 + [3] * 4
    (one,) = decide.intervals(strip(labels), PLAIN)
    assert (one.begin, one.end, one.move) == (5, 11, 1)
    assert one.score == pytest.approx(0.9) and [c for c, _ in one.top] == [1, 0, 2]
    assert one.top[1][1] == pytest.approx(0.1 / 3)


def test_touching_strokes_of_two_classes_are_cut_and_one_odd_tick_is_not():
    assert found([3, 3] + [0] * 6 + [2] * 6 + [3, 3]) == [(2, 8, 0), (8, 14, 2)]
    assert found([3, 3] + [0] * 4 + [1] + [0] * 4 + [3], decision=Decision(0.5, 0, 0.1, 0.05, 8.0)) == [(2, 11, 0)]


def test_short_holes_close_and_short_runs_go():
    bridging = Decision(threshold=0.5, smooth=0.0, shortest=0.3, bridge=0.1, switch=3.0)
    assert found([3] + [0] * 4 + [3] + [0] * 4 + [3] * 3 + [1] * 2 + [3], decision=bridging) == [(1, 10, 0)]


def test_motion_helps_where_the_model_is_unsure():
    bursts = np.array([False] * 5 + [True] * 6 + [False] * 4)
    unsure = Decision(threshold=0.5, smooth=0.0, shortest=0.1, bridge=0.05, switch=60.0, motion=0.4)
    labels = [3] * 5 + [3, 1, 1, 1, 1, 3] + [3] * 4
    assert found(labels, decision=PLAIN, sure=0.7) == [(6, 10, 1)]
    assert found(labels, decision=unsure, sure=0.7, bursts=bursts) == [(5, 11, 1)]


def test_best_path_against_all_paths():
    import itertools

    log_p = np.log(np.random.default_rng(0).dirichlet([1, 1, 1], 6))

    def total(path):
        return sum(log_p[t, c] for t, c in enumerate(path)) - 1.2 * sum(a != b for a, b in itertools.pairwise(path))

    best = max(itertools.product(range(3), repeat=6), key=total)
    assert decide.best_path(log_p, 1.2).tolist() == list(best)


def test_smoothing_keeps_probabilities():
    curve = strip([3, 3, 0, 0, 3, 3]).curve
    soft = decide.smooth(curve, 1.0)
    assert np.allclose(soft.sum(1), 1, atol=1e-5) and soft[2, 0] < curve[2, 0]
    assert decide.smooth(curve, 0) is curve


def test_fit_moves_only_for_a_reason():
    assert decide.fit(lambda d: 1.0)[0] == Decision()
    assert decide.fit(lambda d: -abs(d.threshold - 0.4))[0].threshold == 0.4


def test_a_given_interval_asks_its_middle():
    curve = strip([0] * 4 + [1] * 4 + [0] * 4).curve
    assert decide.given(curve, 2, 10).argmax() == 1 and decide.given(curve, 0, 4).argmax() == 0
    assert decide.given(curve, 20, 24).argmax() == 0  # beyond the end: the last moment


def frames(pts, base=(1, 30)):
    return FrameTable("sha", 0, "h264", 48, 48, 0, base, pts, [0])


class Known(torch.nn.Module):
    """Stands where a network stands; says class 0 always."""

    def forward(self, rgb, flow):
        out = torch.zeros(len(rgb), 4)
        out[:, 0] = 5.0
        return out


def model(net=None, decision=PLAIN, stride=2):
    grid = Grid(15.0, 8, 24, 24)
    return Model(net or Known(), grid, Normalisation((1, 1), (0, 0)), decision, NAMES, stride, {"method": "given"}, torch.device("cpu"))


def test_edges_are_the_first_pictures_at_or_after_their_time(tmp_path):
    """Exact on a variable frame rate too: no picture number is ever made from time x fps."""
    made, _ = squares.build(tmp_path / "s", ["Right"])
    pts = [0, 1, 2, 6, 7, 8, 9, 15, 16, 17, 30]  # at 10 a second
    curve = strip([3] * 3 + [0] * 6 + [3] * 20, rate=10.0)
    seen = model()
    seen.grid = Grid(10.0, 8, 24, 24)
    (one,) = infer.suggest(seen, made, curve, frames(pts, (1, 10)))
    # ticks 3..9 -> 0.25 s to 0.85 s: first picture at or after 0.25 s is the one at 0.6 s (3), after 0.85 s that at 0.9 s (6)
    assert (one.begin, one.end, one.move) == (3, 6, "Right")
    assert one.top[0][0] == "Right" and len(one.top) == 3


def test_an_interval_that_holds_no_picture_is_no_suggestion(tmp_path):
    made, _ = squares.build(tmp_path / "s", ["Right"])
    seen = model()
    seen.grid = Grid(10.0, 8, 24, 24)
    assert infer.suggest(seen, made, strip([3] * 3 + [0] * 2 + [3] * 20), frames([0, 1, 20], (1, 10))) == []


def test_the_curve_covers_every_tick_whatever_the_stride(tmp_path):
    made, _ = squares.build(tmp_path / "s", ["Right"])
    net = networks.build(Sizes(4, T=8, H=24, W=24, channels=(4, 4), pools=((2, 2), (2, 2)), fc=6), seed=1)
    full, sparse = (model(net, stride=s).curve(made) for s in (1, 4))
    assert full.shape == sparse.shape == (24, 4)
    assert np.allclose(full.sum(1), 1, atol=1e-3) and np.allclose(full[::4], sparse[::4], atol=1e-2)
    part = model(net, stride=1).curve(made, 0.4, 1.0)
    assert np.allclose(part, full[6:15], atol=1e-2)


def run_folder(tmp_path, flow):
    preset = presets.named("tiny")
    net = networks.build(preset.network(4), seed=1)
    folder = tmp_path / "run"
    folder.mkdir()
    checkpoint.write_weights(folder / "weights.safetensors", net)
    Run("r1", squares.TAXONOMY, net.sizes.body(), preset.body(), Normalisation((1, 1), (0, 0)).body(), PLAIN.body(), {}, flow, "0").write(folder / "run.json")
    return folder


def test_the_step_writes_suggestions_and_refuses_other_flow(tmp_path):
    made, _ = squares.build(tmp_path / "s", ["Right"])
    table = FrameTable("s", 0, "h264", 48, 48, 0, (1, 30), list(range(made.n)), [0])
    folder = run_folder(tmp_path, dict(made.prepared.method))
    out = tmp_path / "suggestions.json"
    done = infer.infer(prepared=made.folder, frames=table, run=folder, out=out)
    written = Suggestions.read(out)
    assert written.run == "r1" == done["run"] and done["strokes"] == len(written.strokes)
    assert all(0 <= s.begin < s.end <= made.n and s.move in NAMES[:-1] for s in written.strokes)
    body = Run.read(folder / "run.json")
    body.flow = {"method": "deepflow"}
    body.write(folder / "run.json")
    with pytest.raises(StepError, match="other_flow"):
        infer.infer(prepared=made.folder, frames=table, run=folder, out=out)


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(StepError, match="not_a_run"):
        infer.load_model(tmp_path)
    with pytest.raises(StepError, match="unknown_preset"):
        presets.named("huge")


def test_work_ahead_keeps_order_and_errors():
    assert list(machine.ahead(lambda x: x * x, range(20), depth=3)) == [x * x for x in range(20)]
    with pytest.raises(ZeroDivisionError):
        list(machine.ahead(lambda x: 1 / x, [1, 0]))
