"""Players are pseudonyms."""

import pytest

from strokes import players
from strokes.errors import Refused


def test_hand_is_kept_when_unknown_is_said(db):
    players.named(pseudonym="p1", hand="left")
    assert players.named(pseudonym="p1").hand == "left"
    assert players.named(pseudonym="p1", hand="right").hand == "right"
    with pytest.raises(Refused, match="bad_player"):
        players.named(pseudonym="p1", hand="both")
    with pytest.raises(Refused, match="bad_player"):
        players.named(pseudonym="p\x00")
