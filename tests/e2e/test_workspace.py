"""Marking in the real page: what is saved is what was done, also without network, signed out, and with two tabs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.keystrokes import expert
from tests.e2e.conftest import PASSWORD, Site, every_stroke_is_marked, sign_in
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


def rows(site: Site, pk: str, name: str = "alice") -> list[list[Any]]:
    """begin, end, move, unsure, note of the strokes of `name` as the database has them."""
    code = (
        "import json\nfrom strokes.models import Stroke\n"
        f"rows = Stroke.objects.filter(lane__video={pk!r}, lane__expert__username={name!r})\n"
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


def test_two_tabs_are_one_desk(page: Page, site: Site, watchable: Callable[[str], str]) -> None:
    pk = watchable("bframes")
    sign_in(page, site)
    open_workspace(page, site, pk)
    other = page.context.new_page()
    open_workspace(other, site, pk)
    page.context.route("**/decisions/", lambda route: route.abort())
    mark(page, 50, 69, "q", "1")
    expect(other.locator(".row")).to_have_count(1)
    expect(other.locator("#outbox")).to_have_attribute("data-unsent", "2")
    other.keyboard.press("Control+z")  # what was done in the first tab, unsent as it is
    expect(page.locator(".row")).to_contain_text("no class yet")
    page.context.unroute("**/decisions/")
    page.close()
    other.evaluate("window.dispatchEvent(new Event('online'))")
    saved(other)
    assert rows(site, pk) == [[50, 70, "", False, ""]]
    other.keyboard.press("Control+z")
    saved(other)
    assert rows(site, pk) == []


@pytest.mark.parametrize("keep", ["mine", "theirs"])
def test_two_places_never_overwrite_silently(
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
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="en-GB")
    other = context.new_page()
    sign_in(other, site)
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
    other.keyboard.press("Escape")  # decides nothing, also over a reload
    expect(other.locator("#outbox")).to_have_attribute("data-unsent", "1")
    other.reload()
    other.wait_for_selector("#which[open]")
    if keep == "theirs":
        other.keyboard.press("ArrowDown")
    other.keyboard.press("Enter")
    saved(other)
    names = {"1": "Backspin", "2": "Loop", "3": "Sidespin", "4": "Topspin"}
    expected = f"Serve Forehand {names[second if keep == 'mine' else first]}"
    assert [row[2] for row in rows(site, pk)] == [expected]
    expect(other.locator(".row .row-name")).to_have_text(expected)
    if keep == "theirs":  # what was not taken is set aside, and can still be had
        other.click("#unsent-open")
        other.click("#unsent [data-do=retry]")
        saved(other)
        assert [row[2] for row in rows(site, pk)] == ["Serve Forehand Topspin"]
    context.close()


def test_undo_and_redo_over_a_reload_and_back_to_here(page: Page, site: Site, watchable: Callable[[str], str]) -> None:
    pk = watchable("120fps")
    sign_in(page, site)
    open_workspace(page, site, pk)
    mark(page, 200, 219, "w", "2")
    page.keyboard.press("u")
    every_stroke_is_marked(page)
    saved(page)
    page.reload()
    page.wait_for_selector("body[data-ready=true]")
    for _ in range(3):
        page.keyboard.press("Control+z")
    saved(page)
    assert rows(site, pk) == [[200, 220, "", False, ""]]
    assert not page.is_checked("#complete")
    page.reload()
    page.wait_for_selector("body[data-ready=true]")
    page.keyboard.press("Control+Shift+z")
    page.keyboard.press("Control+Shift+z")
    saved(page)
    assert rows(site, pk) == [[200, 220, "Offensive Forehand Loop", True, ""]]
    page.keyboard.press("h")
    expect(page.locator("#history .log-row").first).to_contain_text("done again: you marked #1 as unsure")
    page.locator("#history .log-row", has_text="you marked #1: ").locator("[data-do=back]").click()
    expect(page.locator(".log-preview li")).to_have_count(3)
    page.keyboard.press("Enter")
    saved(page)
    assert rows(site, pk) == []
    page.keyboard.press("Escape")
    page.keyboard.press("Control+z")
    saved(page)
    assert rows(site, pk) == [[200, 220, "Offensive Forehand Loop", True, ""]]


def test_refused_for_good_is_set_aside(page: Page, site: Site, watchable: Callable[[str], str]) -> None:
    pk = watchable("vfr")
    sign_in(page, site)
    open_workspace(page, site, pk)
    refusal = {"code": "bad_op", "message": "Cannot be used.", "params": {}}
    page.context.route("**/decisions/", lambda route: route.fulfill(status=400, json=refusal))
    before = len(rows(site, pk))
    mark(page, 300, 309)
    expect(page.locator("#unsent-open")).to_have_text("1 set aside")
    saved(page)
    page.context.unroute("**/decisions/")
    page.reload()
    page.wait_for_selector("body[data-ready=true]")
    page.click("#unsent-open")
    expect(page.locator("#unsent .aside-list")).to_contain_text("Cannot be used.")
    with page.expect_download() as download:
        page.click("#unsent [data-part=download]")
    kept = json.loads(download.value.path().read_text())
    assert [entry["op"]["data"]["begin"] for entry in kept["aside"]] == [300]
    page.click("#unsent [data-do=retry]")
    saved(page)
    assert len(rows(site, pk)) == before + 1


def test_work_on_a_video_that_is_gone_can_still_be_had(page: Page, site: Site, watchable: Callable[[str], str]) -> None:
    pk = watchable("bframes")
    sign_in(page, site)
    open_workspace(page, site, pk)
    gone = {"code": "not_found", "message": "Gone.", "params": {}}
    page.context.route("**/decisions/", lambda route: route.fulfill(status=404, json=gone))
    mark(page, 200, 219)
    expect(page.locator("#outbox")).to_have_attribute("data-status", "shut")
    page.click("#unsent-open")
    with page.expect_download() as download:
        page.click("#unsent [data-part=download]")
    assert [op["data"]["begin"] for op in json.loads(download.value.path().read_text())["unsent"]] == [200]
    page.goto(f"{site.url}/")
    expect(page.locator(".leftover")).to_contain_text("1 edit of “bframes” is only in this browser so far.")
    page.context.route(f"**/api/v1/videos/{pk}/", lambda route: route.fulfill(status=404, json=gone))
    page.reload()
    with page.expect_download() as download:
        page.click(".leftover button:has-text('Download')")
    assert len(json.loads(download.value.path().read_text())["unsent"]) == 1
    page.click(".leftover button:has-text('Discard')")
    expect(page.locator(".leftover")).to_have_count(0)
    page.reload()
    page.wait_for_selector("#upload-open")
    expect(page.locator(".leftover")).to_have_count(0)


def test_somebody_else_at_the_same_browser(page: Page, site: Site, watchable: Callable[[str], str]) -> None:
    """alice's page is open, admin signs in in another tab: alice's work is neither shown to admin nor saved as hers."""
    pk = watchable("rotated")
    sign_in(page, site)
    open_workspace(page, site, pk)
    before = rows(site, pk)
    page.context.clear_cookies(name="sessionid")
    other = page.context.new_page()
    sign_in(other, site, "admin")
    mark(page, 400, 409)
    expect(page.locator("#sign-in-again .form-error")).to_contain_text("admin")
    open_workspace(other, site, pk)
    assert other.locator(".row").count() == 0
    expect(other.locator("#outbox")).to_have_attribute("data-unsent", "0")
    assert site.shell("from strokes.models import Lane; print(Lane.objects.filter(expert__username='admin').count())") == "0"
    other.close()
    page.fill("#sign-in-again input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    saved(page)
    assert rows(site, pk) == sorted([*before, [400, 410, "", False, ""]])


def test_single_keys_can_be_switched_off(page: Page, site: Site, watchable: Callable[[str], str]) -> None:
    expert(site, "unsingle")
    sign_in(page, site, "unsingle")
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
