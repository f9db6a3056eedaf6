"""What the schema must be told: how one signs in, and what the lists of choices are called."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.settings import spectacular_settings

NAMES = {
    "VideoState": "strokes.models.Video.State",
    "RunState": "strokes.models.Run.State",
    "JobState": "strokes.models.Job.State",
    "JobKind": "strokes.models.Job.Kind",
    "DecisionKind": "strokes.models.Decision.Kind",
    "StrokeSource": "strokes.models.Stroke.Source",
}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The session cookie of the site."""

    target_class = "annotator.access.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}


spectacular_settings.apply_patches({"ENUM_NAME_OVERRIDES": NAMES})  # type: ignore[no-untyped-call]
