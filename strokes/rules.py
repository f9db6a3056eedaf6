"""The written rule of a set of classes: where a stroke begins and ends, and what tells each group and each class.

Text for people, in English and French; it may be edited, other than the classes themselves. Learning never reads it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from mlcore.formats import Move
from strokes.errors import Refused
from strokes.models import Taxonomy

GENERAL = ""  # what the rule of all strokes is about
LANGUAGES = ("en", "fr")
LONGEST = 1000
Rules = dict[str, dict[str, str]]


def read(body: Any, moves: Sequence[Move]) -> Rules:
    """The `rules` of a taxonomy file with these classes, cleaned. Refused: bad_taxonomy{reason}."""
    if not isinstance(body, Mapping):
        raise Refused("bad_taxonomy", reason="rules must be an object")
    known = {GENERAL, *(move.name for move in moves), *(move.group for move in moves)}
    out: Rules = {}
    for about, texts in body.items():
        if about not in known:
            raise Refused("bad_taxonomy", reason=f"a rule is about “{str(about)[:60]}”, which is no class and no group")
        if not isinstance(texts, Mapping):
            raise Refused("bad_taxonomy", reason=f"the rule about “{about}” is not {{en, fr}}")
        cleaned = {language: text for language in LANGUAGES if (text := _clean(texts.get(language, "")))}
        if cleaned:
            out[str(about)] = cleaned
    return out


def write(*, taxonomy: Taxonomy, about: str, en: str, fr: str, user: User) -> Rules:
    """Set the rule about a class, a group, or ("") all strokes; empty texts remove it. Returns all rules as they now are.

    Refused: not_admin, unknown_move{move, taxonomy, nearest}, bad_rule{longest}.
    """
    if not user.is_staff:
        raise Refused("not_admin")
    known = {GENERAL, *(move["name"] for move in taxonomy.moves), *(move["group"] for move in taxonomy.moves)}
    if about not in known:
        raise Refused("unknown_move", move=about[:120], taxonomy=taxonomy.name, nearest="")
    try:
        texts = {language: text for language, text in (("en", _clean(en)), ("fr", _clean(fr))) if text}
    except Refused as refused:
        raise Refused("bad_rule", longest=LONGEST) from refused
    with transaction.atomic():
        held = Taxonomy.objects.select_for_update().get(pk=taxonomy.pk)
        others = {key: text for key, text in held.rules.items() if key != about}
        held.rules = {**others, about: texts} if texts else others
        held.save(update_fields=["rules"])
    taxonomy.rules = held.rules
    return dict(held.rules)


def _clean(text: Any) -> str:
    if not isinstance(text, str) or len(text) > LONGEST:
        raise Refused("bad_taxonomy", reason=f"a rule is a text of at most {LONGEST} letters")
    kept = "".join(" " if unicodedata.category(c)[0] == "C" else c for c in unicodedata.normalize("NFC", text))
    return " ".join(kept.split())
