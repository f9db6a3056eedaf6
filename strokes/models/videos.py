"""What is filmed: sets of classes, players, videos and how they come here."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone


class Taxonomy(models.Model):
    """One revision of a set of classes, never edited. `moves` is a list of mlcore.formats.Move as dictionaries."""

    name = models.CharField(max_length=120)
    revision = models.PositiveIntegerField(default=1)
    moves = models.JSONField()
    rules = models.JSONField(default=dict)  # {"" | group | move: {"en", "fr"}}: the written boundary rule; may be edited
    seed = models.PositiveIntegerField(default=0)  # of all draws over its videos: blind pool, splits
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "revision"], name="taxonomy_revision")]

    def __str__(self) -> str:
        return f"{self.name} {self.revision}"


class Player(models.Model):
    """Somebody seen in videos, under a pseudonym."""

    class Hand(models.TextChoices):
        RIGHT = "right"
        LEFT = "left"
        UNKNOWN = "unknown"

    pseudonym = models.CharField(max_length=80, unique=True)
    hand = models.CharField(max_length=8, choices=Hand, default=Hand.UNKNOWN)

    def __str__(self) -> str:
        return self.pseudonym


class Video(models.Model):
    """One uploaded video. Its files lie in MEDIA_ROOT/<id>/; `state` says how far it has come."""

    class State(models.TextChoices):
        NEW = "new"  # uploaded, not yet looked into
        INDEXED = "indexed"  # frame table made
        WATCHABLE = "watchable"  # proxy, thumbnails and motion strip made: labelling can begin
        PREPARED = "prepared"  # flow and ROI made: the network can see it
        REFUSED = "refused"  # not a video that can be read; files removed, `error_code` says why

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    title = models.CharField(max_length=200)
    taxonomy = models.ForeignKey(Taxonomy, on_delete=models.PROTECT)
    players = models.ManyToManyField(Player, through="Appearance")
    state = models.CharField(max_length=12, choices=State, default=State.NEW)
    file = models.CharField(max_length=80)  # name inside the video's folder, e.g. source.mp4
    sha256 = models.CharField(max_length=64)
    bytes = models.BigIntegerField()
    n_frames = models.PositiveIntegerField(default=0)
    fps = models.FloatField(default=0)
    duration_s = models.FloatField(default=0)
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    unreadable = models.PositiveIntegerField(default=0)
    disk_estimate = models.BigIntegerField(default=0)  # bytes that this video will take in the end
    blind = models.BooleanField(default=False)  # no suggestions, ever; belongs to the hold-out
    practice = models.BooleanField(default=False)  # drawn, its truth is known: never in training, splits, exports, figures
    prepared_key = models.CharField(max_length=64, blank=True)  # folder under prepared/ that is current
    roi_version = models.PositiveIntegerField(default=0)  # counts hand-made corrections of the ROI
    error_code = models.CharField(max_length=60, blank=True)
    error_params = models.JSONField(default=dict)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["created"]
        constraints = [
            models.UniqueConstraint(fields=["sha256"], condition=~Q(state="refused"), name="video_once"),
        ]

    def __str__(self) -> str:
        return self.title


class Appearance(models.Model):
    """A player in a video, on a side of the table."""

    class Side(models.TextChoices):
        LEFT = "left"
        RIGHT = "right"
        NEAR = "near"
        FAR = "far"
        UNKNOWN = "unknown"

    video = models.ForeignKey(Video, on_delete=models.CASCADE)
    player = models.ForeignKey(Player, on_delete=models.PROTECT)
    side = models.CharField(max_length=8, choices=Side, default=Side.UNKNOWN)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["video", "player"], name="appearance_once")]


class Upload(models.Model):
    """A file on its way here, in DATA/incoming/<id>: `offset` bytes of it are safe on disk. Kept a day after it came in."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    name = models.CharField(max_length=200)  # as its owner calls the file
    modified = models.BigIntegerField(default=0)  # its time on the owner's disk, ms: with name and size, which file it is
    bytes = models.BigIntegerField()
    offset = models.BigIntegerField(default=0)
    taxonomy = models.ForeignKey(Taxonomy, null=True, on_delete=models.SET_NULL)
    players = models.JSONField(default=list)
    video = models.ForeignKey(Video, null=True, on_delete=models.CASCADE)  # what became of it
    error_code = models.CharField(max_length=60, blank=True)  # or why nothing did, though all of it arrived
    error_params = models.JSONField(default=dict)
    created = models.DateTimeField(default=timezone.now)
    touched = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["created"]
        constraints = [models.CheckConstraint(condition=Q(offset__lte=F("bytes")), name="upload_within_length")]


class Example(models.Model):
    """The stroke of the site that is shown as the example of a class; where there is none, a drawn one is."""

    taxonomy = models.ForeignKey(Taxonomy, on_delete=models.CASCADE, related_name="examples")
    move = models.CharField(max_length=120)
    video = models.ForeignKey(Video, on_delete=models.CASCADE)
    begin = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    begin_s = models.FloatField()  # from the frame table, for a loop of the proxy
    end_s = models.FloatField()
    chosen_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    chosen = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["taxonomy", "move"], name="example_once"),
            models.CheckConstraint(condition=Q(end__gt=F("begin")), name="example_end_after_begin"),
        ]
