"""What each person set for themselves: keyboard, keys, reaction time, lead and lag, loops, language."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from strokes.errors import Refused
from strokes.models import Preferences

LAYOUTS = ("", "azerty", "qwerty", "qwertz")
LANGUAGES = ("", "en", "fr")
CLASS_KEYS = ("name", "begin", "whole")  # what a class does on its press: name a stroke, begin one, make a whole one
ACTION = re.compile(r"[a-z][a-z0-9-]{0,39}", re.ASCII)
CODE = re.compile(r"[A-Z][A-Za-z0-9]{0,24}", re.ASCII)
ACTIONS_MAX, BINDINGS_MAX, SAMPLES_MAX = 200, 4, 60
SAMPLE_MS = 2000


@dataclass(frozen=True)
class Known:
    """A preference: what it is while nobody chose, and whether a value may stand there."""

    default: Any
    fits: Callable[[Any], bool]


def _whole(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _one_of(values: tuple[str, ...]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in values


def _or_none(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or fits(value)


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _binding(value: Any) -> bool:
    """{"code": "KeyI"} by place or {"key": "?"} by character, with "shift" and "ctrl" where they are held."""
    if (
        not isinstance(value, dict)
        or set(value) - {"code", "key", "shift", "ctrl"}
        or ("code" in value) == ("key" in value)
    ):
        return False
    if not all(isinstance(value[name], bool) for name in ("shift", "ctrl") if name in value):
        return False
    if "code" in value:
        return isinstance(value["code"], str) and bool(CODE.fullmatch(value["code"]))
    key = value["key"]
    return isinstance(key, str) and len(key) == 1 and key.isprintable() and key != " "


def _keymap(value: Any) -> bool:
    """{action: [binding, ...]}: the actions whose keys differ from the printed ones; an empty list: no key."""
    if not isinstance(value, dict) or len(value) > ACTIONS_MAX:
        return False
    return all(
        isinstance(action, str)
        and ACTION.fullmatch(action)
        and isinstance(bindings, list)
        and len(bindings) <= BINDINGS_MAX
        and all(map(_binding, bindings))
        for action, bindings in value.items()
    )


def _samples(value: Any) -> bool:
    whole = _whole(-SAMPLE_MS, SAMPLE_MS)
    return isinstance(value, list) and len(value) <= SAMPLES_MAX and all(map(whole, value))


KNOWN: dict[str, Known] = {
    "layout": Known("", _one_of(LAYOUTS)),  # empty: as the browser tells or the language suggests
    "single_keys": Known(True, _flag),
    "keymap": Known({}, _keymap),
    "class_keys": Known("name", _one_of(CLASS_KEYS)),
    "reaction_ms": Known(None, _or_none(_whole(0, 1000))),  # None: nobody chose, so marks stay where they were made
    "reaction_declined_ms": Known(None, _or_none(_whole(0, 1000))),  # a learned value that was offered and not wanted
    "reaction_samples": Known([], _samples),  # how late marks made while playing were, by their later corrections
    "code_lead_ms": Known(600, _whole(0, 5000)),
    "code_lag_ms": Known(500, _whole(0, 5000)),
    "loop_lead_ms": Known(350, _whole(0, 5000)),
    "loop_tail_ms": Known(350, _whole(0, 5000)),
    "language": Known("", _one_of(LANGUAGES)),  # empty: as the browser asks
}


def get(*, user: User) -> dict[str, Any]:
    """Every preference of `user`, with the default where nothing was chosen (or what was chosen is not known any more)."""
    row = Preferences.objects.filter(user=user).first()
    return _whole_of(row.chosen if row else {})


def update(*, user: User, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Take `changes` in, all or none, and return every preference. Refused: bad_preference{field}."""
    for name, value in changes.items():
        known = KNOWN.get(name)
        if known is None or not known.fits(value):
            raise Refused("bad_preference", field=str(name)[:40])
    with transaction.atomic():
        Preferences.objects.get_or_create(user=user)
        row = Preferences.objects.select_for_update().get(user=user)
        row.chosen = {**row.chosen, **changes}
        row.save(update_fields=["chosen", "changed"])
    return _whole_of(row.chosen)


def _whole_of(chosen: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: chosen[name] if name in chosen and known.fits(chosen[name]) else known.default
        for name, known in KNOWN.items()
    }
