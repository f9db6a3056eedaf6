"""What the API takes and gives, field by field; the schema is made from these."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as s

from strokes import catalogue, preferences
from strokes.models import Appearance, Decision, Job, Player, Run, Stroke, Video


class Problem(s.Serializer[Any]):
    code = s.CharField()
    message = s.CharField()
    params = s.DictField()


class SeenPlayer(s.Serializer[Any]):
    pseudonym = s.CharField(max_length=80)
    hand = s.ChoiceField(choices=Player.Hand.choices, default=Player.Hand.UNKNOWN)
    side = s.ChoiceField(choices=Appearance.Side.choices, default=Appearance.Side.UNKNOWN)


class TaxonomyName(s.Serializer[Any]):
    id = s.IntegerField()
    name = s.CharField()


class TaxonomyShown(TaxonomyName):
    revision = s.IntegerField()
    moves = s.ListField(child=s.DictField())


class Progress(s.Serializer[Any]):
    kind = s.ChoiceField(choices=Job.Kind.choices)
    waiting = s.BooleanField()
    phase = s.CharField(allow_blank=True)
    fraction = s.FloatField()
    left_s = s.FloatField(allow_null=True)


class ErrorShown(s.Serializer[Any]):
    code = s.CharField()
    message = s.CharField()


class Mine(s.Serializer[Any]):
    strokes = s.IntegerField()
    to_decide = s.IntegerField()
    complete = s.BooleanField()


class VideoUrls(s.Serializer[Any]):
    workspace = s.CharField()
    poster = s.CharField(allow_null=True)
    thumbs = s.CharField(allow_null=True)


class VideoShown(s.Serializer[Any]):
    id = s.UUIDField()
    title = s.CharField()
    state = s.ChoiceField(choices=Video.State.choices)
    n_frames = s.IntegerField()
    fps = s.FloatField()
    duration_s = s.FloatField()
    width = s.IntegerField()
    height = s.IntegerField()
    blind = s.BooleanField()
    practice = s.BooleanField()
    unreadable = s.IntegerField()
    bytes = s.IntegerField()
    disk_estimate = s.IntegerField()
    created = s.DateTimeField()
    taxonomy = TaxonomyName()
    players = SeenPlayer(many=True)
    progress = Progress(allow_null=True)
    error = ErrorShown(allow_null=True)
    mine = Mine()
    urls = VideoUrls()


class VideoChange(s.Serializer[Any]):
    title = s.CharField(max_length=200, required=False)
    players = SeenPlayer(many=True, required=False)


class LibraryQuery(s.Serializer[Any]):
    """What the library is asked for, by its page and by the API: the same words in both addresses."""

    state = s.ChoiceField(choices=["", *catalogue.STATES], default="")
    player = s.IntegerField(default=None, allow_null=True)
    taxonomy = s.IntegerField(default=None, allow_null=True)
    blind = s.BooleanField(default=None, allow_null=True)
    q = s.CharField(default="", allow_blank=True, max_length=200)
    sort = s.ChoiceField(choices=list(catalogue.SORTS), default="newest")
    page = s.IntegerField(default=None, allow_null=True, min_value=1, max_value=100_000)
    ids = s.ListField(child=s.UUIDField(), default=list, max_length=200)


class NextQuery(s.Serializer[Any]):
    after = s.UUIDField(required=False)


class NextShown(s.Serializer[Any]):
    video = VideoShown(allow_null=True)
    waiting = s.IntegerField()


class DeleteQuery(s.Serializer[Any]):
    labels_too = s.BooleanField(default=False)


class UploadMetadata(s.Serializer[Any]):
    name = s.CharField(max_length=200)
    modified = s.IntegerField(default=0, min_value=0, max_value=2**53)
    taxonomy = s.IntegerField(required=False)
    players = SeenPlayer(many=True, max_length=8, required=False)  # type: ignore[call-arg]


class VideoName(s.Serializer[Any]):
    id = s.UUIDField()
    title = s.CharField()


class UploadShown(s.Serializer[Any]):
    id = s.UUIDField()
    url = s.CharField()
    name = s.CharField()
    modified = s.IntegerField()
    bytes = s.IntegerField()
    offset = s.IntegerField()
    state = s.ChoiceField(choices=["open", "whole", "done", "refused"])
    expires = s.DateTimeField()
    video = VideoName(allow_null=True)
    twin = VideoName(allow_null=True)
    error = Problem(allow_null=True)


class StrokeShown(s.Serializer[Any]):
    id = s.UUIDField()
    begin = s.IntegerField()
    end = s.IntegerField()
    move = s.CharField(allow_blank=True)
    player = s.CharField(allow_null=True)
    note = s.CharField(allow_blank=True)
    unsure = s.BooleanField()
    source = s.ChoiceField(choices=Stroke.Source.choices)  # type: ignore[assignment]
    suggestion = s.UUIDField(allow_null=True)
    version = s.IntegerField()


class SuggestionShown(s.Serializer[Any]):
    id = s.UUIDField()
    begin = s.IntegerField()
    end = s.IntegerField()
    move = s.CharField(allow_blank=True)
    score = s.FloatField()
    top = s.ListField(child=s.ListField())
    run = s.IntegerField(allow_null=True)


class DecidedShown(SuggestionShown):
    verdict = s.ChoiceField(choices=["accepted", "rejected"])


class QueueQuery(s.Serializer[Any]):
    n = s.IntegerField(default=20, min_value=1, max_value=100)
    seed = s.IntegerField(default=0, min_value=0, max_value=2**31 - 1)


class QueueVideo(s.Serializer[Any]):
    id = s.UUIDField()
    title = s.CharField()
    width = s.IntegerField()
    height = s.IntegerField()
    n_frames = s.IntegerField()


class QueueStroke(SuggestionShown):
    video = QueueVideo()
    share = s.ChoiceField(choices=["uncertain", "diverse", "random"])
    useful = s.FloatField()
    rarity = s.FloatField()


class QueueShown(s.Serializer[Any]):
    seed = s.IntegerField()
    open = s.IntegerField()
    strokes = QueueStroke(many=True)


class StrokesQuery(s.Serializer[Any]):
    """What is looked for; every list may be given several times."""

    move = s.ListField(child=s.CharField(max_length=120), required=False)
    player = s.ListField(child=s.CharField(max_length=80), required=False)
    expert = s.ListField(child=s.CharField(max_length=150), required=False)
    step = s.ListField(child=s.ChoiceField(choices=["sure", "likely", "unsure"]), required=False)
    source = s.ListField(child=s.ChoiceField(choices=Stroke.Source.choices), required=False)  # type: ignore[assignment]
    video = s.ListField(child=s.UUIDField(), required=False)
    mark = s.ListField(child=s.ChoiceField(choices=["noted", "unsure"]), required=False)
    model = s.ListField(child=s.CharField(max_length=120), required=False)
    since = s.DateField(required=False)
    until = s.DateField(required=False)
    score_from = s.FloatField(required=False, min_value=0, max_value=1)
    score_to = s.FloatField(required=False, min_value=0, max_value=1)
    text = s.CharField(max_length=100, required=False)
    order = s.ChoiceField(choices=["new", "video", "score", "long"], default="new")
    page = s.IntegerField(default=1, min_value=1, max_value=1_000_000)


class FoundVideo(s.Serializer[Any]):
    id = s.UUIDField()
    title = s.CharField()
    width = s.IntegerField()
    height = s.IntegerField()


class FoundStroke(StrokeShown):
    video = FoundVideo()
    expert = s.CharField(allow_null=True)  # null: the consensus
    score = s.FloatField(allow_null=True)
    step = s.CharField(allow_blank=True)
    seconds = s.FloatField(allow_null=True)
    at_s = s.FloatField()
    made = s.DateTimeField(allow_null=True)
    url = s.CharField()


class StrokesFound(s.Serializer[Any]):
    count = s.IntegerField()
    seconds = s.FloatField()
    size = s.IntegerField()
    strokes = FoundStroke(many=True)


class RoiPoint(s.Serializer[Any]):
    frame = s.IntegerField()
    x = s.FloatField()
    y = s.FloatField()


class LaneShown(s.Serializer[Any]):
    version = s.IntegerField()
    complete = s.BooleanField()


class DecisionShown(s.Serializer[Any]):
    id = s.UUIDField()
    number = s.IntegerField()
    kind = s.ChoiceField(choices=Decision.Kind.choices)
    stroke = s.UUIDField(allow_null=True)
    suggestion = s.UUIDField(allow_null=True)
    data = s.DictField()  # type: ignore[assignment]
    before = s.DictField()
    undoes = s.UUIDField(allow_null=True)
    step = s.UUIDField(allow_null=True)
    at = s.DateTimeField()


class HistoryQuery(s.Serializer[Any]):
    before = s.IntegerField(min_value=1, max_value=2**31 - 1, required=False)


class HistoryShown(s.Serializer[Any]):
    history = DecisionShown(many=True)
    decided = DecidedShown(many=True)
    more = s.BooleanField()


class RunName(s.Serializer[Any]):
    number = s.IntegerField()
    state = s.ChoiceField(choices=Run.State.choices)


class PersonShown(s.Serializer[Any]):
    id = s.IntegerField()
    name = s.CharField()
    admin = s.BooleanField()


class PreferencesShown(s.Serializer[Any]):
    layout = s.ChoiceField(choices=preferences.LAYOUTS, allow_blank=True)
    single_keys = s.BooleanField()
    keymap = s.DictField(child=s.ListField(child=s.DictField()))
    class_keys = s.ChoiceField(choices=preferences.CLASS_KEYS)
    reaction_ms = s.IntegerField(allow_null=True)
    reaction_declined_ms = s.IntegerField(allow_null=True)
    reaction_samples = s.ListField(child=s.IntegerField(), allow_empty=True)
    code_lead_ms = s.IntegerField()
    code_lag_ms = s.IntegerField()
    loop_lead_ms = s.IntegerField()
    loop_tail_ms = s.IntegerField()
    language = s.ChoiceField(choices=preferences.LANGUAGES, allow_blank=True)


class WorkspaceShown(s.Serializer[Any]):
    video = VideoShown()
    taxonomy = s.DictField()
    lane = LaneShown()
    strokes = StrokeShown(many=True)
    suggestions = SuggestionShown(many=True)
    roi = RoiPoint(many=True)
    roi_track = s.DictField(allow_null=True)
    motion = s.DictField(allow_null=True)
    players = SeenPlayer(many=True)
    history = DecisionShown(many=True)
    decided = DecidedShown(many=True)
    more = s.BooleanField()
    run = RunName(allow_null=True)
    user = PersonShown()
    preferences = PreferencesShown()
    around = s.CharField()


class LaneWithStrokes(LaneShown):
    strokes = StrokeShown(many=True)


class ExpertLane(LaneWithStrokes):
    expert = PersonShown()


class ConsensusLane(LaneWithStrokes):
    log = DecisionShown(many=True)


class LanesShown(s.Serializer[Any]):
    lanes = ExpertLane(many=True)
    consensus = ConsensusLane(allow_null=True)
    admin = s.BooleanField()


class Op(s.Serializer[Any]):
    id = s.UUIDField()
    kind = s.ChoiceField(choices=Decision.Kind.choices)
    stroke = s.UUIDField(required=False, allow_null=True)
    suggestion = s.UUIDField(required=False, allow_null=True)
    data = s.DictField(required=False)  # type: ignore[assignment]
    undoes = s.UUIDField(required=False, allow_null=True)
    step = s.UUIDField(required=False, allow_null=True)
    via = s.ChoiceField(choices=Decision.Via.choices, required=False, allow_blank=True)
    seconds = s.FloatField(required=False, min_value=0, max_value=86_400)
    at = s.DateTimeField(required=False)


class Ops(s.Serializer[Any]):
    user = s.IntegerField(required=False)  # whose work it is: refused when somebody else has signed in meanwhile
    ops = s.ListField(child=Op(), min_length=1, max_length=200)


class VerdictShown(s.Serializer[Any]):
    suggestion = s.UUIDField()
    accepted = s.BooleanField(allow_null=True)


class Saved(s.Serializer[Any]):
    version = s.IntegerField()
    complete = s.BooleanField()
    strokes = StrokeShown(many=True)
    removed = s.ListField(child=s.UUIDField())
    verdicts = VerdictShown(many=True)
    saved_at = s.DateTimeField()
