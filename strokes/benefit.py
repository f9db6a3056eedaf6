"""Does the model help, and does it lead: figures with intervals from what the log says. Pure: no database, no clock.

Time: seconds per stroke with suggestions and without (videos drawn blind) at equal edge error. Strokes are put into classes of
edge error; both sides are averaged within each class where both have strokes and weighted alike, n1 n2 / (n1 + n2) (direct
standardisation). So a side that is fast because it is careless gains nothing.
Shift: where an edge that came from a suggestion lies between what hands make and what the model proposed: 0 at the hands'
place, 1 at the model's. Two ways, by what there is: the same stroke marked by hand by somebody else, less the same measure
between two hands (both share the noise of the first hand's edge); or the lengths of strokes of the same class on blind videos.
Intervals: percentile bootstrap, 95 %, over videos where each side has at least four, else over strokes.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")
NEED = 30  # strokes on each side before a figure is given
NEED_WRONG = 20  # wrong suggestions before it is said how many were let through
VIDEOS = 4  # so many on each side for an interval over videos
DRAWS = 400
STRATA_MS = (25.0, 50.0, 100.0, 200.0)  # upper bounds of the classes of edge error; above the last nothing is compared
REFERENCES = ("consensus", "other", "later")  # what edge error is measured against, best first
LEAST_PULL_MS = 20.0  # where the model's lengths differ less than this from the hands', nothing can be pulled


@dataclass(frozen=True)
class Work:
    """One stroke of one person: what it took, and how far its edges lie from each reference there is (mean of both, ms)."""

    expert: str
    video: str
    suggested: bool  # on a video with suggestions; else on a blind one
    seconds: float
    errors: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Judged:
    """A decided suggestion. `right`: by the consensus; None where there is none. `step` is "" for motion alone."""

    expert: str
    step: str
    verdict: str  # untouched, edited, rejected
    right: bool | None = None


@dataclass(frozen=True)
class Edge:
    """One edge of a stroke (ms in the video): a hand's, the model's, and the one to look at; `suggested`: it came from the model's."""

    expert: str
    video: str
    hand: float
    model: float
    final: float
    suggested: bool


@dataclass(frozen=True)
class Length:
    """Length of a stroke in ms; `model` is what was proposed, None for one marked by hand on a blind video."""

    expert: str
    video: str
    move: str
    final: float
    model: float | None


@dataclass(frozen=True)
class Estimate:
    """A figure and the bounds of its 95 % interval, resampled over `over` ("videos" or "strokes")."""

    value: float
    low: float
    high: float
    over: str


@dataclass(frozen=True)
class Saving:
    """Seconds per stroke. `share` (0.3: 30 % less with suggestions) and what belongs to it is None until there is enough."""

    n_with: int
    n_blind: int
    reference: str = ""
    with_s: float | None = None
    blind_s: float | None = None
    share: Estimate | None = None
    error_with: float | None = None
    error_blind: float | None = None
    compared: float = 0.0  # share of the strokes that lie in classes of edge error which both sides have
    plain_with: float | None = None  # whatever the edges
    plain_blind: float | None = None


@dataclass(frozen=True)
class Pull:
    """How far edges lie towards the model's. `way`: "stroke", "length" or "" (not enough); `level`: the model is where the hands are."""

    n_with: int
    n_hand: int
    way: str = ""
    share: Estimate | None = None
    shift_ms: float | None = None
    level: bool = False


def saving(works: Sequence[Work], seed: int = 0) -> Saving:
    """Time with and without suggestions at equal edge error, by the best reference that both sides have enough of."""
    counted = {name: _sides([one for one in works if name in one.errors]) for name in REFERENCES}
    enough = [name for name in REFERENCES if min(map(len, counted[name])) >= NEED]
    best = enough[0] if enough else max(REFERENCES, key=lambda name: (min(map(len, counted[name])), sum(map(len, counted[name]))))
    aided, blind = counted[best]
    plain = [_mean([one.seconds for one in side]) for side in _sides(works)]
    base = Saving(len(aided), len(blind), best, plain_with=plain[0], plain_blind=plain[1])
    if not enough:
        return base
    shared = _shared(aided, best) & _shared(blind, best)
    inside = [[one for one in side if _stratum(one.errors[best]) in shared] for side in (aided, blind)]
    compared = sum(map(len, inside)) / (len(aided) + len(blind))
    if min(map(len, inside)) < NEED:
        return Saving(len(inside[0]), len(inside[1]), best, compared=compared, plain_with=plain[0], plain_blind=plain[1])
    means = _standard(inside[0], inside[1], best)
    assert means is not None
    estimate = _bootstrap(inside, lambda a, b: _share(_standard(a, b, best)), lambda one: one.video, seed)
    errors = [statistics.median(one.errors[best] for one in side) for side in inside]
    return Saving(len(inside[0]), len(inside[1]), best, *means, estimate, errors[0], errors[1], compared, plain[0], plain[1])


