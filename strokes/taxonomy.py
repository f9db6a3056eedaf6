"""Taxonomies: the classes as data. A row is one revision, never edited; a changed set of classes is a new revision."""

from __future__ import annotations

import json
import secrets
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from django.db import transaction

from mlcore import files, formats
from strokes import rules
from strokes.errors import Refused
from strokes.models import Taxonomy

DEFAULT = Path(__file__).parent / "taxonomies" / "ttstroke21.json"
GROUP_SIZE = 4  # one key for the group, one of 1-4 for the class in it
MOVES_MAX = 500


def default() -> Taxonomy:
    """The 20 strokes of TTStroke-21, names exactly as published (Martin et al., CBMI 2018), made at the first call."""
    return add(json.loads(DEFAULT.read_text("utf-8")))


def add(body: Mapping[str, Any] | Sequence[str], *, name: str = "") -> Taxonomy:
    """The taxonomy in `body`: a topspin-taxonomy file, {"name", "moves": [names]}, or a list of names, with `name`.

    The same classes again give the row that is there; other classes under a known name give its next revision.
    Classes without a group are put into groups of four in order, so that two keys class them. The file may carry written
    `rules` (strokes.rules); a row that has some keeps its own. Refused: bad_taxonomy{reason}.
    """
    title, moves = _read(body, name)
    written = rules.read(body.get("rules", {}) if isinstance(body, Mapping) else {}, moves)
    rows = [asdict(move) for move in moves]
    with transaction.atomic():
        last = Taxonomy.objects.filter(name=title).order_by("-revision").first()
        if last is not None and last.moves == rows:
            if written and not last.rules:
                Taxonomy.objects.filter(pk=last.pk).update(rules=written)
                last.rules = written
            return last
        revision = 1 if last is None else last.revision + 1
        return Taxonomy.objects.create(name=title, revision=revision, moves=rows, rules=written or _kept(last, rows), seed=secrets.randbelow(2**31))


def _kept(last: Taxonomy | None, rows: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """The rules of the revision before, of the classes that are still there."""
    known = {"", *(row["name"] for row in rows), *(row["group"] for row in rows)}
    return {about: text for about, text in last.rules.items() if about in known} if last else {}


def as_file(taxonomy: Taxonomy) -> formats.Taxonomy:
    """The taxonomy in the form of mlcore.formats."""
    return formats.Taxonomy(
        name=taxonomy.name, revision=taxonomy.revision, moves=[formats.Move(**move) for move in taxonomy.moves]
    )


def names(taxonomy: Taxonomy) -> list[str]:
    """All full class names, Negative last."""
    return [str(move["name"]) for move in taxonomy.moves] + [formats.NEGATIVE]


def is_full(taxonomy: Taxonomy, move: str) -> bool:
    """Whether `move` is a whole class name (Negative is one)."""
    return move in names(taxonomy)


def is_partial(taxonomy: Taxonomy, move: str) -> bool:
    """Whether `move` is a partial label: the name of a group ("Serve Forehand", technique not yet known)."""
    return bool(move) and not is_full(taxonomy, move) and move in {entry["group"] for entry in taxonomy.moves}


def check(taxonomy: Taxonomy, move: str) -> None:
    """Refused unknown_move{move, taxonomy, nearest} unless `move` is empty, a class, a group or Negative."""
    if move and not is_full(taxonomy, move) and not is_partial(taxonomy, move):
        raise Refused("unknown_move", move=move[:120], taxonomy=taxonomy.name, nearest=nearest(taxonomy, move))


def nearest(taxonomy: Taxonomy, move: str) -> str:
    """The known class name most like `move`, or empty."""
    known = {name.casefold(): name for name in names(taxonomy)}
    found = get_close_matches(move[:120].casefold(), known, n=1, cutoff=0.6)
    return known[found[0]] if found else ""


def _read(body: Mapping[str, Any] | Sequence[str], name: str) -> tuple[str, list[formats.Move]]:
    if isinstance(body, Mapping):
        if body.get("format", formats.Taxonomy.FORMAT) != formats.Taxonomy.FORMAT or body.get("version", 1) != 1:
            raise Refused("bad_taxonomy", reason="not a topspin-taxonomy file of version 1")
        name, listed = name or body.get("name", ""), body.get("moves")
    else:
        listed = body
    title = _text(name, "name")
    if isinstance(listed, str) or not isinstance(listed, Sequence) or len(listed) > MOVES_MAX:
        raise Refused("bad_taxonomy", reason=f"moves must be a list of at most {MOVES_MAX} classes")
    try:
        moves = [formats.Move(**move) if isinstance(move, Mapping) else formats.Move(name=move) for move in listed]
        formats.Taxonomy(name=title, revision=1, moves=[_filled(move) for move in moves])
    except (files.FormatError, TypeError) as error:
        raise Refused("bad_taxonomy", reason=str(error)) from error
    _group(moves)
    return title, moves


def _filled(move: formats.Move) -> formats.Move:
    """`move` with what was left out made from its name."""
    move.name = _text(move.name, "class name")
    if move.name.casefold() == "unknown":
        raise Refused("bad_taxonomy", reason="Unknown means “no class yet” and is not listed")
    for field, otherwise in (("leaf", move.name), ("fr", move.name)):
        setattr(move, field, getattr(move, field) or otherwise)
    move.leaf_fr = move.leaf_fr or (move.fr if move.leaf == move.name else move.leaf)
    move.short = move.short or move.name[:12]
    for field, value in asdict(move).items():
        if not isinstance(value, str) or len(value) > 120:
            raise Refused("bad_taxonomy", reason=f"{field} of {move.name} is not a text of at most 120 letters")
    return move


def _group(moves: list[formats.Move]) -> None:
    loose = [move for move in moves if not move.group]
    for start in range(0, len(loose), GROUP_SIZE):
        chunk = loose[start : start + GROUP_SIZE]
        last = start + len(chunk)
        label = f"{start + 1}–{last}" if len(chunk) > 1 else str(last)
        for move in chunk:
            move.group = label
    for move in moves:
        move.group_fr = move.group_fr or move.group
    both = {move.name for move in moves} & {move.group for move in moves}
    if both or formats.NEGATIVE in {move.group for move in moves}:
        raise Refused("bad_taxonomy", reason=f"a group is named like a class: {', '.join(sorted(both)) or 'Negative'}")


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise Refused("bad_taxonomy", reason=f"the {what} is not a text")
    text = unicodedata.normalize("NFC", value).strip()
    if not 1 <= len(text) <= 120 or any(unicodedata.category(c)[0] == "C" for c in text):
        raise Refused("bad_taxonomy", reason=f"the {what} must have 1 to 120 letters")
    return text
