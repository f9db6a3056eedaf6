"""What experts say: lanes, suggestions, the log of decisions and what is folded from it."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from strokes.models.learning import Run
from strokes.models.videos import Player, Video


class Lane(models.Model):
    """What one expert says about one video. The lane without an expert is the consensus."""

    video = models.ForeignKey(Video, on_delete=models.CASCADE, related_name="lanes")
    expert = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT)
    complete = models.BooleanField(default=False)  # "I have marked every stroke in it": gaps are negatives
    version = models.PositiveIntegerField(default=0)  # number of decisions taken in this lane

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["video", "expert"], name="lane_once"),
            models.UniqueConstraint(fields=["video"], condition=Q(expert=None), name="lane_consensus_once"),
        ]


class Suggestion(models.Model):
    """What a run (or motion alone: `run` null, `move` empty) proposes. `current`: not replaced by a later run's."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    video = models.ForeignKey(Video, on_delete=models.CASCADE, related_name="suggestions")
    run = models.ForeignKey(Run, null=True, on_delete=models.PROTECT)
    begin = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    move = models.CharField(max_length=120, blank=True)
    score = models.FloatField()
    top = models.JSONField(default=list)  # [[move, probability] x 3]
    current = models.BooleanField(default=True)
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["begin"]
        indexes = [models.Index(fields=["video", "current"], name="suggestion_open")]
        constraints = [models.CheckConstraint(condition=Q(end__gt=F("begin")), name="suggestion_end_after_begin")]


class Decision(models.Model):
    """One entry of the append-only log: all that an expert ever did. The client makes `id`, so a repeat is harmless."""

    class Kind(models.TextChoices):
        ADD = "add"  # data: begin end move player? note? unsure?
        CHANGE = "change"  # data: the changed fields
        REMOVE = "remove"
        RESTORE = "restore"  # takes a removal back
        ACCEPT = "accept"  # suggestion becomes a stroke; data may carry adjusted begin end move
        REJECT = "reject"  # suggestion
        REOPEN = "reopen"  # takes an accept or reject back: the suggestion is undecided again
        COMPLETE = "complete"  # data: value
        ROI = "roi"  # data: frame x y (fractions), or frame and remove: true

    class Via(models.TextChoices):
        """Where it was decided: empty in the workspace, else the share of the stroke queue that it came from."""

        UNCERTAIN = "queue-uncertain"
        DIVERSE = "queue-diverse"
        RANDOM = "queue-random"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    lane = models.ForeignKey(Lane, on_delete=models.PROTECT, related_name="decisions")
    number = models.PositiveIntegerField()  # 1, 2, 3 ... in its lane; equals Lane.version after it
    kind = models.CharField(max_length=10, choices=Kind)
    stroke = models.UUIDField(null=True, db_index=True)
    suggestion = models.ForeignKey(Suggestion, null=True, on_delete=models.PROTECT)
    data = models.JSONField(default=dict)
    before = models.JSONField(default=dict)  # what the changed fields held, so that history reads without replaying
    undoes = models.UUIDField(null=True)
    via = models.CharField(max_length=20, choices=Via, blank=True, default="")
    step = models.UUIDField(null=True)  # decisions made and undone together share it; null: a step of its own
    expert = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    seconds = models.FloatField(default=0)  # time spent, as measured by the workspace
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["lane", "number"]
        constraints = [models.UniqueConstraint(fields=["lane", "number"], name="decision_order")]


class Answer(models.Model):
    """What a batch of decisions was answered, kept for two days: the same request again gets the same answer."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    key = models.UUIDField()  # Idempotency-Key, made by the client
    request = models.CharField(max_length=64)  # SHA-256 of what was asked
    body = models.JSONField()
    created = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="answer_once")]


class Stroke(models.Model):
    """The truth of one lane, folded from its decisions (strokes.records). Never written by anything else."""

    class Source(models.TextChoices):
        BLIND = "blind"  # marked by hand
        ACCEPTED = "accepted"  # suggestion taken untouched
        EDITED = "edited"  # suggestion taken and changed
        IMPORTED = "imported"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    lane = models.ForeignKey(Lane, on_delete=models.CASCADE, related_name="strokes")
    begin = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    move = models.CharField(max_length=120, blank=True)  # full name; a group's name is partial; empty: not yet
    player = models.ForeignKey(Player, null=True, on_delete=models.SET_NULL)
    note = models.CharField(max_length=500, blank=True)
    unsure = models.BooleanField(default=False)
    source = models.CharField(max_length=10, choices=Source, default=Source.BLIND)
    suggestion = models.ForeignKey(Suggestion, null=True, on_delete=models.PROTECT)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["begin", "end"]
        constraints = [models.CheckConstraint(condition=Q(end__gt=F("begin")), name="stroke_end_after_begin")]


class Verdict(models.Model):
    """An expert's current verdict on a suggestion, folded from decisions like Stroke."""

    lane = models.ForeignKey(Lane, on_delete=models.CASCADE, related_name="verdicts")
    suggestion = models.ForeignKey(Suggestion, on_delete=models.CASCADE)
    accepted = models.BooleanField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["lane", "suggestion"], name="verdict_once")]


class RoiCorrection(models.Model):
    """A box an expert dragged: centre of the ROI at a frame, as fractions of the picture. Folded like Stroke."""

    lane = models.ForeignKey(Lane, on_delete=models.CASCADE, related_name="roi_corrections")
    frame = models.PositiveIntegerField()
    x = models.FloatField()
    y = models.FloatField()

    class Meta:
        ordering = ["frame"]
        constraints = [models.UniqueConstraint(fields=["lane", "frame"], name="roi_correction_once")]
