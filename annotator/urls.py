"""Every route of the site. tests/annotator/test_access.py states for each one who may do what."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import include, path
from django.views.i18n import JavaScriptCatalog, set_language

from annotator import media
from annotator.api import why
from annotator.pages import (
    classes,
    data,
    effect,
    library,
    models,
    password,
    queue,
    settings,
    sign_in,
    site,
    strokes,
    workspace,
)

urlpatterns = [
    path("", library.page, name="library"),
    path("videos/<uuid:pk>/", workspace.page, name="workspace"),
    path("classes/", classes.page, name="classes"),
    path("strokes/", strokes.page, name="strokes"),
    path("queue/", queue.page, name="queue"),
    path("effect/", effect.page, name="effect"),
    path("effect/strokes.csv", effect.table, name="effect-table"),
    path("models/", models.page, name="models"),
    path("data/", data.page, name="data"),
    path("settings/", settings.page, name="settings"),
    path("settings/password/", settings.Password.as_view(), name="password-change"),
    path("sign-in/", sign_in.page, name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("password/", password.Ask.as_view(), name="password-ask"),
    path("password/sent/", password.Sent.as_view(), name="password-sent"),
    path("password/set/<uidb64>/<token>/", password.Set.as_view(), name="password-set"),
    path("language/", set_language, name="set_language"),
    path("jsi18n/", JavaScriptCatalog.as_view(packages=["annotator"]), name="jsi18n"),
    path("healthz", site.health, name="healthz"),
    path("media/<uuid:pk>/<str:name>", media.video_file, name="media"),
    path("media/<uuid:pk>/frame/<int:ordinal>.jpg", media.frame, name="frame"),
    path("media/<uuid:pk>/why/<str:name>", why.file, name="why-file"),
    path("runs/<uuid:pk>/<str:name>", media.run_file, name="run-file"),
    path("runs/<uuid:pk>/report/<str:name>", models.report_file, name="run-report"),
    path("api/v1/", include("annotator.api.urls")),
]
handler403 = site.forbidden
handler404 = site.not_found
