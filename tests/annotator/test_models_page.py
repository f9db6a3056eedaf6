"""The Models page says how sure its figures are, and serves the report of a run to admins, and nothing else of the folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from strokes import taxonomy
from strokes.models import Run

UNSEEN: dict[str, Any] = {
    "strokes": 64,
    "model": {"f1": 0.72, "f1_any": 0.83},
    "baseline": {"f1": 0.0, "f1_any": 0.62},
    "champion": None,
    "interval": {"f1": [0.72, 0.61, 0.8], "f1_any": [0.83, 0.7, 0.9]},
    "ece": {"model": 0.043, "champion": None},
    "floor": 0.021,
    "decisions": 64,
    "classes": {
        "model": {
            "Defensive Backhand Push": {"found": 3, "predicted": 5, "truth": 4},
            "Serve Forehand Backspin": {"found": 0, "predicted": 2, "truth": 0},
        },
        "champion": None,
    },
}


def run_with(data_root: Path, **unseen: Any) -> Run:
    """A run in use with a report of three files."""
    metrics = {"protocol": "hold-out", "unseen": {**UNSEEN, **unseen}}
    run = Run.objects.create(
        number=1, taxonomy=taxonomy.default(), preset="cpu", state="promoted", current=True, metrics=metrics
    )
    folder = data_root / "runs" / str(run.pk) / "report"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Report</title>")
    (folder / "report.css").write_text("body { color: black }")
    (folder / "error-1.webp").write_bytes(b"RIFF")
    (folder / "notes.txt").write_text("not part of it")
    (folder / "script.js").write_text("alert(1)")
    (folder.parent / "run.json").write_text("{}")
    (folder.parent / "secret.html").write_text("secret")
    return run


def words(client: Client, **headers: str) -> str:
    html = client.get("/models/", headers=headers).content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_figures_say_how_sure_they_are(as_alice: Client, data_root: Path) -> None:
    run_with(data_root)
    page = words(as_alice)
    for text in ("72 %", "61 % to 80 % on other such videos", "off in how sure it says it is 4 % by chance alone: 2 %"):
        assert text in page, text
    assert "Defensive Backhand Push 4 5 3 75 %" in page
    assert "Serve Forehand Backspin 0 2 0 –" in page, "never marked: no share"
    assert page.index("Serve Forehand Backspin 0") < page.index("Defensive Backhand Push 4"), (
        "in the order of the classes"
    )


def test_in_french(as_alice: Client, data_root: Path) -> None:
    run_with(data_root)
    page = words(as_alice, **{"accept-language": "fr"})
    assert "de 61 % à 80 % sur d’autres vidéos semblables" in page and "Chiffres par classe" in page
    assert "Defensive Backhand Push 4" not in page, "classes have French names"
    assert "poussette revers 4 5 3 75 %" in page


@pytest.mark.parametrize(
    "gone",
    [{"interval": {"f1": [0.72, None, None]}}, {"interval": None}, {"ece": None, "floor": None}, {"classes": None}],
)
def test_what_was_not_measured_is_not_shown(as_alice: Client, data_root: Path, gone: dict[str, Any]) -> None:
    run_with(data_root, **gone)
    page = words(as_alice)
    assert "72 %" in page and "None" not in page
    assert ("on other such videos" in page) is ("interval" not in gone)
    assert ("by chance alone" in page) is ("floor" not in gone)
    assert ("Figures by class" in page) is ("classes" not in gone)


def test_the_report_is_offered_to_admins_where_there_is_one(
    as_admin: Client, as_alice: Client, data_root: Path
) -> None:
    run = run_with(data_root)
    address = f"/runs/{run.pk}/report/index.html"
    assert as_admin.get("/models/").content.decode().count(f'href="{address}"') == 2
    assert address not in as_alice.get("/models/").content.decode()
    (data_root / "runs" / str(run.pk) / "report" / "index.html").unlink()
    assert address not in as_admin.get("/models/").content.decode()


def test_the_report_is_served_to_admins_only(
    as_admin: Client, as_alice: Client, as_charlie: Client, data_root: Path
) -> None:
    address = f"/runs/{run_with(data_root).pk}/report/index.html"
    response = as_admin.get(address)
    assert response.status_code == 200 and b"Report" in b"".join(response.streaming_content)
    assert as_alice.get(address).status_code == as_charlie.get(address).status_code == 403
    assert Client().get(address).status_code == 302
    assert as_admin.post(address).status_code == 405


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("index.html", "text/html; charset=utf-8"),
        ("report.css", "text/css; charset=utf-8"),
        ("error-1.webp", "image/webp"),
    ],
)
def test_no_script_may_run_in_it(as_admin: Client, data_root: Path, name: str, kind: str) -> None:
    response = as_admin.get(f"/runs/{run_with(data_root).pk}/report/{name}")
    assert response["Content-Type"] == kind and response["X-Content-Type-Options"] == "nosniff"
    policy = response["Content-Security-Policy"]
    assert "script-src 'none'" in policy and "default-src 'self'" in policy and "unsafe" not in policy
    assert response["Cache-Control"] == "private"
    b"".join(response.streaming_content)


@pytest.mark.parametrize(
    "name",
    [
        "notes.txt",
        "script.js",
        "..%2frun.json",
        "..%2fsecret.html",
        "%2e%2e%2fsecret.html",
        "..",
        ".html",
        "index.HTML",
        "index.html%00.png",
        "index.html%0a",
        "missing.png",
        "a" * 300 + ".png",
    ],
)
def test_nothing_else_of_the_folder(as_admin: Client, data_root: Path, name: str) -> None:
    assert as_admin.get(f"/runs/{run_with(data_root).pk}/report/{name}").status_code == 404


def test_the_report_of_a_run_that_is_not_here(as_admin: Client, data_root: Path) -> None:
    folder = data_root / "runs" / str(run_with(data_root).pk)
    stranger = folder.rename(folder.with_name(str(uuid4())))
    assert as_admin.get(f"/runs/{stranger.name}/report/index.html").status_code == 404, "files alone are no run"
