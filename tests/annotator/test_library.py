"""The library page: what is mine, what is new, filters in the address, pages, steps with the time left, empty places."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotator import durations
from strokes import catalogue
from strokes.models import Job, Run, Suggestion, Video, Visit


def text(client: Client, address: str = "/") -> str:
    response = client.get(address)
    assert response.status_code == 200
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())))


def shown(client: Client, address: str) -> list[str]:
    return re.findall(r'class="card" [^>]*data-title="([^"]*)"', client.get(address).content.decode())


def test_what_is_mine_on_top(as_alice: Client, video: Any) -> None:
    row = video(title="Final")
    Suggestion.objects.create(video=row, begin=1, end=50, score=0.9)
    video(title="Other")
    page = text(as_alice)
    assert "2 videos wait for you" in page and "1 suggestion to decide" in page
    assert "Begin with “Final” ( 1 to decide )" in page.replace("(1 to decide)", "( 1 to decide )")
    assert f'href="/videos/{row.pk}/"' in as_alice.get("/").content.decode()


def test_what_is_new_since_the_last_visit(as_alice: Client, alice: Any, bob: Any, video: Any) -> None:
    old = timezone.now() - timedelta(days=3)
    video(title="Known", created=old - timedelta(days=1))
    video(title="Mine", uploaded_by=alice)
    fresh = video(title="From bob", uploaded_by=bob)
    assert "new video" not in text(as_alice), "at the first visit nothing is new"
    assert as_alice.post("/api/v1/me/visit/").status_code == 204
    Visit.objects.update(at=old)
    Run.objects.create(number=1, taxonomy=fresh.taxonomy, preset="tiny", state="provisional", chosen=timezone.now())
    page = text(as_alice)
    assert "1 new video" in page and "1 new model" in page and "since " in page
    assert page.count("From bob new") == 1 and "Mine new" not in page and "Known new" not in page


def test_filters_are_the_address(as_alice: Client, video: Any) -> None:
    video(title="Zoé", players=["Ann"])
    video(title="Blind", blind=True)
    video(title="Early", state="new")
    assert shown(as_alice, "/?q=zoe") == ["Zoé"]
    assert shown(as_alice, "/?state=preparing") == ["Early"]
    assert shown(as_alice, "/?blind=1") == ["Blind"] and set(shown(as_alice, "/?blind=0")) == {"Zoé", "Early"}
    assert shown(as_alice, "/?sort=title") == ["Blind", "Early", "Zoé"]
    assert len(shown(as_alice, "/?state=nonsense&page=x")) == 3, "a mistyped address shows everything"
    page = as_alice.get("/?state=todo&q=zoe").content.decode()
    assert 'aria-current="true">To do for me' in page and 'value="zoe"' in page
    assert 'href="?state=done&amp;q=zoe"' in page, "changing one filter keeps the others"
    api = as_alice.get("/api/v1/videos/?q=zoe").json()
    assert [each["title"] for each in api] == ["Zoé"]
    assert as_alice.get("/api/v1/videos/?state=nonsense").status_code == 400


def test_pages(as_alice: Client, video: Any) -> None:
    for number in range(catalogue.PAGE + 3):
        video(title=f"{number:02}", created=timezone.now() - timedelta(hours=number))
    first, second = shown(as_alice, "/"), shown(as_alice, "/?page=2")
    assert first[0] == "00" and len(first) == catalogue.PAGE and second == ["24", "25", "26"]
    page = as_alice.get("/").content.decode()
    assert 'href="?page=2"' in page and "page 1 of 2" in text(as_alice)
    assert shown(as_alice, "/?page=99") == second
    ids = [str(each.pk) for each in Video.objects.all()[:2]]
    asked = as_alice.get("/api/v1/videos/", {"ids": ids}).json()
    assert sorted(each["id"] for each in asked) == sorted(ids)


def test_a_large_library_costs_as_many_queries(as_alice: Client, video: Any) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            as_alice.get("/")
        return len(queries)

    Job.objects.create(kind="prepare", video=video(players=["A"]), slot="cpu", state="running")
    as_alice.get("/")
    one = cost()
    for number in range(60):
        row = video(players=["A", f"P{number}"])
        Suggestion.objects.create(video=row, begin=1, end=50, score=0.9)
        Job.objects.create(kind="prepare", video=row, slot="cpu", state="queued")
    assert cost() == one


def test_the_next_video(as_alice: Client, video: Any) -> None:
    assert as_alice.get("/api/v1/videos/next/").json() == {"video": None, "waiting": 0}
    first, second = video(title="First"), video(title="Second")
    Suggestion.objects.create(video=second, begin=1, end=50, score=0.9)
    body = as_alice.get("/api/v1/videos/next/").json()
    assert (body["video"]["title"], body["waiting"]) == ("Second", 2)
    assert as_alice.get(f"/api/v1/videos/next/?after={second.pk}").json()["video"]["id"] == str(first.pk)
    assert as_alice.get("/api/v1/videos/next/?after=x").status_code == 400


def test_steps_and_the_time_left(as_alice: Client, video: Any) -> None:
    now = timezone.now()
    for kind, seconds in (("prepare", 200), ("suggest", 100)):
        Job.objects.create(kind=kind, video=video(), slot="cpu", state="done", started=now - timedelta(seconds=seconds), finished=now)
    row = video(title="Busy", state="watchable")
    Job.objects.create(kind="prepare", video=row, slot="cpu", state="running", progress=0.42, left_s=340)
    page = as_alice.get("/?q=busy").content.decode()
    assert re.findall(r'<li class="card-step-(\w+)"', page) == ["done", "done", "now", "next"]
    assert 'value="0.420"' in page and "about 6 min left" in page
    assert "Everything: about 7 min left" in text(as_alice, "/?q=busy"), "340 s here and 100 s for what follows"
    assert "can be marked already" in text(as_alice, "/?q=busy")


def test_time_left_is_not_invented() -> None:
    waiting = {"kind": "proxy", "waiting": True, "left_s": None}
    card = {"progress": waiting, "duration_s": 10.0, "blind": False}
    assert durations.left(card, {}) is None
    assert durations.left(card, {"proxy": 1.0, "prepare": 2.0, "suggest": 0.5}) == 35.0
    assert durations.left({**card, "blind": True}, {"proxy": 1.0, "prepare": 2.0}) == 30.0
    assert durations.left({**card, "progress": None}, {}) is None


def test_failures_in_words_with_a_way_on(as_alice: Client, as_bob: Client, as_admin: Client, alice: Any, video: Any) -> None:
    row = video(title="Stuck", state="indexed", uploaded_by=alice)
    Job.objects.create(kind="proxy", video=row, slot="cpu", state="failed", error_code="took_too_long", error_params={"minutes": 9})
    video(title="Broken", state="refused", error_code="no_frames", uploaded_by=alice)
    for client in (as_alice, as_admin):
        assert "longer than 9 minutes" in text(client) and "Try again" in text(client) and "Take off the list" in text(client)
    assert "Try again" not in text(as_bob) and "Who uploaded it or an administrator can try again." in text(as_bob)
    assert "Take off the list" not in text(as_bob)
    assert as_bob.post(f"/api/v1/videos/{row.pk}/try_again/").json()["code"] == "not_yours"
    body = as_alice.post(f"/api/v1/videos/{row.pk}/try_again/").json()
    assert body["progress"]["waiting"] and body["error"] is None


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("/?state=begun", "what you left half done"),
        ("/?state=done", "Press “Every stroke is marked”"),
        ("/?q=nowhere", "holds “nowhere”"),
        ("/?state=failed", "No video fits"),
    ],
)
def test_empty_places_teach(as_alice: Client, video: Any, address: str, words: str) -> None:
    video()
    assert words in text(as_alice, address) and "Show" in text(as_alice, address)


def test_a_practice_video_on_its_way_is_announced(as_alice: Client, data_root: Path, video: Any) -> None:
    words = "A practice video is being drawn"
    assert words not in text(as_alice)
    folder = data_root / ".practice-x"
    folder.mkdir()
    assert words in text(as_alice)
    folder.rmdir()
    row = video(practice=True)
    Video.objects.filter(pk=row.pk).update(state=Video.State.NEW)
    assert words in text(as_alice), "drawn, but not ready to be watched"
    Video.objects.filter(pk=row.pk).update(state=Video.State.WATCHABLE)
    assert words not in text(as_alice) and "Begin to practise" in text(as_alice)


def test_all_done_says_what_next(as_alice: Client, alice: Any, video: Any) -> None:
    from strokes.models import Lane

    Lane.objects.create(video=video(), expert=alice, complete=True, version=1)
    assert "All yours is done" in text(as_alice) and "Look at the models" in text(as_alice)
    assert "Nothing waits for you" in text(as_alice, "/?state=todo")
