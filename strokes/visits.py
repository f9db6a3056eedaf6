"""Visits: when somebody last looked at the library, so that what came since then can be shown as new."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from strokes.models import Visit

PAUSE = timedelta(minutes=30)  # after so long away it is another visit


def note(user: User, now: datetime | None = None) -> None:
    """This person looks at the library now."""
    now = now or timezone.now()
    with transaction.atomic():
        visit, made = Visit.objects.select_for_update().get_or_create(user=user, defaults={"at": now})
        if not made:
            before = visit.at if now - visit.at > PAUSE else visit.before
            Visit.objects.filter(pk=visit.pk).update(at=now, before=before)


def since(user: User, now: datetime | None = None) -> datetime | None:
    """When the visit before the present one ended; None at the first."""
    visit = Visit.objects.filter(user=user).first()
    if visit is None:
        return None
    return visit.at if (now or timezone.now()) - visit.at > PAUSE else visit.before
