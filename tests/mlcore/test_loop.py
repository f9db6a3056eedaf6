"""The training loop: one batch in parts, averaged weights, the published schedule, memory that runs out, own functions, the same bits again."""

from __future__ import annotations

import copy
import io
import itertools
import json
import math
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mlcore import checkpoint, loop, optim, presets
from mlcore.networks import Net
from mlcore.progress import StepError, Stopped
from tests.mlcore import tasks
from tests.mlcore.tasks import same, weights

PLAIN = {"norm": False, "affine": False}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tasks.data(tmp_path_factory.mktemp("data"))


def far(one, other) -> float:
    return max(float((one[name].float() - other[name].float()).abs().max()) for name in one)


def test_a_batch_in_parts_is_the_same_step(root):
    whole, parts = (weights(loop.fit(tasks.task(root, f"parts-{n}", sizes=PLAIN, accumulate=n)).net) for n in (1, 3))
    assert 0 < far(whole, parts) < 1e-5


class Hungry(Net):
    """A network with memory for three clips at a time while it learns; `asked` holds every size it was asked for."""

    most = 3
    asked: list[int] = []

    def forward(self, rgb_BCTHW, flow_BCTHW, pose_BCT=None):
        if self.training:
            self.asked.append(len(rgb_BCTHW))
            if len(rgb_BCTHW) > self.most:
                raise RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")
        return super().forward(rgb_BCTHW, flow_BCTHW, pose_BCT)


def test_without_memory_the_batch_stays_and_its_parts_get_smaller(root, monkeypatch):
    monkeypatch.setattr(Hungry, "asked", [])
    fitted = loop.fit(tasks.task(root, "hungry", sizes=PLAIN, given={"network": Hungry}))
    assert Hungry.asked[:4] == [8, 4, 2, 2] and set(Hungry.asked[4:]) == {2}
    assert far(weights(fitted.net), weights(loop.fit(tasks.task(root, "quarters", sizes=PLAIN, accumulate=4)).net)) == 0
    assert checkpoint.read(root / "checkpoint" / "hungry").values["micro"] == 2


def test_what_was_found_out_about_memory_is_remembered(root, monkeypatch):
    monkeypatch.setattr(Hungry, "asked", [])
    steps = itertools.count(1)
    with pytest.raises(Stopped):
        loop.fit(tasks.task(root, "later", sizes=PLAIN, given={"network": Hungry, "stop": lambda: next(steps) >= 4}))
    Hungry.asked.clear()
    loop.fit(tasks.task(root, "later", sizes=PLAIN, given={"network": Hungry}))
    assert set(Hungry.asked) == {2}


def test_no_memory_for_a_single_clip_is_said_in_a_code(root, monkeypatch):
    monkeypatch.setattr(Hungry, "most", 0)
    with pytest.raises(StepError, match="out_of_memory"):
        loop.fit(tasks.task(root, "starving", sizes=PLAIN, given={"network": Hungry}))
    monkeypatch.setattr(Hungry, "most", 10**6)

    def broken(logits, allowed, smoothing):
        raise RuntimeError("shapes do not agree")

    with pytest.raises(RuntimeError, match="shapes"):  # other failures are not taken for it
        loop.fit(tasks.task(root, "broken", given={"network": Hungry, "loss": broken}))


def test_with_batch_norm_two_clips_are_the_least(root, monkeypatch):
    monkeypatch.setattr(Hungry, "asked", [])
    monkeypatch.setattr(Hungry, "most", 1)
    with pytest.raises(StepError, match="out_of_memory"):
        loop.fit(tasks.task(root, "two", given={"network": Hungry}))
    assert Hungry.asked == [8, 4, 2]


@pytest.mark.parametrize(("bad", "times"), [({7}, 1), (range(7, 100), None)])
def test_a_loss_that_is_no_number_costs_half_the_rate(root, bad, times):
    seen = itertools.count(1)

    def loss(logits, allowed, smoothing):
        return loop.set_loss(logits, allowed, smoothing) * (math.nan if next(seen) in bad else 1.0)

    calm = loop.fit(tasks.task(root, f"calm-{times}", epochs=2, sizes=PLAIN))
    task = tasks.task(root, f"rough-{times}", epochs=2, sizes=PLAIN, given={"loss": loss, "every": 0.0})
    if times is None:
        with pytest.raises(StepError, match="diverged"):
            loop.fit(task)
        return
    rough = loop.fit(task)
    values = checkpoint.read(task.folder).values
    assert (values["rollbacks"], values["factor"], values["step"]) == (1, 0.5, 12)
    assert rough.history[-1]["lr"] == calm.history[-1]["lr"] / 2 and math.isfinite(rough.history[-1]["loss"])


