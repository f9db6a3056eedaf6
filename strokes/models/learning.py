"""What learns and what keeps it going: models, splits, jobs."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from strokes.models.videos import Taxonomy, Video


class Run(models.Model):
    """A trained network. Its folder is RUNS_ROOT/<id>/. At most one run per taxonomy is `current`."""

    class State(models.TextChoices):
        TRAINING = "training"
        TRAINED = "trained"  # kept, not used
        PROVISIONAL = "provisional"  # beat motion on data it had not seen
        PROMOTED = "promoted"  # passed the gate, or an admin chose it
        ROLLED_BACK = "rolled_back"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.PositiveIntegerField(unique=True)  # what people call it: "model 7"
    taxonomy = models.ForeignKey(Taxonomy, on_delete=models.PROTECT)
    preset = models.CharField(max_length=20)
    state = models.CharField(max_length=12, choices=State, default=State.TRAINING)
    current = models.BooleanField(default=False)
    metrics = models.JSONField(default=dict)
    reasons = models.JSONField(default=list)  # [{"code": ..., "params": {...}}], sentences in annotator.messages
    dataset_sha256 = models.CharField(max_length=64, blank=True)
    decisions_seen = models.PositiveBigIntegerField(default=0)  # number of decisions when its data was taken
    started = models.DateTimeField(default=timezone.now)
    finished = models.DateTimeField(null=True)
    chosen = models.DateTimeField(null=True)  # when it last became the current one; rolling back goes to the one before

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["taxonomy"], condition=Q(current=True), name="run_current_once"),
        ]


class Split(models.Model):
    """A version of train/validation/test over groups of videos. Frozen once a run or an export used it."""

    taxonomy = models.ForeignKey(Taxonomy, on_delete=models.PROTECT)
    version = models.PositiveIntegerField()
    seed = models.PositiveIntegerField()
    frozen = models.BooleanField(default=False)
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["taxonomy", "version"], name="split_version")]


class SplitMember(models.Model):
    """A video's part in a split. Videos of one group (shared player) always share a part."""

    class Part(models.TextChoices):
        TRAIN = "train"
        VALIDATION = "validation"
        TEST = "test"

    split = models.ForeignKey(Split, on_delete=models.CASCADE, related_name="members")
    video = models.ForeignKey(Video, on_delete=models.CASCADE)
    part = models.CharField(max_length=10, choices=Part)
    group = models.CharField(max_length=120)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["split", "video"], name="split_member_once")]


class Job(models.Model):
    """The truth about long work; django-q2 only rings. See docs/decisions/0002-jobs.md."""

    class Kind(models.TextChoices):
        PROBE = "probe"
        PROXY = "proxy"
        PREPARE = "prepare"
        SUGGEST = "suggest"
        TRAIN = "train"
        WHY = "why"  # what the network saw of one suggestion

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    MAX_STARTS = 3

    kind = models.CharField(max_length=10, choices=Kind)
    video = models.ForeignKey(Video, null=True, on_delete=models.CASCADE, related_name="jobs")
    taxonomy = models.ForeignKey(Taxonomy, null=True, on_delete=models.CASCADE)
    run = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL)
    args = models.JSONField(default=dict)
    slot = models.CharField(max_length=10)
    priority = models.IntegerField(default=0)  # higher first
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    starts = models.PositiveIntegerField(default=0)  # counted before the work
    fence = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=120, blank=True)  # host:pid:start time of the process that works on it
    lease_until = models.DateTimeField(null=True)
    progress = models.FloatField(default=0)
    phase = models.CharField(max_length=40, blank=True)
    left_s = models.FloatField(null=True)
    error_code = models.CharField(max_length=60, blank=True)
    error_params = models.JSONField(default=dict)
    log = models.TextField(blank=True)  # last lines of standard error, for admins
    created = models.DateTimeField(default=timezone.now)
    started = models.DateTimeField(null=True)
    finished = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-priority", "created"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "video"],
                condition=Q(state__in=["queued", "running"]) & ~Q(video=None),
                name="job_active_once_per_video",
            ),
            models.UniqueConstraint(
                fields=["kind", "taxonomy"],
                condition=Q(state__in=["queued", "running"]) & ~Q(taxonomy=None),
                name="job_active_once_per_taxonomy",
            ),
        ]


class Heartbeat(models.Model):
    """When something last showed that it lives (`qcluster`, `worker`)."""

    name = models.CharField(primary_key=True, max_length=40)
    at = models.DateTimeField()
