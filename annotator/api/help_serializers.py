"""What the API takes and gives to help people, field by field: written rules, examples, practice, why."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as s


class RuleText(s.Serializer[Any]):
    en = s.CharField(allow_blank=True, max_length=1000, default="")
    fr = s.CharField(allow_blank=True, max_length=1000, default="")


class RuleChange(RuleText):
    about = s.CharField(allow_blank=True, max_length=120)


class ExampleShown(s.Serializer[Any]):
    url = s.CharField()
    drawn = s.BooleanField()
    begin_s = s.FloatField()
    end_s = s.FloatField(allow_null=True)
    video = s.UUIDField(allow_null=True)
    title = s.CharField(allow_blank=True)


class ClassesShown(s.Serializer[Any]):
    rules = s.DictField(child=RuleText())
    examples = s.DictField(child=ExampleShown())


class ExampleChange(s.Serializer[Any]):
    move = s.CharField(max_length=120)
    video = s.UUIDField()
    begin = s.IntegerField(min_value=0)
    end = s.IntegerField(min_value=1)


class ExampleGone(s.Serializer[Any]):
    move = s.CharField(max_length=120)


class PracticeShown(s.Serializer[Any]):
    steps = s.ListField(child=s.CharField())
    skipped = s.BooleanField()
    tries = s.IntegerField()
    best = s.FloatField()
    finished = s.DateTimeField(allow_null=True)


class PracticeChange(s.Serializer[Any]):
    steps = s.ListField(child=s.CharField(max_length=20), max_length=20, default=list)
    skipped = s.BooleanField(required=False)


class PracticeSummary(s.Serializer[Any]):
    right = s.IntegerField()
    of = s.IntegerField()
    found = s.IntegerField()
    edges_right = s.IntegerField()
    classes_right = s.IntegerField()
    extra = s.IntegerField()
    begin_ms = s.IntegerField(allow_null=True)
    end_ms = s.IntegerField(allow_null=True)


class PracticeStroke(s.Serializer[Any]):
    begin = s.IntegerField()
    end = s.IntegerField()
    move = s.CharField()
    stroke = s.UUIDField(allow_null=True)
    marked_move = s.CharField(allow_blank=True)
    tiou = s.FloatField()
    late_begin = s.IntegerField()
    late_end = s.IntegerField()
    edges_right = s.BooleanField()
    class_right = s.BooleanField()
    right = s.BooleanField()


class PracticeMark(s.Serializer[Any]):
    id = s.UUIDField()
    begin = s.IntegerField()
    end = s.IntegerField()
    move = s.CharField(allow_blank=True)


class PracticeScore(s.Serializer[Any]):
    summary = PracticeSummary()
    strokes = PracticeStroke(many=True)
    extra = PracticeMark(many=True)


class WhyShown(s.Serializer[Any]):
    state = s.ChoiceField(choices=["ready", "working", "failed", "motion", "not_prepared", "run_gone"])
    progress = s.FloatField()
    waiting = s.BooleanField()
    message = s.CharField(allow_blank=True)
    seen = s.DictField(allow_null=True)
    clip = s.CharField(allow_null=True)
    still = s.CharField(allow_null=True)