def test_the_average_follows_slowly_and_begins_at_once():
    net = torch.nn.Linear(1, 1, bias=False)
    average = optim.Average(net, 0.9)
    seen = []
    for step in range(400):
        with torch.no_grad():
            net.weight.fill_(1.0 if step < 200 else 2.0)
        average.update(net, step)
        seen.append(float(average.net.weight))
    assert seen[199] == pytest.approx(1.0, abs=1e-4)
    assert seen[200] == pytest.approx(1.1, abs=1e-4) and seen[206] == pytest.approx(2 - 0.9**7, abs=1e-4)
    assert not average.net.weight.requires_grad


def test_batch_norm_of_averaged_weights_is_measured_not_copied(root):
    task = tasks.task(root, "norms", ema=0.9, validate=True)
    run = loop._Run(task)
    run.epoch(0)
    run._norms_of_average(0)
    norm, got = run.average.net.norm1_RGB, run.net.norm1_RGB
    assert not torch.equal(norm.running_mean, got.running_mean) and not torch.equal(run.average.net.conv1_RGB.weight, run.net.conv1_RGB.weight)
    with torch.no_grad():
        run.average.net.conv1_RGB.bias += 1.0  # other weights now: nothing of the old statistics may stay
    seen = []
    norm.register_forward_pre_hook(lambda module, given: seen.append(given[0].clone()))
    run._norms_of_average(0)
    mean = torch.stack([x.mean((0, 2, 3, 4)) for x in seen]).mean(0)
    var = torch.stack([x.var((0, 2, 3, 4)) for x in seen]).mean(0)
    assert torch.allclose(norm.running_mean, mean, atol=1e-5) and torch.allclose(norm.running_var, var, rtol=1e-4)
    assert norm.momentum == 0.1 and not any(m.training for m in run.average.net.modules())


def test_the_better_of_the_weights_and_their_average_is_what_comes_out(root, monkeypatch):
    seen = []
    validate = loop.validate

    def look(task, nets, *more):
        found = validate(task, nets, *more)
        seen.append((found, [weights(net) for net in nets]))
        return found

    monkeypatch.setattr(loop, "validate", look)
    fitted = loop.fit(tasks.task(root, "better", epochs=5, ema=0.9, validate=True))
    scores = [[accuracy - 0.01 * loss for loss, accuracy in found] for found, _ in seen]
    epoch = int(np.argmax([max(pair) for pair in scores]))
    which = int(np.argmax(scores[epoch]))
    assert fitted.best == epoch and same(weights(fitted.net), seen[epoch][1][which])
    assert [line["averaged"] for line in fitted.history] == [pair[1] > pair[0] for pair in scores]
    assert [line["val_loss"] for line in fitted.history] == [found[int(pair[1] > pair[0])][0] for (found, _), pair in zip(seen, scores)]