def _sides(works: Sequence[Work]) -> tuple[list[Work], list[Work]]:
    return [one for one in works if one.suggested], [one for one in works if not one.suggested]


def _stratum(error: float) -> int | None:
    return next((k for k, most in enumerate(STRATA_MS) if error <= most), None)


def _shared(side: Sequence[Work], reference: str) -> set[int | None]:
    return {_stratum(one.errors[reference]) for one in side} - {None}


def _standard(aided: Sequence[Work], blind: Sequence[Work], reference: str) -> tuple[float, float] | None:
    """Mean seconds of both sides over the classes of edge error that both have, weighted alike."""
    sums: list[dict[int, tuple[int, float]]] = []
    for side in (aided, blind):
        mine: dict[int, tuple[int, float]] = {}
        for one in side:
            k = _stratum(one.errors[reference])
            if k is not None:
                n, total = mine.get(k, (0, 0.0))
                mine[k] = (n + 1, total + one.seconds)
        sums.append(mine)
    both = sums[0].keys() & sums[1].keys()
    weights = {k: sums[0][k][0] * sums[1][k][0] / (sums[0][k][0] + sums[1][k][0]) for k in both}
    whole = sum(weights.values())
    if not whole:
        return None
    means = [sum(weights[k] * mine[k][1] / mine[k][0] for k in both) / whole for mine in sums]
    return means[0], means[1]


def _share(means: tuple[float, float] | None) -> float | None:
    return None if means is None or means[1] <= 0 else 1 - means[0] / means[1]


def verdicts(judged: Iterable[Judged]) -> dict[str, dict[str, int]]:
    """How many suggestions were taken untouched, edited, rejected: by step of the score, "" for motion, "all" for the model's."""
    found: dict[str, dict[str, int]] = {}
    for one in judged:
        for key in {one.step, "all" if one.step else one.step}:
            counts = found.setdefault(key, {"untouched": 0, "edited": 0, "rejected": 0})
            counts[one.verdict] += 1
    return found


def let_through(judged: Iterable[Judged]) -> tuple[int, int]:
    """(how many wrong suggestions of the model were taken untouched, how many wrong ones were decided), by the consensus."""
    wrong = [one for one in judged if one.right is False and one.step]
    return sum(one.verdict == "untouched" for one in wrong), len(wrong)


