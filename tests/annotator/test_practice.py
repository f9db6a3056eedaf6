"""Practice through the API and in the library: first for a newcomer, never counted, scored against its truth."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from annotator import plans
from mlcore import formats
from strokes import practice, videos
from strokes.models import Job, Video

MOVE = "Serve Forehand Topspin"


@pytest.fixture
def row(video: Any) -> Any:
    made = video(title="Practice", practice=True, fps=30.0, n_frames=400, state="watchable", prepared_key="")
    formats.Practice([formats.Interval(30, 60, MOVE)]).write(videos.folder(made) / "truth.json")
    formats.Suggestions("", [formats.SuggestedStroke(200, 240, MOVE, 0.9)]).write(videos.folder(made) / "proposed.json")
    practice.propose(made)
    return made


def test_the_library_begins_with_it_until_it_is_done_and_never_counts_it(as_alice: Client, row: Any, alice: Any) -> None:
    page = as_alice.get("/").content.decode()
    assert "Start here: practice" in page and f"video-{row.pk}" not in page
    listed = {each["id"]: each for each in as_alice.get("/api/v1/videos/").json()}
    assert listed[str(row.pk)]["practice"] is True and listed[str(row.pk)]["mine"]["to_decide"] == 0
    practice.tick(expert=alice, skipped=True)
    page = as_alice.get("/").content.decode()
    assert "Start here" not in page and f"/videos/{row.pk}/" in page


def test_marked_scored_and_begun_again(as_alice: Client, row: Any) -> None:
    assert as_alice.post(f"/api/v1/videos/{row.pk}/score/").json()["code"] == "nothing_marked"
    add = {"id": str(uuid4()), "kind": "add", "stroke": str(uuid4()), "data": {"begin": 32, "end": 60, "move": MOVE}}
    sent = as_alice.post(f"/api/v1/videos/{row.pk}/decisions/", {"ops": [add]}, "application/json", headers={"if-match": '"0"'})
    assert sent.status_code == 200
    found = as_alice.post(f"/api/v1/videos/{row.pk}/score/").json()
    assert found["summary"]["right"] == 1 and found["strokes"][0]["late_begin"] == 2
    assert as_alice.patch("/api/v1/practice/", {"steps": ["play"]}, "application/json").json()["steps"] == ["play"]
    assert as_alice.get("/api/v1/practice/").json()["best"] == 1.0
    assert as_alice.post(f"/api/v1/videos/{row.pk}/restart/").json()["steps"] == []
    state = as_alice.get(f"/api/v1/videos/{row.pk}/workspace/").json()
    assert state["strokes"] == [] and len(state["suggestions"]) == 1


def test_the_truth_is_not_served(as_alice: Client, row: Any) -> None:
    for name in ("truth.json", "proposed.json"):
        assert as_alice.get(f"/media/{row.pk}/{name}").status_code == 404


def test_it_is_not_prepared_nor_suggested_again(row: Any) -> None:
    from annotator import schedules

    assert list(schedules.missing()) == []
    assert plans.suggest_again(row.taxonomy) == 0
    Video.objects.filter(pk=row.pk).update(state="indexed")
    assert [job.kind for job in schedules.missing()] == [Job.Kind.PROXY]


def test_the_command_makes_it_once(data_root: Any, db: None) -> None:
    from django.core.management import call_command

    call_command("practice")
    call_command("practice")
    made = Video.objects.get()
    assert made.practice and not made.blind and len(practice.truth_of(made)) == 15
    call_command("practice", again=True)
    assert Video.objects.count() == 1, "the same video is not taken in twice"
