"""Who may do what: every route x method x person. A route without a row here fails."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from strokes import taxonomy
from strokes.models import Job, Run, Taxonomy, Upload, Video

PEOPLE = ("anonymous", "charlie", "alice", "admin")
PAGE = {"GET": (302, 403, 200, 200), "POST": (302, 403, 405, 405)}
OPEN = {"GET": (200, 200, 200, 200)}
# What each person gets: anonymous, charlie (a stranger), alice (an expert), admin.
EXPECTED: dict[str, dict[str, tuple[int, int, int, int]]] = {
    "library": PAGE,
    "workspace": PAGE,
    "classes": PAGE,
    "queue": PAGE,
    "strokes": PAGE,
    "effect": PAGE,
    "effect-table": PAGE,
    "models": PAGE,
    "data": PAGE,
    "settings": PAGE,
    "password-change": {"GET": (302, 403, 200, 200), "POST": (302, 403, 200, 200)},
    "sign-in": {"GET": (200, 200, 302, 302), "POST": (403, 403, 403, 403)},
    "sign-out": {"GET": (405, 405, 405, 405), "POST": (302, 302, 302, 302)},
    "password-ask": {"GET": (200, 200, 200, 200), "POST": (409, 409, 409, 409)},
    "password-sent": OPEN,
    "password-set": OPEN,
    "set_language": {"GET": (302, 302, 302, 302), "POST": (302, 302, 302, 302)},
    "jsi18n": OPEN,
    "healthz": {**OPEN, "POST": (405, 405, 405, 405)},
    "media": PAGE,
    "frame": {"GET": (302, 403, 404, 404), "POST": (302, 403, 405, 405)},  # the video has no proxy here
    "run-file": PAGE,
    "run-report": {"GET": (302, 403, 403, 200)},
    "api-session": {"GET": (405, 405, 405, 405), "POST": (400, 400, 400, 400)},
    "api-people": {"GET": (401, 403, 403, 200), "POST": (401, 403, 403, 400)},
    "api-person": {"GET": (401, 403, 403, 405), "PATCH": (401, 403, 403, 200)},
    "api-person-link": {"GET": (401, 403, 403, 405), "POST": (401, 403, 403, 200)},
    "api-preferences": {
        "GET": (401, 403, 200, 200),
        "PATCH": (401, 403, 200, 200),
        "POST": (401, 403, 405, 405),
    },
    "api-videos": {"GET": (401, 403, 200, 200), "POST": (401, 403, 405, 405)},
    "api-next-video": {"GET": (401, 403, 200, 200), "POST": (401, 403, 405, 405)},
    "api-try-again": {"GET": (401, 403, 405, 405), "POST": (401, 403, 403, 200)},
    "api-visit": {"GET": (401, 403, 405, 405), "POST": (401, 403, 204, 204)},
    "api-uploads": {"GET": (401, 403, 200, 200), "POST": (401, 403, 412, 412), "OPTIONS": (401, 403, 204, 204)},
    "api-upload": {  # of alice
        "GET": (401, 403, 200, 404),
        "POST": (401, 403, 409, 404),
        "PATCH": (401, 403, 412, 412),
        "DELETE": (401, 403, 412, 412),
    },
    "api-video": {
        "GET": (401, 403, 200, 200),
        "PATCH": (401, 403, 200, 200),
        "DELETE": (401, 403, 403, 204),
        "PUT": (401, 403, 405, 405),
    },
    "api-show-suggestions": {"GET": (401, 403, 403, 405), "POST": (401, 403, 403, 200)},
    "api-workspace": {"GET": (401, 403, 200, 200), "POST": (401, 403, 405, 405)},
    "api-decisions": {"GET": (401, 403, 405, 405), "POST": (401, 403, 428, 428)},
    "api-history": {"GET": (401, 403, 200, 200), "POST": (401, 403, 405, 405)},
    "api-consensus": {"GET": (401, 403, 403, 405), "POST": (401, 403, 403, 428)},
    "api-consensus-begin": {"GET": (401, 403, 403, 405), "POST": (401, 403, 403, 409)},
    "api-lanes": {"GET": (401, 403, 403, 200), "POST": (401, 403, 405, 405)},
    "api-strokes": {"GET": (401, 403, 200, 200), "POST": (401, 403, 405, 405)},
    "api-queue": {"GET": (401, 403, 200, 200), "POST": (401, 403, 405, 405)},
    "api-runs": {"GET": (401, 403, 200, 200)},
    "api-roll-back": {"GET": (401, 403, 403, 405), "POST": (401, 403, 403, 400)},
    "api-promote": {"GET": (401, 403, 403, 405), "POST": (401, 403, 403, 200)},
    "api-epochs": {"GET": (401, 403, 200, 200)},
    "api-retrain": {"GET": (401, 403, 403, 405), "POST": (401, 403, 403, 400)},
    "api-jobs": {"GET": (401, 403, 200, 200)},
    "api-retry": {"GET": (401, 403, 403, 405), "POST": (401, 403, 403, 201)},
    "api-taxonomies": {"GET": (401, 403, 200, 200), "POST": (401, 403, 403, 400)},
    "api-classes": {"GET": (401, 403, 200, 200), "PATCH": (401, 403, 403, 400)},
    "api-examples": {"GET": (401, 403, 405, 405), "POST": (401, 403, 400, 400), "DELETE": (401, 403, 400, 400)},
    "api-practice": {"GET": (401, 403, 200, 200), "PATCH": (401, 403, 200, 200)},
    "api-why": {"GET": (401, 403, 405, 405), "POST": (401, 403, 404, 404)},
    "why-file": {"GET": (302, 403, 404, 404)},
    "api-score": {"GET": (401, 403, 405, 405), "POST": (401, 403, 409, 409)},
    "api-restart": {"GET": (401, 403, 405, 405), "POST": (401, 403, 409, 409)},
    "api-splits": {"GET": (401, 403, 403, 405), "POST": (401, 403, 403, 400)},
    "api-exports": {"GET": (401, 403, 400, 400), "POST": (401, 403, 400, 400)},
    "api-imports": {"GET": (401, 403, 405, 405), "POST": (401, 403, 400, 400)},
    "api-schema": {"GET": (401, 403, 200, 200)},
}
CASES = [(name, method, place) for name, rows in EXPECTED.items() for method in rows for place in range(len(PEOPLE))]


def routes(patterns: list[Any]) -> list[str]:
    found = []
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            found += routes(pattern.url_patterns)
        elif isinstance(pattern, URLPattern):
            found.append(str(pattern.name))
    return found


@pytest.fixture
def things(video: Any, alice: Any, data_root: Any) -> dict[str, list[Any]]:
    """Arguments of the routes that need some; the things exist."""
    row = video(blind=True)
    other = User.objects.create_user("dora")
    run = Run.objects.create(number=1, taxonomy=row.taxonomy, preset="tiny", state=Run.State.TRAINED)
    job = Job.objects.create(kind="prepare", video=row, slot="cpu", state=Job.State.FAILED)
    for folder, name in (("media", "poster.jpg"), ("runs", "confusion.png")):
        place = data_root / folder / str(row.pk if folder == "media" else run.pk)
        place.mkdir()
        (place / name).write_bytes(b"picture")
    (data_root / "runs" / str(run.pk) / "report").mkdir()
    (data_root / "runs" / str(run.pk) / "report" / "index.html").write_text("report")
    by_video = ("workspace", "api-video", "api-show-suggestions", "api-workspace", "api-decisions", "api-history", "api-lanes", "api-consensus", "api-consensus-begin", "api-try-again")
    upload = Upload.objects.create(user=alice, name="x.mp4", bytes=5)
    (data_root / "incoming").mkdir()
    (data_root / "incoming" / str(upload.pk)).touch()
    return {
        **{name: [row.pk] for name in by_video},
        "media": [row.pk, "poster.jpg"],
        "password-set": ["MQ", "x-y"],
        "frame": [row.pk, 0],
        "run-file": [run.pk, "confusion.png"],
        "run-report": [run.pk, "index.html"],
        "api-promote": [run.pk],
        "api-epochs": [run.pk],
        "api-classes": [row.taxonomy_id],
        "api-examples": [row.taxonomy_id],
        "api-score": [row.pk],
        "api-why": [row.pk, uuid4()],
        "why-file": [row.pk, "x.webp"],
        "api-restart": [row.pk],
        "api-retry": [job.pk],
        "api-person": [other.pk],
        "api-person-link": [other.pk],
        "api-upload": [upload.pk],
    }


def test_every_route_has_its_row() -> None:
    assert sorted(routes(get_resolver().url_patterns)) == sorted(EXPECTED)


@pytest.mark.parametrize(("name", "method", "place"), CASES, ids=lambda value: str(value))
def test_matrix(
    name: str, method: str, place: int, things: dict[str, list[Any]], request: pytest.FixtureRequest
) -> None:
    client = Client() if place == 0 else request.getfixturevalue(f"as_{PEOPLE[place]}")
    address = reverse(name, args=things.get(name, []))
    with CaptureQueriesContext(connection) as queries:
        response = client.generic(method, address, json.dumps({}), content_type="application/json")
        if response.streaming:
            b"".join(response.streaming_content)
    assert response.status_code == EXPECTED[name][method][place]
    if method == "GET":
        writes = [q["sql"] for q in queries if q["sql"].split()[0] in ("INSERT", "UPDATE", "DELETE", "REPLACE")]
        assert not writes, "a GET must change nothing"
    if response.status_code in (401, 403, 404) and name.startswith("api-"):
        assert set(response.json()) == {"code", "message", "params"}


def test_a_stranger_learns_no_names(as_charlie: Client, video: Any) -> None:
    row = video(title="SECRET TITLE", players=["SECRET PLAYER"])
    names = [
        name
        for name, rows in EXPECTED.items()
        if "GET" in rows
        and name in ("library", "classes", "queue", "strokes", "models", "data", "api-videos", "api-queue", "api-strokes")
    ]
    for address in [reverse(name) for name in names] + [reverse("workspace", args=[row.pk])]:
        assert b"SECRET" not in as_charlie.get(address).content


def test_what_is_not_there_and_what_is_not_yours_look_the_same(as_alice: Client) -> None:
    response = as_alice.get(reverse("api-video", args=[uuid4()]))
    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert as_alice.get(reverse("media", args=[uuid4(), "poster.jpg"])).status_code == 404


def test_a_former_member_is_out_at_once(as_alice: Client, alice: Any) -> None:
    assert as_alice.get("/api/v1/videos/").status_code == 200
    alice.groups.clear()
    assert as_alice.get("/api/v1/videos/").status_code == 403
    alice.is_active = False
    alice.save()
    assert as_alice.get("/api/v1/videos/").status_code == 401


def test_csrf_is_asked_for(alice: Any, video: Any) -> None:
    row = video()
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    response = client.patch(f"/api/v1/videos/{row.pk}/", {"title": "x"}, content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (403, "csrf_failed")
    assert Video.objects.get(pk=row.pk).title == row.title


def test_signing_in_in_place_is_guarded_and_counted(alice: Any) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert (
        strict.post("/api/v1/session/", {"username": "alice", "password": "x"}, "application/json").status_code == 403
    )
    client = Client()
    wrong = [
        client.post("/api/v1/session/", {"username": "alice", "password": "no"}, "application/json") for _ in range(11)
    ]
    assert [each.status_code for each in wrong] == [403] * 10 + [429]
    nobody = Client().post("/api/v1/session/", {"username": "nobody", "password": "no"}, "application/json")
    assert nobody.json() == wrong[0].json(), "the answer must not tell whether the name exists"


def test_signing_in_in_place(alice: Any) -> None:
    from tests.conftest import PASSWORD

    client = Client()
    answer = client.post("/api/v1/session/", {"username": "alice", "password": PASSWORD}, "application/json")
    assert answer.json()["user"] == {"id": alice.pk, "name": "alice", "admin": False}
    assert client.get("/api/v1/videos/").status_code == 200


def test_taxonomies_belong_to_admins(as_alice: Client, as_admin: Client) -> None:
    body = {"name": "Two", "moves": ["Forehand", "Backhand"]}
    assert as_alice.post("/api/v1/taxonomies/", body, "application/json").status_code == 403
    assert as_admin.post("/api/v1/taxonomies/", body, "application/json").status_code == 201
    assert taxonomy.names(Taxonomy.objects.get(name="Two")) == ["Forehand", "Backhand", "Negative"]
