"""A slow line to a server on this machine: a TCP proxy that delays every byte and lets only so many through a second.

One line for all connections, as at home: their bytes queue behind each other, each way by itself. A new connection costs one round trip.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

PIECE, HELD = 4096, 256 * 1024  # bytes read at a time, and on their way each way of a connection


@dataclass
class Way:
    """One direction of the line: when it will have sent what it was given."""

    bytes_per_s: float
    free_at: float = 0.0
    carried: int = 0

    def take(self, size: int, now: float) -> float:
        """Put `size` bytes on the line; when the last of them has left."""
        self.free_at = max(self.free_at, now) + size / self.bytes_per_s
        self.carried += size
        return self.free_at


@dataclass
class Line:
    """A context manager; `port` is the near end. `round_trip_s` is added to what the machine takes; the rate is that of each way."""

    to_port: int
    round_trip_s: float
    bits_per_s: float
    port: int = 0
    down: Way = field(init=False)
    up: Way = field(init=False)

    def __post_init__(self) -> None:
        self.down, self.up = Way(self.bits_per_s / 8), Way(self.bits_per_s / 8)
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._connected, "127.0.0.1", 0)

    async def _end(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self.round_trip_s)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.to_port)
        except OSError:
            writer.close()
            return
        for near, far, way in ((reader, far_writer, self.up), (far_reader, writer, self.down)):
            queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(HELD // PIECE)
            self._do(self._read(near, queue, way))
            self._do(self._deliver(queue, far))

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _read(self, reader: asyncio.StreamReader, queue: asyncio.Queue[tuple[float, bytes]], way: Way) -> None:
        """Bytes of one direction, each piece with the time at which it arrives: half a round trip after it has left."""
        with suppress(OSError):
            while data := await reader.read(PIECE):
                await queue.put((way.take(len(data), self._loop.time()) + self.round_trip_s / 2, data))
        await queue.put((0.0, b""))

    async def _deliver(self, queue: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while True:
                due, data = await queue.get()
                if (wait := due - self._loop.time()) > 0:
                    await asyncio.sleep(wait)
                if not data:
                    break
                writer.write(data)
                await writer.drain()
        writer.close()
