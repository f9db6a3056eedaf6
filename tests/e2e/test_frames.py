"""The frame shown is the frame recorded: random seeks through the page, the number read from the composited pixels.

The fixtures have their number drawn into every picture. The gate takes 24 seeks per kind; the full proof is
`TOPSPIN_SEEKS=300 pytest tests/e2e/test_frames.py`.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, Route

from mlcore.formats import FrameTable
from tests.e2e.conftest import ROOT, Site, sign_in
from tests.fixtures.numbered import numbered, read_number

pytestmark = pytest.mark.browser
SEEKS = int(os.environ.get("TOPSPIN_SEEKS", "24"))
PICTURES = 480
KINDS = ["120fps", "vfr", "bframes", "rotated"]


def step(*arguments: str) -> dict[str, Any]:
    """Run a step of mlcore as the worker does, and return what it says at its end."""
    ran = subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    done: dict[str, Any] = json.loads(ran.stdout.strip().splitlines()[-1])["done"]
    return done


MADE: dict[tuple[Path, str], str] = {}


@pytest.fixture
def watchable(site: Site) -> Callable[[str], str]:
    """Brings a numbered video to the site, probed and with a proxy; gives its id. Each site gets each kind once."""

    def make(kind: str) -> str:
        if (site.data, kind) not in MADE:
            MADE[site.data, kind] = bring(site, kind)
        return MADE[site.data, kind]

    return make


def bring(site: Site, kind: str) -> str:
    pk = str(uuid4())
    folder = site.data / "media" / pk
    folder.mkdir(parents=True)
    source = folder / "source.mp4"
    numbered(source, kind, PICTURES)
    sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
    done = step("mlcore.probe", str(source), "--out", str(folder), "--sha256", sha256)
    assert done["n"] == PICTURES
    step("mlcore.proxy", str(source), "--frames", str(folder / "frames.json"), "--out", str(folder))
    names = {"n_frames": done["n"], **{name: done[name] for name in ("fps", "duration_s", "width", "height")}}
    site.shell(
        "from strokes import taxonomy\nfrom strokes.models import Video\n"
        f"Video.objects.create(id={pk!r}, title={kind!r}, taxonomy=taxonomy.default(), state='watchable',"
        f" file='source.mp4', sha256={sha256!r}, bytes={source.stat().st_size}, **{names!r})"
    )
    return pk


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


@pytest.mark.parametrize("kind", KINDS)
def test_every_seek_shows_the_asked_frame(page: Page, site: Site, watchable: Callable[[str], str], kind: str) -> None:
    pk = watchable(kind)
    sign_in(page, site)
    open_workspace(page, site, pk)
    drawn = random.Random(f"{kind} {SEEKS}")
    frames = [0, PICTURES - 1, *(drawn.randrange(PICTURES) for _ in range(SEEKS - 2))]
    assert wrong_frames(page, frames) == []


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
        page.keyboard.press("Space")
        page.wait_for_timeout(250)
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
