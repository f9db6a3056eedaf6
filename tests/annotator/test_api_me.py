"""Preferences over the API: read, changed, refused in words; the language goes into the cookie that pages read."""

from __future__ import annotations

from typing import Any

from django.test import Client

from annotator.api.serializers import PreferencesShown
from strokes import preferences
from strokes.models import Preferences

URL = "/api/v1/me/preferences/"


def test_read_change_read(as_alice: Client, as_bob: Client) -> None:
    body = as_alice.get(URL).json()
    assert set(body) == set(PreferencesShown().fields) == set(preferences.KNOWN)
    assert PreferencesShown(data=body).is_valid()
    changed = as_alice.patch(URL, {"reaction_ms": 180, "single_keys": False}, "application/json").json()
    assert (changed["reaction_ms"], changed["single_keys"]) == (180, False)
    assert as_alice.get(URL).json() == changed and as_bob.get(URL).json() == body


def test_refused_in_words(as_alice: Client) -> None:
    answer = as_alice.patch(URL, {"layout": "dvorak"}, "application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_preference")
    assert answer.json()["message"].endswith(".")
    assert as_alice.patch(URL, "[]", "application/json").json()["code"] == "bad_preference"
    assert not Preferences.objects.exists()


def test_the_language_is_taken_along(as_alice: Client) -> None:
    as_alice.patch(URL, {"language": "fr"}, "application/json")
    assert 'lang="fr"' in as_alice.get("/").content.decode()
    from tests.conftest import PASSWORD

    elsewhere = Client()
    elsewhere.post("/sign-in/", {"username": "alice", "password": PASSWORD})
    assert 'lang="fr"' in elsewhere.get("/").content.decode()
    as_alice.patch(URL, {"language": ""}, "application/json")
    assert 'lang="en"' in as_alice.get("/").content.decode()


def test_the_workspace_brings_them(as_alice: Client, video: Any) -> None:
    as_alice.patch(URL, {"code_lead_ms": 900}, "application/json")
    state = as_alice.get(f"/api/v1/videos/{video().pk}/workspace/").json()
    assert state["preferences"] == as_alice.get(URL).json() and state["preferences"]["code_lead_ms"] == 900
