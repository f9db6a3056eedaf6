"""The stroke queue: which open suggestions of all videos one person decides next, and why each was chosen.

Of n suggestions 60 % are those a decision teaches most (how torn the model is x how rare the class is), 20 % spread over
classes, videos and players (greedy k-centre, Sener and Savarese 2018, on what the database knows), 20 % are drawn blindly,
so that the queue also shows what nobody would have asked for. The same seed over the same suggestions gives the same queue.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Count, QuerySet

from strokes import suggestions
from strokes.models import Appearance, Stroke, Suggestion, Taxonomy, Video
from strokes.scores import usefulness

UNCERTAIN, DIVERSE, RANDOM = "uncertain", "diverse", "random"
SHARES = {UNCERTAIN: 0.6, DIVERSE: 0.2, RANDOM: 0.2}
N_MAX = 100
POOL = 1500  # k-centre looks at so many candidates at most, drawn by the seed
RAREST, COMMONEST = 2.0, 0.5  # bounds of the weight of rarity
FAR = {"class": 0.5, "video": 0.3, "player": 0.2}  # what the distance between two suggestions is made of


@dataclass(frozen=True)
class Candidate:
    """An open suggestion with all that the choice looks at. `shares`: class -> probability, as far as the model told."""

    id: UUID
    video: UUID
    move: str
    score: float
    shares: Mapping[str, float]
    players: frozenset[str]
    useful: float
    rarity: float

    @property
    def worth(self) -> float:
        return self.useful * self.rarity


@dataclass(frozen=True)
class Picked:
    """A suggestion in the queue and the share it came from."""

    candidate: Candidate
    share: str


def quotas(n: int) -> dict[str, int]:
    """How many of `n` come from each share, by largest remainder; of equal remainders the earlier share's."""
    exact = {name: n * share for name, share in SHARES.items()}
    whole = {name: int(value + 1e-9) for name, value in exact.items()}
    for name in sorted(SHARES, key=lambda name: whole[name] - exact[name])[: n - sum(whole.values())]:
        whole[name] += 1
    return whole


def mix(candidates: Sequence[Candidate], n: int, seed: int) -> list[Picked]:
    """At most `n` of `candidates`, in the order they are shown; a share that runs dry is filled by the others."""
    drawn = random.Random(f"queue:{seed}")
    ordered = sorted(candidates, key=lambda one: str(one.id))
    drawn.shuffle(ordered)
    n = max(0, min(n, len(ordered), N_MAX))
    wanted = quotas(n)
    by_worth = sorted(ordered, key=lambda one: -one.worth)  # of equal worth as drawn
    uncertain = by_worth[: wanted[UNCERTAIN]]
    rest = _without(ordered, uncertain)
    diverse = spread(rest[:POOL], wanted[DIVERSE], uncertain)
    blindly = _without(rest, diverse)[: wanted[RANDOM]]
    queues = {UNCERTAIN: uncertain, DIVERSE: diverse, RANDOM: blindly}
    return _interleave(queues, drawn)


def spread(candidates: Sequence[Candidate], k: int, seen: Sequence[Candidate]) -> list[Candidate]:
    """`k` of `candidates`, each the farthest from all chosen before it and from `seen` (greedy k-centre)."""
    nearest = [min((distance(one, other) for other in seen), default=1.0) for one in candidates]
    chosen: list[Candidate] = []
    while len(chosen) < min(k, len(candidates)):
        best = max(range(len(candidates)), key=nearest.__getitem__)
        chosen.append(candidates[best])
        nearest = [min(near, distance(one, candidates[best])) for near, one in zip(nearest, candidates, strict=True)]
        nearest[best] = -1.0
    return chosen


def distance(one: Candidate, other: Candidate) -> float:
    """0 (alike) to 1: other class distribution (half the L1 distance), other video, other players (Jaccard)."""
    classes = _half_l1(one.shares, other.shares)
    everybody = one.players | other.players
    players = 1 - len(one.players & other.players) / len(everybody) if everybody else 0.0
    return FAR["class"] * classes + FAR["video"] * (one.video != other.video) + FAR["player"] * players


