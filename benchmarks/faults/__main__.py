"""The command: `python -m benchmarks.faults --seeds 200`; one scenario again: `--seed 17`; the proof that it can fail: `--forgetful`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Route

from benchmarks.faults.bench import Bench, bench
from benchmarks.faults.scenarios import FAULTS, Result, Scenario
from tests.e2e.conftest import sign_in

# The outbox without its write to disk: what is typed goes nowhere but into the page's memory.
SHELF = "export function shelf(user, video) {"
FORGETS = SHELF + """
  let rows = [];
  const drop = async (ids) => void (rows = rows.filter((op) => !ids.includes(op.id)));
  return {
    load: async () => [...rows],
    put: async (ops, dropped = []) => void (rows = [...rows.filter((op) => !dropped.includes(op.id)), ...ops]),
    drop,
    asides: async () => [],
    setAside: async (entries) => drop(entries.map(({ op }) => op.id)),
    dropAside: async () => {},
  };
"""
FORGOTTEN = ["reload", "crash"]


def forget(route: Route) -> None:
    """Serve storage.js with a shelf that is only memory."""
    source = route.fetch().text()
    assert SHELF in source, "the outbox's shelf looks different now"
    route.fulfill(body=source.replace(SHELF, FORGETS), content_type="text/javascript")


def desk(browser: Browser, one: Bench, forgetful: bool) -> BrowserContext:
    """A browser in which alice is signed in."""
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="en-GB")
    if forgetful:
        context.route("**/js/workspace/storage*.js", forget)
    context.set_default_timeout(20_000)
    page = context.new_page()
    sign_in(page, one.site)
    page.close()
    return context


def run(one: Bench, seeds: list[int], *, fault: str | None = None, forgetful: bool = False) -> list[Result]:
    context = desk(one.browser, one, forgetful)
    results = []
    for seed in seeds:
        wanted = FORGOTTEN[seed % len(FORGOTTEN)] if forgetful else fault
        result = Scenario(one, seed, wanted).run(context)
        results.append(result)
        print(f"{'ok  ' if not result.lost else 'LOST'} {seed:4}  {result.fault:26} {result.operation:9}"
              f" {result.moment:18} {result.seconds:5.1f} s", *(f"\n       {what}" for what in result.lost), flush=True)  # fmt: skip
        if result.lost:  # begin anew: whatever happened there must not reach the next one
            context.close()
            context = desk(one.browser, one, forgetful)
    context.close()
    return results


def table(results: list[Result]) -> str:
    rows: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        rows[result.fault].append(result)
    lines = [f"{'fault':26} scenarios   lost or doubled"]
    lines += [f"{fault:26} {len(rows[fault]):9}   {sum(bool(r.lost) for r in rows[fault]):15}" for fault in FAULTS if fault in rows]
    bad = [result.seed for result in results if result.lost]
    return "\n".join([*lines, f"{'all':26} {len(results):9}   {len(bad):15}", f"seeds with a loss: {bad or 'none'}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="so many scenarios, seeds 0, 1, 2 ...")
    parser.add_argument("--seed", type=int, action="append", help="only this one (may be given more than once)")
    parser.add_argument("--fault", choices=FAULTS, help="this fault in all of them")
    parser.add_argument("--forgetful", action="store_true", help="without the outbox's write: must find losses")
    asked = parser.parse_args()
    seeds = asked.seed or list(range(6 if asked.forgetful and asked.seeds == 200 else asked.seeds))
    with tempfile.TemporaryDirectory(prefix="topspin-faults-") as folder, bench(Path(folder) / "data") as one:
        results = run(one, seeds, fault=asked.fault, forgetful=asked.forgetful)
    print(table(results))
    bad = sum(bool(result.lost) for result in results)
    if asked.forgetful:
        print("the scenarios can fail" if bad == len(results) else "WITHOUT THE OUTBOX NOTHING WAS MISSED: the scenarios prove nothing")
        sys.exit(bad != len(results))
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
