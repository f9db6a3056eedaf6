"""Players: people seen in videos, known by a pseudonym only."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from strokes.errors import Refused
from strokes.models import Appearance, Player, Video


def named(*, pseudonym: str, hand: str = "") -> Player:
    """The player called `pseudonym`, made if new. A given `hand` (right, left) replaces an unknown one.

    Refused: bad_player{field} for an empty or overlong pseudonym or an unknown hand.
    """
    name = _clean(pseudonym)
    hand = hand or Player.Hand.UNKNOWN
    if hand not in Player.Hand.values:
        raise Refused("bad_player", field="hand")
    with transaction.atomic():
        player, made = Player.objects.get_or_create(pseudonym=name, defaults={"hand": hand})
        if not made and hand != Player.Hand.UNKNOWN and player.hand != hand:
            Player.objects.filter(pk=player.pk).update(hand=hand)
            player.hand = hand
    return player


def seen(*, video: Video, players: Sequence[Mapping[str, Any]]) -> None:
    """Say who is seen in `video`: `players` is the whole new list of {pseudonym, hand, side}.

    Refused: bad_player{field}; player_has_strokes{player} if somebody left out has strokes in this video.
    """
    with transaction.atomic():
        wanted: dict[int, str] = {}
        for entry in players:
            if not isinstance(entry, Mapping):
                raise Refused("bad_player", field="players")
            side = entry.get("side") or Appearance.Side.UNKNOWN
            if side not in Appearance.Side.values:
                raise Refused("bad_player", field="side")
            player = named(pseudonym=entry.get("pseudonym") or "", hand=entry.get("hand") or "")
            wanted[player.pk] = side
        gone = Appearance.objects.filter(video=video).exclude(player__in=wanted)
        busy = Player.objects.filter(appearance__in=gone, stroke__lane__video=video).first()
        if busy:
            raise Refused("player_has_strokes", player=busy.pseudonym)
        gone.delete()
        for pk, side in wanted.items():
            Appearance.objects.update_or_create(video=video, player_id=pk, defaults={"side": side})


def _clean(pseudonym: Any) -> str:
    if not isinstance(pseudonym, str):
        raise Refused("bad_player", field="pseudonym")
    name = " ".join(unicodedata.normalize("NFC", pseudonym).split())
    if not 1 <= len(name) <= 80 or any(unicodedata.category(c)[0] == "C" for c in name):
        raise Refused("bad_player", field="pseudonym")
    return name
