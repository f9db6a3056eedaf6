"""One scenario: somebody labels, something breaks at a bad moment, it heals; then three records must agree.

The person's own record, what the page shows, and what the server has (its rows, its log, and the log folded).
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from playwright.sync_api import Error, expect

from benchmarks.faults.bench import Bench
from benchmarks.faults.person import DRAWN, OPERATIONS, PATIENCE_MS, Person, Record
from benchmarks.faults.proxy import Rule

STROKES = [[40, 60, "Serve Forehand Loop"], [100, 130, ""], [180, 200, "Negative"]]
SUGGESTIONS = [[240, 260], [280, 300], [320, 350]]
BREAK_DISK = """(late) => {
  const add = (window.addOfDisk = IDBObjectStore.prototype.add);
  IDBObjectStore.prototype.add = function (...given) {
    if (!late) throw new DOMException("The disk fails", "UnknownError");
    add.apply(this, given);
    this.transaction.abort();
  };
}"""
ASLEEP_S = 3.0
MOMENTS = ["before it is sent", "in flight", "after the commit"]


def refusal(status: int, code: str, **headers: str) -> Rule:
    return Rule("refuse", status, {"code": code, "message": f"Refused with {status}.", "params": {}}, headers)


REFUSALS = {
    "403": refusal(403, "forbidden"),
    "404": refusal(404, "not_found"),
    "409": refusal(409, "not_ready"),
    "429": refusal(429, "too_many", **{"Retry-After": "1"}),
    "500": refusal(500, "server_error"),
    "503": refusal(503, "busy", **{"Retry-After": "1"}),
}
KILLS = {"killed before the commit": "before", "killed while it works": "during", "killed after the commit": "after"}
FAULTS = ["offline", "401", *REFUSALS, "400", "412", "reload", "crash", "two tabs", "two people", "slow line",
          "quota full", "disk fails", "lost answer", "sleep", *KILLS]  # fmt: skip
ALONE = {"slow line", "lost answer", "sleep", "two people", "400", "412", *KILLS}  # these bring their own moment


@dataclass
class Result:
    seed: int
    fault: str
    operation: str
    moment: str
    lost: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Scenario:
    def __init__(self, bench: Bench, seed: int, fault: str | None = None) -> None:
        self.bench, self.seed, self.chance = bench, seed, Random(seed)
        self.fault = fault or FAULTS[seed % len(FAULTS)]
        self.operation = OPERATIONS[(seed // len(FAULTS)) % len(OPERATIONS)]
        self.moment = "its own" if self.fault in ALONE else MOMENTS[self.chance.randrange(3)]
        self.more: list[str] = []  # what else must hold at the end
        self.count_log = True

    def run(self, context: Any) -> Result:
        result = Result(self.seed, self.fault, self.operation, self.moment)
        began = time.monotonic()
        clerk = self.bench.clerk
        self.film = clerk.ask("film", source=self.bench.source, strokes=STROKES, suggestions=SUGGESTIONS)
        marked = {key: [*span, "", False] for key, span in zip(self.film["strokes"], STROKES, strict=True)}
        try:
            self.person = Person(context, self.bench.site, self.film, Record(marked))
            self.person.record.log = ["add"] * len(STROKES)
            self._play()
            self.person.saved()
            result.lost = self.compare(self.person, "alice") + self.more
        except (AssertionError, Error, StopIteration) as error:
            result.lost = [f"{type(error).__name__}: {str(error).splitlines()[0]}"]
        finally:
            self.bench.proxy.heal()
            self.bench.server.ensure()
            for page in context.pages:
                page.close()
        result.seconds = time.monotonic() - began
        return result

    def _play(self) -> None:
        person, chance = self.person, self.chance
        person.do(chance.choice(["change", "note", "complete"]), chance.randrange(9))
        person.saved()
        with self.broken():
            if self.fault not in ("400", "401", "412"):  # these put a dialog in front of the page
                person.do(chance.choice(OPERATIONS), chance.randrange(9))
            if self.fault in ("reload", "crash"):
                self._come_back()
        person.back()

    @contextmanager
    def broken(self) -> Iterator[None]:
        """The fault, with the operation at its moment; healed at the end."""
        if self.fault in ALONE:
            name = "killed" if self.fault in KILLS else self.fault.replace(" ", "_")
            yield from getattr(self, f"_{'f' if name.isdigit() else ''}{name}")()
            return
        if self.moment == "before it is sent":
            heal = self.begin()
            self.do()
        else:
            self.bench.proxy.set(Rule("hold" if self.moment == "in flight" else "lose", times=1))
            proxy_seen = self.bench.proxy.seen
            self.do()
            assert proxy_seen.acquire(timeout=20), "the operation was never sent"
            heal = self.begin()
        yield
        heal()

    def do(self) -> None:
        self.person.do(self.operation, self.chance.randrange(9))

    # -- faults that can begin at any moment ----------------------------------------------------------------------------
    def begin(self) -> Callable[[], None]:
        """Break it; what heals it again is returned."""
        proxy, person = self.bench.proxy, self.person
        if self.fault in REFUSALS:
            proxy.set(REFUSALS[self.fault])
            return proxy.heal
        if self.fault == "offline":
            proxy.heal()
            person.context.set_offline(True)
            return lambda: person.context.set_offline(False)
        if self.fault == "401":
            proxy.heal()
            self.bench.clerk.ask("sign_out")
            return person.sign_in_again
        if self.fault == "two tabs":
            return self._two_tabs()
        if self.fault in ("quota full", "disk fails"):
            return self._no_disk()
        proxy.set(Rule("cut"))  # reload, crash
        return proxy.heal

    def _two_tabs(self) -> Callable[[], None]:
        """The rest is done in a second tab; the first one is closed before anything could be sent."""
        self.bench.proxy.set(Rule("cut"))
        first = self.person.page
        self.person.page = self.person.new_page()

        def heal() -> None:
            self.person.page.evaluate(DRAWN)
            here = self.person.seen()
            self.person.page, second = first, self.person.page
            first.bring_to_front()  # a hidden tab draws nothing
            for _ in range(100):
                if self.person.seen() == here:
                    break
                first.wait_for_timeout(100)
            else:
                self.more.append(f"the tabs differ: {here} and {self.person.seen()}")
            self.person.page = second
            self.person.kept()
            first.close()
            self.bench.proxy.heal()

        return heal

    def _no_disk(self) -> Callable[[], None]:
        """IndexedDB fails as it does when a disk breaks (at once) or when the quota is used up (when it commits)."""
        self.bench.proxy.set(Rule("cut"))
        page = self.person.page
        page.evaluate(BREAK_DISK, self.fault == "quota full")

        def heal() -> None:
            expect(page.locator("#outbox")).to_contain_text("leave the page open", timeout=PATIENCE_MS)
            if self.person.line("unkept") == "0":
                self.more.append("nothing was kept, and the page counts it as kept")
            page.evaluate("() => { IDBObjectStore.prototype.add = window.addOfDisk; }")
            self.bench.proxy.heal()

        return heal

    def _come_back(self) -> None:
        """The page is loaded anew, or dies and is opened again."""
        person = self.person
        person.kept()
        if self.fault == "reload":
            person.page.reload()
            person.ready(person.page)
        else:
            self._kill_pages()
            person.page.close()
            person.page = person.new_page()

    def _kill_pages(self) -> None:
        """kill -9 of every renderer of the browser."""
        for kind, pid in self._processes():
            if kind == "renderer":
                os.kill(pid, signal.SIGKILL)

    def _processes(self) -> list[tuple[str, int]]:
        """(type, number) of every process of the browser."""
        found = self.bench.browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
        return [(process["type"], process["id"]) for process in found]

    # -- faults with a moment of their own ---------------------------------------------------------------------------------
    def _slow_line(self) -> Iterator[None]:
        self.bench.proxy.set(Rule("slow"))
        self.do()
        yield
        self.person.saved()
        self.bench.proxy.heal()

    def _lost_answer(self) -> Iterator[None]:
        self.bench.proxy.set(Rule("lose", times=1))
        self.do()
        assert self.bench.proxy.seen.acquire(timeout=20)
        yield

    def _sleep(self) -> Iterator[None]:
        """The lid is shut in the middle of a save: the whole browser stands still while its connections end."""
        self.bench.proxy.set(Rule("hold", times=1))
        seen, asleep = self.bench.proxy.seen, self._processes()
        self.do()
        assert seen.acquire(timeout=20)
        for _, pid in asleep:
            os.kill(pid, signal.SIGSTOP)
        self.bench.proxy.heal()
        time.sleep(ASLEEP_S)
        for _, pid in reversed(asleep):
            os.kill(pid, signal.SIGCONT)
        yield

    def _killed(self) -> Iterator[None]:
        self.bench.proxy.set(Rule(KILLS[self.fault], times=1))
        seen = self.bench.proxy.seen
        self.do()
        assert seen.acquire(timeout=20)
        yield
        self.bench.server.ensure()

    def _two_people(self) -> Iterator[None]:
        """bob labels the same video at the same time; each has a lane of their own."""
        from tests.e2e.conftest import sign_in

        context = self.bench.browser.new_context(viewport={"width": 1366, "height": 768}, locale="en-GB")
        page = context.new_page()
        sign_in(page, self.bench.site, "bob")
        bob = Person(context, self.bench.site, self.film, Record({}))
        bob._reject("")
        self.do()
        bob._accept("")
        yield
        bob.saved()
        self.more += [f"bob: {what}" for what in self.compare(bob, "bob")]
        context.close()

    def _f400(self) -> Iterator[None]:
        """The server refuses it for good; the person finds it set aside, and tries it again."""
        if self.operation == "undo":
            self.operation = "note"
        self.bench.proxy.set(Rule("cut"))
        self.do()
        self.person.kept()
        self.bench.proxy.set(refusal(400, "bad_op"))
        self.person.back()
        self.person.page.wait_for_selector("#unsent-open:not([hidden])", timeout=PATIENCE_MS)
        self.person.saved()
        yield
        self.bench.proxy.heal()
        self.person.page.click("#unsent-open")
        self.person.page.click("#unsent [data-do=retry]")
        self.person.page.keyboard.press("Escape")
        if self.operation in ("accept", "add"):
            self.person.page.wait_for_timeout(200)

    def _f412(self) -> Iterator[None]:
        """Changed on another machine meanwhile: another stroke goes together, the same one is asked about."""
        person, stroke = self.person, self.film["strokes"][0]
        fought = self.chance.random() < 0.5
        self.bench.proxy.set(Rule("cut"))
        if fought:
            person._change(stroke)
        else:
            self.operation = self.operation if self.operation != "remove" else "change"
            self.do()
        person.kept()
        theirs = {"end": 90} if fought else {"move": "Offensive Forehand Hit"}
        self.bench.clerk.ask("elsewhere", video=self.film["video"], stroke=stroke, data=theirs)
        yield
        self.bench.proxy.heal()
        person.back()
        self.count_log = False
        if not fought:
            if stroke in person.record.strokes:
                person.record.strokes[stroke][2] = theirs["move"]
            return
        person.page.wait_for_selector("#which[open]", timeout=PATIENCE_MS)
        if self.chance.random() < 0.5:
            person.page.check("#which input[value=theirs]")
            person.record.strokes[stroke][1] = theirs["end"]
        person.page.click("#which button[type=submit]")

    # -- the three records -------------------------------------------------------------------------------------------------
    def compare(self, person: Person, name: str) -> list[str]:
        record, there = person.record, self.bench.clerk.ask("look", video=self.film["video"], name=name)
        mine = sorted(record.strokes.values())
        wrong = [] if there["sound"] else ["the log folded is not what the rows say"]
        if there["strokes"] != mine:
            wrong.append(f"server has {there['strokes']}, done was {mine}")
        if there["verdicts"] != record.verdicts:
            wrong.append(f"verdicts are {there['verdicts']}, done were {record.verdicts}")
        if there["complete"] != record.complete:
            wrong.append(f"complete is {there['complete']}")
        kinds = [kind for _, kind in there["log"]]
        if self.count_log and kinds != record.log:
            wrong.append(f"log is {kinds[len(STROKES):]}, done was {record.log[len(STROKES):]}")
        shown = (sorted([b, e, move, unsure] for b, e, move, _, unsure in mine), record.complete)
        if person.seen() != shown:
            wrong.append(f"page shows {person.seen()}, done was {shown}")
        return wrong + [f"script error: {error}" for error in person.errors]
