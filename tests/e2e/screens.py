"""Screenshots of every page, in each size, light and dark, into docs/screens/: `python -m tests.e2e.screens [FOLDER [PLACE...]]`.

The site is a demo site of its own; docs/screens/README.md shows the pictures page by page.
"""

from __future__ import annotations

import io
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from tests.e2e.conftest import ROOT, Site, chromium, start_site, stop
from tests.e2e.places import PLACES, Home, Place, enter, furnish
from tests.e2e.test_frames import open_workspace

SIZES = {"1440": (1440, 900), "1366": (1366, 768), "820": (820, 1180)}
# What only a demo site has: its practice video with the tour.
TOUR = Place("workspace-tour", "workspace", lambda page, home: open_workspace(page, home.site, home.ids["practice"]), kept=True)
SHOWN = [*PLACES, TOUR]
FRENCH = "1366"  # the size in which French is kept too
QUALITY = 82


def shoot(browser: Browser, home: Home, place: Place, folder: Path, size: str, theme: str, language: str) -> str:
    """One picture; its name."""
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, locale={"en": "en-GB", "fr": "fr-FR"}[language])
    context.add_cookies([{"name": "theme", "value": theme, "url": home.url()}])
    page = context.new_page()
    enter(page, home, place)
    page.wait_for_timeout(900)
    picture = Image.open(io.BytesIO(page.screenshot(full_page=not place.name.startswith("workspace"))))
    name = f"{place.name}-{size}-{theme}{'' if language == 'en' else '-' + language}.webp"
    picture.convert("RGB").save(folder / name, quality=QUALITY, method=6)
    context.close()
    return name


def views() -> list[tuple[str, str, str]]:
    """(size, theme, language) of every picture of a page."""
    return [(size, theme, "en") for size in SIZES for theme in ("light", "dark")] + [(FRENCH, "light", "fr")]


def album(names: list[str]) -> str:
    """The page that shows the pictures."""
    kept = [place.name for place in SHOWN if place.kept]
    parts = ["# Screens", "Made by `make screens` on a demo site. Each page at 1440, 1366 x 768 and 820 pixels, light and dark; French at 1366."]
    for place in kept:
        mine = [name for name in names if name.rsplit(".", 1)[0].startswith(f"{place}-1") or name.startswith(f"{place}-8")]
        parts += [f"## {place}", *(f"![{name[:-5]}]({name})" for name in mine)]
    return "\n\n".join(parts) + "\n"


def wait_until_quiet(site: Site) -> None:
    """Until no job waits or runs."""
    while site.shell("from strokes.models import Job; print(Job.objects.filter(state__in=['queued', 'running']).count())") != "0":
        time.sleep(3)


def demo(site: Site) -> list[str]:
    """The demo videos, prepared; the ids of the one to label and of the one to practise with."""
    site.manage("demo", timeout=1800)
    wait_until_quiet(site)
    code = "from strokes.models import Video; print(Video.objects.filter(practice={}).latest('created').pk)"
    return [site.shell(code.format(practice)).splitlines()[-1] for practice in (False, True)]


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "screens"
    wanted = sys.argv[2:]
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        site, processes = start_site(Path(temporary) / "data")
        try:
            pk, practice = demo(site)
            stop([processes.pop()])  # the worker: nothing may change while pictures are taken
            home = furnish(site, pk)
            home.ids["practice"] = practice
            browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
            for place in SHOWN:
                if place.name in wanted or (not wanted and place.kept):
                    print(place.name, flush=True)
                    names += [shoot(browser, home, place, folder, *view) for view in views()]
        finally:
            stop(processes)
    if not wanted:
        (folder / "README.md").write_text(album(names), "utf-8")


if __name__ == "__main__":
    main()
