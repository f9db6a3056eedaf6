"""What belongs to one person: visits, preferences, practice."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Visit(models.Model):
    """When somebody looked at the library: now, and the time before, so that what is new since then can be shown."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE)
    at = models.DateTimeField()
    before = models.DateTimeField(null=True)


class Preferences(models.Model):
    """What one person set for themselves; `chosen` holds only what differs (strokes.preferences knows the names)."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="preferences")
    chosen = models.JSONField(default=dict)
    changed = models.DateTimeField(auto_now=True)


class Practice(models.Model):
    """How far one person is with the tour of the practice video, and their last and best score (strokes.practice)."""

    expert = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="practice")
    steps = models.JSONField(default=list)  # names of the steps done
    skipped = models.BooleanField(default=False)
    tries = models.PositiveIntegerField(default=0)
    last = models.JSONField(default=dict)
    best = models.FloatField(default=0)  # share right at the best try
    finished = models.DateTimeField(null=True)
