"""How figures and codes are shown in templates."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from django import template
from django.utils.translation import gettext as _

from annotator import messages

register = template.Library()


@register.filter
def clock(seconds: float | None) -> str:
    """0:07, 3:04, 1:02:03."""
    if seconds is None or not math.isfinite(seconds):
        return ""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


@register.filter
def left(seconds: float | None) -> str:
    """The time that work still takes, as people say it."""
    if seconds is None or not math.isfinite(seconds):
        return ""
    if seconds < 60:
        return _("less than a minute left")
    if seconds < 3600:
        return _("about %(n)s min left") % {"n": round(seconds / 60)}
    return _("about %(n)s h left") % {"n": f"{seconds / 3600:.1f}"}


@register.filter
def rate(fps: float) -> str:
    """Pictures a second without needless digits: 120, 29.97."""
    return f"{fps:.2f}".rstrip("0").rstrip(".")


@register.filter
def unlocalised(number: float) -> str:
    """A number as SVG wants it, whatever the language."""
    return f"{number:.2f}".rstrip("0").rstrip(".")


@register.filter
def percent(fraction: float | None) -> str:
    """0.873 as 87 %."""
    if fraction is None:
        return "–"
    return f"{round(100 * fraction)}\N{NO-BREAK SPACE}%".replace("-", "−")


@register.filter
def sentence(code: str, params: Mapping[str, Any] | None = None) -> str:
    """The sentence of a code."""
    return messages.sentence(code, params)


@register.filter
def as_json(value: Any) -> str:
    """For data- attributes: escaped by the template like any text."""
    return json.dumps(value)


@register.simple_tag
def rule_text(rule: Mapping[str, str], language: str) -> str:
    """A written rule in this language, in the other one where it is not written in it."""
    return rule.get(language) or rule.get("en") or rule.get("fr") or ""
