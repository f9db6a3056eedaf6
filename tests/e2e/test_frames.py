"""The frame shown is the frame recorded: random seeks through the page, the number read from the composited pixels.

The fixtures have their number drawn into every picture. The gate takes some seeks per kind and road, in Chromium and
Firefox; the full proof is `make soak-seeks`.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, Route

from mlcore.formats import FrameTable
from tests.e2e import seeking
from tests.e2e.conftest import Site, sign_in
from tests.e2e.firefox import Firefox
from tests.fixtures.numbered import read_number

pytestmark = pytest.mark.browser
SEEKS = int(os.environ.get("TOPSPIN_SEEKS", "24"))
PICTURES = 480


MADE: dict[tuple[Path, str, str], str] = {}  # (site, test file, kind) to the video


@pytest.fixture
def watchable(site: Site, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Brings a numbered video to the site, probed and with a proxy; gives its id. Each test file has each kind once, to itself."""
    here = request.path.name

    def make(kind: str) -> str:
        if (site.data, here, kind) not in MADE:
            made = next((pk for (data, _, what), pk in MADE.items() if (data, what) == (site.data, kind)), None)
            MADE[site.data, here, kind] = seeking.copy(site, made, kind) if made else bring(site, kind)
        return MADE[site.data, here, kind]

    return make


def bring(site: Site, kind: str) -> str:
    return seeking.bring_numbered(site, kind, PICTURES)


def open_workspace(page: Page, site: Site, pk: str, road: str = "") -> None:
    """The workspace, when its first picture is proven; with `road`, the pictures come that way or not at all."""
    page.goto(f"{site.url}/videos/{pk}/" + (f"?road={road}" if road else ""))
    page.wait_for_selector("body[data-ready=true]", timeout=20_000)


def go_to(page: Page, frame: int) -> None:
    page.keyboard.press("g")
    page.fill("#go-to input", str(frame))
    page.keyboard.press("Enter")