@pytest.mark.parametrize("deterministic", [False, True])
def test_stopped_and_resumed_with_everything_on_ends_with_the_same_bits(root, deterministic):
    options = {"sizes": {"dropout": 0.3}, "ema": 0.9, "accumulate": 2, "validate": True, "epochs": 3, "spare_vectors": True, "class_weights": 0.5,
               "deterministic": deterministic, "patience": 10**6}  # fmt: skip
    whole = loop.fit(tasks.task(root, f"whole-{deterministic}", **options))
    per_epoch, steps = tasks.task(root, "x", **options).per_epoch, 0
    for limit in (1, per_epoch - 1, 2):
        calls = itertools.count(1)
        with pytest.raises(Stopped) as stopped:
            loop.fit(tasks.task(root, f"parts-{deterministic}", given={"stop": lambda calls=calls, limit=limit: next(calls) >= limit}, **options))
        steps += limit
        assert stopped.value.state["step"] == steps
        torch.manual_seed(steps)  # whatever else the process drew
    resumed = loop.fit(tasks.task(root, f"parts-{deterministic}", **options))
    assert same(weights(whole.net), weights(resumed.net)) and whole.best == resumed.best
    assert [line["loss"] for line in whole.history] == [line["loss"] for line in resumed.history]
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize(("writing", "expected"), [(0.0, [3, 6, 9, 12]), (4.0, [3, 12])])
def test_a_kill_costs_an_interval_at_most_and_writing_a_twentieth_of_the_time(root, monkeypatch, writing, expected):
    now, written = [0.0], []

    def write(folder, step, state):
        written.append(step)
        now[0] += writing

    monkeypatch.setattr(loop.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(checkpoint, "write", write)
    task = tasks.task(root, f"interval-{writing}", sizes=PLAIN, given={"every": 25.0, "tell": lambda share: now.__setitem__(0, now[0] + 10.0)})
    assert task.epochs * task.per_epoch == 12
    loop.fit(task)
    assert sorted(set(written)) == expected  # ten seconds a step; a slow write is paid for by a longer interval; the end is always kept


def test_a_training_that_ended_is_not_gone_on_with(root):
    options = {"sizes": PLAIN, "validate": True, "epochs": 6, "patience": 1, "lr": 0.0}
    ended = loop.fit(tasks.task(root, "ended", **options))
    again = loop.fit(tasks.task(root, "ended", given={"epoch_done": lambda line: pytest.fail("learned again")}, **options))
    assert len(ended.history) == 2 and same(weights(ended.net), weights(again.net))


def test_a_checkpoint_of_another_training_is_refused(root):
    loop.fit(tasks.task(root, "mine", epochs=1))
    with pytest.raises(StepError, match="other_training"):
        loop.fit(tasks.task(root, "mine", epochs=1, given={"seed": 6}))
    loop.fit(tasks.task(root, "mine", epochs=1, workers=0, max_minutes=7.0, cache_mb=1))  # what changes no weight may change


def test_a_deterministic_training_does_not_look_at_the_clock(root):
    rates = [loop.fit(tasks.task(root, f"late-{on}", epochs=2, deterministic=on, given={"seconds": 1e-3 if not on else 3600.0})).history for on in (False, True)]
    assert rates[0][-1]["lr"] < rates[1][-1]["lr"] or len(rates[0]) < len(rates[1])
    run = loop._Run(tasks.task(root, "clock", deterministic=True))
    run.clock = 0.9 * run.task.seconds
    assert run.share() == 0.0 and not run.over()
    run.clock = run.task.seconds
    assert run.over()


def history(*losses, restarted=()):
    return [{"epoch": i, "loss": loss, **({"restarted": True} if i in restarted else {})} for i, loss in enumerate(losses)]


def test_the_published_rate_falls_when_nothing_gets_better_any_more():
    flat, sinking = [1.0] * 32, [1 - 0.02 * i for i in range(32)]
    assert optim.falls(history(*flat), best=0) and not optim.falls(history(*flat), best=5)
    assert not optim.falls(history(*sinking), best=0)  # it still learns
    assert not optim.falls(history(*flat, restarted=[20]), best=0)  # it has just fallen
    preset = presets.named("published")
    stages = list(itertools.accumulate(range(8), lambda stage, _: optim.after(preset, stage), initial=0))
    assert [round(math.log10(optim.rate(preset, 0.0, stage))) for stage in stages] == [-2, -3, -4, -5, -2, -3, -4, -5, -2]
    assert preset.patience > 2 * (optim.PLATEAU + 1) * optim.STAGES  # at least two rounds


def test_a_restart_begins_from_the_best_state_without_momentum(root, monkeypatch):
    monkeypatch.setattr(optim, "PLATEAU", 2)
    monkeypatch.setattr(optim, "falls", lambda lines, best: len(lines) == 4)
    given = {"rate": lambda preset, share, restart: 10.0**-restart * 0.05}
    task = tasks.task(root, "restart", epochs=6, restarts=True, validate=True, given=given)
    run = loop._Run(task)
    states = []
    monkeypatch.setattr(task, "epoch_done", lambda line: states.append((weights(run.net), len(run.optimiser.state), copy.deepcopy(run.best))))
    fitted = run.learn()
    assert [line.get("restarted", False) for line in fitted.history] == [False] * 3 + [True] + [False] * 2
    net, momentum, best = states[3]
    assert same(net, best) and momentum == 0 and states[2][1] > 0
    assert [line["lr"] for line in fitted.history] == [0.05] * 4 + [pytest.approx(0.005)] * 2


def test_without_validation_the_published_stages_share_the_run(root):
    fitted = loop.fit(tasks.task(root, "stages", epochs=8, restarts=True, lr=1e-2, lr_min=1e-5))
    assert [line["lr"] for line in fitted.history] == pytest.approx([1e-2, 1e-2, 1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5])


def test_norms_and_biases_may_be_spared_decay():
    net = torch.nn.Sequential(torch.nn.Conv3d(2, 4, 3), torch.nn.BatchNorm3d(4))
    preset = replace(presets.named("cpu"), spare_vectors=True)
    decayed, spared = optim.optimiser_for(net, preset).param_groups
    assert [p.dim() for p in decayed["params"]] == [5] and decayed["weight_decay"] == preset.weight_decay
    assert [p.dim() for p in spared["params"]] == [1, 1, 1] and spared["weight_decay"] == 0
    assert len(optim.optimiser_for(net, presets.named("cpu")).param_groups) == 1


def test_class_weights_lift_rare_classes():
    assert optim.class_weights([30, 10, 20, 0], 1.0).tolist() == pytest.approx([2 / 3, 2.0, 1.0, 1.0])
    assert optim.class_weights([30, 10, 20, 0], 0.0).tolist() == [1.0] * 4


def test_weights_of_classes_reach_the_loss(root):
    run = loop._Run(tasks.task(root, "weighted", sizes=PLAIN, class_weights=1.0))
    run.weights = torch.tensor([0.0, 0.0, 0.0, 3.0])
    batch = run.loader(loop.epoch_batches(run.task, 0)[0])
    totals = torch.zeros(5, dtype=torch.float64)
    run.net.eval()
    mean = run._loss(batch, totals)
    logits = run.net(*batch.inputs)
    expected = sum(3 * F.cross_entropy(row[None], torch.tensor([3])) for row, allowed in zip(logits, batch.allowed) if allowed.tolist() == [False] * 3 + [True])
    assert batch.allowed[:, 3].any() and mean.item() == pytest.approx(expected.item() / 8, rel=1e-5)


def test_own_network_loss_optimiser_and_rate_are_plain_functions(root):
    used = Counter()

    class Mine(Net):
        def forward(self, rgb_BCTHW, flow_BCTHW, pose_BCT=None):
            used["network"] += 1
            return super().forward(rgb_BCTHW, flow_BCTHW, pose_BCT)

    def focal(logits_BK, allowed_BK, smoothing):
        used["loss"] += 1
        log_p = torch.log_softmax(logits_BK, 1).masked_fill(~allowed_BK, -math.inf).logsumexp(1)
        return -((1 - log_p.exp()) ** 2) * log_p

    def plain(net, preset):
        used["optimiser"] += 1
        return torch.optim.Adam(net.parameters(), preset.lr)

    def linear(preset, share, restart):
        used["rate"] += 1
        return preset.lr * (1 - share)

    given = {"network": Mine, "loss": focal, "optimiser": plain, "rate": linear}
    fitted = loop.fit(tasks.task(root, "own", epochs=4, given=given))
    assert set(used) == {"network", "loss", "optimiser", "rate"} and isinstance(fitted.net, Mine)
    assert fitted.history[-1]["loss"] < fitted.history[0]["loss"] and fitted.history[-1]["lr"] < fitted.history[0]["lr"]


def test_tensorboard_has_every_epoch_once_also_after_an_interruption(root, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    calls = itertools.count(1)
    task = tasks.task(root, "board", epochs=4, validate=True, given={"board": tmp_path / "board", "every": 1e6})
    task.epoch_done = lambda line: next(calls) < 3 or (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):  # three epochs are on the board, no checkpoint is on disk
        loop.fit(task)
    task.epoch_done = lambda line: None
    fitted = loop.fit(task)
    found = EventAccumulator(str(tmp_path / "board"), purge_orphaned_data=True).Reload()
    assert set(found.Tags()["scalars"]) == {"loss/train", "loss/validation", "accuracy/train", "accuracy/validation", "rate"}
    for curve, key in (("loss/train", "loss"), ("accuracy/validation", "val_accuracy"), ("rate", "lr")):
        assert [(e.step, e.value) for e in found.Scalars(curve)] == [(h["epoch"], pytest.approx(h[key], rel=1e-6)) for h in fitted.history]


def test_without_the_package_there_are_no_files_and_no_error(root, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    loop.fit(tasks.task(root, "boardless", epochs=1, given={"board": tmp_path / "board"}))
    assert not (tmp_path / "board").exists()


def test_a_terminal_sees_a_bar_and_standard_output_nothing(root, monkeypatch, capsys):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    loop.fit(tasks.task(root, "bar", epochs=1))
    assert "bar: 100%" in terminal.getvalue() and "loss" in terminal.getvalue() and capsys.readouterr().out == ""
    plain = io.StringIO()
    monkeypatch.setattr(sys, "stderr", plain)
    loop.fit(tasks.task(root, "no bar", epochs=1))
    assert plain.getvalue() == ""


def test_every_preset_can_be_written_down_and_builds_its_network():
    for name in presets.PRESETS:
        preset = presets.named(name)
        assert json.loads(json.dumps(preset.body()))["accumulate"] >= 1
        assert preset.network(21).stages()[-1][0] == {"tiny": 2, "cpu": 4, "published": 12, "context": 12}[name]
    published, context = presets.named("published"), presets.named("context")
    assert context.network(21) == published.network(21).context() and context.lr == published.lr
