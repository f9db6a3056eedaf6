"""The bench of the scenarios: site, proxy, clerk and browser, started once; the server can be killed and started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from benchmarks.faults.proxy import Proxy
from tests.e2e.conftest import PASSWORD, ROOT, Site, chromium, start_site, stop
from tests.e2e.test_frames import bring

BROWSER = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
           "--autoplay-policy=no-user-gesture-required"]  # fmt: skip


class Server:
    """gunicorn, killable: `kill` is kill -9 of the whole group."""

    def __init__(self, site: Site, process: subprocess.Popen[bytes]) -> None:
        self.site, self.process = site, process
        self.port = int(site.url.rpartition(":")[2])

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def ensure(self) -> None:
        """Running, and answering."""
        for _ in range(300):
            if self.process.poll() is not None:  # looked at again: while another thread waits for its end it says nothing
                self._start()
            try:
                urllib.request.urlopen(f"{self.site.url}/sign-in/", timeout=2).read()
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("the site did not come back")

    def _start(self) -> None:
        command = [sys.executable, "-m", "gunicorn", "annotator.wsgi", "--bind", f"localhost:{self.port}",
                   "--workers", "1", "--threads", "8", "--timeout", "120", "--log-level", "warning"]  # fmt: skip
        self.process = subprocess.Popen(command, cwd=ROOT, env=self.site.env, start_new_session=True)


class Clerk:
    """Asks benchmarks.faults.clerk."""

    def __init__(self, site: Site) -> None:
        self.process = subprocess.Popen([sys.executable, "-m", "benchmarks.faults.clerk"], cwd=ROOT, env=site.env,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # fmt: skip

    def ask(self, do: str, **more: Any) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps({"do": do, **more}) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


@dataclass
class Bench:
    site: Site  # its url is the proxy's
    server: Server
    proxy: Proxy
    clerk: Clerk
    browser: Browser
    source: str


@contextmanager
def bench(data: Path, browser: Browser | None = None) -> Iterator[Bench]:
    """Everything started; `browser` is one that is open already."""
    direct, processes = start_site(data, work=False)
    server = Server(direct, processes[0])
    direct.shell(f"from django.contrib.auth.models import Group, User\n"
                 f"User.objects.create_user('bob', password={PASSWORD!r}).groups.add(Group.objects.get(name='experts'))")  # fmt: skip
    proxy = Proxy(server.port, server.kill)
    clerk = Clerk(direct)
    site = replace(direct, url=f"http://localhost:{proxy.port}")
    try:
        source = bring(direct, "30fps")
        if browser is not None:
            yield Bench(site, server, proxy, clerk, browser, source)
        else:
            with sync_playwright() as playwright:
                opened = playwright.chromium.launch(executable_path=chromium(), args=BROWSER)
                yield Bench(site, server, proxy, clerk, opened, source)
                opened.close()
    finally:
        proxy.stop()
        clerk.process.communicate(timeout=20)  # the end of its input is the end of its work
        stop([server.process, *processes[1:]])
