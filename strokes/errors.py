"""Refusals of the domain: a code with parameters. The sentence for people lives in annotator.messages."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """The domain will not do this; nothing was changed. `code` is one of annotator.messages.SENTENCES."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(f"{code} {params}" if params else code)
        self.code = code
        self.params = params


class Conflict(Refused):
    """Somebody (another tab, another person) changed it meanwhile; nothing was changed."""
