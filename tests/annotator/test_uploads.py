"""A file arrives over any number of requests, cuts and crashes, or nothing of it stays."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import io
import json
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from annotator import schedules, uploads
from annotator.uploads import title_of
from strokes.models import Job, Upload, Video

BODY = b"\x00\x01video" * 300_000  # more than one chunk
PLAYERS = [{"pseudonym": "Player A", "hand": "left", "side": "near"}]
ROOT = "/api/v1/uploads/"
TUS = {"Tus-Resumable": "1.0.0"}
BYTES = "application/offset+octet-stream"


def meta(**values: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items())


def create(client: Client, size: int = len(BODY), body: bytes = b"", headers: Any = None, **values: str) -> Any:
    values = {"filename": "a match_1.MP4", "players": json.dumps(PLAYERS), **values}
    sent = {**TUS, "Upload-Length": str(size), "Upload-Metadata": meta(**values), **(headers or {})}
    return client.generic("POST", ROOT, body, content_type=BYTES if body else "application/json", headers=sent)


def patch(client: Client, url: str, offset: int, body: bytes, **more: Any) -> Any:
    headers = {**TUS, "Upload-Offset": str(offset), **more.pop("headers", {})}
    return client.generic("PATCH", url, body, content_type=more.pop("content_type", BYTES), headers=headers, **more)


def offset(client: Client, url: str) -> int:
    response = client.head(url, headers=TUS)
    assert response.status_code == 200 and response["Cache-Control"] == "no-store"
    return int(response["Upload-Offset"])


def left_behind(data_root: Path) -> list[Path]:
    return [path for path in data_root.rglob("*") if path.is_file()]


def test_a_video_comes_in_by_pieces(as_alice: Client, alice: Any, data_root: Path) -> None:
    made = create(as_alice)
    assert made.status_code == 201 and made["Tus-Resumable"] == "1.0.0" and made["Upload-Offset"] == "0"
    url = made["Location"]
    assert "GMT" in made["Upload-Expires"]
    for at in range(0, len(BODY), 700_000):
        assert offset(as_alice, url) == at
        answer = patch(as_alice, url, at, BODY[at : at + 700_000])
        assert (answer.status_code, answer["Upload-Offset"]) == (204, str(min(len(BODY), at + 700_000)))
    video = Video.objects.get()
    head = as_alice.head(url, headers=TUS)
    assert (head["Upload-Offset"], head["Upload-Video"]) == (str(len(BODY)), str(video.pk)), "a lost answer can be asked again"
    said = as_alice.post(url).json()
    assert said["state"] == "done" and said["video"] == {"id": str(video.pk), "title": "a match 1"}
    assert (video.sha256, video.bytes, video.uploaded_by) == (hashlib.sha256(BODY).hexdigest(), len(BODY), alice)
    assert [a.player.pseudonym for a in video.appearance_set.all()] == ["Player A"]
    assert left_behind(data_root) == [data_root / "media" / str(video.pk) / "source.mp4"]
    assert left_behind(data_root)[0].read_bytes() == BODY
    assert list(Job.objects.values_list("kind", "state")) == [("probe", "queued")]
    assert as_alice.get(ROOT).json() == []


def test_creation_with_upload(as_alice: Client) -> None:
    made = create(as_alice, body=BODY[:1000])
    assert (made.status_code, made["Upload-Offset"]) == (201, "1000")
    assert patch(as_alice, made["Location"], 1000, BODY[1000:]).status_code == 204
    assert Video.objects.get().sha256 == hashlib.sha256(BODY).hexdigest()


def test_what_the_server_can_do(as_alice: Client) -> None:
    said = as_alice.options(ROOT)
    assert said.status_code == 204 and said["Tus-Version"] == "1.0.0"
    assert set(said["Tus-Extension"].split(",")) == {"creation", "creation-with-upload", "checksum", "termination", "expiration"}
    assert "sha1" in said["Tus-Checksum-Algorithm"]
    old = as_alice.generic("POST", ROOT, b"", headers={"Tus-Resumable": "0.2.2", "Upload-Length": "9"})
    assert (old.status_code, old.json()["code"], old["Tus-Version"]) == (412, "tus_version", "1.0.0")


def test_a_browser_with_its_csrf_token(alice: Any, data_root: Path) -> None:
    """The CSRF check asks for parsed data before the view runs; the body must still be whole after it."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    client.get("/")
    assert create(client).json()["code"] == "csrf_failed"
    token = {"x-csrftoken": client.cookies["csrftoken"].value}
    url = create(client, headers=token)["Location"]
    assert patch(client, url, 0, BODY).json()["code"] == "csrf_failed"
    assert patch(client, url, 0, BODY, headers=token).status_code == 204
    assert Video.objects.get().bytes == len(BODY)


