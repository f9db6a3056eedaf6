"""Preferences: known names, right values, all or none, one row a person."""

from __future__ import annotations

from typing import Any

import pytest

from strokes import preferences
from strokes.errors import Refused
from strokes.models import Preferences


def test_nobody_chose_yet(alice: Any) -> None:
    chosen = preferences.get(user=alice)
    assert chosen == {name: known.default for name, known in preferences.KNOWN.items()}
    assert all(known.fits(known.default) for known in preferences.KNOWN.values())
    assert not Preferences.objects.exists(), "looking makes no row"


def test_what_is_chosen_stays_and_belongs_to_one_person(alice: Any, bob: Any) -> None:
    keymap = {"loop": [{"code": "KeyB"}], "undo": [{"key": "z", "ctrl": True}], "region": []}
    preferences.update(user=alice, changes={"layout": "azerty", "keymap": keymap})
    after = preferences.update(user=alice, changes={"reaction_ms": 220})
    assert (after["layout"], after["keymap"], after["reaction_ms"]) == ("azerty", keymap, 220)
    assert preferences.get(user=alice) == after
    assert preferences.get(user=bob)["layout"] == ""
    assert Preferences.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("layout", "dvorak"),
        ("layout", None),
        ("single_keys", 1),
        ("class_keys", "all"),
        ("reaction_ms", 1001),
        ("reaction_ms", -1),
        ("reaction_ms", True),
        ("reaction_ms", 10.5),
        ("reaction_samples", [0] * 61),
        ("reaction_samples", ["1"]),
        ("code_lead_ms", None),
        ("language", "de"),
        ("colour", "blue"),
        ("keymap", []),
        ("keymap", {"loop": {"code": "KeyB"}}),
        ("keymap", {"loop": [{"code": "KeyB", "key": "b"}]}),
        ("keymap", {"loop": [{"code": "key b"}]}),
        ("keymap", {"loop": [{"key": "ab"}]}),
        ("keymap", {"loop": [{"key": " "}]}),
        ("keymap", {"loop": [{"code": "KeyB", "alt": True}]}),
        ("keymap", {"loop": [{"code": "KeyB", "shift": 1}]}),
        ("keymap", {"Loop!": [{"code": "KeyB"}]}),
        ("keymap", {"loop": [{"code": "KeyB"}] * 5}),
        ("keymap", {f"a{n}": [] for n in range(201)}),
    ],
)
def test_what_cannot_be_set_is_refused_whole(alice: Any, name: str, value: Any) -> None:
    with pytest.raises(Refused) as refused:
        preferences.update(user=alice, changes={"loop_lead_ms": 100, name: value})
    assert (refused.value.code, refused.value.params) == ("bad_preference", {"field": name})
    assert preferences.get(user=alice)["loop_lead_ms"] == preferences.KNOWN["loop_lead_ms"].default


def test_a_value_of_an_older_version_gives_way_to_the_default(alice: Any) -> None:
    Preferences.objects.create(user=alice, chosen={"layout": "steno", "gone": 1, "code_lag_ms": 400})
    chosen = preferences.get(user=alice)
    assert (chosen["layout"], chosen["code_lag_ms"], "gone" in chosen) == ("", 400, False)
