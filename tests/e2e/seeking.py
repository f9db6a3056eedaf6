"""Random seeks through the real page in Chromium or Firefox: which picture does the screen show when the page says that it is there?

The fixtures have their number drawn into every picture; it is read from what the browser has composited, never from what
a page could hand out. A `Seeker` is one open workspace; `ask` brings it to pictures, `wrong` compares.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import random
import shutil
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID, uuid4

import numpy as np
from PIL import Image
from playwright.sync_api import Page

from mlcore.formats import FrameTable
from tests.e2e.conftest import PASSWORD, ROOT, Site
from tests.e2e.firefox import Tab
from tests.fixtures.numbered import numbered, read_number

KINDS = ("120fps", "vfr", "bframes", "rotated", "30fps", "odd")
SCALE = 0.35  # of the screenshot: enough to read the number, quick to pack
PATIENCE_MS = 20_000
# Ask for pictures in a row without waiting, as an impatient hand does; then wait until the page says that the last one is there.
SEEK = """
async (frames) => {
  const { player } = topspin;
  const box = document.querySelector("#frame");
  const last = frames.at(-1);
  frames.forEach((frame) => player.goTo(frame));
  const until = performance.now() + PATIENCE;
  for (;;) {
    if (box.dataset.frame === String(last) && !box.classList.contains("is-pending")) return "proven";
    if (player.unproven === last && player.pending === null) return "unproven";
    if (performance.now() > until) return "late";
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
""".replace("PATIENCE", str(PATIENCE_MS))
BOX = """(() => {
  const { x, y, width, height } = document.querySelector("#frame").getBoundingClientRect();
  return { x, y, width, height };
})()"""

TWO_FRAMES = "new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve(true))))"


class Seeker(Protocol):
    """An open workspace."""

    def open(self, url: str) -> bool:
        """Open the page; whether it became ready, with a first picture proven."""

    def ask(self, frames: list[int]) -> str:
        """Ask for pictures in a row: is the last one "proven", "unproven" or "late"?"""

    def pixels(self) -> np.ndarray:
        """The picture as composited, (H, W, 3)."""

    def two_frames(self) -> None:
        """Wait until the browser has made two more frames."""


def rgb(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


class ChromiumSeeker:
    """A page of Chromium; the screenshot comes from its compositor by the DevTools protocol."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._session = page.context.new_cdp_session(page)
        self._box: dict[str, float] = {}

    def open(self, url: str) -> bool:
        self.page.goto(url)
        try:
            self.page.wait_for_selector("body[data-ready=true]", timeout=PATIENCE_MS)
        except Exception:
            return False
        self._box = self.page.evaluate(BOX)
        return True

    def ask(self, frames: list[int]) -> str:
        return str(self.page.evaluate(SEEK, frames))

    def two_frames(self) -> None:
        self.page.evaluate(TWO_FRAMES)

    def pixels(self) -> np.ndarray:
        answer = self._session.send("Page.captureScreenshot", {
            "format": "png", "optimizeForSpeed": True, "clip": {**self._box, "scale": SCALE}})
        return rgb(base64.b64decode(answer["data"]))


class FirefoxSeeker:
    """A tab of Firefox; the screenshot is WebDriver's."""

    def __init__(self, tab: Tab) -> None:
        self.tab = tab
        self._box: dict[str, float] = {}

    def sign_in(self, site: Site, name: str = "alice") -> None:
        self.tab.goto(f"{site.url}/sign-in/")
        if self.tab.evaluate("location.pathname") == "/":
            return  # signed in already
        self.tab.fill("input[name=username]", name)
        self.tab.fill("input[name=password]", PASSWORD)
        self.tab.click("button[type=submit]")
        self.tab.wait_for("location.pathname === '/'")

    def open(self, url: str) -> bool:
        self.tab.goto(url)
        try:
            self.tab.wait_for("document.body.dataset.ready === 'true'", PATIENCE_MS / 1000)
        except Exception:
            return False
        self._box = self.tab.evaluate(BOX)
        return True

    def ask(self, frames: list[int]) -> str:
        return str(self.tab.evaluate(f"({SEEK})({json.dumps(frames)})"))

    def two_frames(self) -> None:
        self.tab.evaluate(TWO_FRAMES)

    def pixels(self) -> np.ndarray:
        return rgb(self.tab.screenshot(self._box))


@dataclass
class Tally:
    """What came of some seeks. `wrong`: (asked, seen) where the page named a picture that the screen did not show.

    `again`: how often a screenshot was still of the frame before (a <video> is told of its picture when that goes to the
    compositor, one frame before it is on screen), and the one after the next two frames was right.
    """

    asked: int = 0
    wrong: list[tuple[int, int | None]] = field(default_factory=list)
    said: Counter[str] = field(default_factory=Counter)
    again: int = 0

    @property
    def held(self) -> bool:
        """Every picture asked for was named and shown."""
        return self.said == {"proven": self.asked} and not self.wrong


def seek(seeker: Seeker, plan: Iterable[list[int]]) -> Tally:
    """Ask for the pictures of `plan`; the last of each row is looked at."""
    tally = Tally()
    for frames in plan:
        said = seeker.ask(frames)
        tally.asked += 1
        tally.said[said] += 1
        if said != "proven" or read_number(seeker.pixels()) == frames[-1]:
            continue
        seeker.two_frames()
        if (seen := read_number(seeker.pixels())) == frames[-1]:
            tally.again += 1
        else:
            tally.wrong.append((frames[-1], seen))
    return tally


def plan(seed: str, n: int, seeks: int) -> list[list[int]]:
    """`seeks` rows of random pictures of `n`: every fourth an impatient row of three; the first and the last picture too."""
    drawn = random.Random(seed)
    rows = [[drawn.randrange(n) for _ in range(3 if k % 4 == 3 else 1)] for k in range(seeks)]
    for k, frame in ((0, 0), (seeks // 2, n - 1)):
        rows[k] = [frame]
    return rows


def step(*arguments: str) -> dict[str, Any]:
    """Run a step of mlcore as the worker does, and return what it says at its end."""
    ran = subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    done: dict[str, Any] = json.loads(ran.stdout.strip().splitlines()[-1])["done"]
    return done


def bring(site: Site, source: Path, title: str) -> str:
    """Bring the video file `source` (it is moved) to the site, probed and with a proxy; its id."""
    pk = str(uuid4())
    folder = site.data / "media" / pk
    folder.mkdir(parents=True)
    source = source.rename(folder / f"source{source.suffix}")
    sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
    step("mlcore.probe", str(source), "--out", str(folder), "--sha256", sha256)
    step("mlcore.proxy", str(source), "--frames", str(folder / "frames.json"), "--out", str(folder))
    return _row(site, pk, title)


def adopt(site: Site, kept: Path, title: str) -> str:
    """Bring a video whose folder was kept when it was made; its id."""
    pk = str(uuid4())
    shutil.copytree(kept, site.data / "media" / pk)
    return _row(site, pk, title)


def copy(site: Site, pk: str, title: str) -> str:
    """Bring a video of the site once more, with nobody's work in it; its id. A site takes no file twice: this one ends in a box of its own."""
    twin = str(uuid4())
    folder = shutil.copytree(site.data / "media" / pk, site.data / "media" / twin)
    source = next(folder.glob("source.*"))
    with source.open("ab") as file:
        file.write(struct.pack(">I4s", 24, b"free") + UUID(twin).bytes)
    table = FrameTable.read(folder / "frames.json")
    table.sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
    table.write(folder / "frames.json")
    return _row(site, twin, title)


def _row(site: Site, pk: str, title: str) -> str:
    """The row of a video whose files are all there."""
    folder = site.data / "media" / pk
    table, source = FrameTable.read(folder / "frames.json"), next(folder.glob("source.*"))
    names = {"n_frames": table.n, "fps": table.fps, "duration_s": table.duration_s, "width": table.width, "height": table.height}
    site.shell(
        "from strokes import taxonomy\nfrom strokes.models import Video\n"
        f"Video.objects.create(id={pk!r}, title={title!r}, taxonomy=taxonomy.default(), state='watchable',"
        f" file={source.name!r}, sha256={table.sha256!r}, bytes={source.stat().st_size}, **{names!r})"
    )
    return pk


def bring_numbered(site: Site, kind: str, pictures: int, *, first: int = 0) -> str:
    """A numbered video on the site; its pictures say `first`, `first` + 1, ..."""
    source = site.data / f"{uuid4()}.mp4"
    numbered(source, kind, pictures, first=first)
    return bring(site, source, kind)


def shift_table(site: Site, pk: str) -> None:
    """From now on the frame table of this video takes every picture (but the first) for the one before it."""
    path = site.data / "media" / pk / "frames.json"
    table = FrameTable.read(path)
    table.pts = [table.pts[0], *table.pts[2:], table.pts[-1] + (table.pts[-1] - table.pts[-2])]
    table.write(path)
