"""The list of videos, one video, and what a library costs the database."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotator.api.serializers import VideoShown
from strokes import decisions, records, suggestions
from strokes.models import Job, Stroke, Suggestion, Video


def add(video: Video, expert: Any, *spans: tuple[int, int]) -> None:
    ops = [
        {"id": str(uuid4()), "kind": "add", "stroke": str(uuid4()), "data": {"begin": begin, "end": end, "move": ""}}
        for begin, end in spans
    ]
    decisions.apply(lane=records.lane(video=video, expert=expert), expert=expert, ops=ops, base=None)


def suggest(video: Video, *spans: tuple[int, int]) -> list[Suggestion]:
    return [Suggestion.objects.create(video=video, begin=begin, end=end, score=0.5) for begin, end in spans]


def test_what_a_video_says_of_itself(as_alice: Client, alice: Any, bob: Any, video: Any) -> None:
    row = video(title="First", players=["Player A"], disk_estimate=5000)
    add(row, alice, (10, 60), (100, 160))
    add(row, bob, (10, 60))
    suggest(row, (300, 400), (12, 61), (500, 600))
    Job.objects.create(kind="prepare", video=row, slot="cpu", state="running", progress=0.4, phase="flow", left_s=12.0)
    (body,) = as_alice.get("/api/v1/videos/").json()
    assert body["mine"] == {"strokes": 2, "to_decide": 2, "complete": False}
    assert body["progress"] == {"kind": "prepare", "waiting": False, "phase": "flow", "fraction": 0.4, "left_s": 12.0}
    assert body["players"] == [{"pseudonym": "Player A", "hand": "unknown", "side": "unknown"}]
    assert body["urls"] == {
        "workspace": f"/videos/{row.pk}/",
        "poster": f"/media/{row.pk}/poster.jpg",
        "thumbs": f"/media/{row.pk}/thumbs.jpg",
    }
    assert body == as_alice.get(f"/api/v1/videos/{row.pk}/").json()
    shown = VideoShown(data=body)
    assert shown.is_valid(), shown.errors
    assert set(body) == set(VideoShown().fields)


def test_to_decide_is_what_the_domain_leaves_open(as_alice: Client, alice: Any, bob: Any, video: Any) -> None:
    rows = [video(), video(blind=True), video()]
    for row in rows:
        first, _, third = suggest(row, (300, 400), (12, 61), (500, 600))
        add(row, alice, (10, 60))
        for expert, verdict in ((alice, first), (bob, third)):
            op = {"id": str(uuid4()), "kind": "reject", "suggestion": str(verdict.pk)}
            decisions.apply(lane=records.lane(video=row, expert=expert), expert=expert, ops=[op], base=None)
        suggest(row, (302, 401))  # a later run says the same again
    shown = {each["id"]: each["mine"]["to_decide"] for each in as_alice.get("/api/v1/videos/").json()}
    open_now = {str(row.pk): suggestions.open_for(records.lane(video=row, expert=alice)).count() for row in rows}
    assert shown == open_now
    assert sorted(shown.values()) == [0, 1, 1]


@pytest.mark.parametrize("address", ["/api/v1/videos/", "/"])
def test_five_videos_cost_as_many_queries_as_one(as_alice: Client, alice: Any, video: Any, address: str) -> None:
    def fill() -> None:
        row = video(players=[f"Player {Video.objects.count()}", f"Other {Video.objects.count()}"])
        add(row, alice, (10, 60), (100, 160))
        suggest(row, (300, 400))
        Job.objects.create(kind="suggest", video=row, slot="cpu", state="failed", error_code="killed")
        Job.objects.create(kind="prepare", video=row, slot="cpu", state="queued")

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert as_alice.get(address).status_code == 200
        return len(queries)

    fill()
    as_alice.get(address)
    one = cost()
    for _ in range(4):
        fill()
    assert cost() == one <= 26


def test_why_a_video_came_no_further(as_alice: Client, video: Any) -> None:
    refused = video(state="refused", error_code="codec_not_allowed", error_params={"codec": "MagicYUV"})
    stuck = video(state="indexed")
    Job.objects.create(
        kind="proxy", video=stuck, slot="cpu", state="failed", error_code="killed", error_params={"step": "proxy"}
    )
    healed = video()
    Job.objects.create(kind="proxy", video=healed, slot="cpu", state="failed", error_code="killed")
    Job.objects.create(kind="proxy", video=healed, slot="cpu", state="done")
    shown = {each["id"]: each["error"] for each in as_alice.get("/api/v1/videos/").json()}
    assert "MagicYUV" in shown[str(refused.pk)]["message"]
    assert shown[str(stuck.pk)]["code"] == "killed"
    assert shown[str(healed.pk)] is None


def test_title_and_players_change_together_or_not_at_all(as_alice: Client, video: Any) -> None:
    row = video(players=["Player A"])
    url = f"/api/v1/videos/{row.pk}/"
    change = {"title": "New", "players": [{"pseudonym": "Player B", "hand": "left", "side": "far"}]}
    body = as_alice.patch(url, change, content_type="application/json").json()
    assert (body["title"], body["players"]) == ("New", change["players"])
    bad = as_alice.patch(url, {"title": "Newer", "players": [{"pseudonym": " "}]}, content_type="application/json")
    assert bad.status_code == 400
    assert as_alice.get(url).json()["title"] == "New"


def test_deleting_asks_twice_where_people_worked(as_admin: Client, alice: Any, video: Any, data_root: Any) -> None:
    row = video(title="Worked on")
    (data_root / "media" / str(row.pk)).mkdir()
    add(row, alice, (10, 60))
    url = f"/api/v1/videos/{row.pk}/"
    first = as_admin.delete(url)
    assert (first.status_code, first.json()["code"]) == (409, "has_labels")
    assert Stroke.objects.count() == 1
    assert as_admin.delete(f"{url}?labels_too=1").status_code == 204
    assert not Video.objects.exists() and not (data_root / "media" / str(row.pk)).exists()


def test_leaving_the_blind_pool(as_admin: Client, video: Any) -> None:
    row = video(blind=True)
    suggest(row, (10, 60))
    url = f"/api/v1/videos/{row.pk}/"
    assert as_admin.get(url).json()["mine"]["to_decide"] == 0
    assert as_admin.post(f"{url}show_suggestions/").json()["mine"]["to_decide"] == 1
    again = as_admin.post(f"{url}show_suggestions/")
    assert (again.status_code, again.json()["code"]) == (409, "not_blind")
