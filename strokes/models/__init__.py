"""The tables. Nouns only: every verb lives in the module of its noun (decisions, splits, registry, jobs ...).

Frames are ordinals of the source video in presentation order, 0-based; intervals are half-open [begin, end).
"""

from __future__ import annotations

from strokes.models.labels import Answer, Decision, Lane, RoiCorrection, Stroke, Suggestion, Verdict
from strokes.models.learning import Heartbeat, Job, Run, Split, SplitMember
from strokes.models.people import Practice, Preferences, Visit
from strokes.models.videos import Appearance, Example, Player, Taxonomy, Upload, Video

__all__ = [
    "Answer",
    "Appearance",
    "Decision",
    "Example",
    "Heartbeat",
    "Job",
    "Lane",
    "Player",
    "Practice",
    "Preferences",
    "RoiCorrection",
    "Run",
    "Split",
    "SplitMember",
    "Stroke",
    "Suggestion",
    "Taxonomy",
    "Upload",
    "Verdict",
    "Video",
    "Visit",
]
