"""The stroke queue in the real page: by key, by swipe, without network, and from the queue into the video."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Site, eventually, sign_in, tap_on
from tests.e2e.test_frames import watchable
from tests.fixtures.numbered import read_number

pytestmark = pytest.mark.browser
__all__ = ["watchable"]
KINDS = ["120fps", "vfr"]
MOVES = ["Offensive Forehand Loop", "Offensive Forehand Hit", "Defensive Backhand Push"]


@pytest.fixture
def waiting(site: Site, watchable: Callable[[str], str]) -> Iterator[list[str]]:
    """Two videos with six open suggestions each and nothing decided; gone afterwards."""
    videos = [watchable(kind) for kind in KINDS]
    clear(site)
    site.shell(
        "from strokes.models import *\n"
        f"for pk in {videos!r}:\n"
        "    for k in range(6):\n"
        "        b = 20 + 70 * k\n"
        f"        top = [[m, p] for m, p in zip({MOVES!r}, (.5, .3, .1))]\n"
        "        Suggestion.objects.create(video_id=pk, begin=b, end=b + 30, move=top[0][0], score=.1 * k + .3, top=top)"
    )
    yield videos
    clear(site)


def clear(site: Site) -> None:
    """No label and no suggestion in any video: what other tests of this site left would be counted, too."""
    site.shell(
        "from strokes.models import *\n"
        "for table in (Stroke, Decision):\n"
        "    table.objects.filter(lane__video__practice=False).delete()\n"
        "for table in (Lane, Suggestion):\n"
        "    table.objects.filter(video__practice=False).delete()"
    )


def open_queue(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/queue/")
    page.wait_for_selector("#queue[data-shown]", timeout=20_000)


def current(page: Page) -> str:
    """The suggestion on screen, once it is there."""
    return page.get_attribute("#queue", "data-shown") or ""


def decide(page: Page, *keys: str) -> str:
    """Press `keys`; the next loop is there when it returns. Gives what was decided."""
    was = current(page)
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_function("was => document.querySelector('#queue').dataset.shown !== was", arg=was)
    return was


def saved(page: Page) -> None:
    expect(page.locator("#outbox")).to_have_attribute("data-unsent", "0", timeout=20_000)


def log(site: Site, videos: list[str]) -> list[list[Any]]:
    """kind, suggestion, data of all decisions in these videos, in the order they were taken."""
    code = (
        "import json\nfrom strokes.models import Decision\n"
        f"rows = Decision.objects.filter(lane__video__in={videos!r}).order_by('at', 'number')\n"
        "print(json.dumps([[r.kind, str(r.suggestion_id), r.data, r.seconds] for r in rows]))"
    )
    answer: list[list[Any]] = json.loads(site.shell(code).splitlines()[-1])
    return answer


def test_by_key(page: Page, site: Site, waiting: list[str]) -> None:
    sign_in(page, site)
    open_queue(page, site)
    decided = [decide(page, "Enter"), decide(page, "x"), decide(page, "2"), decide(page, "w", "1")]
    later = decide(page, "u")
    # An edge moved by key: the page holds exactly that picture, and that is what is saved.
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.wait_for_selector("#queue[data-held]", state="attached")
    held = int(page.get_attribute("#queue", "data-held") or -1)
    assert held >= 0, "the picture at the edge was proven"
    begin = int(page.inner_text("[data-edge=begin] .q-edge-frame"))
    assert begin == held
    decided.append(decide(page, "Enter"))
    saved(page)
    rows = log(site, waiting)
    assert [row[0] for row in rows] == ["accept", "reject", "accept", "accept", "accept"]
    assert [row[1] for row in rows] == decided and later not in decided
    assert [row[2].get("move") for row in rows] == [MOVES[0], None, MOVES[1], "Offensive Forehand Hit", MOVES[0]]
    assert rows[4][2]["begin"] == begin and rows[0][3] > 0, "edges and time spent are kept"
    assert "5 of 12 decided" in page.inner_text("[data-part=progress]")
    expect(page.locator("[data-take-back]")).to_have_count(5)

    # Undo by key, then an earlier decision from the list.
    page.keyboard.press("z")
    page.wait_for_function("id => document.querySelector('#queue').dataset.shown === id", arg=decided[4])
    page.locator(f'[data-take-back="{decided[1]}"]').click()
    page.wait_for_function("id => document.querySelector('#queue').dataset.shown === id", arg=decided[1])
    decide(page, "Enter")
    saved(page)
    kinds = [row[0] for row in log(site, waiting)]
    assert kinds[5:] == ["reopen", "reopen", "accept"]


def test_a_class_found_by_typing(page: Page, site: Site, waiting: list[str]) -> None:
    sign_in(page, site)
    open_queue(page, site)
    page.wait_for_selector("#classes [data-action=palette]")
    was = current(page)
    page.keyboard.press("/")
    page.keyboard.type("dbb")
    expect(page.locator("#palette [role=option]").first).to_contain_text("Defensive Backhand Block")
    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_be_hidden()
    assert current(page) == was, "nothing was decided"
    page.click("#classes [data-action=palette]")
    page.keyboard.type("dbb")
    decide(page, "Enter")
    saved(page)
    assert [(row[0], row[1], row[2]["move"]) for row in log(site, waiting)] == [("accept", was, "Defensive Backhand Block")]


def test_held_edges_are_the_pictures_they_say(page: Page, site: Site, waiting: list[str]) -> None:
    """The number is read from the composited picture."""
    sign_in(page, site)
    open_queue(page, site)
    page.keyboard.press("Space")  # else the loop goes on after a second and a half, and a slow machine sees that
    for _ in range(4):
        for keys in (["ArrowUp", "ArrowLeft"], ["ArrowDown", "Shift+ArrowRight"]):
            for key in keys:
                page.keyboard.press(key)
            page.wait_for_selector("#queue[data-held]")
            edge = "begin" if keys[0] == "ArrowUp" else "end"
            wanted = page.inner_text(f"[data-edge={edge}] .q-edge-frame").replace("\u202f", "").replace("\u00a0", "")
            page.wait_for_function("f => document.querySelector('#queue').dataset.held === f", arg=wanted)
            assert number_on(page) == int(wanted)
        decide(page, "Enter")


def number_on(page: Page) -> int | None:
    """The number in the pixels of the loop as the browser composited it."""
    box = page.locator("#card").bounding_box()
    assert box is not None
    clip: Any = {name: float(round(value)) for name, value in box.items()}
    return read_number(np.asarray(Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")))


def swipe(page: Page, dx: float, dy: float) -> None:
    """A finger over the picture, by so many parts of its width and height."""
    box = page.locator("#card").bounding_box()
    assert box
    touch = page.context.new_cdp_session(page)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for part in (0.3, 0.6, 1):
        point = {"x": x + dx * part * box["width"], "y": y + dy * part * box["height"]}
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_by_swipe_on_a_tablet(browser: Browser, site: Site, waiting: list[str]) -> None:
    context = browser.new_context(viewport={"width": 820, "height": 1180}, has_touch=True, locale="en-GB")
    page = context.new_page()
    sign_in(page, site)
    open_queue(page, site)
    decided = []
    for dx, dy in ((0.4, 0.02), (-0.4, 0.02), (0.03, -0.4)):
        was = current(page)
        swipe(page, 0.1 if dx else 0, 0)
        assert current(page) == was, "a short one only moves the picture back"
        swipe(page, dx, dy)
        page.wait_for_function("was => document.querySelector('#queue').dataset.shown !== was", arg=was)
        decided.append(was)
    saved(page)
    rows = log(site, waiting)
    assert [(row[0], row[1]) for row in rows] == [("accept", decided[0]), ("reject", decided[1])]
    # The same without dragging, with targets a finger can hit. The browser takes a tap within a moment of a swipe for a part of it.
    page.wait_for_timeout(1500)
    for name in ("reject", "later", "accept"):
        box = page.locator(f".q-buttons [data-do={name}]").bounding_box()
        assert box and box["height"] >= 44 and box["width"] >= 44
        was = current(page)
        tap_on(page, f".q-buttons [data-do={name}]")
        page.wait_for_function("was => document.querySelector('#queue').dataset.shown !== was", arg=was)
    saved(page)
    assert [row[0] for row in log(site, waiting)] == ["accept", "reject", "reject", "accept"]
    context.close()


def test_without_network_nothing_is_lost(page: Page, site: Site, waiting: list[str]) -> None:
    sign_in(page, site)
    open_queue(page, site)
    page.context.route("**/decisions/", lambda route: route.abort())
    decided = {decide(page, "Enter") for _ in range(4)}
    expect(page.locator("#outbox")).to_have_attribute("data-unsent", "4")
    page.close()
    page.context.unroute("**/decisions/")
    again = page.context.new_page()
    open_queue(again, site)
    eventually(lambda: {row[1] for row in log(site, waiting)}, decided)
    saved(again)
    again.close()


def test_into_the_video_and_back(page: Page, site: Site, waiting: list[str]) -> None:
    sign_in(page, site)
    open_queue(page, site)
    was = current(page)
    begin = int(page.inner_text("[data-edge=begin] .q-edge-frame"))
    page.keyboard.press("o")
    page.wait_for_selector("body[data-ready=true]", timeout=20_000)
    assert f"suggestion={was}" in page.url
    page.wait_for_selector(f'#frame[data-frame="{begin}"]:not(.is-pending)')
    assert page.get_attribute("#detail", "data-kind") == "suggestion"
    page.go_back()
    page.wait_for_selector("#queue[data-shown]", timeout=20_000)


def test_an_empty_queue_teaches(page: Page, site: Site) -> None:
    sign_in(page, site)
    page.goto(f"{site.url}/queue/")
    expect(page.locator("#empty")).to_be_visible()
    expect(page.locator("#empty")).to_contain_text("Nothing to decide yet")