def pull(edges: Sequence[Edge], lengths: Sequence[Length], seed: int = 0) -> Pull:
    """How far edges that came from suggestions lie towards the model's, by the same strokes if there are enough, else by lengths."""
    aided = [one for one in edges if one.suggested]
    control = [one for one in edges if not one.suggested]
    if min(len(aided), len(control)) >= 2 * NEED:  # two edges each
        estimate = _bootstrap([aided, control], _slopes, lambda one: one.video, seed)
        shift = _shift(aided) - _shift(control)
        return Pull(len(aided) // 2, len(control) // 2, "stroke", estimate, shift)
    return _pull_by_length(lengths, seed)


def _slopes(aided: Sequence[Edge], control: Sequence[Edge]) -> float | None:
    """The share of the way to the model's edge, without what the first hand's noise feigns.

    An edge is final = own + p (model - own) with an own place as good as the hand's; its slope is then p + (1 - p) c, where c
    is the slope between two hands.
    """
    slope, c = _slope(aided), _slope(control)
    return None if slope is None or c is None or c >= 1 else (slope - c) / (1 - c)


def _slope(edges: Sequence[Edge]) -> float | None:
    across = sum((one.model - one.hand) ** 2 for one in edges)
    return sum((one.final - one.hand) * (one.model - one.hand) for one in edges) / across if across else None


def _shift(edges: Sequence[Edge]) -> float:
    """Mean of how far the final edge lies from the hand's, towards the model's, ms."""
    return statistics.fmean((one.final - one.hand) * ((one.model > one.hand) - (one.model < one.hand)) for one in edges)


def _pull_by_length(lengths: Sequence[Length], seed: int) -> Pull:
    hand_moves = {one.move for one in lengths if one.model is None}
    aided = [one for one in lengths if one.model is not None and one.move in hand_moves]
    hand = [one for one in lengths if one.model is None]
    base = Pull(len(aided), len(hand))
    if min(len(aided), len(hand)) < NEED:
        return base
    found = _moments(aided, hand)
    if found is None or found[1] < LEAST_PULL_MS**2:
        return Pull(len(aided), len(hand), "length", level=True)
    estimate = _bootstrap([aided, hand], lambda a, b: _ratio(_moments(a, b)), lambda one: one.video, seed)
    return Pull(len(aided), len(hand), "length", estimate, _towards(aided, hand))


def _by_move(lengths: Sequence[Length]) -> dict[str, list[Length]]:
    found: dict[str, list[Length]] = {}
    for one in lengths:
        found.setdefault(one.move, []).append(one)
    return found


def _moments(aided: Sequence[Length], hand: Sequence[Length]) -> tuple[float, float] | None:
    """Mean over strokes of (final - hand)(model - hand) and (model - hand)^2 of their classes' means, without what chance adds.

    All three means share the chance of which strokes were drawn: it adds var / n of either side to both products.
    """
    hands, products, squares, n = _by_move(hand), 0.0, 0.0, 0
    for move, mine in _by_move(aided).items():
        base = [one.final for one in hands.get(move, [])]
        if len(base) < 2:
            continue
        usual = statistics.fmean(base)
        final = statistics.fmean(one.final for one in mine) - usual
        model = statistics.fmean(one.model or 0.0 for one in mine) - usual
        chance = statistics.variance(base) * (1 / len(base) + 1 / len(mine))
        products += len(mine) * (final * model - chance)
        squares += len(mine) * (model * model - chance)
        n += len(mine)
    return (products / n, squares / n) if n else None


def _ratio(moments: tuple[float, float] | None) -> float | None:
    return None if moments is None or moments[1] <= 0 else moments[0] / moments[1]


def _towards(aided: Sequence[Length], hand: Sequence[Length]) -> float:
    """Mean over strokes of how much longer or shorter they are than their class by hand, towards the model's length, ms."""
    hands = {move: statistics.fmean(one.final for one in mine) for move, mine in _by_move(hand).items()}
    moves = [(move, mine) for move, mine in _by_move(aided).items() if move in hands]
    total = 0.0
    for move, mine in moves:
        model = statistics.fmean(one.model or 0.0 for one in mine) - hands[move]
        final = statistics.fmean(one.final for one in mine) - hands[move]
        total += len(mine) * final * ((model > 0) - (model < 0))
    return total / sum(len(mine) for _, mine in moves)


def _bootstrap(
    sides: Sequence[Sequence[T]], figure: Callable[[Sequence[T], Sequence[T]], float | None], cluster: Callable[[T], str], seed: int
) -> Estimate | None:
    """The figure of both sides with its interval; None where it cannot be made from them."""
    value = figure(sides[0], sides[1])
    if value is None:
        return None
    groups: list[list[list[T]]] = []
    for side in sides:
        mine: dict[str, list[T]] = {}
        for one in side:
            mine.setdefault(cluster(one), []).append(one)
        groups.append(list(mine.values()))
    over = "videos" if min(map(len, groups)) >= VIDEOS else "strokes"
    if over == "strokes":
        groups = [[[one] for one in side] for side in sides]
    drawn, found = random.Random(f"benefit:{seed}"), []
    for _ in range(DRAWS):
        again = [[one for group in drawn.choices(mine, k=len(mine)) for one in group] for mine in groups]
        each = figure(again[0], again[1])
        if each is not None:
            found.append(each)
    found.sort()
    if len(found) < DRAWS / 2:
        return None
    return Estimate(value, found[round(0.025 * (len(found) - 1))], found[round(0.975 * (len(found) - 1))], over)


def _mean(values: Sequence[float]) -> float | None:
    return statistics.fmean(values) if values else None