def rarities(counts: Mapping[str, int], moves: Collection[str]) -> dict[str, float]:
    """Weight of each class of `moves`: the root of how much rarer than the mean its strokes are, 0.5 to 2."""
    mean = sum(counts.get(move, 0) + 1 for move in moves) / max(1, len(moves))
    weights = {move: (mean / (counts.get(move, 0) + 1)) ** 0.5 for move in moves}
    return {move: min(RAREST, max(COMMONEST, weight)) for move, weight in weights.items()}


def open_to(*, expert: User, videos: QuerySet[Video]) -> list[Candidate]:
    """All that this person has still to decide in `videos`; never of a blind video. Four queries."""
    shown = suggestions.open_to(expert).filter(video__in=videos)
    rows = list(shown.values_list("pk", "video", "move", "score", "top", "video__taxonomy"))
    players = _players(row[1] for row in rows)
    weights = _weights({row[5] for row in rows})
    return [_candidate(row, players, weights[row[5]]) for row in rows]


def build(*, expert: User, videos: QuerySet[Video], n: int, seed: int) -> tuple[list[Picked], int]:
    """The queue of this person, and how many suggestions are open in all."""
    candidates = open_to(expert=expert, videos=videos)
    return mix(candidates, n, seed), len(candidates)


def rows_of(picked: Sequence[Picked]) -> dict[UUID, Suggestion]:
    """The rows of what was picked, with video and run. One query."""
    ids = [one.candidate.id for one in picked]
    return Suggestion.objects.select_related("video", "run").in_bulk(ids)


def _candidate(row: tuple[Any, ...], players: Mapping[UUID, frozenset[str]], weights: Mapping[str, float]) -> Candidate:
    pk, video, move, score, top, _ = row
    shares = {name: float(share) for name, share in top} or ({move: score} if move else {})
    likely = move or (top[0][0] if top else "")
    return Candidate(pk, video, likely, score, shares, players.get(video, frozenset()), usefulness(score, top, move),
                     weights.get(likely, 1.0))  # fmt: skip


def _players(videos: Iterable[UUID]) -> dict[UUID, frozenset[str]]:
    found: dict[UUID, set[str]] = {}
    seen = Appearance.objects.filter(video__in=set(videos)).values_list("video", "player__pseudonym")
    for video, pseudonym in seen:
        found.setdefault(video, set()).add(pseudonym)
    return {video: frozenset(names) for video, names in found.items()}


def _weights(wanted: Collection[int]) -> dict[int, dict[str, float]]:
    """The weight of rarity of every class, by set of classes; counted over the strokes of all lanes."""
    taxonomies = dict(Taxonomy.objects.filter(pk__in=wanted).values_list("pk", "moves"))
    counted = Stroke.objects.filter(lane__video__taxonomy__in=taxonomies).order_by()
    counts: dict[int, Counter[str]] = {pk: Counter() for pk in taxonomies}
    for pk, move, n in counted.values_list("lane__video__taxonomy", "move").annotate(n=Count("pk")):
        counts[pk][move] = n
    return {pk: rarities(counts[pk], [move["name"] for move in moves]) for pk, moves in taxonomies.items()}


def _without(candidates: Sequence[Candidate], taken: Sequence[Candidate]) -> list[Candidate]:
    gone = {one.id for one in taken}
    return [one for one in candidates if one.id not in gone]


def _interleave(queues: Mapping[str, Sequence[Candidate]], drawn: random.Random) -> list[Picked]:
    """Shares alternate as evenly as their sizes allow, so that whoever stops early has seen the same mix."""
    places = []
    for share, queue in queues.items():
        start = drawn.random()
        places += [((k + start) / len(queue), share, one) for k, one in enumerate(queue)]
    return [Picked(one, share) for _, share, one in sorted(places, key=lambda place: (place[0], place[1]))]


def _half_l1(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Half the L1 distance of two class distributions; what the model did not tell is a class of its own."""
    whole = [{**each, "": max(0.0, 1 - sum(each.values()))} for each in (one, other)]
    return sum(abs(whole[0].get(name, 0.0) - whole[1].get(name, 0.0)) for name in {*whole[0], *whole[1]}) / 2
