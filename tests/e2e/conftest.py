"""The real site for browser tests: gunicorn and worker as `make run` starts them, on a data folder of their own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery"


def chromium() -> str | None:
    """The system's Chromium; None lets Playwright use its own build."""
    return next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)


@dataclass
class Site:
    """A running Topspin."""

    url: str
    data: Path
    env: dict[str, str]
    root: Path = ROOT

    def manage(self, *arguments: str, check: bool = True, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run a manage.py command on this site's data."""
        return subprocess.run([sys.executable, "manage.py", *arguments], cwd=self.root, env=self.env, text=True,
                              capture_output=True, check=check, timeout=timeout)

    def shell(self, code: str) -> str:
        """Run `code` in Django's shell on this site's data and return what it printed."""
        return self.manage("shell", "--no-imports", "-c", code).stdout.strip()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def start_site(data: Path, *, work: bool = True, root: Path = ROOT, **settings: str) -> tuple[Site, list[subprocess.Popen[bytes]]]:
    """Migrate, make alice (expert) and admin, start gunicorn and (to do its `work`) the worker; waits until the site answers.

    `root`: the checkout that runs, by default this one.
    """
    port = free_port()
    env = {**os.environ, "TOPSPIN_DATA": str(data), "TOPSPIN_PRESET": "tiny", "TOPSPIN_BLIND_SHARE": "0",
           "TOPSPIN_DISK_RESERVE_MB": "100", "PYTHONUNBUFFERED": "1",
           "TOPSPIN_HOSTS": "localhost,127.0.0.1,[::1],topspin.test", **settings}
    site = Site(f"http://localhost:{port}", data, env, root)
    site.manage("migrate", "--verbosity", "0")
    site.manage("collectstatic", "--noinput", "--verbosity", "0")
    site.shell(
        "from django.contrib.auth.models import User, Group\n"
        "experts, _ = Group.objects.get_or_create(name='experts')\n"
        f"User.objects.create_user('alice', password='{PASSWORD}').groups.add(experts)\n"
        f"User.objects.create_user('admin', password='{PASSWORD}', is_staff=True).groups.add(experts)\n"
    )
    web = subprocess.Popen([sys.executable, "-m", "gunicorn", "annotator.wsgi", "--bind", f"localhost:{port}", "--workers", "1",
                            "--threads", "8", "--timeout", "120"], cwd=root, env=env, start_new_session=True)
    processes = [web]
    if work:
        processes.append(subprocess.Popen([sys.executable, "manage.py", "worker"], cwd=root, env=env, start_new_session=True))
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"{site.url}/sign-in/", timeout=2).read()
            break
        except OSError:
            if time.monotonic() > deadline or web.poll() is not None:
                raise RuntimeError("the site did not start") from None
            time.sleep(0.2)
    return site, processes


def stop(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        try:
            process.wait(25)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for all browser tests of this process."""
    running, processes = start_site(tmp_path_factory.mktemp("site") / "data")
    yield running
    stop(processes)


@pytest.fixture(scope="module")  # while it is open an event loop runs, and Django's database refuses to work beside one
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=chromium(),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
                  "--autoplay-policy=no-user-gesture-required"],
        )
        yield launched
        launched.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where a browser test fails, say what its page said."""
    report = yield
    page = getattr(item, "funcargs", {}).get("page")
    if report.when == "call" and report.failed and isinstance(page, Page) and not page.is_closed():
        with contextlib.suppress(PlaywrightError):
            said = page.evaluate(SAID)
            report.sections.append(("What the page said", "\n".join([page.url, *said])))
    return report


# The state in <body>, which element has the focus, and the text of everything that speaks to people.
SAID = """() => [JSON.stringify(document.body.dataset), document.activeElement?.outerHTML.slice(0, 200) ?? "",
  ...[...document.querySelectorAll("[role=status], [role=alert], dialog[open], #detail, #outbox")]
    .map((one) => `#${one.id} .${one.className}: ${one.textContent.replace(/\\s+/g, " ").trim().slice(0, 300)}`)]"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh window of 1366 x 768 in English; a script error on a page fails the test."""
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="en-GB", accept_downloads=True)
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert not errors, errors


def sign_in(page: Page, site: Site, name: str = "alice") -> None:
    page.goto(f"{site.url}/sign-in/")
    page.fill("input[name=username]", name)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(f"{site.url}/")


def every_stroke_is_marked(page: Page) -> None:
    """Say so in the workspace, and answer the question about what still looks open, if it is asked."""
    page.click("#complete")
    yes = page.locator("#complete-check [data-part=yes]")
    if yes.is_visible():
        yes.click()
    expect(page.locator("#complete")).to_be_checked()


def eventually(read: Callable[[], object], expected: object, seconds: float = 20) -> None:
    """Until `read()` gives `expected`."""
    deadline = time.monotonic() + seconds
    while (found := read()) != expected and time.monotonic() < deadline:
        time.sleep(0.2)
    assert found == expected


def tap_on(page: Page, selector: str) -> None:
    """A finger's tap on an element. The driver sends down and up as two messages; on a busy machine they lie as far apart as a long
    press, which presses nothing: then it taps again, as anybody would.
    """
    page.evaluate(
        "selector => { window.clicked = false; document.querySelector(selector).addEventListener('click', () => { window.clicked = true; },"
        " { once: true, capture: true }); }",
        selector,
    )
    for _ in range(3):
        page.tap(selector)
        page.wait_for_timeout(300)
        if page.evaluate("window.clicked"):
            return
    raise AssertionError(f"{selector} was never pressed")
