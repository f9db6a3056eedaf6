"""A file arrives, or nothing of it stays."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from annotator.uploads import title_of
from strokes.models import Job, Video

BODY = b"\x00\x01video" * 300_000  # more than one chunk
PLAYERS = [{"pseudonym": "Player A", "hand": "left", "side": "near"}]


def send(client: Client, body: bytes = BODY, content_type: str = "application/octet-stream", **query: Any) -> Any:
    query = {"name": "a match_1.MP4", "players": json.dumps(PLAYERS), **query}
    return client.post(f"/api/v1/videos/upload/?{urlencode(query)}", body, content_type=content_type)


def left_behind(data_root: Path) -> list[Path]:
    return [path for path in data_root.rglob("*") if path.is_file()]


def test_a_video_comes_in(as_alice: Client, alice: Any, data_root: Path) -> None:
    response = send(as_alice)
    assert response.status_code == 201
    body = response.json()
    assert (body["title"], body["state"], body["players"]) == ("a match 1", "new", PLAYERS)
    assert body["progress"]["kind"] == "probe" and body["progress"]["waiting"] is True
    video = Video.objects.get()
    assert (video.sha256, video.bytes, video.uploaded_by) == (hashlib.sha256(BODY).hexdigest(), len(BODY), alice)
    assert left_behind(data_root) == [data_root / "media" / str(video.pk) / "source.mp4"]
    assert left_behind(data_root)[0].read_bytes() == BODY
    assert list(Job.objects.values_list("kind", "state")) == [("probe", "queued")]


def test_a_browser_with_its_csrf_token(alice: Any, data_root: Path) -> None:
    """The CSRF check asks for parsed data before the view runs; the body must still be whole after it."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    client.get("/")
    url = f"/api/v1/videos/upload/?{urlencode({'name': 'x.mp4'})}"
    assert client.post(url, BODY, content_type="application/octet-stream").json()["code"] == "csrf_failed"
    token = {"x-csrftoken": client.cookies["csrftoken"].value}
    assert client.post(url, BODY, content_type="application/octet-stream", headers=token).status_code == 201
    assert Video.objects.get().bytes == len(BODY)
    form = client.post(url, BODY, content_type="multipart/form-data; boundary=x", headers=token)
    assert form.json()["code"] == "upload_as_raw"


def test_the_same_file_again_names_the_video(as_alice: Client, data_root: Path) -> None:
    first = send(as_alice).json()
    again = send(as_alice, name="other name.mov")
    assert again.status_code == 409
    body = again.json()
    assert (body["code"], body["params"]["id"]) == ("already_here", first["id"])
    assert "a match 1" in body["message"]
    assert len(left_behind(data_root)) == 1 and Video.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"body": b""}, 400, "empty_file"),
        ({"content_type": "multipart/form-data; boundary=x"}, 400, "upload_as_raw"),
        ({"content_type": "application/x-www-form-urlencoded"}, 400, "upload_as_raw"),
        ({"taxonomy": 999}, 400, "unknown_taxonomy"),
        ({"players": "{"}, 400, "bad_field"),
        ({"players": '[{"pseudonym": "x", "hand": "third"}]'}, 400, "bad_field"),
        ({"players": json.dumps([{"pseudonym": str(n)} for n in range(9)])}, 400, "bad_field"),
        ({"name": ""}, 400, "bad_field"),
    ],
)
def test_refused(as_alice: Client, data_root: Path, change: dict[str, Any], status: int, code: str) -> None:
    response = send(as_alice, **change)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert not left_behind(data_root) and not Video.objects.exists()


def test_too_large(as_alice: Client, data_root: Path, settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = 1000
    response = send(as_alice)
    assert (response.status_code, response.json()["code"]) == (413, "upload_too_large")
    assert "1000" in response.json()["message"]
    assert not left_behind(data_root)


def test_no_room(as_alice: Client, data_root: Path, settings: Any) -> None:
    settings.DISK_RESERVE_BYTES = 2**60
    response = send(as_alice)
    assert (response.status_code, response.json()["code"]) == (507, "disk_full")
    assert not left_behind(data_root)


@pytest.mark.parametrize("arrives", [0, 10, len(BODY) - 1])
def test_the_sender_goes_away(as_alice: Client, data_root: Path, arrives: int) -> None:
    """The server's input ends before the promised length, as it does when a connection breaks."""
    promised = {"CONTENT_LENGTH": str(len(BODY)), "wsgi.input": io.BytesIO(BODY[:arrives])}
    response = as_alice.generic(
        "POST", "/api/v1/videos/upload/?name=x.mp4", b"", "application/octet-stream", **promised
    )
    assert (response.status_code, response.json()["code"]) == (400, "upload_cut")
    assert not left_behind(data_root) and not Video.objects.exists()


def test_a_full_disk_while_writing(as_alice: Client, data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real ENOSPC from the system: the new file is a device that is always full."""
    real = Path.open

    def opened(self: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        if mode == "xb":
            self.symlink_to("/dev/full")
            return real(self, "wb", buffering=0)
        return real(self, mode, *rest, **more)

    monkeypatch.setattr(Path, "open", opened)
    monkeypatch.setattr("os.chmod", lambda *_: None)
    response = send(as_alice)
    assert (response.status_code, response.json()["code"]) == (507, "disk_full")
    assert not list((data_root / "incoming").iterdir()) and not Video.objects.exists()


@pytest.mark.parametrize(
    ("name", "title"),
    [("C:\\films\\set_2.mov", "set 2"), ("../../etc/passwd", "passwd"), (".mp4", ".mp4"), ("x" * 500, "x" * 200)],
)
def test_titles(name: str, title: str) -> None:
    assert title_of(name) == title


@pytest.mark.parametrize("name", ["a.mp4/../../x", "a.<b>", "a.mp4\x00", "a.verylongending"])
def test_strange_endings_stay_out_of_the_disk(as_alice: Client, data_root: Path, name: str) -> None:
    assert send(as_alice, name=name).status_code in (201, 400)
    for path in left_behind(data_root):
        assert path.parent.parent == data_root / "media" and path.name.startswith("source.")
