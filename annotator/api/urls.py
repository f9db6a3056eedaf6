"""Routes of the API."""

from __future__ import annotations

from django.urls import path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.renderers import JSONRenderer

from annotator.access import IsMember
from annotator.api import (
    classes,
    data,
    me,
    people,
    practice,
    queue,
    review,
    runs,
    schema,
    session,
    strokes,
    uploads,
    videos,
    why,
    workspace,
)

__all__ = ["schema", "urlpatterns"]
urlpatterns = [
    path("session/", session.Session.as_view(), name="api-session"),
    path("me/preferences/", me.Preferences.as_view(), name="api-preferences"),
    path("people/", people.People.as_view(), name="api-people"),
    path("people/<int:pk>/", people.OnePerson.as_view(), name="api-person"),
    path("people/<int:pk>/link/", people.PasswordLink.as_view(), name="api-person-link"),
    path("videos/", videos.Videos.as_view(), name="api-videos"),
    path("videos/next/", videos.NextVideo.as_view(), name="api-next-video"),
    path("videos/<uuid:pk>/try_again/", videos.TryAgain.as_view(), name="api-try-again"),
    path("me/visit/", me.Visited.as_view(), name="api-visit"),
    path("uploads/", uploads.Uploads.as_view(), name="api-uploads"),
    path("uploads/<uuid:pk>/", uploads.OneUpload.as_view(), name="api-upload"),
    path("videos/<uuid:pk>/", videos.OneVideo.as_view(), name="api-video"),
    path("videos/<uuid:pk>/show_suggestions/", videos.ShowSuggestions.as_view(), name="api-show-suggestions"),
    path("videos/<uuid:pk>/workspace/", workspace.Workspace.as_view(), name="api-workspace"),
    path("videos/<uuid:pk>/decisions/", workspace.Decisions.as_view(), name="api-decisions"),
    path("videos/<uuid:pk>/lanes/", review.Lanes.as_view(), name="api-lanes"),
    path("videos/<uuid:pk>/consensus/", review.Consensus.as_view(), name="api-consensus"),
    path("videos/<uuid:pk>/consensus/begin/", review.BeginConsensus.as_view(), name="api-consensus-begin"),
    path("videos/<uuid:pk>/history/", workspace.History.as_view(), name="api-history"),
    path("strokes/", strokes.Strokes.as_view(), name="api-strokes"),
    path("queue/", queue.Queue.as_view(), name="api-queue"),
    path("runs/", runs.Runs.as_view(), name="api-runs"),
    path("runs/roll_back/", runs.RollBack.as_view(), name="api-roll-back"),
    path("runs/<uuid:pk>/promote/", runs.Promote.as_view(), name="api-promote"),
    path("runs/<uuid:pk>/epochs/", runs.EpochsOfRun.as_view(), name="api-epochs"),
    path("retrain/", runs.Retrain.as_view(), name="api-retrain"),
    path("jobs/", runs.Jobs.as_view(), name="api-jobs"),
    path("jobs/<int:pk>/retry/", runs.Retry.as_view(), name="api-retry"),
    path("taxonomies/", data.Taxonomies.as_view(), name="api-taxonomies"),
    path("taxonomies/<int:pk>/classes/", classes.Classes.as_view(), name="api-classes"),
    path("taxonomies/<int:pk>/examples/", classes.Examples.as_view(), name="api-examples"),
    path("practice/", practice.Tour.as_view(), name="api-practice"),
    path("videos/<uuid:pk>/suggestions/<uuid:suggestion>/why/", why.Why.as_view(), name="api-why"),
    path("videos/<uuid:pk>/score/", practice.Score.as_view(), name="api-score"),
    path("videos/<uuid:pk>/restart/", practice.Restart.as_view(), name="api-restart"),
    path("splits/", data.Splits.as_view(), name="api-splits"),
    path("exports/", data.Exports.as_view(), name="api-exports"),
    path("imports/", data.Imports.as_view(), name="api-imports"),
    path(
        "schema/",
        SpectacularAPIView.as_view(permission_classes=[IsMember], renderer_classes=[JSONRenderer]),
        name="api-schema",
    ),
]
