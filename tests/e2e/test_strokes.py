"""The stroke browser in the real page: filters in the address, loops, the reel by key, into the video and back."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Site, sign_in
from tests.e2e.test_frames import watchable
from tests.e2e.test_queue import clear
from tests.fixtures.numbered import read_number

pytestmark = pytest.mark.browser
__all__ = ["watchable"]
SPANS = [(30, 60, "Offensive Forehand Loop"), (150, 180, "Defensive Backhand Push"), (300, 330, "Offensive Forehand Flip")]


@pytest.fixture
def labelled(site: Site, watchable: Callable[[str], str]) -> Iterator[list[str]]:
    """Three strokes of alice in each of two videos."""
    videos = [watchable(kind) for kind in ("120fps", "vfr")]
    clear(site)
    site.shell(
        "import uuid\nfrom django.contrib.auth.models import User\nfrom strokes import decisions, records\nfrom strokes.models import Video\n"
        "alice = User.objects.get(username='alice')\n"
        f"for pk in {videos!r}:\n"
        "    ops = [{'id': str(uuid.uuid4()), 'kind': 'add', 'stroke': str(uuid.uuid4()), 'data': {'begin': b, 'end': e, 'move': m}}\n"
        f"           for b, e, m in {SPANS!r}]\n"
        "    lane = records.lane(video=Video.objects.get(pk=pk), expert=alice)\n"
        "    decisions.apply(lane=lane, expert=alice, ops=ops, base=None)"
    )
    yield videos
    clear(site)


def open_strokes(page: Page, site: Site, query: str = "") -> None:
    page.goto(f"{site.url}/strokes/{query}")
    page.wait_for_selector("#strokes[data-ready]")


def number_in(page: Page, selector: str) -> int | None:
    box = page.locator(selector).bounding_box()
    assert box
    clip: Any = {name: float(round(value)) for name, value in box.items()}
    return read_number(np.asarray(Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")))


def test_filters_stand_in_the_address(page: Page, site: Site, labelled: list[str]) -> None:
    sign_in(page, site)
    open_strokes(page, site)
    expect(page.locator(".stroke")).to_have_count(6)
    page.locator('.filter-group > .check input[value="Offensive Forehand"]').check()
    page.wait_for_url("**/strokes/?*move=Offensive+Forehand*")
    page.wait_for_selector("#strokes[data-ready]")
    expect(page.locator(".stroke")).to_have_count(4)
    page.locator(f'input[name=video][value="{labelled[0]}"]').check()
    page.wait_for_url("**video=*")
    page.wait_for_selector("#strokes[data-ready]")
    expect(page.locator(".stroke")).to_have_count(2)
    assert "order" not in page.url and "text" not in page.url, "the address says only what is asked for"
    page.go_back()
    expect(page.locator(".stroke")).to_have_count(4)


def test_a_card_plays_its_stroke_while_it_is_looked_at(page: Page, site: Site, labelled: list[str]) -> None:
    sign_in(page, site)
    open_strokes(page, site, "?order=video")
    card = page.locator(".stroke").nth(1)
    begin, end = int(card.get_attribute("data-begin") or 0), int(card.get_attribute("data-end") or 0)
    card.focus()
    page.wait_for_selector(".stroke.is-playing")
    seen = {number_in(page, ".stroke:focus .stroke-picture") for _ in range(12)} - {None}
    loop = 130  # a second or so of lead and tail at 120 fps
    assert len(seen) > 2 and all(begin - loop <= number <= end + loop for number in seen if number is not None)
    page.keyboard.press("ArrowRight")
    expect(page.locator(".stroke").nth(2)).to_be_focused()
    assert page.locator(".stroke-picture video").count() <= 1, "the other has let go of its decoder"


def test_the_reel_by_key_and_back(page: Page, site: Site, labelled: list[str]) -> None:
    sign_in(page, site)
    open_strokes(page, site, "?order=video")
    ids = [each.get_attribute("data-id") or "" for each in page.locator(".stroke").all()]
    page.locator(".stroke").nth(1).focus()
    page.keyboard.press("Space")
    page.wait_for_selector(f'#reel[data-shown="{ids[1]}"]')
    assert page.inner_text("[data-part=place]") == "2 of 6"
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(f'#reel[data-shown="{ids[2]}"]')
    page.keyboard.press("r")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector(f'#reel[data-shown="{ids[0]}"]')
    page.keyboard.press("Space")
    expect(page.locator("#reel [data-do=play]")).to_have_attribute("aria-pressed", "false")
    # Open it where it happens; back leads to the same place of the reel.
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-ready=true]", timeout=20_000)
    page.wait_for_selector(f'#frame[data-frame="{SPANS[0][0]}"]:not(.is-pending)')
    assert page.get_attribute("#detail", "data-kind") == "stroke" and f"stroke={ids[0]}" in page.url
    page.go_back()
    page.wait_for_selector(f'#reel[data-shown="{ids[0]}"]', timeout=20_000)
    page.keyboard.press("Escape")
    expect(page.locator(f"#stroke-{ids[0]}")).to_be_focused()


def test_the_reel_goes_on_by_itself_to_the_end(page: Page, site: Site, labelled: list[str]) -> None:
    sign_in(page, site)
    open_strokes(page, site, "?order=video&move=Defensive+Backhand+Push")
    expect(page.locator(".stroke")).to_have_count(2)
    page.click("#play-reel")
    expect(page.locator("[data-part=place]")).to_have_text("1 of 2")
    expect(page.locator("[data-part=place]")).to_have_text("2 of 2", timeout=20_000)
    expect(page.locator("#reel [data-do=play]")).to_have_attribute("aria-pressed", "false", timeout=20_000)


def test_the_grid_comes_back_where_it_was_left(page: Page, site: Site, labelled: list[str]) -> None:
    sign_in(page, site)
    open_strokes(page, site, "?order=video")
    card = page.locator(".stroke").nth(4)
    pk = card.get_attribute("data-id")
    card.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-ready=true]", timeout=20_000)
    page.go_back()
    page.wait_for_selector("#strokes[data-ready]")
    expect(page.locator(f"#stroke-{pk}")).to_be_focused()
