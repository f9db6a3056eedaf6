"""Pictures in the browser: that they are the asked ones, and how long they take (benchmarks.seeks, benchmarks.latency)."""

from __future__ import annotations

import statistics
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from benchmarks import films, latency, seeks
from benchmarks.measuring import Bench, Line, Row, child, cores

SEEKS = "random seeks that showed another picture than the page named"


def exact(bench: Bench) -> list[Line]:
    """Each road of each browser, the browsers side by side; and that the test can fail."""
    asked_of = partial(seeks.run, bench.pick(10_000, 60), pictures=bench.pick(1200, 120))
    with ProcessPoolExecutor(len(seeks.ROADS), mp_context=get_context("spawn")) as apart:
        found = [running.result() for running in [apart.submit(asked_of, browsers=[browser]) for browser in seeks.ROADS]]
    checks, counts = ([count for part in parts for count in part] for parts in zip(*found, strict=True))
    lines = []
    for browser, road in dict.fromkeys((count.browser, count.road) for count in counts):
        of = [count.tally for count in counts if (count.browser, count.road) == (browser, road)]
        asked, proven = sum(tally.asked for tally in of), sum(tally.said["proven"] for tally in of)
        lines.append(Line.at_most(f"{SEEKS}: {browser}, {road}", sum(len(tally.wrong) for tally in of), 0, "", ours=f"of {asked} over {len(of)} kinds of film"))
        lines.append(Line.at_most(f"seeks not proven: {browser}, {road}", asked - proven, 0, "", ours=f"of {asked}"))
    lines.append(Line.at_most("self-checks (table shifted by one, film off by one) that stayed green", sum(not seeks.red(check) for check in checks), 0, "",
                              ours=f"of {len(checks)}"))
    return lines


def quick(bench: Bench) -> list[Line]:
    """Milliseconds that a person waits."""
    found = latency.run(bench.folder, seconds=bench.pick(60, 10), presses=bench.pick(240, 36), rounds=bench.pick(6, 1), each=bench.pick(50, 10),
                        play_s=bench.pick(20, 3))
    q = latency.quantile
    ours, plain, far, far_plain = (pair.all(side) for pair in (found.local, found.shaped) for side in ("ours", "plain"))
    server, auto = found.server.all("ours"), found.by_itself.all("ours")
    film = f"1280x720, {latency.FPS} fps, proxy {found.bits_per_s / 1e6:.1f} Mbit/s"
    played = found.slow
    return [
        Line.at_most("key's handler to the drawn neighbour in memory, p95", q(found.keys.drawn_ms, 0.95), 4, "ms", ours=f"p50 {q(found.keys.drawn_ms, 0.5):.2f} ms of {len(found.keys.drawn_ms)}"),
        Line.at_most("presses whose picture the browser's next frame did not have", found.keys.missed, 0, "", ours=f"of {len(found.keys.drawn_ms) + found.keys.missed}"),
        Line.at_most("random seek, ours over plain <video>, p50", found.local.ratio(0.5), 1.25, "", ours=f"{q(ours, 0.5):.1f} ms; {film}", other=f"{q(plain, 0.5):.1f} ms"),
        Line.at_most("random seek, ours over plain <video>, p95", found.local.ratio(0.95), 1.25, "", ours=f"{q(ours, 0.95):.1f} ms", other=f"{q(plain, 0.95):.1f} ms"),
        Line.at_most("random seek on this machine, p95", q(ours, 0.95), 60, "ms", ours=f"of {len(ours)}, {found.local.lost} lost"),
        Line.at_most("random seek by pictures made on the server, p95", q(server, 0.95), 150, "ms", ours=f"p50 {q(server, 0.5):.1f} ms of {len(server)}"),
        Line.at_most("random seek over 40 ms and 20 Mbit/s, p95", q(far, 0.95), 250, "ms", ours=f"p50 {q(far, 0.5):.1f} ms of {len(far)}",
                     other=f"plain <video> p50 {q(far_plain, 0.5):.1f}, p95 {q(far_plain, 0.95):.1f} ms"),
        Line.reported("the same with the file that the page chooses on such a line, p95", q(auto, 0.95), "ms", ours=f"p50 {q(auto, 0.5):.1f} ms of {len(auto)}"),
        Line.at_most("pictures left out while playing at a quarter of the speed", played["due"] - played["presented"] + played["skipped"], 0, "", ours=f"of {played['due']}"),
    ]  # fmt: skip


def prepared(bench: Bench) -> list[Line]:
    """The step that stands between an upload and labelling, by its command, with all cores."""
    seconds = bench.pick(30, 2)
    film = films.repeated(films.drawn(bench.folder, min(seconds, 10), latency.FPS, texture=latency.TEXTURE), max(1, seconds // 10))
    python, shares, used = [sys.executable, "-m"], [], []
    with tempfile.TemporaryDirectory() as name:
        for turn in range(bench.pairs):
            out = Path(name) / str(turn)
            child([*python, "mlcore.probe", str(film), "--out", str(out), "--sha256", "0" * 64])
            usage = child([*python, "mlcore.proxy", str(film), "--frames", str(out / "frames.json"), "--out", str(out)])
            shares.append(usage.wall_s / seconds)
            used.append(usage.cpu_s / seconds)
        large, small = ((out / file).stat().st_size * 8 / seconds / 1e6 for file in ("proxy.mp4", "proxy360.mp4"))
    share = statistics.median(shares)
    return [
        Line("proxy and its small copy: time as a share of the video's length", share, min(shares), max(shares), "",
             f"{statistics.median(used):.2f} s of processor a second of video, {cores()} cores", f"1280x720, {latency.FPS} fps", "<= 0.5", share <= 0.5),
        Line.reported("the small copy's bits a second, as a share of the proxy's", small / large, "", ours=f"{small:.1f} Mbit/s", other=f"{large:.1f} Mbit/s"),
    ]  # fmt: skip


ROWS = [
    Row("proxy", "a video of 1280x720 at 120 fps can be labelled within half its length", prepared),
    Row("seeks", "the frame shown is the frame recorded: 0 wrong of 10,000 random seeks by each road", exact, soak=True),
    Row("latency", "a neighbour is drawn <= 4 ms after its key, a random seek takes <= 1.25x plain <video> and <= 60 ms", quick),
]
