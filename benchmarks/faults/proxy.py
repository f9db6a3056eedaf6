"""A small HTTP proxy in front of the site that breaks what it is told to: answers lost, refused, held, slowed down."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

SLOW_S = 1.5


@dataclass
class Rule:
    """What happens to a request that saves decisions.

    do: "pass"; "refuse" (answered here, never forwarded); "cut" (connection closed, never forwarded); "hold" (until
    another rule is set, then cut); "lose" (forwarded, answer thrown away); "before", "during", "after": `kill` is called before
    it is forwarded, while the server works on it, when its answer is here; "slow". `times`: so often, then passes again.
    """

    do: str = "pass"
    status: int = 500
    body: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 10**9


class Proxy:
    """Runs in a thread of its own; `rule` may be changed at any time, `seen` counts the requests a rule met."""

    def __init__(self, upstream: int, kill: Callable[[], None]) -> None:
        self.upstream, self.kill = upstream, kill
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._started, self._release = threading.Event(), threading.Event()
        self.heal()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._started.wait(10)

    def heal(self) -> None:
        self.set(Rule())

    def set(self, rule: Rule) -> None:
        """From now on; what was held is cut."""
        self._release.set()
        self.rule = rule
        self.seen = threading.Semaphore(0)
        self._release = threading.Event()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**20))
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        self._loop.run_forever()
        server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)  # the loop itself holds its tasks only weakly
        task.add_done_callback(self._tasks.discard)
        try:
            while await self._one(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve one request; whether the connection may go on."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(_header(head, b"content-length") or 0)
        request = head + (await reader.readexactly(length) if length else b"")
        rule = self._rule_for(head)
        if rule.do == "refuse":
            writer.write(_answer(rule))
            await writer.drain()
        elif rule.do in ("cut", "hold", "before"):
            await self._never_forward(rule)
            return False
        else:
            return await self._forward(rule, request, writer)
        return True

    def _rule_for(self, head: bytes) -> Rule:
        rule = self.rule
        if not head.startswith(b"POST") or b"/decisions/ " not in head.split(b"\r\n", 1)[0] or rule.do == "pass":
            return Rule()
        if rule.times <= 0:
            return Rule()
        rule.times -= 1
        if rule.do not in ("lose", "after"):
            self.seen.release()
        return rule

    async def _never_forward(self, rule: Rule) -> None:
        if rule.do == "before":
            self.kill()
        waits, release = 0, self._release
        while rule.do == "hold" and not release.is_set() and waits < 600:
            waits += 1
            await asyncio.sleep(0.05)

    async def _forward(self, rule: Rule, request: bytes, writer: asyncio.StreamWriter) -> bool:
        reply_from, upstream = await asyncio.open_connection("localhost", self.upstream, limit=2**20)
        try:
            if rule.do == "slow":
                await asyncio.sleep(SLOW_S)
            upstream.write(_closing(request))
            await upstream.drain()
            if rule.do == "during":
                await asyncio.sleep(0.004)
                self.kill()
            head = await reply_from.readuntil(b"\r\n\r\n")
            body = await reply_from.read(-1) if rule.do in ("lose", "after", "slow") else b""
            if rule.do == "after":
                self.kill()
            if rule.do in ("lose", "after"):
                self.seen.release()
                return False
            if rule.do == "slow":
                await asyncio.sleep(SLOW_S)
            writer.write(head + body)
            while chunk := await reply_from.read(2**16):
                writer.write(chunk)
                await writer.drain()
            await writer.drain()
        finally:
            upstream.close()
        return False  # the upstream's end is the end of the answer


def _header(head: bytes, name: bytes) -> bytes | None:
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip()
    return None


def _closing(request: bytes) -> bytes:
    """The request with Connection: close, so that the answer ends where the connection does."""
    head, _, body = request.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + body


def _answer(rule: Rule) -> bytes:
    body = json.dumps(rule.body).encode()
    extra = "".join(f"{name}: {value}\r\n" for name, value in rule.headers.items())
    head = f"HTTP/1.1 {rule.status} Fault\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body
