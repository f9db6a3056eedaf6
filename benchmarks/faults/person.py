"""Somebody who labels: does operations in the page by their names, and keeps a record of their own of what they did."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e.conftest import PASSWORD, Site, every_stroke_is_marked, sign_in

OPERATIONS = ["add", "change", "remove", "accept", "reject", "undo", "complete", "note"]
PATIENCE_MS = 45_000

DRAWN = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
# What a button with this name would do: the action itself, whatever key it has today.
ACT = """name => {
  const button = document.createElement("button");
  button.dataset.action = name;
  document.body.append(button);
  button.click();
  button.remove();
}"""
ROWS = """() => [...document.querySelectorAll("#list .row[id][data-kind=stroke]")].map((row) =>
  [row.dataset.id, row.querySelector(".row-name").textContent, row.querySelector(".only-read").textContent])"""
SPOKEN = re.compile(r"frames ([\d,]+) to ([\d,]+)")


@dataclass
class Record:
    """What the person knows to have done. A stroke is [begin, end, move, note, unsure]."""

    strokes: dict[str, list[Any]]
    verdicts: dict[str, bool] = field(default_factory=dict)
    complete: bool = False
    log: list[str] = field(default_factory=list)  # kinds of operations, in order
    past: list[tuple[str, Any]] = field(default_factory=list)  # (what undoing will log, the state before)

    def state(self) -> tuple[Any, ...]:
        return copy.deepcopy((self.strokes, self.verdicts, self.complete))

    def did(self, kind: str, inverse: str, before: tuple[Any, ...]) -> None:
        self.log.append(kind)
        self.past.append((inverse, before))

    def undo(self) -> None:
        inverse, before = self.past.pop()
        self.strokes, self.verdicts, self.complete = before
        self.log.append(inverse)


class Person:
    def __init__(self, context: BrowserContext, site: Site, film: dict[str, Any], record: Record) -> None:
        self.context, self.site, self.film, self.record = context, site, film, record
        self.open = list(film["suggestions"])
        self.errors: list[str] = []
        self.page = self.new_page()

    def new_page(self) -> Page:
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(f"{self.site.url}/videos/{self.film['video']}/")
        if "/sign-in/" in page.url:
            sign_in(page, self.site)
            page.goto(f"{self.site.url}/videos/{self.film['video']}/")
        self.ready(page)
        return page

    def ready(self, page: Page) -> None:
        page.wait_for_selector("body[data-ready=true]", timeout=PATIENCE_MS)

    def act(self, name: str) -> None:
        self.page.evaluate(ACT, name)

    def choose(self, key: str) -> None:
        """By the mouse, in a list that stands still: rows move up when one above them goes."""
        self.page.evaluate(DRAWN)
        row = self.page.locator(f'#list .row[data-id="{key}"]')
        row.click()
        expect(row).to_have_attribute("aria-selected", "true", timeout=PATIENCE_MS)

    def do(self, operation: str, which: int) -> None:
        """Do it, and put it in the record. `which` picks the stroke among those that are there."""
        keys = sorted(self.record.strokes, key=lambda key: self.record.strokes[key][:2])
        verb = getattr(self, f"_{operation}")
        verb(keys[which % len(keys)] if keys else "")

    # -- operations --------------------------------------------------------------------------------------------------
    def _add(self, key: str) -> None:
        """One more of the same length, behind the chosen one."""
        before = self.record.state()
        self.choose(key)
        self.act("duplicate")
        chosen = self.page.locator('#list .row[aria-selected="true"]')
        expect(chosen).not_to_have_attribute("data-id", key, timeout=PATIENCE_MS)
        made, _, text = next(row for row in self.page.evaluate(ROWS) if row[0] == chosen.get_attribute("data-id"))
        self.record.strokes[made] = [*_span(text), before[0][key][2], "", False]
        self.record.did("add", "remove", before)

    def _change(self, key: str) -> None:
        before = self.record.state()
        self.choose(key)
        self.act("end-later")
        self.choose(key)  # ends the nudge
        self.record.strokes[key][1] += 1
        self.record.did("change", "change", before)

    def _note(self, key: str) -> None:
        before = self.record.state()
        self.choose(key)
        self.act("note")
        text = f"{self.record.strokes[key][3]}n{len(self.record.log)}"
        self.page.fill("#detail input[data-part=note]", text)
        self.page.keyboard.press("Enter")
        self.record.strokes[key][3] = text
        self.record.did("change", "change", before)

    def _remove(self, key: str) -> None:
        before = self.record.state()
        self.choose(key)
        self.act("remove")
        del self.record.strokes[key]
        self.record.did("remove", "restore", before)

    def _accept(self, _: str) -> None:
        before, one = self.record.state(), self._undecided()
        if one is None:
            return
        rows = {row[0] for row in self.page.evaluate(ROWS)}
        begin, end = _span(self.page.locator(f'#list .row[data-id="{one}"] .only-read').inner_text())
        self.choose(one)
        self.act("accept")
        self.page.wait_for_selector(f'#list .row[data-id="{one}"]', state="detached")
        made = next(row[0] for row in self.page.evaluate(ROWS) if row[0] not in rows)
        self.record.strokes[made] = [begin, end, "Serve Forehand Loop", "", False]
        self.record.verdicts[one] = True
        self.record.did("accept", "reopen", before)

    def _reject(self, _: str) -> None:
        before, one = self.record.state(), self._undecided()
        if one is None:
            return
        self.choose(one)
        self.act("reject")
        self.record.verdicts[one] = False
        self.record.did("reject", "reopen", before)

    def _complete(self, _: str) -> None:
        before = self.record.state()
        if self.record.complete:
            self.page.click("#complete")
        else:
            every_stroke_is_marked(self.page)
        self.record.complete = not self.record.complete
        self.record.did("complete", "complete", before)

    def _undo(self, key: str) -> None:
        if not self.record.past:
            self._change(key)
        self.act("undo")
        self.record.undo()

    def _undecided(self) -> str | None:
        return next((one for one in self.open if one not in self.record.verdicts), None)

    # -- what the page says ------------------------------------------------------------------------------------------
    def line(self, name: str) -> str:
        return self.page.get_attribute("#outbox", f"data-{name}") or ""

    def kept(self) -> None:
        """Wait until the page says that all of it is on this computer's disk."""
        expect(self.page.locator("#outbox")).to_have_attribute("data-unkept", "0", timeout=PATIENCE_MS)

    def saved(self) -> None:
        expect(self.page.locator("#outbox")).to_have_attribute("data-unsent", "0", timeout=PATIENCE_MS)
        expect(self.page.locator("#outbox")).to_have_attribute("data-status", "saved", timeout=PATIENCE_MS)

    def back(self) -> None:
        """The person looks at the page again."""
        self.page.evaluate("window.dispatchEvent(new Event('focus'))")

    def sign_in_again(self) -> None:
        self.page.wait_for_selector("#sign-in-again[open]", timeout=PATIENCE_MS)
        self.page.fill("#sign-in-again input[name=password]", PASSWORD)
        self.page.keyboard.press("Enter")
        self.page.wait_for_selector("#sign-in-again", state="hidden")

    def seen(self) -> tuple[list[list[Any]], bool]:
        """([begin, end, move, unsure] of each stroke, whether every stroke is marked) as the page shows it."""
        rows = [[*_span(text), "" if name == "no class yet" else name, "unsure" in text]
                for _, name, text in self.page.evaluate(ROWS)]  # fmt: skip
        return sorted(rows), self.page.is_checked("#complete")


def _span(text: str) -> tuple[int, int]:
    found = SPOKEN.search(text)
    assert found, text
    begin, last = (int(number.replace(",", "")) for number in found.groups())
    return begin, last + 1
