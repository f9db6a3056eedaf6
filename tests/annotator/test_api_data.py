"""Exports, imports and sets of classes over the API."""

from __future__ import annotations

import io
import zipfile
from typing import Any
from uuid import uuid4
from xml.etree import ElementTree

import pytest
from django.test import Client

from annotator.api.site_serializers import ImportReport
from strokes import decisions, records
from strokes.models import Lane, Split, Stroke, Taxonomy

MOVE = "Offensive Forehand Loop"
XML = f"""<?xml version="1.0"?>
<video>
 <action begin="10" end="59" move="{MOVE}"/>
 <action begin="100" end="159" move="Serve Forehand Topspin"/>
 <action begin="900" end="1200" move="{MOVE}"/>
 <action begin="300" end="350" move="Smash of Doom"/>
</video>""".encode()


@pytest.fixture
def marked(alice: Any, video: Any) -> Any:
    row = video(title="Match one", players=["Player A"])
    data = {"begin": 10, "end": 60, "move": MOVE, "player": "Player A"}
    op = {"id": str(uuid4()), "kind": "add", "stroke": str(uuid4()), "data": data}
    done = {"id": str(uuid4()), "kind": "complete", "data": {"value": True}}
    decisions.apply(lane=records.lane(video=row, expert=alice), expert=alice, ops=[op, done], base=None)
    return row


def bring(client: Client, row: Any, xml: bytes = XML, **query: Any) -> Any:
    text = "&".join(f"{key}={value}" for key, value in {"video": row.pk, **query}.items())
    return client.post(f"/api/v1/imports/?{text}", xml, "application/xml")


def test_a_dry_run_writes_nothing(as_alice: Client, marked: Any) -> None:
    body = bring(as_alice, marked).json()
    shown = ImportReport(data=body)
    assert shown.is_valid() and body["done"] is False
    assert [(each["begin"], each["end"]) for each in body["duplicate"]] == [(10, 60)]
    assert [(each["begin"], each["end"], each["move"]) for each in body["add"]] == [
        (100, 160, "Serve Forehand Topspin")
    ]
    assert {each["code"] for each in body["refused"]} == {"beyond_last_frame", "unknown_move"}
    assert all(each["line"] and each["message"] for each in body["refused"])
    assert Stroke.objects.count() == 1


def test_bad_lines_stop_an_import_unless_left_out(as_alice: Client, marked: Any) -> None:
    stopped = bring(as_alice, marked, dry_run=0, complete=1)
    assert (stopped.status_code, stopped.json()["code"]) == (400, "bad_lines")
    assert Stroke.objects.count() == 1
    body = bring(as_alice, marked, dry_run=0, complete=1, skip_bad=1).json()
    assert body["done"] is True and Stroke.objects.filter(source="imported", begin=100, end=160).exists()


@pytest.mark.parametrize("complete", [0, 1])
def test_whether_all_is_marked_is_asked(as_bob: Client, bob: Any, video: Any, complete: int) -> None:
    row = video()
    xml = f'<video><action begin="10" end="60" move="{MOVE}"/></video>'.encode()
    assert bring(as_bob, row, xml, dry_run=0, complete=complete, inclusive=0).status_code == 200
    assert Lane.objects.get(expert=bob).complete is bool(complete)
    assert Stroke.objects.get().end == 60, "half-open as asked"


@pytest.mark.parametrize(
    ("xml", "code"),
    [
        (b"", "not_xml"),
        (b"hello", "not_xml"),
        (b"<annotations/>", "wrong_root"),
        (b'<!DOCTYPE video [<!ENTITY a "b">]><video/>', "xml_doctype"),
    ],
)
def test_wrong_files_are_named(as_alice: Client, marked: Any, xml: bytes, code: str) -> None:
    answer = bring(as_alice, marked, xml)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_a_file_that_is_too_large(as_alice: Client, marked: Any) -> None:
    answer = bring(as_alice, marked, b"<video>" + b" " * 10 * 1024**2)
    assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")


