"""Why through the API: asked for, waited for, shown; never of a blind video."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from annotator import jobs, plans
from mlcore import formats
from strokes import jobs as table
from strokes import registry, videos, why
from strokes.models import Job, Run, Suggestion

MOVE = "Offensive Forehand Loop"


@pytest.fixture
def row(video: Any) -> Any:
    return video()


def suggestion(row: Any, run: Run | None) -> Suggestion:
    return Suggestion.objects.create(video=row, run=run, begin=100, end=200, move=MOVE if run else "", score=0.8, top=[[MOVE, 0.8]])


@pytest.fixture
def run(row: Any) -> Run:
    made = Run.objects.create(number=7, taxonomy=row.taxonomy, preset="tiny", state=Run.State.TRAINED)
    registry.folder(made).mkdir()
    (registry.folder(made) / "run.json").write_text("{}")
    return made


def ask(client: Client, row: Any, one: Suggestion) -> Any:
    return client.post(f"/api/v1/videos/{row.pk}/suggestions/{one.pk}/why/").json()


def test_asked_twice_made_once_then_shown(as_alice: Client, row: Any, run: Run) -> None:
    one = suggestion(row, run)
    first, second = ask(as_alice, row, one), ask(as_alice, row, one)
    assert (first["state"], first["waiting"], second["state"]) == ("working", True, "working")
    job = Job.objects.get()
    assert (job.kind, job.slot, job.args) == ("why", "probe", {"suggestion": str(one.pk)})
    plan = plans.PLANS[Job.Kind.WHY](job)
    assert plan.argv[0] == "mlcore.why" and plan.argv[plan.argv.index("--begin") + 1] == "100" and MOVE in plan.argv
    stem = why.stem(row, one)
    formats.Why(str(run.pk), MOVE, 90, 210, 30.0, 32, (24, 24), [(MOVE, 0.8)], ["RGB"]).write(stem.with_name(f"{stem.name}.json"))
    stem.with_name(f"{stem.name}.webp").write_bytes(b"loop")
    found = ask(as_alice, row, one)
    assert (found["state"], found["seen"]["begin"], found["seen"]["end"]) == ("ready", 90, 210)
    served = as_alice.get(found["clip"])
    assert (served.status_code, served["Content-Type"], b"".join(served.streaming_content)) == (200, "image/webp", b"loop")


def test_a_failure_is_told_once_and_leaves_the_video_alone(as_alice: Client, row: Any, run: Run) -> None:
    one = suggestion(row, run)
    ask(as_alice, row, one)
    job = table.claim(slot="probe", owner="me")
    assert job
    table.fail(job, "not_prepared", {"found": "nothing"})
    jobs.failed_for_good(job, "not_prepared", {})
    row.refresh_from_db()
    assert row.error_code == ""
    found = ask(as_alice, row, one)
    assert found["state"] == "failed" and found["message"] and Job.objects.count() == 1
    assert as_alice.get(f"/api/v1/videos/{row.pk}/").json()["error"] is None, "the library is not troubled"


def test_nobody_was_asked_or_nothing_is_left(as_alice: Client, row: Any, run: Run) -> None:
    assert ask(as_alice, row, suggestion(row, None))["state"] == "motion"
    (registry.folder(run) / "run.json").unlink()
    assert ask(as_alice, row, suggestion(row, run))["state"] == "run_gone"
    assert not Job.objects.exists()


def test_nothing_of_a_blind_or_another_video(as_alice: Client, row: Any, run: Run, video: Any) -> None:
    one = suggestion(row, run)
    other = video()
    assert as_alice.post(f"/api/v1/videos/{other.pk}/suggestions/{one.pk}/why/").status_code == 404
    folder = videos.folder(row) / "why"
    folder.mkdir(parents=True)
    name = f"{one.pk}-{run.pk}.webp"
    (folder / name).write_bytes(b"x")
    assert b"".join(as_alice.get(f"/media/{row.pk}/why/{name}").streaming_content) == b"x"
    type(row).objects.update(blind=True)
    assert as_alice.get(f"/media/{row.pk}/why/{name}").status_code == 404
    assert as_alice.post(f"/api/v1/videos/{row.pk}/suggestions/{one.pk}/why/").status_code == 404
    for bad in (f"{uuid4()}.webp", "..%2Fframes.json", f"{one.pk}-{run.pk}.json"):
        assert as_alice.get(f"/media/{other.pk}/why/{bad}").status_code == 404


def test_curves_go_with_the_suggestions(row: Any, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a suggest job publishes: curves of the model beside its suggestions; none of an older model after motion alone."""
    Run.objects.update(current=True, state=Run.State.PROMOTED)
    monkeypatch.setattr(plans, "wanted", lambda taxonomy: ("given", 30.0))
    monkeypatch.setattr(plans, "is_prepared", lambda video, want: True)
    for current in (run, None):
        Run.objects.update(current=current is not None)
        Job.objects.all().delete()
        table.enqueue(kind=Job.Kind.SUGGEST, video=row)
        job = table.claim(slot="cpu", owner="me")
        assert job
        plan = plans.PLANS[Job.Kind.SUGGEST](job)
        out = plan.argv[plan.argv.index("--out") + 1]
        formats.Suggestions(str(run.pk) if current else "", []).write(videos.folder(row) / out)
        if current:
            formats.Curves(str(run.pk), 0.0, 25.0, ["a", "Negative"], "AAAA/w==").write(videos.folder(row) / plan.argv[plan.argv.index("--curves") + 1])
        plan.publish({})
        assert (videos.folder(row) / "curves.json").exists() is (current is not None)
        if current:
            assert json.loads((videos.folder(row) / "curves.json").read_text())["classes"] == ["a", "Negative"]
