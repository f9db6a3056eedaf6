"""What the API takes and gives of the site itself, field by field: runs, jobs, imports and exports, people."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as s

from annotator.api.serializers import ErrorShown, PersonShown, TaxonomyName
from strokes.models import Job, Run


class ReasonShown(s.Serializer[Any]):
    code = s.CharField()
    message = s.CharField()


class RunShown(s.Serializer[Any]):
    id = s.UUIDField()
    number = s.IntegerField()
    taxonomy = TaxonomyName()
    preset = s.CharField()
    state = s.ChoiceField(choices=Run.State.choices)
    current = s.BooleanField()
    metrics = s.DictField()
    reasons = ReasonShown(many=True)
    started = s.DateTimeField()
    finished = s.DateTimeField(allow_null=True)


class TaxonomyWanted(s.Serializer[Any]):
    taxonomy = s.IntegerField()


class Epochs(s.Serializer[Any]):
    epochs = s.ListField(child=s.DictField())


class JobShown(s.Serializer[Any]):
    id = s.IntegerField()
    kind = s.ChoiceField(choices=Job.Kind.choices)
    state = s.ChoiceField(choices=Job.State.choices)
    video = s.UUIDField(allow_null=True)
    taxonomy = s.IntegerField(allow_null=True)
    run = s.UUIDField(allow_null=True)
    starts = s.IntegerField()
    phase = s.CharField(allow_blank=True)
    progress = s.FloatField()
    left_s = s.FloatField(allow_null=True)
    error = ErrorShown(allow_null=True)
    created = s.DateTimeField()
    started = s.DateTimeField(allow_null=True)
    finished = s.DateTimeField(allow_null=True)


class ImportQuery(s.Serializer[Any]):
    video = s.UUIDField()
    inclusive = s.BooleanField(default=True)
    dry_run = s.BooleanField(default=True)
    complete = s.BooleanField(default=False)
    skip_bad = s.BooleanField(default=False)


class RefusedLine(s.Serializer[Any]):
    line = s.IntegerField(allow_null=True)
    code = s.CharField()
    message = s.CharField()


class PlannedStroke(s.Serializer[Any]):
    line = s.IntegerField()
    begin = s.IntegerField()
    end = s.IntegerField()
    move = s.CharField()


class ImportReport(s.Serializer[Any]):
    add = PlannedStroke(many=True)
    duplicate = PlannedStroke(many=True)
    refused = RefusedLine(many=True)
    done = s.BooleanField()


class ExportQuery(s.Serializer[Any]):
    format = s.ChoiceField(choices=["csv", "mediaeval2020", "mediaeval2022", "bundle"])
    video = s.UUIDField(required=False)
    taxonomy = s.IntegerField(required=False)
    task = s.ChoiceField(choices=["classification", "detection"], default="classification")


class Credentials(s.Serializer[Any]):
    username = s.CharField(max_length=150)
    password = s.CharField(max_length=4096, trim_whitespace=False)


class SignedIn(s.Serializer[Any]):
    user = PersonShown()


class AccountShown(s.Serializer[Any]):
    id = s.IntegerField()
    name = s.CharField()
    email = s.CharField(allow_blank=True)
    role = s.ChoiceField(choices=["admin", "expert", "none"])
    active = s.BooleanField()
    invited = s.BooleanField()
    last_login = s.DateTimeField(allow_null=True)


class Invitation(s.Serializer[Any]):
    name = s.CharField(max_length=150)
    email = s.CharField(max_length=254, allow_blank=True, default="")
    role = s.CharField(max_length=20, default="expert")


class AccountChange(s.Serializer[Any]):
    role = s.CharField(max_length=20, required=False)
    active = s.BooleanField(required=False)


class AccountLink(s.Serializer[Any]):
    person = AccountShown()
    link = s.CharField()