def test_csv_and_xml_exports(as_alice: Client, marked: Any) -> None:
    csv = as_alice.get(f"/api/v1/exports/?format=csv&video={marked.pk}")
    assert csv["Content-Type"].startswith("text/csv") and csv["Content-Disposition"].startswith("attachment")
    assert MOVE in csv.content.decode() and "alice" not in csv.content.decode()
    whole = as_alice.get(f"/api/v1/exports/?format=csv&taxonomy={marked.taxonomy_id}")
    assert whole.content == csv.content
    inclusive = as_alice.get(f"/api/v1/exports/?format=mediaeval2020&video={marked.pk}")
    action = ElementTree.fromstring(inclusive.content).find("action")
    assert action is not None and (action.get("begin"), action.get("end"), action.get("move")) == ("10", "59", MOVE)
    assert inclusive["Content-Disposition"] == 'attachment; filename="match-one-2020.xml"'
    for task in ("classification", "detection"):
        later = as_alice.get(f"/api/v1/exports/?format=mediaeval2022&task={task}&video={marked.pk}")
        assert later.status_code == 200 and b"60" in later.content


def test_the_way_back(as_bob: Client, bob: Any, marked: Any, video: Any) -> None:
    """What one site exports another imports, frame for frame."""
    xml = as_bob.get(f"/api/v1/exports/?format=mediaeval2020&video={marked.pk}").content
    row = video()
    bring(as_bob, row, xml, dry_run=0, complete=1, inclusive=1)
    assert list(Stroke.objects.filter(lane__expert=bob).values_list("begin", "end", "move")) == [(10, 60, MOVE)]


def test_a_bundle_is_made_by_post_only(as_alice: Client, marked: Any) -> None:
    url = f"/api/v1/exports/?format=bundle&taxonomy={marked.taxonomy_id}"
    assert as_alice.get(url).json()["code"] == "use_post"
    assert not Split.objects.exists()
    answer = as_alice.post(url)
    assert answer.status_code == 200, answer.content
    archive = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    assert archive.testzip() is None and any("README" in name for name in archive.namelist())
    assert Split.objects.get().frozen


def test_a_browser_with_its_csrf_token(alice: Any, marked: Any) -> None:
    """Imports keep their body, and the form of the Data page works without its script."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    client.get("/data/")
    token = client.cookies["csrftoken"].value
    url = f"/api/v1/imports/?video={marked.pk}"
    body = client.post(url, XML, content_type="application/xml", headers={"x-csrftoken": token}).json()
    assert len(body["refused"]) == 2
    bundle = f"/api/v1/exports/?format=bundle&taxonomy={marked.taxonomy_id}"
    form = client.post(bundle, f"csrfmiddlewaretoken={token}", content_type="application/x-www-form-urlencoded")
    assert form.status_code == 200 and form["Content-Type"] == "application/zip"
    b"".join(form.streaming_content)


def test_exports_that_make_no_sense(as_alice: Client, marked: Any) -> None:
    for query, status in (("format=pdf", 400), ("format=mediaeval2020", 400), (f"format=csv&video={uuid4()}", 404)):
        assert as_alice.get(f"/api/v1/exports/?{query}").status_code == status


def test_classes_from_a_file_or_a_list(as_admin: Client, as_alice: Client) -> None:
    made = as_admin.post(
        "/api/v1/taxonomies/", {"name": "Two", "moves": ["Forehand", "Backhand"]}, "application/json"
    ).json()
    assert (made["name"], made["revision"], [each["name"] for each in made["moves"]]) == (
        "Two",
        1,
        ["Forehand", "Backhand"],
    )
    file = {"format": "topspin-taxonomy", "version": 1, "name": "Two", "revision": 9, "moves": [{"name": "Smash"}]}
    assert as_admin.post("/api/v1/taxonomies/", file, "application/json").json()["revision"] == 2
    bad = as_admin.post("/api/v1/taxonomies/", {"name": "Three", "moves": []}, "application/json")
    assert (bad.status_code, bad.json()["code"]) == (400, "bad_taxonomy")
    assert {each["name"] for each in as_alice.get("/api/v1/taxonomies/").json()} == {"Two"}
    assert Taxonomy.objects.count() == 2


def test_splits_are_drawn_when_asked(as_admin: Client, marked: Any) -> None:
    answer = as_admin.post("/api/v1/splits/", {"taxonomy": marked.taxonomy_id}, "application/json")
    assert answer.json() == {"version": 1, "frozen": False}
