"""The schema describes what is there, without a warning of its maker."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.test import Client

from annotator.api.urls import urlpatterns


def test_schema_names_every_endpoint(as_alice: Client) -> None:
    body = as_alice.get("/api/v1/schema/").json()
    assert body["openapi"].startswith("3.")
    assert len(body["paths"]) == len(urlpatterns) - 1, "all but the schema itself"
    decisions = body["paths"]["/api/v1/videos/{id}/decisions/"]["post"]
    assert {"200", "400", "412", "428"} <= set(decisions["responses"])
    assert any(each["name"] == "If-Match" and each["required"] for each in decisions["parameters"])


def test_schema_is_made_without_warnings(tmp_path: Any) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yaml"))
    assert "/api/v1/uploads/{id}/" in (tmp_path / "schema.yaml").read_text()
