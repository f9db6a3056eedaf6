"""Django's entry for the domain."""

from django.apps import AppConfig


class StrokesConfig(AppConfig):
    name = "strokes"
