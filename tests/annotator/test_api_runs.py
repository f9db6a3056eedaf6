"""Models over the API: promote, roll back, curves, training now, jobs tried again."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from annotator.api.site_serializers import JobShown, RunShown
from strokes import taxonomy
from strokes.models import Job, Run, Taxonomy


@pytest.fixture
def classes(db: None) -> Taxonomy:
    return taxonomy.default()


def run(number: int, classes: Taxonomy, state: str = "trained", **fields: Any) -> Run:
    return Run.objects.create(number=number, taxonomy=classes, preset="tiny", state=state, **fields)


def test_runs_say_why_in_words(as_alice: Client, classes: Taxonomy) -> None:
    why = {"code": "few_strokes", "params": {"strokes": 12, "needed": 50}}
    run(3, classes, "provisional", reasons=[why], current=True)
    run(4, taxonomy.add({"name": "Other", "moves": ["a"]}))
    (body,) = as_alice.get(f"/api/v1/runs/?taxonomy={classes.pk}").json()
    assert RunShown(data=body).is_valid() and set(body) == set(RunShown().fields)
    assert "12" in body["reasons"][0]["message"] and "50" in body["reasons"][0]["message"]
    assert len(as_alice.get("/api/v1/runs/").json()) == 2
    assert as_alice.get("/api/v1/runs/?taxonomy=x").status_code == 400


def test_promote_and_roll_back(as_admin: Client, classes: Taxonomy) -> None:
    old, new = run(1, classes), run(2, classes)
    for each in (old, new):
        assert as_admin.post(f"/api/v1/runs/{each.pk}/promote/").json()["current"] is True
    assert Run.objects.get(current=True) == new
    back = as_admin.post("/api/v1/runs/roll_back/", {"taxonomy": classes.pk}, "application/json").json()
    assert (back["number"], back["current"]) == (1, True)
    none = as_admin.post("/api/v1/runs/roll_back/", {"taxonomy": classes.pk}, "application/json")
    assert (none.status_code, none.json()["code"]) == (409, "no_previous_run")


def test_only_trained_runs_are_promoted(as_admin: Client, classes: Taxonomy) -> None:
    answer = as_admin.post(f"/api/v1/runs/{run(1, classes, 'training').pk}/promote/")
    assert (answer.status_code, answer.json()["code"]) == (409, "run_not_trained")


def test_live_curves(as_alice: Client, classes: Taxonomy, data_root: Any) -> None:
    row = run(1, classes, "training")
    url = f"/api/v1/runs/{row.pk}/epochs/"
    assert as_alice.get(url).json() == {"epochs": []}
    folder = data_root / "runs" / str(row.pk)
    folder.mkdir()
    (folder / "epochs.jsonl").write_text('{"epoch": 1, "loss": 2.5}\n{"epoch": 2, "loss": 2.')
    assert as_alice.get(url).json() == {"epochs": [{"epoch": 1, "loss": 2.5}]}, "the line being written is left out"


def test_training_is_asked_for_once(as_admin: Client, classes: Taxonomy, settings: Any) -> None:
    settings.PRESET = "tiny"
    first = as_admin.post("/api/v1/retrain/", {"taxonomy": classes.pk}, "application/json")
    again = as_admin.post("/api/v1/retrain/", {"taxonomy": classes.pk}, "application/json")
    assert first.status_code == 201 and JobShown(data=first.json()).is_valid()
    assert first.json()["id"] == again.json()["id"]
    job = Job.objects.get()
    assert (job.kind, job.slot, job.state, job.args["preset"]) == ("train", "gpu", "queued", "tiny")


def test_a_failed_job_is_tried_again(as_admin: Client, as_alice: Client, video: Any) -> None:
    row = video()
    job = Job.objects.create(
        kind="proxy",
        video=row,
        slot="cpu",
        state="failed",
        starts=3,
        error_code="killed",
        finished=timezone.now(),
        log="SECRET",
    )
    (shown,) = as_alice.get("/api/v1/jobs/").json()
    assert JobShown(data=shown).is_valid() and set(shown) == set(JobShown().fields)
    assert shown["error"]["code"] == "killed" and "SECRET" not in str(shown)
    url = f"/api/v1/jobs/{job.pk}/retry/"
    assert as_admin.post(url).json()["state"] == "queued"
    answer = as_admin.post(url)
    assert (answer.status_code, answer.json()["code"]) == (409, "job_not_failed")
