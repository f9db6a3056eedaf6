"""The whole loop, through the real site, worker, queue and browser, with the tiny preset."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import ROOT, Site, every_stroke_is_marked, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DRAW = """
import sys
from pathlib import Path
from mlcore import synthetic
moves = ["Serve Forehand Topspin", "Offensive Forehand Loop", "Defensive Backhand Block"]
scene = synthetic.make_scene(5, strokes=3, moves=moves)
synthetic.write_video(scene, Path(sys.argv[1]) / "first.mp4", width=640, height=360, fps=60)
more = synthetic.make_scene(6, strokes=9, moves=moves, player=scene.player)
synthetic.write_video(more, Path(sys.argv[1]) / "second.mp4", width=480, height=270, fps=60)
for stroke in synthetic.truth(scene, 60):
    print(stroke.begin, stroke.end, stroke.move, sep="|")
"""
KEYS = {"Serve Forehand": "q", "Serve Backhand": "a", "Offensive Forehand": "w", "Offensive Backhand": "s",
        "Defensive Forehand": "e", "Defensive Backhand": "d"}
LEAVES = {"Topspin": "4", "Loop": "2", "Block": "2"}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[int, int, str]]]:
    """Two films of one player at different sizes, and the truth of the first."""
    folder = tmp_path_factory.mktemp("scene")
    printed = subprocess.run([sys.executable, "-c", DRAW, str(folder)], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    rows = [line.split("|") for line in printed.split("\n") if line]
    return folder, [(int(begin), int(end), move) for begin, end, move in rows]


def upload(page: Page, site: Site, file: Path) -> str:
    """Upload `file` in the browser, wait until it is prepared; its id."""
    page.goto(site.url)
    if not page.locator("#upload-input").is_visible():
        page.click("#upload-open")
    page.set_input_files("#upload-input", str(file))
    page.locator("#upload-rows input[name=pseudonym]").first.fill("Lou")
    page.click("#upload-start")
    expect(page.locator(".upload-file-said.form-good")).to_be_visible(timeout=30_000)
    card = page.locator(f".card[data-title='{file.stem}']")
    expect(card.locator(".card-next a")).to_be_visible(timeout=120_000)
    page.wait_for_function("title => !document.querySelector(`.card[data-title='${title}']`).hasAttribute('data-working')",
                           arg=file.stem, timeout=180_000)
    return str(card.get_attribute("data-id"))


def open_workspace(page: Page, site: Site, video: str) -> None:
    page.goto(f"{site.url}/videos/{video}/")
    page.wait_for_selector("body[data-ready]")


def at(page: Page, frame: int) -> None:
    """Go to `frame` by keyboard and wait until the picture is proven."""
    page.keyboard.press("g")
    page.locator("#go-to input").fill(str(frame))
    page.keyboard.press("Enter")
    page.wait_for_selector(f"#frame[data-frame='{frame}']")


def saved(page: Page) -> None:
    page.wait_for_timeout(400)  # an operation counts as unsent once the browser's disk has it
    page.wait_for_selector("#outbox[data-unsent='0']")


def mark(page: Page, begin: int, end: int, move: str) -> None:
    """Mark [begin, end) as `move` by keyboard: begin, end, group key, class key."""
    group, leaf = move.rsplit(" ", 1)
    at(page, begin)
    page.keyboard.press("i")
    at(page, end - 1)
    page.keyboard.press("o")
    page.keyboard.press(KEYS[group])
    page.keyboard.press(LEAVES[leaf])
    saved(page)


def strokes_of(page: Page, site: Site, video: str) -> list[dict[str, object]]:
    body = page.request.get(f"{site.url}/api/v1/videos/{video}/workspace/").json()
    return sorted(body["strokes"], key=lambda stroke: stroke["begin"])


def test_the_whole_loop(page: Page, site: Site, scene: tuple[Path, list[tuple[int, int, str]]]) -> None:
    folder, truth = scene
    sign_in(page, site, "admin")
    first = upload(page, site, folder / "first.mp4")

    open_workspace(page, site, first)
    page.keyboard.press("f")  # the whole video in the timeline; edges then do not snap to what lies far away
    for begin, end, move in truth:
        mark(page, begin, end, move)
    marked = strokes_of(page, site, first)
    assert [(s["begin"], s["end"], s["move"]) for s in marked] == truth, "marked by keyboard, to the frame"
    every_stroke_is_marked(page)
    saved(page)

    page.goto(f"{site.url}/models/")
    page.click("[data-retrain]")
    deadline = time.monotonic() + 240
    while not page.locator("[data-promote], .in-use").count():
        assert time.monotonic() < deadline, page.content()
        time.sleep(1)
        page.reload()
    if page.locator(".in-use").count() == 0:
        page.locator("[data-promote]").first.click()
        expect(page.locator(".in-use")).to_be_visible(timeout=20_000)

    second = upload(page, site, folder / "second.mp4")
    open_workspace(page, site, second)
    before = page.request.get(f"{site.url}/api/v1/videos/{second}/workspace/").json()
    suggestions = {each["id"]: each for each in before["suggestions"]}
    assert len(suggestions) >= 3, suggestions
    assert all(each["run"] for each in suggestions.values()), "suggested by the model, not by motion"
    assert before["strokes"] == []

    def next_one() -> dict[str, object]:
        page.keyboard.press("n")
        page.wait_for_selector("#list [data-kind=suggestion][aria-selected=true]")
        return suggestions[str(page.locator("#list [aria-selected=true]").get_attribute("data-id"))]

    accepted = next_one()
    page.keyboard.press("Enter")
    saved(page)
    adjusted = next_one()
    page.keyboard.press("Quote")  # the end one frame later, then accepted as it stands
    page.keyboard.press("Enter")
    saved(page)
    rejected = next_one()
    page.keyboard.press("x")
    saved(page)

    after = page.request.get(f"{site.url}/api/v1/videos/{second}/workspace/").json()
    by_suggestion = {stroke["suggestion"]: stroke for stroke in after["strokes"]}
    assert set(by_suggestion) == {accepted["id"], adjusted["id"]}
    kept, moved = by_suggestion[accepted["id"]], by_suggestion[adjusted["id"]]
    assert (kept["begin"], kept["end"], kept["source"]) == (accepted["begin"], accepted["end"], "accepted")
    assert (moved["begin"], moved["end"], moved["source"]) == (adjusted["begin"], int(str(adjusted["end"])) + 1, "edited")
    assert rejected["id"] not in {each["id"] for each in after["suggestions"]}

    exported = page.request.get(f"{site.url}/api/v1/exports/?format=mediaeval2020&video={second}")
    actions = [(int(a.get("begin", "")), int(a.get("end", "")), a.get("move")) for a in ET.fromstring(exported.body())]
    assert actions == [(s["begin"], s["end"] - 1, s["move"]) for s in strokes_of(page, site, second)], "inclusive end"


def test_undo_reload_and_refusals(page: Page, site: Site, tmp_path: Path) -> None:
    """A file that only begins like a film is refused in one sentence and leaves nothing; work is undone and redone, also after a reload."""
    sign_in(page, site, "admin")
    fake = tmp_path / "holiday.mp4"
    fake.write_bytes(b"\0\0\0\x14ftypisom\0\0\0\0isom" + b"ffconcat version 1.0\nfile secret.mp4\n")  # begins like a film
    page.click("#upload-open") if not page.locator("#upload-input").is_visible() else None
    page.set_input_files("#upload-input", str(fake))
    page.click("#upload-start")
    refusal = page.locator(".card[data-title='holiday'] .form-error, .upload-file-said.form-error").first
    expect(refusal).to_have_text(re.compile("video", re.I), timeout=30_000)
    left = site.shell("from django.conf import settings; from strokes.models import Video\n"
                      "print([p.name for v in Video.objects.filter(state='refused') "
                      "for p in (settings.MEDIA_ROOT / str(v.pk)).glob('*')])")
    assert left.endswith("[]")

    video = site.shell("from strokes.models import Video; print(Video.objects.filter(title='first').get().pk)").split()[-1]
    open_workspace(page, site, video)
    count = len(strokes_of(page, site, video))
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Delete")
    saved(page)
    assert len(strokes_of(page, site, video)) == count - 1
    page.keyboard.press("Control+z")
    saved(page)
    assert len(strokes_of(page, site, video)) == count
