"""Measured help on constructed data whose truth is known: what was built in is found, nothing is found where nothing is."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from strokes import benefit
from strokes.benefit import Edge, Judged, Length, Work

CLASS_MS = [10.0, 40.0, 80.0, 150.0]


def works(*, help_: float, careless: bool = False, n: int = 400, videos: int = 10, seed: int = 1) -> list[Work]:
    """Strokes with and without suggestions; `help_` of the time is saved at equal edge error. Careful edges take longer.

    `careless`: with suggestions most edges are bad ones, which are quick on both sides.
    """
    drawn, found = random.Random(seed), []
    for k in range(n):
        for suggested in (True, False):
            weights = [1, 1, 3, 5] if suggested and careless else [4, 3, 2, 1]
            error = drawn.choices(CLASS_MS, weights)[0]
            seconds = {10.0: 9.0, 40.0: 7.0, 80.0: 5.0, 150.0: 4.0}[error] * drawn.lognormvariate(0, 0.3)
            seconds *= 1 - help_ if suggested else 1
            video = f"{'aided' if suggested else 'blind'} {k % videos}"
            found.append(Work("alice", video, suggested, seconds, {"consensus": error}))
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_help_of_thirty_percent_is_found(seed: int) -> None:
    found = benefit.saving(works(help_=0.3, seed=seed))
    assert found.share is not None and found.share.over == "videos"
    assert found.share.value == pytest.approx(0.3, abs=0.05)
    assert found.share.low < 0.3 < found.share.high and found.share.high - found.share.low < 0.15
    assert found.compared == 1.0 and found.reference == "consensus"


def test_haste_is_not_taken_for_help() -> None:
    """Careless edges are quick: without equal error the model would seem to save a third; at equal error it saves nothing."""
    found = benefit.saving(works(help_=0.0, careless=True))
    assert found.plain_with is not None and found.plain_blind is not None and found.share is not None
    assert 1 - found.plain_with / found.plain_blind > 0.25, "the plain figure is fooled"
    assert abs(found.share.value) < 0.05 and found.share.low < 0 < found.share.high
    assert found.error_with is not None and found.error_blind is not None and found.error_with > found.error_blind


def test_a_model_in_the_way_is_said_too() -> None:
    found = benefit.saving(works(help_=-0.2))
    assert found.share is not None and found.share.high < 0


def test_too_little_gives_no_figure() -> None:
    few = [one for one in works(help_=0.3) if one.suggested][:200] + [one for one in works(help_=0.3) if not one.suggested][:14]
    found = benefit.saving(few)
    assert (found.n_with, found.n_blind, found.share, found.with_s) == (200, 14, None, None)
    assert benefit.saving([]) == benefit.Saving(0, 0, "consensus")


def test_edges_too_different_to_compare() -> None:
    aided = [Work("a", "v", True, 3.0, {"consensus": 150.0})] * 50
    blind = [Work("a", "w", False, 6.0, {"consensus": 10.0})] * 50
    found = benefit.saving([*aided, *blind])
    assert found.share is None and found.compared == 0.0 and (found.n_with, found.n_blind) == (0, 0)
    assert (found.plain_with, found.plain_blind) == (3.0, 6.0)


def test_the_best_reference_that_both_sides_have() -> None:
    with_other = [Work(one.expert, one.video, one.suggested, one.seconds, {"other": one.errors["consensus"]}) for one in works(help_=0.3)]
    few_consensus = works(help_=0.9, n=10)
    found = benefit.saving([*with_other, *few_consensus])
    assert found.reference == "other" and found.share is not None
    assert found.share.value == pytest.approx(0.3, abs=0.05), "references are not mixed"


def test_few_videos_are_resampled_by_strokes() -> None:
    found = benefit.saving(works(help_=0.3, n=60, videos=2))
    assert found.share is not None and found.share.over == "strokes"


def test_the_same_data_give_the_same_interval() -> None:
    assert benefit.saving(works(help_=0.3), seed=5) == benefit.saving(works(help_=0.3), seed=5)


# -- verdicts ---------------------------------------------------------------------------------------------------------------


def test_verdicts_by_step() -> None:
    judged = [Judged("a", "sure", "untouched"), Judged("a", "sure", "edited"), Judged("a", "unsure", "rejected"), Judged("a", "", "rejected")]
    assert benefit.verdicts(judged) == {
        "sure": {"untouched": 1, "edited": 1, "rejected": 0},
        "unsure": {"untouched": 0, "edited": 0, "rejected": 1},
        "": {"untouched": 0, "edited": 0, "rejected": 1},
        "all": {"untouched": 1, "edited": 1, "rejected": 1},
    }


def test_wrong_ones_that_were_let_through() -> None:
    wrong = [Judged("a", "sure", "untouched", False)] * 9 + [Judged("a", "likely", "rejected", False)] * 31
    other = [Judged("a", "sure", "untouched", True)] * 50 + [Judged("a", "sure", "untouched")] * 5
    assert benefit.let_through([*wrong, *other]) == (9, 40)


# -- edges towards the model -----------------------------------------------------------------------------------------------------


def edges(*, towards: float, n: int = 600, seed: int = 1) -> list[Edge]:
    """Edges of which the model is off by some 60 ms, hands by some 30; those from suggestions lie `towards` the model's by so much."""
    drawn, found = random.Random(seed), []
    for k in range(n):
        for suggested in (True, False):
            truth = k * 1000.0
            model, hand = truth + drawn.gauss(20, 60), truth + drawn.gauss(0, 30)
            own = truth + drawn.gauss(0, 30)
            final = own + towards * (model - own) if suggested else own
            found.append(Edge("alice", f"v{k % 12}", hand, model, final, suggested))
    return found


