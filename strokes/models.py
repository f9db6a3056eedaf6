"""The tables. Nouns only: every verb lives in the module of its noun (decisions, splits, registry, jobs ...).

Frames are ordinals of the source video in presentation order, 0-based; intervals are half-open [begin, end).
"""

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


class Visit(models.Model):
    """When somebody looked at the library: now, and the time before, so that what is new since then can be shown."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE)
    at = models.DateTimeField()
    before = models.DateTimeField(null=True)


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


class Preferences(models.Model):
    """What one person set for themselves; `chosen` holds only what differs (strokes.preferences knows the names)."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="preferences")
    chosen = models.JSONField(default=dict)
    changed = models.DateTimeField(auto_now=True)


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


class Practice(models.Model):
    """How far one person is with the tour of the practice video, and their last and best score (strokes.practice)."""

    expert = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="practice")
    steps = models.JSONField(default=list)  # names of the steps done
    skipped = models.BooleanField(default=False)
    tries = models.PositiveIntegerField(default=0)
    last = models.JSONField(default=dict)
    best = models.FloatField(default=0)  # share right at the best try
    finished = models.DateTimeField(null=True)
