"""Does a large upload survive everything? `python -m benchmarks.upload --mb 2048 --cuts 50 --kills 5 --reloads 2`.

The real library page in Chromium uploads one file of random bytes (with the head of an MP4) through a proxy that breaks the connection at
random bytes; at others the web server is killed with SIGKILL and started again, or the page is reloaded and the file chosen once more.
Printed: whether the SHA-256 is the file's own, and how many bytes each interruption made the browser send again, next to one chunk.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.e2e.conftest import PASSWORD, ROOT, Site, chromium, start_site, stop
from tests.fixtures.cutting import Cutter

CHUNK = 8 * 1024 * 1024  # static/js/upload/transfer.js


@dataclass
class Campaign:
    """What happened. `repeats`: bytes that each interruption made the browser send again."""

    size: int
    cuts: int = 0
    kills: int = 0
    reloads: int = 0
    same: bool = False
    carried: int = 0
    repeats: list[int] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def held(self) -> bool:
        return self.same and max(self.repeats, default=0) <= CHUNK


def film(path: Path, size: int, seed: int) -> str:
    """A file that begins like an MP4 and goes on with random bytes; its SHA-256."""
    head = struct.pack(">I4s4sI4s", 20, b"ftyp", b"isom", 0, b"isom") + struct.pack(">I4sQ", 1, b"mdat", size - 20)
    draw, digest, left = random.Random(seed), hashlib.sha256(head), size - len(head)
    with path.open("wb") as file:
        file.write(head)
        while left:
            piece = draw.randbytes(min(left, 1 << 20))
            digest.update(piece)
            file.write(piece)
            left -= len(piece)
    return digest.hexdigest()


class Server:
    """The web server of a site, which can be killed and comes back at the same place."""

    def __init__(self, site: Site, processes: list[subprocess.Popen[bytes]]) -> None:
        self.site, self.processes = site, processes

    def kill(self) -> None:
        web = self.processes[0]
        os.killpg(web.pid, signal.SIGKILL)
        web.wait()
        self.processes[0] = subprocess.Popen(web.args, cwd=ROOT, env=self.site.env, start_new_session=True)


def choose(page: Page, url: str, file: Path) -> None:
    """Choose the file on the library page; one that was begun goes on by itself."""
    page.goto(url)
    page.wait_for_selector("#upload-form[data-ready]", state="attached")
    if not page.locator("#upload-input").is_visible():
        page.click("#upload-open")
    page.set_input_files("#upload-input", str(file))
    if page.locator("#upload-start").is_enabled():
        page.click("#upload-start")


def run(site: Site, processes: list[subprocess.Popen[bytes]], page: Page, *, size: int, cuts: int, kills: int, reloads: int,
        seed: int = 0, wait_s: float = 600.0) -> Campaign:  # fmt: skip
    """One upload of `size` random bytes through all of that, in a window of alice's."""
    found, draw = Campaign(size), random.Random(seed)
    deeds = ["cuts"] * cuts + ["kills"] * kills + ["reloads"] * reloads
    draw.shuffle(deeds)
    server, again = Server(site, processes), threading.Event()
    target = int(site.url.rsplit(":", 1)[1])
    with tempfile.TemporaryDirectory(dir=site.data) as folder, Cutter(target) as proxy:
        path = Path(folder) / "film.mp4"
        sha256 = film(path, size, seed)

        def act(at: int) -> None:
            deed = deeds.pop()
            setattr(found, deed, getattr(found, deed) + 1)
            if deed == "kills":
                server.kill()
            elif deed == "reloads":
                again.set()
            else:
                proxy.cut()

        proxy.act = act
        proxy.at = sorted(draw.randrange(1, size) for _ in deeds)
        url = f"http://localhost:{proxy.port}/"
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto(f"{url}sign-in/")
        page.fill("input[name=username]", "alice")
        page.fill("input[name=password]", PASSWORD)
        page.click("button[type=submit]")
        page.wait_for_url(url)
        begun = time.monotonic()
        choose(page, url, path)
        done = page.locator(".upload-file[data-state=done]")
        while not done.count() and time.monotonic() - begun < wait_s:
            page.wait_for_timeout(100)
            if again.is_set():
                again.clear()
                for _ in range(20):  # a killed server may not be back yet
                    try:
                        choose(page, url, path)
                        break
                    except Exception:
                        page.wait_for_timeout(500)
        expect(done).to_have_count(1, timeout=1000)
        found.seconds = time.monotonic() - begun
        found.carried, found.repeats = proxy.carried, proxy.repeats
    said = site.shell("from strokes.models import Video; v = Video.objects.latest('created'); print(v.sha256, v.bytes)").split()[-2:]
    found.same = said == [sha256, str(size)]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("mb", 2048), ("cuts", 50), ("kills", 5), ("reloads", 2), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        site, processes = start_site(Path(folder) / "data", work=False)
        try:
            browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page(locale="en-GB")
            found = run(site, processes, page, size=wanted.mb << 20, cuts=wanted.cuts, kills=wanted.kills,
                        reloads=wanted.reloads, seed=wanted.seed, wait_s=3600)  # fmt: skip
        finally:
            stop(processes)
    worst, extra = max(found.repeats, default=0), found.carried - found.size
    print(f"{found.size / 2**20:.0f} MiB in {found.seconds:.0f} s through {found.cuts} cuts, {found.kills} kills of the server and "
          f"{found.reloads} reloads: SHA-256 {'the same' if found.same else 'DIFFERS'}")  # fmt: skip
    print(f"sent again after an interruption: at most {worst} bytes ({worst / CHUNK:.2f} of a chunk of {CHUNK}), "
          f"{extra / 2**20:.1f} MiB in all ({100 * extra / found.size:.2f} % of the file)")  # fmt: skip
    return 0 if found.held else 1


if __name__ == "__main__":
    sys.exit(main())