@pytest.mark.parametrize("towards", [0.0, 0.25, 0.6])
def test_a_bias_built_into_edges_is_found(towards: float) -> None:
    found = benefit.pull(edges(towards=towards), [])
    assert found.way == "stroke" and found.share is not None and found.shift_ms is not None
    assert found.share.value == pytest.approx(towards, abs=0.08)
    assert found.share.low < towards < found.share.high
    assert (found.share.low > 0) == (towards > 0), "no bias is found where there is none"
    assert (found.shift_ms > 5) == (towards > 0)


def test_without_the_second_hand_noise_would_look_like_a_bias() -> None:
    aided = [one for one in edges(towards=0.0) if one.suggested]
    assert (benefit._slope(aided) or 0) > 0.12, "this is why two hands are compared as well"


def lengths(*, towards: float, off: Sequence[float] = (120.0, -90.0, 60.0), n: int = 300, seed: int = 1) -> list[Length]:
    """Strokes of three classes; the model's are too long or short by `off`; accepted ones lie `towards` them by so much."""
    drawn, found = random.Random(seed), []
    for k in range(n):
        kind = k % 3
        usual = 600.0 + 200 * kind
        found.append(Length("alice", f"blind {k % 8}", str(kind), drawn.gauss(usual, 80), None))
        own = drawn.gauss(usual, 80)
        model = own + drawn.gauss(off[kind], 20)
        found.append(Length("alice", f"aided {k % 8}", str(kind), own + towards * (model - own), model))
    return found


@pytest.mark.parametrize("towards", [0.0, 0.5])
def test_a_bias_built_into_lengths_is_found(towards: float) -> None:
    found = benefit.pull([], lengths(towards=towards, n=900))
    assert found.way == "length" and found.share is not None
    assert found.share.value == pytest.approx(towards, abs=0.12)
    assert found.share.low < towards < found.share.high and (found.share.low > 0) == (towards > 0)


def test_a_model_that_is_where_the_hands_are_pulls_nothing() -> None:
    found = benefit.pull([], lengths(towards=0.5, off=(0.0, 0.0, 0.0)))
    assert found.level and found.share is None


def test_too_few_edges_and_lengths() -> None:
    found = benefit.pull(edges(towards=0.5, n=20), lengths(towards=0.5, n=24))
    assert found == benefit.Pull(24, 24)
    assert benefit.pull([], []) == benefit.Pull(0, 0)
