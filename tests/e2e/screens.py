"""Screenshots of every page: `python -m tests.e2e.screens [URL USER PASSWORD FOLDER]`; by default of a demo site of its own, into docs/screens/."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.e2e.conftest import PASSWORD, ROOT, Site, chromium, start_site, stop

SIZES = {"1440": (1440, 900), "1366": (1366, 768), "820": (820, 1180)}


def shoot(browser: Browser, url: str, user: str, password: str, folder: Path, languages: tuple[str, ...] = ("en", "fr")) -> None:
    """Every page in each size and language as PNG files `<page>-<width>[-fr].png`."""
    folder.mkdir(parents=True, exist_ok=True)
    for language in languages:
        for name, (width, height) in SIZES.items():
            context = browser.new_context(viewport={"width": width, "height": height}, locale={"en": "en-GB", "fr": "fr-FR"}[language])
            page = context.new_page()
            tail = f"{name}{'' if language == 'en' else '-' + language}.png"
            page.goto(f"{url}/sign-in/")
            page.screenshot(path=folder / f"sign-in-{tail}")
            page.fill("input[name=username]", user)
            page.fill("input[name=password]", password)
            page.click("button[type=submit]")
            page.wait_for_url(f"{url}/")
            page.wait_for_timeout(500)
            page.screenshot(path=folder / f"library-{tail}")
            link = page.locator(".card-title a").first
            address = link.get_attribute("href") if link.count() else None
            for place in ("models", "data"):
                page.goto(f"{url}/{place}/")
                page.wait_for_timeout(300)
                page.screenshot(path=folder / f"{place}-{tail}", full_page=True)
            if address:
                page.goto(f"{url}{address}")
                page.wait_for_selector("body[data-ready]")
                for _ in range(2):
                    page.keyboard.press("ArrowDown")
                page.wait_for_timeout(1200)
                page.screenshot(path=folder / f"workspace-{tail}")
            context.close()


def wait_until_quiet(site: Site) -> None:
    """Until no job waits or runs."""
    while site.shell("from strokes.models import Job; print(Job.objects.filter(state__in=['queued', 'running']).count())") != "0":
        time.sleep(3)


def main() -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        if len(sys.argv) == 5:
            shoot(browser, sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]))
            return
        with tempfile.TemporaryDirectory() as folder:
            site, processes = start_site(Path(folder) / "data")
            try:
                site.manage("demo", timeout=1800)
                wait_until_quiet(site)
                site.manage("retrain", "--preset", "cpu", "--max-minutes", "4", check=False, timeout=900)
                wait_until_quiet(site)
                shoot(browser, site.url, "alice", PASSWORD, ROOT / "docs" / "screens")
            finally:
                stop(processes)


if __name__ == "__main__":
    main()
