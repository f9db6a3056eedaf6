"""Debian's own Firefox by WebDriver BiDi, spoken directly: what the tests of pictures need, and no driver to install.

One Firefox without a window, on a fresh profile; `Tab` is one page in it. Commands: https://w3c.github.io/webdriver-bidi/
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from websockets.sync.client import ClientConnection, connect

START_S, ANSWER_S = 60.0, 60.0
PREFERENCES = {
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
    "app.update.auto": False,
    "app.normandy.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "datareporting.healthreport.uploadEnabled": False,
    "toolkit.telemetry.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
    "extensions.update.enabled": False,
    "intl.accept_languages": "en-GB",
    "remote.active-protocols": 1,
}


class FirefoxError(Exception):
    """Firefox answered with an error, or not at all."""


def firefox() -> str | None:
    """The system's Firefox."""
    return next((found for name in ("firefox-esr", "firefox") if (found := shutil.which(name))), None)


class Firefox:
    """A running Firefox; a context manager."""

    def __init__(self) -> None:
        binary = firefox()
        if binary is None:
            raise FirefoxError("there is no Firefox here: sudo apt install firefox-esr")
        self._home = Path(tempfile.mkdtemp(prefix="firefox-"))
        profile = self._home / "profile"
        profile.mkdir()
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items()]
        (profile / "user.js").write_text("\n".join(lines))
        environment = {**os.environ, "HOME": str(self._home), "MOZ_HEADLESS": "1", "MOZ_CRASHREPORTER_DISABLE": "1"}
        self._log = (self._home / "log").open("wb")
        self._process = subprocess.Popen(
            [binary, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0", "about:blank"],
            env=environment, stdout=self._log, stderr=subprocess.STDOUT, start_new_session=True)
        self._answers = 0
        self._socket: ClientConnection | None = None
        try:
            self._socket = connect(f"{self._address()}/session", max_size=None, open_timeout=START_S, compression=None)
            self.version = str(self.command("session.new", capabilities={})["capabilities"]["browserVersion"])
        except BaseException:
            self.close()
            raise

    def _address(self) -> str:
        until = time.monotonic() + START_S
        while time.monotonic() < until and self._process.poll() is None:
            if found := re.search(r"WebDriver BiDi listening on (ws://\S+)", (self._home / "log").read_text("utf-8", "replace")):
                return found[1]
            time.sleep(0.05)
        raise FirefoxError(f"Firefox did not start: {(self._home / 'log').read_text('utf-8', 'replace')[-500:]}")

    def command(self, method: str, **params: Any) -> dict[str, Any]:
        """Send one command and wait for its answer; events on the way are dropped."""
        assert self._socket is not None
        self._answers += 1
        self._socket.send(json.dumps({"id": self._answers, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv(timeout=ANSWER_S))
            if answer.get("id") == self._answers:
                break
        if answer["type"] == "error":
            raise FirefoxError(f"{method}: {answer['error']}: {answer['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    def tab(self, width: int = 1366, height: int = 768) -> Tab:
        context = self.command("browsingContext.create", type="tab")["context"]
        self.command("browsingContext.activate", context=context)
        self.command("browsingContext.setViewport", context=context, viewport={"width": width, "height": height})
        return Tab(self, context)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._log.close()
        shutil.rmtree(self._home, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class Tab:
    """One page."""

    def __init__(self, browser: Firefox, context: str) -> None:
        self._browser, self._context = browser, context

    def goto(self, url: str) -> None:
        self._browser.command("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """The value of an expression (a promise is waited for), by way of JSON."""
        answer = self._browser.command(
            "script.evaluate", expression=f"(async () => JSON.stringify(await ({expression})))()",
            target={"context": self._context}, awaitPromise=True, userActivation=True)
        if answer["type"] == "exception":
            raise FirefoxError(answer["exceptionDetails"]["text"])
        value = answer["result"].get("value")
        return None if value is None else json.loads(value)

    def wait_for(self, expression: str, timeout_s: float = 20) -> None:
        """Until `expression` is true, looking once for each painted frame."""
        self.evaluate(
            "new Promise((resolve, reject) => { const until = performance.now() + " + str(timeout_s * 1000) + ";"
            f" const look = () => {{ if ({expression}) resolve(true); else if (performance.now() > until)"
            f" reject(new Error({json.dumps('not true in time: ' + expression)})); else requestAnimationFrame(look); }}; look(); }})")

    def fill(self, selector: str, text: str) -> None:
        self.evaluate(f"(document.querySelector({json.dumps(selector)}).value = {json.dumps(text)}, 1)")

    def click(self, selector: str) -> None:
        self.evaluate(f"(document.querySelector({json.dumps(selector)}).click(), 1)")

    def press(self, *keys: str) -> None:
        """Press and release keys one after the other: characters, or code points of WebDriver (Enter is "\\ue007")."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._browser.command("input.performActions", context=self._context,
                              actions=[{"type": "key", "id": "keyboard", "actions": actions}])

    def screenshot(self, box: dict[str, float] | None = None) -> bytes:
        """What is painted, as PNG; `box` is {x, y, width, height} in the viewport."""
        clip = {"clip": {"type": "box", **box}} if box else {}
        answer = self._browser.command("browsingContext.captureScreenshot", context=self._context, origin="viewport", **clip)
        return base64.b64decode(answer["data"])

    def close(self) -> None:
        self._browser.command("browsingContext.close", context=self._context)
