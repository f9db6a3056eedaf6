"""Is the frame shown the frame recorded? `python -m benchmarks.seeks --seeks 10000`: random seeks by each road, the number read from composited pixels.

Every road is asked in Chromium and in Debian's Firefox, each over all numbered fixtures (tests/fixtures/numbered.py).
A line says how many seeks were asked and how many of them showed another picture than the page named, or could not be proven. Every fourth seek is
an impatient one (three wishes in a row). Before that the test tests itself: with the frame table shifted by one, and with a film whose pictures say
one more, nothing may be right.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.e2e import seeking
from tests.e2e.conftest import Site, chromium, sign_in, start_site, stop
from tests.e2e.firefox import Firefox

ROADS = {"chromium": ("webcodecs", "server", "video"), "firefox": ("webcodecs", "server", "video")}
PAGE_SEEKS = 250  # then the page is opened anew
SWITCHES = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]


@dataclass
class Count:
    """What one road of one browser did on one fixture."""

    browser: str
    road: str
    kind: str
    tally: seeking.Tally
    seconds: float

    def __str__(self) -> str:
        tally = self.tally
        said = ", ".join(f"{name} {n}" for name, n in sorted(tally.said.items()))
        more = f"  {tally.again} read again" if tally.again else ""
        more += f"  e.g. {tally.wrong[:5]}" if tally.wrong else ""
        return (f"{self.browser:9} {self.road:10} {self.kind:16} {len(tally.wrong)} wrong of {tally.asked} ({said};"
                f" {1000 * self.seconds / max(tally.asked, 1):.0f} ms each with the reading){more}")


@contextmanager
def site() -> Iterator[Site]:
    """A site of its own for the run."""
    with tempfile.TemporaryDirectory() as folder:
        running, processes = start_site(Path(folder) / "data")
        try:
            yield running
        finally:
            stop(processes)


@contextmanager
def seeker(browser: str, running: Site) -> Iterator[seeking.Seeker]:
    """A browser with a window of 1366 x 768, signed in."""
    if browser == "firefox":
        with Firefox() as firefox:
            found = seeking.FirefoxSeeker(firefox.tab())
            found.sign_in(running)
            yield found
        return
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium(), args=SWITCHES)
        page = launched.new_context(viewport={"width": 1366, "height": 768}).new_page()
        sign_in(page, running)
        yield seeking.ChromiumSeeker(page)
        launched.close()


def counted(asked: seeking.Seeker, address: str, plan: Sequence[list[int]]) -> seeking.Tally:
    """All of `plan`, on a fresh page now and then. A page that proves nothing counts as so many that were not proven."""
    total = seeking.Tally()
    for first in range(0, len(plan), PAGE_SEEKS):
        part = plan[first:first + PAGE_SEEKS]
        tally = seeking.seek(asked, part) if asked.open(address) else seeking.Tally(len(part), [], seeking.Counter(refused=len(part)))
        total = seeking.Tally(total.asked + tally.asked, total.wrong + tally.wrong, total.said + tally.said, total.again + tally.again)
    return total


def self_check(asked: seeking.Seeker, browser: str, running: Site, videos: dict[str, str]) -> list[Count]:
    """Both must be wrong, or refused, in every single seek (a frame that stays where it is is not asked for)."""
    counts = []
    for road in ROADS[browser]:
        for name in ("table shifted", "film off by one"):
            address = f"{running.url}/videos/{videos[name]}/?road={road}"
            tally = counted(asked, address, [[frame] for frame in (7, 31, 58, 30, 1, 44)])
            counts.append(Count(browser, road, name, tally, 0))
    return counts


def red(count: Count) -> bool:
    """Nothing was right."""
    return len(count.tally.wrong) + count.tally.said["refused"] == count.tally.asked


def fixtures(running: Site, pictures: int) -> dict[str, str]:
    """Ids of the numbered videos and of the two that must turn everything red."""
    made = {kind: seeking.bring_numbered(running, kind, pictures) for kind in seeking.KINDS}
    checks = {"table shifted": seeking.bring_numbered(running, "120fps", 60), "film off by one": seeking.bring_numbered(running, "120fps", 60, first=1)}
    seeking.shift_table(running, checks["table shifted"])
    return {**made, **checks}


def run(seeks: int, *, browsers: Sequence[str] = tuple(ROADS), roads: Sequence[str] = ROADS["chromium"], pictures: int = 1200,
        seed: str = "1") -> tuple[list[Count], list[Count]]:  # fmt: skip
    """`seeks` by each road of each browser, spread over the fixtures; the counts of the self-check, and those of the seeks."""
    checks: list[Count] = []
    counts: list[Count] = []
    with site() as running:
        videos = fixtures(running, pictures)
        for browser in browsers:
            with seeker(browser, running) as asked:
                checks += self_check(asked, browser, running, videos)
                for road in (road for road in ROADS[browser] if road in roads):
                    for at, kind in enumerate(seeking.KINDS):
                        share = seeks // len(seeking.KINDS) + (at < seeks % len(seeking.KINDS))
                        plan = seeking.plan(f"{seed} {browser} {road} {kind}", pictures, max(share, 2))
                        begun = time.perf_counter()
                        tally = counted(asked, f"{running.url}/videos/{videos[kind]}/?road={road}", plan)
                        counts.append(Count(browser, road, kind, tally, time.perf_counter() - begun))
                        print(counts[-1], flush=True)
    return checks, counts


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; 1 if a picture was wrong or not proven, or if the self-check stayed green."""
    parser = argparse.ArgumentParser(prog="benchmarks.seeks", description=__doc__)
    parser.add_argument("--seeks", type=int, default=10_000, help="by each road of each browser")
    parser.add_argument("--browser", action="append", choices=list(ROADS), help="only this one (may be repeated)")
    parser.add_argument("--road", action="append", choices=ROADS["chromium"], help="only this one (may be repeated)")
    parser.add_argument("--pictures", type=int, default=1200, help="of each fixture")
    parser.add_argument("--seed", default="1")
    given = parser.parse_args(arguments)
    checks, counts = run(given.seeks, browsers=given.browser or tuple(ROADS), roads=given.road or ROADS["chromium"],
                         pictures=given.pictures, seed=given.seed)  # fmt: skip
    print("\nself-check: nothing of this may be right")
    for check in checks:
        print(f"{'red' if red(check) else 'STAYED GREEN':12} {check}")
    print()
    for browser, road in dict.fromkeys((count.browser, count.road) for count in counts):
        of = [count.tally for count in counts if (count.browser, count.road) == (browser, road)]
        wrong, proven = sum(len(tally.wrong) for tally in of), sum(tally.said["proven"] for tally in of)
        print(f"{browser} {road}: {wrong} wrong of {sum(tally.asked for tally in of)}, {proven} proven")
    return 0 if all(map(red, checks)) and all(count.tally.held for count in counts) else 1


if __name__ == "__main__":
    sys.exit(main())
