"""The benchmarks of pictures: the slow line carries every byte at its pace, and what counts as right or wrong."""

from __future__ import annotations

import socket
import threading
from collections import Counter

from benchmarks import latency, seeks
from benchmarks.line import Line, Way
from tests.e2e.seeking import Tally, plan


def test_bytes_queue_behind_each_other() -> None:
    way = Way(1000.0)
    assert [way.take(500, 10.0), way.take(500, 10.1), way.take(100, 20.0)] == [10.5, 11.0, 20.1]
    assert way.carried == 1100


def test_the_line_carries_every_byte_both_ways() -> None:
    sent, there = bytes(range(256)) * 400, bytearray()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def echo() -> None:
            far, _ = server.accept()
            with far:
                while data := far.recv(65536):
                    there.extend(data)
                    far.sendall(data)

        thread = threading.Thread(target=echo)
        thread.start()
        with Line(server.getsockname()[1], 0.01, 80e6) as line:
            back = bytearray()
            with socket.create_connection(("127.0.0.1", line.port), timeout=30) as near:
                near.sendall(sent)
                while len(back) < len(sent):
                    back += near.recv(65536)
            thread.join(30)
            assert bytes(there) == bytes(back) == sent
            assert line.up.carried == line.down.carried == len(sent)


def test_red_is_all_wrong_or_refused() -> None:
    def count(tally: Tally) -> seeks.Count:
        return seeks.Count("chromium", "video", "120fps", tally, 1.0)

    assert seeks.red(count(Tally(2, [(3, 4), (5, 6)], Counter(proven=2))))
    assert seeks.red(count(Tally(2, [], Counter(refused=2))))
    assert not seeks.red(count(Tally(2, [(3, 4)], Counter(proven=2))))
    assert not seeks.red(count(Tally(2, [], Counter(unproven=2))))
    assert Tally(2, [], Counter(proven=2)).held and not Tally(2, [], Counter(proven=1, late=1)).held


def test_a_plan_has_the_ends_and_impatient_wishes() -> None:
    rows = plan("a", 100, 40)
    assert rows == plan("a", 100, 40) != plan("b", 100, 40)
    assert len(rows) == 40 and rows[0] == [0] and [99] in rows
    assert {len(row) for row in rows} == {1, 3} and all(0 <= frame < 100 for row in rows for frame in row)


def test_quantiles() -> None:
    assert [latency.quantile([3.0, 1.0, 2.0, 4.0], share) for share in (0, 0.5, 0.95, 1)] == [1.0, 3.0, 4.0, 4.0]
