"""Splits: train, validation and test over groups of videos. Videos that share a player are one group and share a part.

A version that a run or an export used is frozen; later versions keep its members' parts and only add to it.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from strokes import records
from strokes.models import Appearance, Split, SplitMember, Taxonomy, Video

Part = SplitMember.Part
SHARES = {Part.VALIDATION: 2, Part.TEST: 1, Part.TRAIN: 7}  # of 10; the order breaks ties
SHARES_BLIND = {Part.VALIDATION: 2, Part.TRAIN: 7}  # where blind videos make the test part
Leak = dict[str, Any]


def groups(videos: Iterable[Video]) -> dict[Any, str]:
    """Video id -> name of its group: connected components of shared players; a video without a player is its own."""
    ids = [video.pk for video in videos]
    seen: dict[Any, list[str]] = defaultdict(list)
    pairs = Appearance.objects.filter(video__in=ids).values_list("video_id", "player__pseudonym")
    for video, pseudonym in pairs:
        seen[video].append(f"player {pseudonym}")
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            parent[name] = name = parent[parent[name]]
        return name

    for names in seen.values():
        for name in names:
            a, b = sorted((root(names[0]), root(name)))  # the first name in order names the group
            parent[b] = a
    return {pk: root(seen[pk][0]) if seen.get(pk) else f"video {pk}" for pk in ids}


def mates(video: Video) -> list[Video]:
    """The other videos of the group of `video`."""
    found = groups(_usable(video.taxonomy))
    same = [pk for pk, name in found.items() if name == found.get(video.pk) and pk != video.pk]
    return list(Video.objects.filter(pk__in=same))


def _usable(taxonomy: Taxonomy) -> QuerySet[Video]:
    """All videos that can carry a player from one part to another, labelled or not."""
    return Video.objects.filter(taxonomy=taxonomy, practice=False).exclude(state=Video.State.REFUSED)


def labelled(taxonomy: Taxonomy) -> dict[Video, int]:
    """The videos that take part in splits, with their number of strokes: those with strokes or said to be complete."""
    counts = {}
    for video in _usable(taxonomy).filter(lanes__version__gt=0).distinct().order_by("created", "pk"):
        if (count := count_of(video)) is not None:
            counts[video] = count
    return counts


def count_of(video: Video) -> int | None:
    """The number of strokes with which `video` takes part in splits; None while it has none and is not said to be complete."""
    strokes, complete = records.truth(video)
    return len(strokes) if strokes or complete else None


def current(taxonomy: Taxonomy) -> Split:
    """The split as it stands, made or brought up to date.

    A frozen version is followed by a new one when labelled videos were added; one that nobody used is drawn anew.
    Shares go by number of strokes, .7/.2/.1; groups with a blind video go to test, then the others to the other parts.
    A video whose players belong to groups in different parts gets no part: `leaks` says so.
    """
    last, wanted = _latest(taxonomy), _wanted(taxonomy)
    if last and _stands(last, wanted):
        return last
    with transaction.atomic():
        Taxonomy.objects.select_for_update().get(pk=taxonomy.pk)
        last, wanted = _latest(taxonomy), _wanted(taxonomy)
        if last and _stands(last, wanted):
            return last
        if last is None or last.frozen:
            number = last.version + 1 if last else 1
            last = Split.objects.create(taxonomy=taxonomy, version=number, seed=taxonomy.seed)
        last.members.all().delete()
        SplitMember.objects.bulk_create(
            [SplitMember(split=last, video_id=pk, part=part, group=group) for pk, (part, group) in wanted.items()]
        )
        return last


def freeze(split: Split) -> None:
    """It was used: it never changes again."""
    Split.objects.filter(pk=split.pk, frozen=False).update(frozen=True)
    split.frozen = True


def leaks(split: Split) -> list[Leak]:
    """What makes the parts know of each other, as [{"code", "params"}]; empty is good.

    player_in_parts{player, parts, videos}: players were named after the freeze. no_part{title, parts}: a labelled video
    joins groups of different parts, so it is left out. blind_in_training{title, part}: a blind video is not in test.
    """
    members = list(split.members.select_related("video"))
    parts = {member.video_id: member.part for member in members}
    titles = {member.video_id: member.video.title for member in members}
    seen: dict[str, set[Any]] = defaultdict(set)
    rows = Appearance.objects.filter(video__in=parts).values_list("player__pseudonym", "video_id")
    for pseudonym, video in rows:
        seen[pseudonym].add(video)
    found: list[Leak] = []
    for pseudonym in sorted(seen):
        where = sorted({parts[video] for video in seen[pseudonym]})
        if len(where) > 1:
            both = sorted(titles[video] for video in seen[pseudonym])
            found.append(_leak("player_in_parts", player=pseudonym, parts=where, videos=both))
    found += _left_out(split, parts)
    for member in members:
        if member.video.blind and member.part != Part.TEST:
            found.append(_leak("blind_in_training", title=member.video.title, part=member.part))
    return found


def _left_out(split: Split, parts: dict[Any, str]) -> list[Leak]:
    names = groups(_usable(split.taxonomy))
    by_group = _parts_by_group(names, parts)
    return [
        _leak("no_part", title=video.title, parts=sorted(by_group[names[video.pk]]))
        for video in labelled(split.taxonomy)
        if video.pk not in parts and len(by_group[names[video.pk]]) > 1
    ]


def _leak(code: str, **params: Any) -> Leak:
    return {"code": code, "params": params}


def _latest(taxonomy: Taxonomy, **only: bool) -> Split | None:
    return Split.objects.filter(taxonomy=taxonomy, **only).order_by("-version").first()


def _wanted(taxonomy: Taxonomy) -> dict[Any, tuple[str, str]]:
    """The members a split should have now: video id -> (part, group)."""
    frozen = _latest(taxonomy, frozen=True)
    kept = dict(frozen.members.values_list("video_id", "part")) if frozen else {}
    return _assign(taxonomy, labelled(taxonomy), kept)


def _stands(split: Split, wanted: dict[Any, tuple[str, str]]) -> bool:
    """Whether `split` is as it should be; a frozen one may call its groups as they were called then."""
    have = {pk: (part, group) for pk, part, group in split.members.values_list("video_id", "part", "group")}
    if split.frozen:
        return {pk: part for pk, (part, _) in have.items()} == {pk: part for pk, (part, _) in wanted.items()}
    return have == wanted


def _parts_by_group(names: dict[Any, str], parts: dict[Any, str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for video, name in names.items():
        if video in parts:
            found[name].add(parts[video])
    return found


def _assign(taxonomy: Taxonomy, counts: dict[Video, int], kept: dict[Any, str]) -> dict[Any, tuple[str, str]]:
    """Video id -> (part, group), keeping the parts of `kept`."""
    usable = _usable(taxonomy)
    names = groups(usable)
    kept = {pk: part for pk, part in kept.items() if pk in names}
    sizes: dict[str, int] = defaultdict(int)
    members = dict.fromkeys(kept, 0) | {video.pk: n for video, n in counts.items()}
    for pk, n in members.items():
        sizes[names[pk]] += max(n, 1)
    taken = _parts_by_group(names, kept)
    chosen = {name: next(iter(parts)) for name, parts in taken.items() if len(parts) == 1}
    blind = {names[pk] for pk in usable.filter(blind=True).values_list("pk", flat=True)}
    chosen |= {name: Part.TEST for name in blind if name not in taken}
    have: dict[str, int] = defaultdict(int)
    for name, part in chosen.items():
        have[part] += sizes.get(name, 0)
    shares = SHARES_BLIND if blind else SHARES
    free = sorted((name for name in sizes if name not in taken | chosen), key=lambda name: _luck(taxonomy, name))
    total = sum(size for name, size in sizes.items() if name not in blind)
    for name in free:
        short = {part: share * total - sum(shares.values()) * have[part] for part, share in shares.items()}
        chosen[name] = max(short, key=lambda part: short[part])
        have[chosen[name]] += sizes[name]
    parts = {pk: kept.get(pk) or chosen.get(names[pk]) for pk in members}
    return {pk: (part, names[pk]) for pk, part in sorted(parts.items(), key=lambda pair: str(pair[0])) if part}


def _luck(taxonomy: Taxonomy, name: str) -> bytes:
    return hashlib.sha256(f"{taxonomy.seed}:split:{name}".encode()).digest()
