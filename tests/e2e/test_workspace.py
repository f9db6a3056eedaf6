"""Marking in the real page: what is saved is what was done, also without network, signed out, and with two tabs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import PASSWORD, Site, sign_in
from tests.e2e.test_frames import go_to, open_workspace, watchable

pytestmark = pytest.mark.browser
__all__ = ["watchable"]


def at(page: Page, frame: int) -> None:
    go_to(page, frame)
    page.wait_for_selector(f'#frame[data-frame="{frame}"]:not(.is-pending)')


def mark(page: Page, begin: int, last: int, *chord: str) -> None:
    at(page, begin)
    page.keyboard.press("i")
    page.wait_for_selector("#detail[data-kind=draft]")
    at(page, last)
    page.keyboard.press("o")
    page.wait_for_selector("#detail[data-kind=stroke]")
    for key in chord:
        page.keyboard.press(key)


def saved(page: Page) -> None:
    expect(page.locator("#outbox")).to_have_attribute("data-status", "saved", timeout=20_000)
    expect(page.locator("#outbox")).to_have_attribute("data-unsent", "0")


def rows(site: Site, pk: str) -> list[list[Any]]:
    """begin, end, move, unsure, note of alice's strokes as the database has them."""
    code = (
        "import json\nfrom strokes.models import Stroke\n"
        f"rows = Stroke.objects.filter(lane__video={pk!r}, lane__expert__username='alice')\n"
        "print(json.dumps(list(map(list, rows.values_list('begin', 'end', 'move', 'unsure', 'note')))))"
    )
    answer: list[list[Any]] = json.loads(site.shell(code).splitlines()[-1])
    return answer


def test_marks_edits_undo_and_network_loss(page: Page, site: Site, watchable: Callable[[str], str]) -> None:
    pk = watchable("rotated")
    sign_in(page, site)
    open_workspace(page, site, pk)
    mark(page, 40, 59, "w", "2")
    page.keyboard.press("BracketLeft")
    page.keyboard.press("Shift+Quote")
    page.keyboard.press("u")
    saved(page)
    assert rows(site, pk) == [[39, 65, "Offensive Forehand Loop", True, ""]]

    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    saved(page)
    assert rows(site, pk) == [[40, 60, "Offensive Forehand Loop", False, ""]]
    page.keyboard.press("Control+Shift+z")
    page.keyboard.press("t")
    page.keyboard.type("left hand?")
    page.keyboard.press("Enter")
    saved(page)
    assert rows(site, pk) == [[39, 65, "Offensive Forehand Loop", False, "left hand?"]]

    # Without network: counted, kept over a closed page, sent at the next visit.
    page.context.route("**/decisions/", lambda route: route.abort())
    mark(page, 100, 109, "e", "0")
    expect(page.locator("#outbox")).to_have_attribute("data-unsent", "2")
    expect(page.locator("#outbox")).to_have_attribute("data-status", "waiting")
    expect(page.locator("#outbox")).to_have_attribute("data-unkept", "0")
    page.close()
    page.context.unroute("**/decisions/")
    back = page.context.new_page()
    open_workspace(back, site, pk)
    saved(back)
    assert rows(site, pk)[1:] == [[100, 110, "Defensive Forehand", False, ""]]


def test_signed_out_and_back_in_place(page: Page, site: Site, watchable: Callable[[str], str]) -> None:
    pk = watchable("vfr")
    sign_in(page, site)
    open_workspace(page, site, pk)
    page.context.clear_cookies(name="sessionid")
    mark(page, 10, 29)
    page.wait_for_selector("#sign-in-again[open]")
    expect(page.locator("#outbox")).to_have_attribute("data-unsent", "1")
    page.fill("#sign-in-again input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("#sign-in-again", state="hidden")
    page.keyboard.press("0")
    saved(page)
    assert rows(site, pk) == [[10, 30, "Negative", False, ""]]


@pytest.mark.parametrize("keep", ["mine", "theirs"])
def test_two_tabs_never_overwrite_silently(
    page: Page, browser: Browser, site: Site, watchable: Callable[[str], str], keep: str
) -> None:
    pk = watchable("bframes")
    sign_in(page, site)
    open_workspace(page, site, pk)
    if not rows(site, pk):
        mark(page, 50, 69)
        saved(page)
    page.reload()
    page.wait_for_selector("body[data-ready=true]")
    other = page.context.new_page()
    open_workspace(other, site, pk)
    page.keyboard.press("ArrowDown")
    other.keyboard.press("ArrowDown")
    first, second = ("1", "2") if keep == "mine" else ("3", "4")
    page.keyboard.press("q")
    page.keyboard.press(first)
    saved(page)
    other.keyboard.press("q")
    other.keyboard.press(second)
    other.wait_for_selector("#which[open]")
    other.click(f"#which button[value={keep}]")
    saved(other)
    names = {"1": "Backspin", "2": "Loop", "3": "Sidespin", "4": "Topspin"}
    expected = f"Serve Forehand {names[second if keep == 'mine' else first]}"
    assert [row[2] for row in rows(site, pk)] == [expected]
    expect(other.locator("#detail [data-part=move]")).to_have_text(expected)


def test_single_keys_can_be_switched_off(page: Page, site: Site, watchable: Callable[[str], str]) -> None:
    sign_in(page, site)
    open_workspace(page, site, watchable("120fps"))
    page.click("[data-action=sheet]")
    page.uncheck("#sheet [data-part=single]")
    page.keyboard.press("Escape")
    page.keyboard.press("i")
    page.keyboard.press("q")
    assert page.get_attribute("#detail", "data-kind") == "none"
    page.keyboard.press("ArrowRight")
    page.wait_for_selector('#frame[data-frame="1"]')
    page.click("[data-action=mark-begin]")
    page.wait_for_selector("#detail[data-kind=draft]")