def test_others_see_nothing_of_it(as_alice: Client, as_bob: Client) -> None:
    url = create(as_alice)["Location"]
    assert as_bob.get(ROOT).json() == [] and len(as_alice.get(ROOT).json()) == 1
    for method in ("HEAD", "GET", "PATCH", "DELETE", "POST"):
        assert as_bob.generic(method, url, headers={**TUS, "Upload-Offset": "0"}).status_code == 404
    assert offset(as_alice, url) == 0


def test_the_same_file_again_names_the_video(as_alice: Client, data_root: Path) -> None:
    patch(as_alice, create(as_alice)["Location"], 0, BODY)
    first = Video.objects.get()
    again = create(as_alice, filename="other name.mov")
    assert again.json()["twin"] == {"id": str(first.pk), "title": "a match 1"}, "said before a byte is sent"
    assert patch(as_alice, again["Location"], 0, BODY).status_code == 204, "the bytes did arrive"
    said = as_alice.post(again["Location"]).json()
    assert (said["state"], said["error"]["code"], said["error"]["params"]["id"]) == ("refused", "already_here", str(first.pk))
    assert "a match 1" in said["error"]["message"]
    assert len(left_behind(data_root)) == 1 and Video.objects.count() == 1
    assert create(as_alice, size=5).json()["twin"] is None


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"size": 0}, 400, "empty_file"),
        ({"headers": {"Upload-Length": "many"}}, 400, "bad_field"),
        ({"headers": {"Upload-Metadata": "filename ###"}}, 400, "bad_field"),
        ({"taxonomy": "999"}, 400, "unknown_taxonomy"),
        ({"taxonomy": "x"}, 400, "bad_field"),
        ({"players": "{"}, 400, "bad_field"),
        ({"players": '[{"pseudonym": "x", "hand": "third"}]'}, 400, "bad_field"),
        ({"players": json.dumps([{"pseudonym": str(n)} for n in range(9)])}, 400, "bad_field"),
        ({"filename": ""}, 400, "bad_field"),
    ],
)
def test_refused(as_alice: Client, data_root: Path, change: dict[str, Any], status: int, code: str) -> None:
    response = create(as_alice, **change)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert not left_behind(data_root) and not Upload.objects.exists()


