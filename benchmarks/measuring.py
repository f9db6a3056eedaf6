"""How two sides are measured: interleaved pairs, one clock for both, the median of the pairs' ratios."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

Clock = Callable[[], float]
T = TypeVar("T")
POLL_S = 0.1


def wall() -> float:
    """Seconds that pass; for what parallel work gains."""
    return time.perf_counter()


def processor() -> float:
    """Processor seconds of this process, its threads and the children it has waited for; other load on the machine counts less."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def seconds(call: Callable[[], Any], clock: Clock) -> float:
    """What one call costs."""
    begun = clock()
    call()
    return clock() - begun


@dataclass(frozen=True)
class Pairs:
    """Seconds of both sides, pair by pair, each per unit of work (a picture, a clip, a step, a window)."""

    ours: list[float]
    other: list[float]

    @property
    def ratios(self) -> list[float]:
        """How many times cheaper ours is, per pair."""
        return [b / a for a, b in zip(self.ours, self.other)]


def interleaved(ours: Callable[[], Any], other: Callable[[], Any], *, pairs: int, clock: Clock = processor,
                units: tuple[float, float] = (1, 1), warm_up: bool = True) -> Pairs:  # fmt: skip
    """Other, ours, other, ours, ...: `pairs` times each. `units`: pieces of work in one call of (ours, other)."""
    if warm_up:
        other()
        ours()
    found: list[list[float]] = [[], []]
    for _ in range(pairs):
        found[1].append(seconds(other, clock) / units[1])
        found[0].append(seconds(ours, clock) / units[0])
    return Pairs(*found)


def serve(call: Callable[[], Any]) -> None:
    """In a child: make `call` once to warm up, then once for each line on standard input, answering with its processor seconds."""
    call()
    print("ready", flush=True)
    for _ in sys.stdin:
        print(seconds(call, processor), flush=True)


def apart(ours: Sequence[str], other: Sequence[str], *, pairs: int, units: tuple[float, float] = (1, 1)) -> Pairs:
    """`interleaved`, each side in a process of its own (`serve`): for what a process does once for all, as with its memory."""
    sides = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for command in (ours, other)]
    found: list[list[float]] = [[], []]
    try:
        for side in sides:
            assert side.stdout and side.stdout.readline() == "ready\n"
        for _ in range(pairs):
            for k in (1, 0):
                assert sides[k].stdin and sides[k].stdout
                print("go", file=sides[k].stdin, flush=True)
                found[k].append(float(sides[k].stdout.readline()) / units[k])
    finally:
        for side in sides:
            side.kill()
            side.wait()
    return Pairs(*found)


@dataclass(frozen=True)
class Line:
    """One claim and what came out. `figure` is a median with its extremes; `met` is None where there is no bar or nothing could be measured."""

    claim: str
    figure: float | None
    low: float | None
    high: float | None
    unit: str
    ours: str
    other: str
    bar: str
    met: bool | None

    def body(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def ratio(cls, claim: str, pairs: Pairs, least: float, per: str) -> Self:
        """A claim of the form "at least so many times cheaper than"; `per` names the unit of work."""
        ratios, ours, other = pairs.ratios, statistics.median(pairs.ours), statistics.median(pairs.other)
        middle = statistics.median(ratios)
        return cls(claim, middle, min(ratios), max(ratios), "x", f"{spoken(ours)} a {per}", f"{spoken(other)} a {per}", f">= {least:g}x", middle >= least)

    @classmethod
    def reported(cls, claim: str, figure: float, unit: str, *, ours: str = "", other: str = "") -> Self:
        """A figure without a bar."""
        return cls(claim, figure, None, None, unit, ours, other, "", None)

    @classmethod
    def at_most(cls, claim: str, figure: float, most: float, unit: str, *, ours: str = "", other: str = "") -> Self:
        """A claim of the form "no more than"."""
        return cls(claim, figure, None, None, unit, ours, other, f"<= {most:g} {unit}".strip(), figure <= most)

    @classmethod
    def at_least(cls, claim: str, found: Sequence[float], least: float, *, ours: str = "", other: str = "") -> Self:
        """A claim about the median of `found`."""
        middle = statistics.median(found)
        return cls(claim, middle, min(found), max(found), "", ours, other, f">= {least:g}", middle >= least)

    @classmethod
    def missing(cls, claim: str, why: str) -> Self:
        """What could not be measured, and why."""
        return cls(claim, None, None, None, "", "", why, "", None)

    @property
    def text(self) -> str:
        """The figure as it is read: "14.2x (13.8 to 14.9)"."""
        if self.figure is None:
            return "-"
        unit = self.unit if self.unit in ("", "x", "%") else f" {self.unit}"
        spread = "" if self.low is None or self.high is None else f" ({number(self.low)} to {number(self.high)})"
        return f"{number(self.figure)}{unit}{spread}"


def number(value: float) -> str:
    """Three figures that say something."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def spoken(duration: float) -> str:
    """Seconds in a unit that reads well."""
    for factor, unit in ((1.0, "s"), (1e3, "ms")):
        if duration * factor >= 0.95:
            return f"{number(duration * factor)} {unit}"
    return f"{number(duration * 1e6)} us"


@dataclass(frozen=True)
class Usage:
    """What a child process and its own children took."""

    wall_s: float
    cpu_s: float
    peak_bytes: int


def child(command: Sequence[str], **more: Any) -> Usage:
    """Run to the end. `peak_bytes`: the most that all its processes held together at one time, pages that they share counted once (PSS).

    Raises CalledProcessError with the end of standard error.
    """
    begun, before = wall(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **more)
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(held(pid) for pid in family(process.pid)))
        time.sleep(POLL_S)
    said = process.communicate()[1]
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, stderr=said[-2000:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Usage(wall() - begun, used, peak)


def family(pid: int) -> list[int]:
    """The process and all processes below it."""
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found.extend(int(name) for name in task.read_text().split())
            except OSError:
                continue
    return found


def held(pid: int) -> int:
    """Its memory in bytes, its share of what it shares with others (PSS); 0 for a process that has gone."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


@dataclass(frozen=True)
class Bench:
    """What a row gets: how many pairs, whether only a first look is wanted, a folder that stays between runs."""

    pairs: int
    quick: bool
    folder: Path

    def pick(self, full: T, quick: T) -> T:
        """A size for the full measurement or for the first look."""
        return quick if self.quick else full


@dataclass(frozen=True)
class Row:
    """A named measurement. `claims` are what it will say something about, for the report when it fails.

    A `soak` takes so long that it is measured only when it is named.
    """

    name: str
    claims: str
    measure: Callable[[Bench], list[Line]]
    soak: bool = False


def cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0))