def shown(page: Page) -> int | None:
    """The number in the pixels of the picture as the browser composited it."""
    box = page.locator("#frame").bounding_box()
    assert box is not None
    clip = {name: float(round(value)) for name, value in box.items()}
    return read_number(np.asarray(Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")))  # type: ignore[arg-type]


def wrong_frames(page: Page, frames: list[int]) -> list[tuple[int, int | None]]:
    """(asked, seen) of every seek that did not show what was asked for, once the page says that it is there."""
    wrong = []
    for frame in frames:
        go_to(page, frame)
        page.wait_for_selector(f'#frame[data-frame="{frame}"]:not(.is-pending)', timeout=10_000)
        if (seen := shown(page)) != frame:
            wrong.append((frame, seen))
    return wrong


def seeks(kind: str, road: str) -> list[list[int]]:
    return seeking.plan(f"{kind} {road}", PICTURES, SEEKS)


@pytest.mark.parametrize("road", ["webcodecs", "server", "video"])
@pytest.mark.parametrize("kind", seeking.KINDS)
def test_every_seek_shows_the_asked_frame(
        page: Page, site: Site, watchable: Callable[[str], str], kind: str, road: str) -> None:
    sign_in(page, site)
    seeker = seeking.ChromiumSeeker(page)
    assert seeker.open(f"{site.url}/videos/{watchable(kind)}/?road={road}")
    assert page.evaluate("document.body.dataset.road") == road
    tally = seeking.seek(seeker, seeks(kind, road))
    assert tally.held, tally
    assert page.evaluate("document.body.dataset.road") == road


@pytest.fixture(scope="module")
def firefox() -> Iterator[Firefox]:
    with Firefox() as running:
        yield running


@pytest.mark.parametrize("road", ["webcodecs", "server", "video"])
def test_firefox_shows_the_asked_frame(
        firefox: Firefox, site: Site, watchable: Callable[[str], str], road: str) -> None:
    seeker = seeking.FirefoxSeeker(firefox.tab())
    seeker.sign_in(site)
    for kind in seeking.KINDS:
        assert seeker.open(f"{site.url}/videos/{watchable(kind)}/?road={road}"), kind
        assert seeker.tab.evaluate("document.body.dataset.road") == road
        tally = seeking.seek(seeker, seeks(kind, road))
        assert tally.held, (kind, tally)
    seeker.tab.close()


@pytest.mark.parametrize("road", ["webcodecs", "server", "video"])
def test_a_film_off_by_one_is_wrong_on_every_road(page: Page, site: Site, road: str) -> None:
    """The tests above can fail: the pictures of this film say one more than their ordinal."""
    if (site.data, "", "off by one") not in MADE:
        MADE[site.data, "", "off by one"] = seeking.bring_numbered(site, "120fps", 60, first=1)
    sign_in(page, site)
    seeker = seeking.ChromiumSeeker(page)
    assert seeker.open(f"{site.url}/videos/{MADE[site.data, '', 'off by one']}/?road={road}")
    tally = seeking.seek(seeker, [[7], [31], [58]])
    assert tally.wrong == [(7, 8), (31, 32), (58, 59)]


@pytest.mark.parametrize("road", ["webcodecs", "server", "video"])
def test_a_shifted_table_is_refused_or_wrong_on_every_road(page: Page, site: Site, road: str) -> None:
    """The first road compares the table with the file, and refuses; the others believe it, and the tests above turn red."""
    if (site.data, "", "shifted") not in MADE:
        MADE[site.data, "", "shifted"] = seeking.bring_numbered(site, "120fps", 60)
        seeking.shift_table(site, MADE[site.data, "", "shifted"])
    sign_in(page, site)
    seeker = seeking.ChromiumSeeker(page)
    opened = seeker.open(f"{site.url}/videos/{MADE[site.data, '', 'shifted']}/?road={road}")
    assert opened == (road != "webcodecs")
    if opened:
        assert seeking.seek(seeker, [[7], [31], [58]]).wrong == [(7, 8), (31, 32), (58, 59)]


def test_steps_and_pauses_name_the_picture_on_screen(page: Page, site: Site, watchable: Callable[[str], str]) -> None:
    sign_in(page, site)
    open_workspace(page, site, watchable("120fps"))
    go_to(page, 100)
    page.wait_for_selector('#frame[data-frame="100"]:not(.is-pending)')
    for key, frame in (("ArrowRight", 101), ("ArrowRight", 102), ("Shift+ArrowLeft", 92), ("ArrowLeft", 91)):
        page.keyboard.press(key)
        page.wait_for_selector(f'#frame[data-frame="{frame}"]:not(.is-pending)')
        assert shown(page) == frame
    for _ in range(3):
        before = page.evaluate("topspin.player.frame")
        page.keyboard.press("Space")
        page.wait_for_function("before => topspin.player.frame > before + 10", arg=before)
        page.keyboard.press("Space")
        page.wait_for_selector("[data-action=play][aria-pressed=false]")
        page.wait_for_selector("#frame:not(.is-pending)")
        page.wait_for_timeout(100)
        assert str(shown(page)) == page.get_attribute("#frame", "data-frame")
    assert int(page.get_attribute("#frame", "data-frame") or 0) > 91


def alter(page: Page, change: Callable[[FrameTable], list[Fraction]]) -> None:
    """Give the page another frame table than the server's: `change` says the seconds at which pictures would begin."""

    def answer(route: Route) -> None:
        body = route.fetch().json()
        table = FrameTable.parse({key: value for key, value in body.items() if key not in ("format", "version")})
        ticks = [round(seconds * 10**7) for seconds in change(table)]
        route.fulfill(json={**body, "time_base": [1, 10**7], "pts": ticks})

    page.route("**/frames.json", answer)


def begins(table: FrameTable) -> list[Fraction]:
    return [(pts - table.pts[0]) * Fraction(*table.time_base) for pts in table.pts]


def test_a_table_shifted_by_one_turns_this_red(page: Page, site: Site, watchable: Callable[[str], str]) -> None:
    """The test above can fail: with every picture taken for the one before it, no seek is right."""
    sign_in(page, site)
    alter(page, lambda table: [Fraction(0), *(seconds + Fraction(1, 10**5) for seconds in begins(table)[:-1])])
    open_workspace(page, site, watchable("120fps"), "video")
    frames = [7, 300, 31, 478]
    assert wrong_frames(page, frames) == [(frame, frame - 1) for frame in frames]


def test_what_cannot_be_proven_is_said_and_not_marked(page: Page, site: Site, watchable: Callable[[str], str]) -> None:
    """With a table that fits no picture the page gives no number and takes no mark, instead of a neighbour's."""
    sign_in(page, site)
    alter(page, lambda table: [Fraction(0), *(seconds + Fraction(1, 250) for seconds in begins(table)[1:])])
    open_workspace(page, site, watchable("120fps"), "video")
    go_to(page, 200)
    page.wait_for_selector("#frame-note:has-text('200')", timeout=10_000)
    assert page.get_attribute("#frame", "data-frame") is None
    assert page.inner_text("#frame-number") == "?"
    page.keyboard.press("i")
    page.wait_for_selector("#toast.is-shown")
    assert page.get_attribute("#detail", "data-kind") == "none"


def test_fixture_folder_is_the_sites(site: Site, watchable: Callable[[str], str]) -> None:
    """What the pages above watched are this site's files: as many pictures as were drawn, at uneven times."""
    table = FrameTable.read(Path(site.data) / "media" / watchable("vfr") / "frames.json")
    assert table.n == PICTURES
    spans = {b - a for a, b in zip(table.pts, table.pts[1:])}
    assert len(spans) > 1, "the variable-rate fixture is not variable"
