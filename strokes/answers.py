"""Answers kept for two days, so that a request sent again after a lost answer gets the same one, and acts once."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from strokes.errors import Refused
from strokes.models import Answer

KEPT_HOURS = 48
Body = dict[str, Any]


def once(*, user: User, key: uuid.UUID | None, request: str, work: Callable[[], Body]) -> Body:
    """The body that `work` gives, or gave when this user sent the same `request` (its hash) under the same `key`.

    `work` and the keeping of its answer are one transaction; what `work` raises is not kept. Without a key: just `work`.
    Refused: key_reused.
    """
    if key is None:
        return work()
    with transaction.atomic():
        kept = Answer.objects.filter(user=user, key=key).first()
        if kept is None:
            body = work()
            # Two of the same at once: the second finds its operations done and says the same, so either answer will do.
            Answer.objects.bulk_create([Answer(user=user, key=key, request=request, body=body)], ignore_conflicts=True)
            return body
    if kept.request != request:
        raise Refused("key_reused")
    return dict(kept.body)


def forget() -> int:
    """Remove answers older than two days; returns how many."""
    old = timezone.now() - dt.timedelta(hours=KEPT_HOURS)
    return int(Answer.objects.filter(created__lt=old).delete()[0])
