"""The consensus of a video: begun as a whole from what all agree on, then decided stroke by stroke.

Once anything is decided in it the consensus is the truth of the video (records.true_lane). So it never begins with one stroke,
which would make all others untrue: it begins with every stroke that all experts who have finished agree on, in one batch.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from django.contrib.auth.models import User

from strokes import decisions, records
from strokes.errors import Conflict, Refused
from strokes.models import Decision, Lane, Stroke, Video

SAME = 0.5  # temporal IoU from which two strokes are the same one
LOG = 200  # decisions that can be taken back
LEAST = 2  # experts who have marked every stroke
Kind = Decision.Kind
KINDS = {Kind.ADD, Kind.CHANGE, Kind.REMOVE, Kind.RESTORE, Kind.COMPLETE}


def overlap(a: Stroke, b: Stroke) -> float:
    """Temporal intersection over union."""
    shared = min(a.end, b.end) - max(a.begin, b.begin)
    return max(0, shared) / (max(a.end, b.end) - min(a.begin, b.begin))


def agreed(lanes: Sequence[Sequence[Stroke]]) -> list[list[Stroke]]:
    """The strokes that every lane has with the same class and a temporal IoU of at least a half: one of each lane, in order.

    Each stroke stands for one at most; of several the one that overlaps most.
    """
    found, used = [], set()
    for first in lanes[0]:
        group = [first]
        for lane in lanes[1:]:
            fits = [s for s in lane if s.move == first.move and s.pk not in used and overlap(first, s) >= SAME]
            group += [max(fits, key=lambda s: overlap(first, s))] if fits else []
        if len(group) == len(lanes):
            used |= {s.pk for s in group}
            found.append(group)
    return found


def start(*, video: Video, by: User) -> Lane:
    """Begin the consensus with what all experts who have finished agree on; begun before, it is left as it is.

    Edges are the medians of theirs. Refused: too_few_finished{found}, nothing_agreed.
    """
    lane = records.lane(video=video, expert=None)
    if lane.version > 0:
        return lane
    finished = list(Lane.objects.filter(video=video, complete=True).exclude(expert=None).order_by("pk"))
    if len(finished) < LEAST:
        raise Refused("too_few_finished", found=len(finished))
    groups = agreed([list(each.strokes.select_related("player")) for each in finished])
    if not groups:
        raise Refused("nothing_agreed")
    try:
        decisions.apply(lane=lane, expert=by, ops=[{**_op(video, group), "step": _beginning(video)} for group in groups], base=0)
    except Conflict:
        lane.refresh_from_db()  # somebody else began it at the same moment, with the same strokes
    return lane


def _beginning(video: Video) -> str:
    """The step with which the consensus of `video` begins."""
    return str(uuid.uuid5(video.pk, "consensus"))


def steps(*, lane: Lane, by: User) -> list[Decision]:
    """The newest decisions of `by` in a consensus, oldest first: what they can take back. How it began is none of them."""
    own = lane.decisions.filter(expert=by).exclude(step=_beginning(lane.video))
    return list(own.order_by("-number")[:LOG])[::-1]


def _op(video: Video, group: Sequence[Stroke]) -> dict[str, Any]:
    """One stroke for all of `group`. The ids follow from the strokes, so that beginning twice at once is one beginning."""
    key = " ".join(sorted(str(stroke.pk) for stroke in group))
    players = {stroke.player.pseudonym if stroke.player else None for stroke in group}
    data: dict[str, Any] = {
        "begin": round(median(stroke.begin for stroke in group)),
        "end": round(median(stroke.end for stroke in group)),
        "move": group[0].move,
        "unsure": any(stroke.unsure for stroke in group),
    }
    player = players.pop() if len(players) == 1 else None
    if player:
        data["player"] = player
    made = {name: str(uuid.uuid5(video.pk, f"consensus {name} {key}")) for name in ("id", "stroke")}
    return {**made, "kind": "add", "data": data}


def decide(*, video: Video, by: User, ops: Sequence[Mapping[str, Any]], base: int | None) -> decisions.Applied:
    """Take `ops` (add, change, remove, restore, complete) into a consensus that was begun; as decisions.apply.

    Refused also: consensus_not_begun.
    """
    lane = Lane.objects.filter(video=video, expert=None, version__gt=0).first()
    if lane is None:
        raise Refused("consensus_not_begun")
    if any(not isinstance(op, Mapping) or op.get("kind") not in KINDS for op in ops):
        raise Refused("bad_op", field="kind")
    return decisions.apply(lane=lane, expert=by, ops=ops, base=base)
