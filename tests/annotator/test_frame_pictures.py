"""Exact pictures over HTTP: proven, kept by browsers, refused in words, and read by companions that may die at any moment."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client
from PIL import Image

from annotator import engine, pictures
from strokes import videos
from tests.fixtures.numbered import read_number
from tests.mlcore.test_pictures import N, made


@pytest.fixture(autouse=True)
def no_companions() -> Iterator[None]:
    yield
    pictures.close()


@pytest.fixture
def url(video: Any) -> str:
    row = video(n_frames=N)
    made(videos.folder(row))
    return f"/media/{row.pk}/frame/"


def number(response: Any) -> int | None:
    return read_number(np.asarray(Image.open(io.BytesIO(response.content)).convert("RGB")))


def test_the_asked_picture_and_what_is_said_of_it(as_alice: Client, url: str) -> None:
    for k in (41, 0, 59, 40, 42):
        response = as_alice.get(f"{url}{k}.jpg")
        assert (response.status_code, response["X-Topspin-Frame"], number(response)) == (200, str(k), k)
    assert response["Content-Type"] == "image/jpeg"
    assert response["Cache-Control"] == "private, max-age=31536000, immutable"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "X-Topspin-Unreadable" not in response


def test_a_browser_that_has_it_is_told_so_without_decoding(
    as_alice: Client, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    etag = as_alice.get(f"{url}7.jpg")["ETag"]
    monkeypatch.setattr(pictures, "picture", lambda folder, frame: pytest.fail("decoded"))
    unchanged = as_alice.get(f"{url}7.jpg", headers={"if-none-match": etag})
    assert (unchanged.status_code, unchanged["ETag"], unchanged.content) == (304, etag, b"")
    monkeypatch.undo()
    assert as_alice.get(f"{url}8.jpg", headers={"if-none-match": etag}).status_code == 200


@pytest.mark.parametrize("frame", [str(N), "9" * 40])
def test_an_ordinal_outside_is_refused_in_words(as_alice: Client, url: str, frame: str) -> None:
    response = as_alice.get(f"{url}{frame}.jpg")
    assert (response.status_code, response.json()["code"]) == (404, "no_such_frame")
    assert response["Cache-Control"] == "no-store"
    assert str(N) in response.json()["message"] and frame in response.json()["message"]
    assert as_alice.get(f"{url}-1.jpg").status_code == 404


def test_without_a_proxy_there_is_no_picture(as_alice: Client, video: Any) -> None:
    response = as_alice.get(f"/media/{video().pk}/frame/0.jpg")
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_only_for_members(as_charlie: Client, url: str) -> None:
    assert as_charlie.get(f"{url}0.jpg").status_code == 403
    assert Client().get(f"{url}0.jpg").status_code == 302


def test_a_companion_that_was_killed_is_replaced(as_alice: Client, url: str) -> None:
    assert number(as_alice.get(f"{url}3.jpg")) == 3
    running = [reader._process for reader in pictures._readers if reader._process]
    assert len(running) == 1, "one video, one companion"
    os.killpg(running[0].pid, signal.SIGKILL)
    assert number(as_alice.get(f"{url}33.jpg")) == 33
    assert [reader._process.pid for reader in pictures._readers if reader._process] != [running[0].pid]


def test_a_companion_that_says_nonsense_is_a_failure_in_words(
    as_alice: Client, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "import sys\nfor line in sys.stdin:\n    print('{\"frame\": 4, \"bytes\": 1}', flush=True)"

    def companion(step: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                start_new_session=True, bufsize=0)  # fmt: skip

    monkeypatch.setattr(engine, "companion", companion)
    response = as_alice.get(f"{url}5.jpg")
    assert (response.status_code, response.json()["code"]) == (500, "pictures_failed")
    monkeypatch.undo()
    assert number(as_alice.get(f"{url}5.jpg")) == 5


def test_when_too_many_wait_it_says_so(as_alice: Client, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "PATIENCE_S", 0.05)
    for _ in range(pictures.WAITING):
        pictures._waiting.acquire()
    try:
        response = as_alice.get(f"{url}5.jpg")
    finally:
        for _ in range(pictures.WAITING):
            pictures._waiting.release()
    assert (response.status_code, response.json()["code"], response["Retry-After"]) == (503, "pictures_busy", "1")
    assert as_alice.get(f"{url}5.jpg").status_code == 200


def test_many_ask_at_once_and_each_gets_its_own(url: str, tmp_path: Path) -> None:
    folder = next((tmp_path / "data" / "media").iterdir())
    wrong: list[tuple[int, int | None]] = []

    def ask(first: int) -> None:
        for k in range(first, N, 4):
            found = pictures.picture(folder, k)
            said = read_number(np.asarray(Image.open(io.BytesIO(found.jpeg)).convert("RGB")))
            if (found.frame, said) != (k, k):
                wrong.append((k, said))

    threads = [threading.Thread(target=ask, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_companions_end_with_their_web_process(url: str, tmp_path: Path) -> None:
    folder = next((tmp_path / "data" / "media").iterdir())
    code = (
        "import os, django; django.setup()\n"
        "from pathlib import Path\nfrom annotator import pictures\n"
        f"pictures.picture(Path({str(folder)!r}), 3)\n"
        "print([r._process.pid for r in pictures._readers if r._process][0], flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "annotator.settings", "TOPSPIN_DATA": str(tmp_path / "web")}
    ran = subprocess.run([sys.executable, "-c", code], cwd=engine.ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert ran.returncode == -signal.SIGKILL
    until = time.monotonic() + 10
    while engine.stat(int(ran.stdout)) and time.monotonic() < until:
        time.sleep(0.05)
    assert engine.stat(int(ran.stdout)) is None
