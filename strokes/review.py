"""What others say about a video: their lanes, and when somebody may see them."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db.models import Prefetch, Q

from strokes.errors import Refused
from strokes.models import Lane, Stroke, Video


def others(*, video: Video, expert: User, admin: bool) -> list[Lane]:
    """The lanes of all others in which something was decided, experts by name, the consensus last; strokes fetched along.

    Refused not_complete_yet: who marks a video sees the work of others only after saying that every stroke is marked in
    it, so that it leads nobody. Whoever looks after the site (`admin`) sees it always.
    """
    if not admin and not Lane.objects.filter(video=video, expert=expert, complete=True).exists():
        raise Refused("not_complete_yet")
    strokes = Prefetch("strokes", Stroke.objects.select_related("player").order_by("begin", "end", "pk"))
    found = Lane.objects.filter(Q(expert=None) | ~Q(expert=expert), video=video, version__gt=0)
    rows = list(found.select_related("expert").prefetch_related(strokes))
    return sorted(rows, key=lambda lane: (lane.expert is None, lane.expert.get_username() if lane.expert else "", lane.pk))
