"""The timeline in Chromium: gestures, keys, readers of screens, and other people's lanes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks import timeline
from tests.e2e.conftest import Site, every_stroke_is_marked, sign_in
from tests.e2e.test_frames import open_workspace, watchable
from tests.e2e.test_workspace import at, saved

pytestmark = pytest.mark.browser
__all__ = ["watchable"]
LOOP, FLIP, PUSH = "Offensive Forehand Loop", "Offensive Forehand Flip", "Defensive Backhand Push"


def label(site: Site, pk: str, name: str, spans: list[tuple[int, int, str]], *, complete: bool = False) -> None:
    """Mark `spans` in the lane of `name` (made if new), as decisions."""
    site.shell(
        "import uuid\nfrom django.contrib.auth.models import Group, User\nfrom strokes import decisions, records\nfrom strokes.models import Video\n"
        f"person, _ = User.objects.get_or_create(username={name!r})\nperson.groups.add(Group.objects.get(name='experts'))\n"
        f"lane = records.lane(video=Video.objects.get(pk={pk!r}), expert=person)\n"
        "ops = [{'id': str(uuid.uuid4()), 'kind': 'add', 'stroke': str(uuid.uuid4()), 'data': {'begin': b, 'end': e, 'move': m}}"
        f" for b, e, m in {spans!r}]\n"
        f"ops += [{{'id': str(uuid.uuid4()), 'kind': 'complete', 'data': {{'value': True}}}}] if {complete!r} else []\n"
        "decisions.apply(lane=lane, expert=person, ops=ops, base=None)\n"
    )


def strokes(site: Site, pk: str, name: str = "alice") -> list[list[Any]]:
    code = (
        "import json\nfrom strokes.models import Stroke\n"
        f"rows = Stroke.objects.filter(lane__video={pk!r}, lane__expert__username={name!r}).order_by('begin')\n"
        "print(json.dumps(list(map(list, rows.values_list('begin', 'end', 'move')))))"
    )
    found: list[list[Any]] = json.loads(site.shell(code).splitlines()[-1])
    return found


def x_of(page: Page, frame: float, n: int = 480) -> float:
    """Pixel of `frame` on the page while the whole video is in view."""
    box = page.locator("#lanes").bounding_box()
    assert box is not None
    return box["x"] + frame / n * box["width"]


def lane_y(page: Page, name: str = ".lane-mine") -> float:
    box = page.locator(name).bounding_box()
    assert box is not None
    return box["y"] + box["height"] / 2


def test_edges_snap_and_say_to_what(page: Page, site: Site, watchable: Callable[[str], str]) -> None:
    pk = watchable("odd")
    label(site, pk, "alice", [(100, 160, LOOP), (200, 260, FLIP)])
    sign_in(page, site)
    open_workspace(page, site, pk)
    y = lane_y(page)
    page.mouse.move(x_of(page, 160), y)
    page.mouse.down()
    page.mouse.move(x_of(page, 180), y, steps=3)
    page.mouse.move(x_of(page, 198), y, steps=3)
    expect(page.locator(".magnet-word")).to_have_text("edge of a stroke")
    expect(page.locator("#hover")).to_be_visible()
    bubble, lanes = page.locator("#hover").bounding_box(), page.locator("#lanes").bounding_box()
    assert bubble and lanes and bubble["y"] + bubble["height"] <= lanes["y"], "it stands over the lanes, not on them"
    page.mouse.up()
    expect(page.locator(".magnet")).to_be_hidden()
    saved(page)
    assert strokes(site, pk) == [[100, 200, LOOP], [200, 260, FLIP]]
    page.mouse.move(x_of(page, 200), y)
    page.keyboard.down("Alt")
    page.mouse.down()
    page.mouse.move(x_of(page, 190), y, steps=2)
    page.mouse.move(x_of(page, 203), y, steps=2)
    page.keyboard.up("Alt")
    page.mouse.up()
    saved(page)
    assert strokes(site, pk)[0][1] not in (200, 160), "Alt holds the edge free"


def test_the_view_moves_by_keys_wheel_buttons_and_the_overview(page: Page, site: Site, watchable: Callable[[str], str]) -> None:
    pk = watchable("30fps")
    sign_in(page, site)
    open_workspace(page, site, pk)

    def window() -> tuple[float, float]:
        box = page.locator(".overview-window").bounding_box()
        whole = page.locator("#overview").bounding_box()
        assert box is not None and whole is not None
        return (box["x"] - whole["x"]) / whole["width"], box["width"] / whole["width"]

    def waits(check: str) -> None:
        page.wait_for_function(
            "() => { const box = (name) => document.querySelector(name).getBoundingClientRect();"
            " const [w, o] = [box('.overview-window'), box('#overview')];"
            f" const [from, size] = [(w.left - o.left) / o.width, w.width / o.width]; return {check}; }}"
        )

    assert window()[1] > 0.99
    page.click(".zoom-buttons [data-action=zoom-in]")
    page.keyboard.press("+")
    waits("size < 0.4")
    page.keyboard.press("PageDown")
    waits("from > 0.1")
    page.keyboard.press("PageUp")
    waits("from < 0.01")
    page.keyboard.press("f")
    waits("size > 0.99")
    page.mouse.move(x_of(page, 240), lane_y(page))
    page.mouse.wheel(0, -800)
    waits("size < 0.5 && from > 0.2")
    before = window()
    page.keyboard.down("Shift")
    page.mouse.wheel(0, 200)
    page.keyboard.up("Shift")
    waits(f"from > {before[0] + 0.02}")
    # The window on the overview is dragged; its right border zooms.
    whole = page.locator("#overview").bounding_box()
    assert whole is not None
    left, size = window()
    middle, y = whole["x"] + (left + size / 2) * whole["width"], whole["y"] + whole["height"] / 2
    page.mouse.move(middle, y)
    page.mouse.down()
    page.mouse.move(middle - 60, y, steps=3)
    page.mouse.up()
    waits(f"from < {left - 0.03} && Math.abs(size - {size}) < 0.01")
    left, size = window()
    right = whole["x"] + (left + size) * whole["width"]
    page.mouse.move(right, y)
    page.mouse.down()
    page.mouse.move(right + 80, y, steps=3)
    page.mouse.up()
    waits(f"size > {size + 0.05} && Math.abs(from - {left}) < 0.01")


def test_a_reader_hears_the_playhead_and_the_list(page: Page, site: Site, watchable: Callable[[str], str]) -> None:
    pk = watchable("full")
    label(site, pk, "alice", [(10, 30, LOOP), (20, 50, PUSH), (100, 120, "")])
    sign_in(page, site)
    open_workspace(page, site, pk)
    slider = page.get_by_role("slider", name="Playhead")
    slider.focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "frame 2 of 480, 0:00.080")
    page.keyboard.press("PageUp")
    expect(slider).to_have_attribute("aria-valuenow", "252")
    page.keyboard.press("End")
    expect(slider).to_have_attribute("aria-valuenow", "479")

    slider.evaluate("element => element.blur()")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#announce")).to_contain_text("no class yet, frames 100 to 119, 20 frames, marked by hand")
    rows = page.get_by_role("listbox", name="Strokes and suggestions")
    rows.focus()
    page.keyboard.press("Home")
    chosen = page.locator("[role=option][aria-selected=true]")
    expect(chosen).to_have_attribute("aria-posinset", "1")
    assert rows.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    expect(chosen).to_contain_text("frames 10 to 29, 20 frames, marked by hand, overlaps another stroke")
    page.keyboard.press("End")
    expect(page.locator("[role=option][aria-selected=true]")).to_have_attribute("aria-posinset", "3")


def test_others_are_compared_after_one_has_finished(page: Page, site: Site, watchable: Callable[[str], str]) -> None:
    pk = watchable("hevc")
    label(site, pk, "alice", [(40, 80, LOOP), (200, 240, PUSH)])
    label(site, pk, "bob", [(42, 80, LOOP), (200, 240, FLIP), (300, 330, PUSH)], complete=True)
    sign_in(page, site)
    open_workspace(page, site, pk)
    page.keyboard.press("y")
    expect(page.locator("#toast")).to_contain_text("Every stroke is marked")
    expect(page.locator("#compare")).to_be_hidden()
    every_stroke_is_marked(page)
    saved(page)
    page.keyboard.press("y")
    expect(page.locator("[data-part=sum]")).to_have_text("2 disagreements · 1 agreed")
    expect(page.locator(".lane-others")).to_contain_text("bob")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.locator("[data-part=sum]")).to_contain_text("1 / 2")
    page.wait_for_selector("[data-action=loop][aria-pressed=true]")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.locator("[data-part=says]")).to_have_text("bob: DB Push 300–329 · you have none here")
    expect(page.locator("#detail [data-part=title]")).to_have_text("bob")
    page.keyboard.press("Enter")
    saved(page)
    assert strokes(site, pk)[-1] == [300, 330, PUSH]
    page.keyboard.press("Control+z")
    saved(page)
    assert len(strokes(site, pk)) == 2
    page.select_option("#filter", "disagreed")
    expect(page.locator("[role=option]:visible")).to_have_count(3)
    page.keyboard.press("y")
    expect(page.locator("#filter")).to_have_value("all")


def test_an_administrator_decides_what_the_consensus_says(page: Page, site: Site, watchable: Callable[[str], str]) -> None:
    pk = watchable("proxy")
    label(site, pk, "alice", [(40, 80, LOOP), (200, 240, PUSH)], complete=True)
    label(site, pk, "bob", [(42, 82, LOOP), (200, 240, FLIP), (300, 330, PUSH)], complete=True)
    sign_in(page, site, "admin")
    open_workspace(page, site, pk)
    page.keyboard.press("y")
    expect(page.locator("[data-part=sum]")).to_have_text("2 disagreements · 1 agreed")
    page.get_by_role("button", name="Begin a consensus").click()
    page.locator("#begin-consensus").get_by_role("button", name="Begin the consensus").click()
    expect(page.locator(".lane-of-consensus")).to_have_text("Consensus")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.locator("[data-part=says]")).to_contain_text("alice: DB Push 200–239")
    page.keyboard.press("Shift+Enter")
    expect(page.locator("[data-part=sum]")).to_contain_text("1 / 1 disagreement")
    page.keyboard.press("Shift+Enter")
    expect(page.locator("[data-part=sum]")).to_contain_text("nothing disagreed about")
    page.click("#toast .toast-undo")
    expect(page.locator("[data-part=sum]")).to_contain_text("1 disagreement")
    # Over a reload: what was taken back comes again, and both go.
    open_workspace(page, site, pk)
    page.keyboard.press("y")
    expect(page.locator("[data-part=sum]")).to_contain_text("1 disagreement")
    page.keyboard.press("Control+Shift+z")
    expect(page.locator("[data-part=sum]")).to_contain_text("nothing disagreed about")
    for left in ("1 disagreement", "2 disagreements"):
        page.keyboard.press("Control+z")
        expect(page.locator("[data-part=sum]")).to_contain_text(left)
    page.keyboard.press("Control+Shift+z")
    expect(page.locator("[data-part=sum]")).to_contain_text("1 disagreement")
    page.keyboard.press("Escape")
    page.check("[data-part=complete] input")
    expect(page.locator("#toast")).to_contain_text("gaps in it now count")
    # The history tells it, leads there, and takes several steps back at once.
    page.keyboard.press("h")
    steps = page.locator("#history .log-row")
    expect(page.get_by_label("Consensus", exact=True)).to_be_checked()
    expect(steps.first).to_contain_text("you said that every stroke is marked")
    expect(steps.nth(1)).to_contain_text("done again: you marked Defensive Backhand Push 200–239")
    steps.nth(1).get_by_role("button", name="Undo back to here").click()
    expect(page.locator("#history .log-preview")).to_contain_text("This takes back 2 steps:")
    page.locator("#history [data-part=take]").click()
    expect(steps.first).to_contain_text("you took back 2 steps")
    page.get_by_label("My strokes").check()
    expect(page.locator("#history .log")).to_have_text("Nothing was done here yet.")
    page.keyboard.press("Escape")
    expect(page.locator("[data-part=sum]")).to_contain_text("2 disagreements")
    page.click("#toast .toast-undo")
    expect(page.locator("[data-part=sum]")).to_contain_text("1 disagreement")
    truth = (
        "from strokes import records\nfrom strokes.models import Video\n"
        f"found, complete = records.truth(Video.objects.get(pk={pk!r}))\n"
        "print([(one.begin, one.end, one.move) for one in found], complete)"
    )
    assert site.shell(truth).splitlines()[-1] == f"{[(41, 81, LOOP), (200, 240, PUSH)]} True"


@pytest.fixture
def finger(browser: Browser) -> Iterator[Page]:
    """A tablet: 820 pixels wide, touched."""
    context = browser.new_context(viewport={"width": 820, "height": 1180}, locale="en-GB", has_touch=True)
    yield context.new_page()
    context.close()


def test_fingers_pan_tap_and_pinch(finger: Page, site: Site, watchable: Callable[[str], str]) -> None:
    pk = watchable("mpeg4")
    label(site, pk, "alice", [(100, 160, LOOP)])
    sign_in(finger, site)
    open_workspace(finger, site, pk)
    touch = finger.context.new_cdp_session(finger)
    y = lane_y(finger)

    def touches(kind: str, *xs: float) -> None:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y, "id": i} for i, x in enumerate(xs)]})

    finger.touchscreen.tap(x_of(finger, 130), y)
    finger.wait_for_selector("#detail[data-kind=stroke]")
    finger.touchscreen.tap(x_of(finger, 300), y)
    finger.wait_for_function("() => Math.abs(Number(document.querySelector('#frame').dataset.frame) - 300) <= 1")
    middle = x_of(finger, 240)
    touches("touchStart", middle - 40, middle + 40)
    for apart in (60, 100, 140, 180):
        touches("touchMove", middle - apart, middle + apart)
    touches("touchEnd")
    size = "document.querySelector('.overview-window').getBoundingClientRect()"
    finger.wait_for_function(f"() => {size}.width < 0.4 * document.querySelector('#overview').clientWidth")
    left = finger.evaluate(f"{size}.left")
    touches("touchStart", middle)
    for x in (middle - 40, middle - 120, middle - 200):
        touches("touchMove", x)
    touches("touchEnd")
    finger.wait_for_function(f"() => {size}.left > {left + 20}")


def test_the_page_does_not_grow_while_the_view_moves(page: Page, site: Site, watchable: Callable[[str], str]) -> None:
    """Playing and stepping paint no canvas; panning repaints one; nothing adds elements."""
    pk = watchable("vp9")
    label(site, pk, "alice", [(k, k + 4, LOOP) for k in range(0, 470, 5)])
    sign_in(page, site)
    open_workspace(page, site, pk)
    at(page, 100)
    page.evaluate("() => { const clear = CanvasRenderingContext2D.prototype.clearRect; window.paints = 0;"
                  " CanvasRenderingContext2D.prototype.clearRect = function (...a) { if (this.canvas.id === 'lanes') window.paints += 1; return clear.apply(this, a); }; }")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector('#frame[data-frame="101"]:not(.is-pending)')
    assert page.evaluate("window.paints") == 0
    page.keyboard.press("+")
    page.keyboard.press("PageDown")
    page.wait_for_function("() => window.paints > 0")
    nodes = page.evaluate("document.querySelectorAll('*').length")
    for _ in range(10):
        page.keyboard.press("PageDown")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("PageUp")
    page.wait_for_timeout(200)
    assert page.evaluate("document.querySelectorAll('*').length") <= nodes + 8 * 12, "a few rows more at most"
    assert page.locator("[role=option]").count() <= 40, "95 strokes, and only what is near the view has a row"


def test_the_benchmark_measures_frames_and_leaves_no_element_behind(
    page: Page, browser: Browser, site: Site
) -> None:
    """A small run of `make bench-timeline` and `make soak-timeline`: what is counted, not how long it takes."""
    pk = timeline.bring(site, 150)
    sign_in(page, site)
    timeline.open_video(page, site, pk)
    for gesture in (timeline.pan, timeline.zoom, timeline.drag):
        row = timeline.measure("gesture", page, browser, lambda act=gesture: act(page, 0.6))  # type: ignore[misc]
        assert row.frames >= 5 and len(row.work) >= 4 and row.parts["script"] > 0, row.line()
    rows = timeline.an_hour(page, site, 60, 3 * len(timeline.ROUND))
    assert len(rows) == 4 and rows[-1][2] - rows[1][2] <= 40 and rows[-1][3] == rows[1][3], rows
