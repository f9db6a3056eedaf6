"""Rules and examples through the API and on the Classes page."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from annotator.api.classes import drawn
from mlcore import formats
from strokes import taxonomy, videos

LOOP = "Offensive Forehand Loop"


def test_every_class_of_the_default_has_its_drawn_loop(as_alice: Client) -> None:
    row = taxonomy.default()
    body = as_alice.get(f"/api/v1/taxonomies/{row.pk}/classes/").json()
    assert set(body["examples"]) == {move["name"] for move in row.moves}
    assert len(drawn()) == 20 and all(each["drawn"] for each in body["examples"].values())
    assert body["rules"][""]["fr"].startswith("Un coup commence")


def test_an_expert_chooses_the_example_and_everybody_sees_it(as_alice: Client, as_admin: Client, video: Any) -> None:
    row = video()
    formats.FrameTable("x", 0, "h264", 320, 180, 0, (1, 100), list(range(row.n_frames)), [0]).write(videos.folder(row) / "frames.json")
    address = f"/api/v1/taxonomies/{row.taxonomy_id}/examples/"
    wanted = {"move": LOOP, "video": str(row.pk), "begin": 100, "end": 180}
    found = as_alice.post(address, wanted, "application/json").json()["examples"][LOOP]
    assert (found["begin_s"], found["end_s"], found["drawn"], found["title"]) == (1.0, 1.8, False, row.title)
    assert row.title in as_admin.get("/classes/").content.decode()
    back = as_alice.delete(address, {"move": LOOP}, "application/json").json()
    assert back["examples"][LOOP]["drawn"] is True
    refused = as_alice.post(address, {**wanted, "end": 90}, "application/json")
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_example")


@pytest.mark.parametrize(("language", "word"), [("en", "A pendulum"), ("fr", "Un pendule")])
def test_the_page_is_in_the_readers_language(as_alice: Client, language: str, word: str) -> None:
    taxonomy.default()
    page = as_alice.get("/classes/", headers={"accept-language": language}).content.decode()
    assert word in page and "data-edit" not in page


def test_an_admin_edits_a_rule(as_admin: Client) -> None:
    row = taxonomy.default()
    body = as_admin.patch(f"/api/v1/taxonomies/{row.pk}/classes/", {"about": LOOP, "en": "Up <b>", "fr": ""}, "application/json").json()
    assert body["rules"][LOOP] == {"en": "Up <b>"}
    page = as_admin.get("/classes/").content.decode()
    assert "Up &lt;b&gt;" in page and f'data-edit="{LOOP}"' in page
    assert as_admin.get("/classes/?set=999").status_code == 404