def test_too_large_and_no_room(as_alice: Client, data_root: Path, settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = 1000
    response = create(as_alice)
    assert (response.status_code, response.json()["code"]) == (413, "upload_too_large")
    assert "1000" in response.json()["message"]
    settings.UPLOAD_MAX_BYTES, settings.DISK_RESERVE_BYTES = 2**40, 2**60
    response = create(as_alice)
    assert (response.status_code, response.json()["code"]) == (507, "disk_full")
    assert not left_behind(data_root)


def test_room_is_counted_for_what_others_were_promised(as_alice: Client, as_bob: Client, monkeypatch: Any) -> None:
    asked: list[int] = []
    monkeypatch.setattr("strokes.videos.room_for", asked.append)
    create(as_alice, size=1000)
    create(as_bob, size=10)
    assert asked == [3000, 3030]


def test_at_most_three_on_the_way(as_alice: Client, as_bob: Client, settings: Any) -> None:
    urls = [create(as_alice, size=1000 + n)["Location"] for n in range(3)]
    more = create(as_alice)
    assert (more.status_code, more.json()["code"]) == (429, "too_many_uploads")
    assert create(as_bob).status_code == 201
    assert as_alice.delete(urls[0], headers=TUS).status_code == 204
    assert as_alice.head(urls[0], headers=TUS).status_code == 404
    assert create(as_alice).status_code == 201


@pytest.mark.parametrize("arrives", [0, 10, len(BODY) - 1])
def test_the_sender_goes_away(as_alice: Client, data_root: Path, arrives: int) -> None:
    """The server's input ends before the promised length, as it does when a connection breaks: what came is kept."""
    url = create(as_alice)["Location"]
    promised = {"CONTENT_LENGTH": str(len(BODY)), "wsgi.input": io.BytesIO(BODY[:arrives]), "CONTENT_TYPE": BYTES}
    assert patch(as_alice, url, 0, b"", **promised).json()["code"] == "upload_cut"
    assert offset(as_alice, url) == arrives
    assert patch(as_alice, url, arrives, BODY[arrives:]).status_code == 204
    assert Video.objects.get().sha256 == hashlib.sha256(BODY).hexdigest()


def test_what_a_crash_left_behind_its_last_safe_byte_does_not_count(as_alice: Client, data_root: Path) -> None:
    url = create(as_alice)["Location"]
    patch(as_alice, url, 0, BODY[:1000])
    with (data_root / "incoming" / url.split("/")[-2]).open("ab") as file:
        file.write(b"never acknowledged, perhaps never whole on the disk" * 100)
    assert offset(as_alice, url) == 1000
    patch(as_alice, url, 1000, BODY[1000:])
    assert Video.objects.get().sha256 == hashlib.sha256(BODY).hexdigest()


def test_nothing_is_promised_before_the_disk_has_it(as_alice: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk fails to keep what was written, the offset stays."""
    url = create(as_alice)["Location"]

    def broken(file: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as context:
        context.setattr("os.fsync", broken)
        response = patch(as_alice, url, 0, BODY)
    assert (response.status_code, response.json()["code"]) == (507, "disk_full")
    assert offset(as_alice, url) == 0


@pytest.mark.parametrize(("at", "size", "status"), [(5, 10, 409), (0, len(BODY) + 1, 413)])
def test_order_and_length_are_enforced(as_alice: Client, at: int, size: int, status: int) -> None:
    url = create(as_alice)["Location"]
    assert patch(as_alice, url, at, b"x" * size).status_code == status
    assert offset(as_alice, url) == 0


def test_checksums(as_alice: Client) -> None:
    url = create(as_alice)["Location"]

    def checked(at: int, body: bytes, algorithm: str, of: bytes) -> Any:
        digest = base64.b64encode(hashlib.new(algorithm, of).digest()).decode()
        return patch(as_alice, url, at, body, headers={"Upload-Checksum": f"{algorithm} {digest}"})

    assert checked(0, BODY[:1000], "sha256", BODY[:1000]).status_code == 204
    wrong = checked(1000, BODY[1000:], "sha1", BODY[1001:])
    assert (wrong.status_code, wrong.json()["code"]) == (460, "bad_checksum")
    assert offset(as_alice, url) == 1000 and not Video.objects.exists()
    assert patch(as_alice, url, 1000, b"x", headers={"Upload-Checksum": "crc32 AAAA"}).status_code == 400
    assert checked(1000, BODY[1000:], "sha1", BODY[1000:]).status_code == 204
    assert Video.objects.get().sha256 == hashlib.sha256(BODY).hexdigest()


def test_one_writes_the_other_waits(as_alice: Client, data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "SETTLE_S", 0.1)
    url = create(as_alice)["Location"]
    with (data_root / "incoming" / url.split("/")[-2]).open("rb+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for response in (patch(as_alice, url, 0, BODY), as_alice.delete(url, headers=TUS)):
            assert (response.status_code, response.json()["code"]) == (423, "upload_busy")
        assert offset(as_alice, url) == 0, "asking is always possible"
    assert patch(as_alice, url, 0, BODY).status_code == 204


def test_killed_between_taking_in_and_noting_it(as_alice: Client, data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The video is registered, then the server dies before the upload's row says so: asking again finds that very video."""
    url = create(as_alice)["Location"]

    class Died(BaseException):
        pass

    def dies(*args: Any, **kwargs: Any) -> None:
        raise Died

    with monkeypatch.context() as context:
        context.setattr(uploads, "_became", dies)
        with pytest.raises(Died):
            patch(as_alice, url, 0, BODY)
    assert Video.objects.count() == 1 and offset(as_alice, url) == len(BODY)
    said = as_alice.post(url).json()
    assert (said["state"], said["video"]["id"]) == ("done", str(Video.objects.get().pk))
    assert as_alice.post(url).json() == {**said, "expires": as_alice.post(url).json()["expires"]}
    assert len(left_behind(data_root)) == 1


def test_a_whole_file_that_nobody_asked_about_is_taken_in(as_alice: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    url = create(as_alice)["Location"]
    with monkeypatch.context() as context:
        context.setattr(uploads, "finish", lambda upload: upload)
        patch(as_alice, url, 0, BODY)
    assert as_alice.get(url).json()["state"] == "whole"
    Upload.objects.update(touched=timezone.now() - timedelta(hours=1))
    schedules.housekeeping()
    assert as_alice.get(url).json()["state"] == "done" and Video.objects.count() == 1


def test_a_removed_video_does_not_come_back_as_an_open_upload(as_alice: Client, as_admin: Client) -> None:
    patch(as_alice, create(as_alice)["Location"], 0, BODY)
    assert as_admin.delete(f"/api/v1/videos/{Video.objects.get().pk}/").status_code == 204
    assert as_alice.get(ROOT).json() == [] and not Upload.objects.exists()


def test_given_up_after_a_day(as_alice: Client, data_root: Path) -> None:
    url = create(as_alice)["Location"]
    patch(as_alice, url, 0, BODY[:1000])
    Upload.objects.update(touched=timezone.now() - timedelta(hours=25))
    assert as_alice.get(ROOT).json() == []
    schedules.housekeeping()
    assert not Upload.objects.exists() and not left_behind(data_root)
    assert patch(as_alice, url, 1000, BODY[1000:]).status_code == 404


def test_a_file_that_went_missing_is_said_to_be(as_alice: Client, data_root: Path) -> None:
    url = create(as_alice)["Location"]
    (data_root / "incoming" / url.split("/")[-2]).unlink()
    response = patch(as_alice, url, 0, BODY)
    assert (response.status_code, response.json()["code"]) == (410, "upload_gone")
    assert not Upload.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_many_at_once_write_every_byte_once(as_alice: Client, alice: Any) -> None:
    """Twenty requests race for each piece: the others are told to wait or that they are late, and the file is right."""
    url = create(as_alice)["Location"]
    said: list[int] = []

    def send(at: int) -> None:
        from django.db import connection

        client = Client()
        client.cookies = as_alice.cookies
        said.append(patch(client, url, at, BODY[at : at + 700_000]).status_code)
        connection.close()

    for at in range(0, len(BODY), 700_000):
        racers = [threading.Thread(target=send, args=[at]) for _ in range(20)]
        [racer.start() for racer in racers]
        [racer.join() for racer in racers]
    assert said.count(204) == len(range(0, len(BODY), 700_000)) and set(said) <= {204, 409, 423}
    assert Video.objects.get().sha256 == hashlib.sha256(BODY).hexdigest()


@pytest.mark.parametrize(
    ("name", "title"),
    [("C:\\films\\set_2.mov", "set 2"), ("../../etc/passwd", "passwd"), (".mp4", ".mp4"), ("x" * 500, "x" * 200)],
)
def test_titles(name: str, title: str) -> None:
    assert title_of(name) == title


@pytest.mark.parametrize("name", ["a.mp4/../../x", "a.<b>", "a.mp4\x00", "a.verylongending", "\u202egnp.mp4"])
def test_strange_endings_stay_out_of_the_disk(as_alice: Client, data_root: Path, name: str) -> None:
    made = create(as_alice, filename=name)
    if made.status_code == 201:
        assert patch(as_alice, made["Location"], 0, BODY).status_code == 204
        assert Video.objects.count() == 1
    for path in left_behind(data_root):
        assert path.parent.parent == data_root / "media" and path.name.startswith("source.")


def test_unknown(as_alice: Client) -> None:
    assert as_alice.head(f"{ROOT}{uuid4()}/", headers=TUS).status_code == 404
