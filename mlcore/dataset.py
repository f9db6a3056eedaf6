"""From `dataset.json` to training samples: which moment of which video carries which label, and who may learn from it.

A sample is the centre of a window. Its label is what the expert marked at that moment: inside a stroke its class; outside
of all strokes Negative, but only in a video whose expert said that every stroke is marked (`complete`), in an interval explicitly
marked Negative, or in a suggestion that was rejected. Every other moment is unknown and never drawn. The window
classifier trained so gives a class curve over a timeline, which `decide` turns into intervals.

A partial label (a group such as "Serve Forehand", or an empty name: "some stroke") allows several classes; its loss
is -log of their summed probability. Where intervals overlap, a moment belongs to the stroke whose centre is relatively nearest.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlcore import metrics
from mlcore import store as stores
from mlcore.files import FormatError
from mlcore.formats import NEGATIVE, Dataset, DatasetVideo, Interval, Taxonomy
from mlcore.progress import StepError
from mlcore.store import Store

GAP, UNKNOWN = -1, -2
Key = tuple[int, ...]  # the classes that a label allows; one for a full label


@dataclass(frozen=True)
class Span:
    """A labelled stretch in seconds. `allowed`: class indices; `interval`: as it stands in the dataset."""

    begin: float
    end: float
    allowed: Key
    interval: Interval

    @property
    def centre(self) -> float:
        return (self.begin + self.end) / 2


@dataclass(frozen=True)
class Region:
    """`[begin, end)` seconds of film number `film`."""

    film: int
    begin: float
    end: float

    def holds(self, second: float) -> bool:
        return self.begin <= second < self.end


@dataclass
class Film:
    """A video of the dataset with its store and, per tick k (at k / rate seconds), who owns the moment: a span, GAP or UNKNOWN."""

    number: int
    video: DatasetVideo
    store: Store
    rate: float
    spans: list[Span]
    owner: NDArray[np.int64] = field(repr=False)
    bursts: list[metrics.Span] | None = field(default=None, repr=False)  # filled in by `evaluate`

    @property
    def n(self) -> int:
        return len(self.owner)

    @property
    def duration(self) -> float:
        return float(second_of(self.store, self.video.n_frames))

    def strokes(self, regions: Sequence[Region], negative: int) -> list[Span]:
        """The strokes (not Negatives) whose centre lies in `regions` of this film."""
        mine = [r for r in regions if r.film == self.number]
        return [s for s in self.spans if s.allowed != (negative,) and any(r.holds(s.centre) for r in mine)]


@dataclass(frozen=True)
class Sample:
    """Window centre in seconds of film `film`, with the classes its label allows."""

    film: int
    second: float
    allowed: Key


def second_of(store: Store, ordinal: int) -> float:
    """Begin of source picture `ordinal` in seconds. Between stored pictures time is interpolated, after the last extended."""
    ordinals, seconds = np.asarray(store.ordinals, np.float64), np.asarray(store.seconds, np.float64)
    if ordinal > ordinals[-1] and len(ordinals) > 1:
        per_picture = (seconds[-1] - seconds[0]) / (ordinals[-1] - ordinals[0])
        return float(seconds[-1] + (ordinal - ordinals[-1]) * per_picture)
    return float(np.interp(ordinal, ordinals, seconds))


def allowed(taxonomy: Taxonomy, move: str) -> Key:
    """Class indices that a label allows. Raises StepError("unknown_move") for a name that is no class and no group."""
    classes = taxonomy.classes
    if move in classes:
        return (classes.index(move),)
    key = tuple(i for i, m in enumerate(taxonomy.moves) if move in ("", m.group))
    if not key:
        raise StepError("unknown_move", move=move, taxonomy=taxonomy.name)
    return key


def open_films(dataset: Dataset, folder: Path, rate: float) -> list[Film]:
    """All videos with their stores. Raises StepError "not_prepared", "no_videos", or "mixed_flow" if stores disagree."""
    films = []
    for number, video in enumerate(dataset.videos):
        try:
            store = stores.read(folder / video.prepared)
        except (FormatError, FileNotFoundError) as error:
            raise StepError("not_prepared", video=video.id, found=str(error)) from error
        films.append(film(number, video, store, dataset.taxonomy, rate))
    if not films:
        raise StepError("no_videos")
    methods = [dict(f.store.prepared.method) for f in films]
    if any(m != methods[0] for m in methods):
        raise StepError("mixed_flow", methods=sorted({str(m.get("flow", m)) for m in methods}))
    return films


def film(number: int, video: DatasetVideo, store: Store, taxonomy: Taxonomy, rate: float) -> Film:
    """The labels of one video on the tick grid. A stroke beats an explicit Negative, that beats a rejection, that a gap."""
    negative = len(taxonomy.classes) - 1

    def span(interval: Interval, move: str) -> Span:
        return Span(second_of(store, interval.begin), second_of(store, interval.end), allowed(taxonomy, move), interval)

    strokes = [span(s, s.move) for s in video.strokes]
    rejected = [span(r, NEGATIVE) for r in video.rejected]
    spans = sorted(strokes, key=lambda s: s.begin) + rejected
    end = second_of(store, video.n_frames)
    times = np.arange(max(1, int(np.ceil(end * rate)))) / rate
    owner = np.full(len(times), GAP if video.complete else UNKNOWN, np.int64)
    best = np.full(len(times), np.inf)
    for i, s in enumerate(spans):
        inside = (times >= s.begin) & (times < s.end)
        rank = 4.0 if i >= len(strokes) else 2.0 if s.allowed == (negative,) else 0.0
        distance = rank + np.abs(times - s.centre) / max(s.end - s.begin, 1e-6)
        take = inside & (distance < best)
        owner[take], best[take] = i, distance[take]
    return Film(number, video, store, rate, spans, owner)


def regions(films: Sequence[Film], *parts: str) -> list[Region]:
    """Where the given parts of the split lie. A video without parts is train."""
    out = []
    for f in films:
        for part in f.video.parts:
            if part.part in parts:
                out.append(Region(f.number, second_of(f.store, part.begin), second_of(f.store, part.end)))
        if not f.video.parts and "train" in parts:
            out.append(Region(f.number, 0.0, f.duration))
    return out


@dataclass(frozen=True)
class Fold:
    """A short training on `train`, measured on `unseen`."""

    name: str
    train: list[Region]
    unseen: list[Region]


def folds(films: Sequence[Film], pool: Sequence[Region], protocol: str, negative: int, guard: float) -> list[Fold]:
    """At most three folds over `pool`: whole groups left out, or contiguous blocks of time with a guard of one window.

    Fewer than two groups (or strokes) give no folds: there is then nothing that the model has not seen.
    """
    groups: dict[str, list[Region]] = {}
    for region in pool:
        groups.setdefault(films[region.film].video.group or films[region.film].video.id, []).append(region)
    if protocol != "time-blocks" and len(groups) >= 2:
        return _group_folds(films, groups, negative)
    blocks = [b for region in pool for b in _blocks(films[region.film], region, negative, 3 if len(pool) == 1 else 2)]
    if len(blocks) < 2:
        return []
    parts = [blocks[i::min(3, len(blocks))] for i in range(min(3, len(blocks)))]
    return [Fold(f"block-{i}", _without(pool, part, guard), part) for i, part in enumerate(parts)]


def _group_folds(films: Sequence[Film], groups: dict[str, list[Region]], negative: int) -> list[Fold]:
    """Groups dealt to three folds, the largest first, always to the fold with the fewest strokes."""
    def count(found: list[Region]) -> int:
        return sum(len(films[r.film].strokes([r], negative)) for r in found)

    piles: list[list[Region]] = [[] for _ in range(min(3, len(groups)))]
    for _, found in sorted(groups.items(), key=lambda item: (-count(item[1]), item[0])):
        min(piles, key=count).extend(found)
    piles = [pile for pile in piles if count(pile)]
    if len(piles) < 2:
        return []
    return [Fold(f"group-{i}", [r for other in piles if other is not pile for r in other], pile) for i, pile in enumerate(piles)]


def _blocks(film: Film, region: Region, negative: int, count: int) -> list[Region]:
    """`region` cut into `count` contiguous blocks with about as many strokes each, in the middle of gaps."""
    spans = film.strokes([region], negative)
    count = min(count, len(spans))
    if count < 2:
        return [region] if spans else []
    at = [round(i * len(spans) / count) for i in range(1, count)]
    cuts = [region.begin, *((spans[i - 1].end + spans[i].begin) / 2 for i in at), region.end]
    return [Region(film.number, a, b) for a, b in itertools.pairwise(cuts) if b > a]


def _without(pool: Sequence[Region], holes: Sequence[Region], guard: float) -> list[Region]:
    """`pool` minus `holes` widened by `guard` seconds on both sides."""
    out = list(pool)
    for hole in holes:
        kept = []
        for r in out:
            if r.film != hole.film:
                kept.append(r)
                continue
            kept += [Region(r.film, a, b) for a, b in ((r.begin, min(r.end, hole.begin - guard)), (max(r.begin, hole.end + guard), r.end)) if b > a]
        out = kept
    return out


class Pool:
    """Everything that may be drawn from `regions`, by label. Strokes are drawn evenly over the classes, then over strokes by
    weight, then over their moments; `negatives` is the share of Negative, half of it (at least) from explicit ones where there are."""

    def __init__(self, films: Sequence[Film], found: Sequence[Region], negative: int, negatives: float = 0.25) -> None:
        self.films, self.negative, self.share = films, negative, negatives
        self.spans: dict[Key, list[tuple[int, NDArray[np.float64], float]]] = {}
        self.gaps: list[tuple[int, NDArray[np.float64]]] = []
        for region in found:
            f = films[region.film]
            ticks = np.arange(int(np.ceil(region.begin * f.rate)), min(f.n, int(np.ceil(region.end * f.rate))))
            owners = f.owner[ticks]
            for i in np.unique(owners[owners >= 0]):
                s = f.spans[i]
                self.spans.setdefault(s.allowed, []).append((f.number, ticks[owners == i] / f.rate, s.interval.weight))
            if (owners == GAP).any():
                self.gaps.append((f.number, ticks[owners == GAP] / f.rate))
        self.counts: Counter[Key] = Counter({key: len(found) for key, found in self.spans.items()})
        self.strokes = sum(n for key, n in self.counts.items() if key != (negative,))

    @property
    def classes(self) -> set[int]:
        """Classes with at least one full label."""
        return {key[0] for key in self.counts if len(key) == 1} | ({self.negative} if self.gaps else set())

    def _keys(self) -> tuple[list[Key], NDArray[np.float64]]:
        keys = sorted(key for key in self.counts if key != (self.negative,))
        full = [self.counts[key] for key in keys if len(key) == 1]
        usual = float(np.mean(full)) if full else 1.0
        shares = np.array([1.0 if len(key) == 1 else min(1.0, self.counts[key] / usual) for key in keys])
        if self.gaps or (self.negative,) in self.counts:
            keys.append((self.negative,))
            shares = np.append(shares * (1 - self.share) / shares.sum() if shares.size else shares, self.share if keys[:-1] else 1.0)
        return keys, shares / shares.sum()

    def draw(self, count: int, rng: np.random.Generator) -> list[Sample]:
        """`count` samples, the same for the same generator state. Raises StepError("nothing_to_learn") for an empty pool."""
        keys, shares = self._keys()
        if len(keys) < 2 or not self.strokes:
            raise StepError("nothing_to_learn")
        return [self._one(keys[i], rng) for i in rng.choice(len(keys), count, p=shares)]

    def _one(self, key: Key, rng: np.random.Generator) -> Sample:
        found = self.spans.get(key, [])
        if key == (self.negative,) and self.gaps and not (found and rng.uniform() < 0.5):
            sizes = np.array([ticks.size for _, ticks in self.gaps], np.float64)
            number, ticks = self.gaps[int(rng.choice(len(self.gaps), p=sizes / sizes.sum()))]
        else:
            weights = np.array([weight for _, _, weight in found])
            number, ticks, _ = found[int(rng.choice(len(found), p=weights / weights.sum()))]
        return Sample(number, float(ticks[int(rng.integers(ticks.size))]), key)

    def fixed(self, limit: int, known: set[int]) -> list[Sample]:
        """At most about `limit` samples to validate on: moments evenly over every interval and over the gaps. A class that
        is not among `known` (the training's) can only be asked for as "some stroke"."""
        out: list[Sample] = []
        each = max(1, min(3, limit // max(1, 2 * sum(self.counts.values()))))
        for key, found in sorted(self.spans.items()):
            ask = key if set(key) & known else tuple(range(self.negative))
            for number, ticks, _ in found:
                at = np.linspace(0, ticks.size - 1, each + 2)[1:-1].round().astype(int)
                out += [Sample(number, float(t), ask) for t in ticks[at]]
        every = [(number, float(t)) for number, ticks in self.gaps for t in ticks]
        wanted = min(len(every), max(1, int(limit * 0.3)))
        if wanted:
            picks = np.linspace(0, len(every) - 1, wanted).round().astype(int)
            out += [Sample(every[i][0], every[i][1], (self.negative,)) for i in picks]
        if len(out) > limit:
            out = [out[i] for i in np.linspace(0, len(out) - 1, limit).round().astype(int)]
        return out


HARD = 3.0  # weight in the temporal head of a moment that an expert called no stroke (rejected, or marked Negative)


def taught(film: Film, seconds: NDArray[np.float64], negative: int) -> tuple[NDArray[np.bool_], NDArray[np.float32], NDArray[np.float32]]:
    """What the labels say at each of (n,) moments: classes allowed (n, classes), begin and end of the stroke there in seconds
    (n, 2), NaN outside of strokes, and the weight (n,), 0 where nothing is known."""
    ticks = np.clip(np.rint(seconds * film.rate).astype(int), 0, film.n - 1)
    allowed = np.ones((len(seconds), negative + 1), bool)
    edges = np.full((len(seconds), 2), np.nan, np.float32)
    weight = np.zeros(len(seconds), np.float32)
    for i, owner in enumerate(film.owner[ticks].tolist()):
        if owner == UNKNOWN:
            continue
        allowed[i], weight[i] = False, 1.0
        if owner == GAP:
            allowed[i, negative] = True
            continue
        span = film.spans[owner]
        allowed[i, list(span.allowed)] = True
        if span.allowed == (negative,):
            weight[i] = HARD * span.interval.weight
        else:
            edges[i], weight[i] = (span.begin, span.end), span.interval.weight
    return allowed, edges, weight


def maxima(films: Sequence[Film], found: Sequence[Region]) -> list[NDArray[Any]]:
    """The (n, 2) flow maxima of the stored pictures inside `found`, per region: what `clips.normalisation` may look at."""
    out = []
    for region in found:
        store = films[region.film].store
        seconds = np.asarray(store.seconds)
        inside = (seconds >= region.begin) & (seconds < region.end)
        out.append(np.asarray(store.prepared.flow_maxima, np.float64).reshape(-1, 2)[inside])
    return out
