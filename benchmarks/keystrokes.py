"""Keys per stroke, counted in the real workspace: `python -m benchmarks.keystrokes [--strokes 60] [--speed 0.5]`.

A scripted person labels a video of 60 strokes in Chromium by keyboard alone, once by each road. Every key that goes down
counts, Shift and Ctrl too; the page counts them again. What is pressed once for the whole video (play, speed, mode) is
shown apart and inside the total. Classes come in turn from the 21 of TTStroke-21 (Negative takes one key, 0).
Bars, per stroke: class first at most 3, the code window 2, a right suggestion 1; 0 mouse. `--write` puts the table, with
what the same script takes in four other tools by their documented keys, into docs/keystrokes.md.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.other_tools import OTHERS, keys_of
from tests.e2e.conftest import PASSWORD, ROOT, Site, chromium, sign_in, start_site, stop
from tests.e2e.seeking import bring_numbered

MOVES: list[dict[str, Any]] = json.loads((ROOT / "strokes" / "taxonomies" / "ttstroke21.json").read_text())["moves"]
GROUPS = {"Serve Forehand": "q", "Offensive Forehand": "w", "Defensive Forehand": "e",
          "Serve Backhand": "a", "Offensive Backhand": "s", "Defensive Backhand": "d"}  # fmt: skip
BARS = {"class first, group key held": 3, "class first, group key tapped": 3, "code window": 2, "right suggestions": 1}
LEAD_MS, LAG_MS = 300, 300
NUDGE = {"begin": ("BracketLeft", "BracketRight"), "end": ("Semicolon", "Quote")}
FRAME = "Number(document.querySelector('#frame').dataset.frame ?? -1)"
COUNTERS = """() => {
  window.pressed = 0;
  window.moused = 0;
  addEventListener("keydown", (event) => { if (!event.repeat) window.pressed += 1; }, true);
  addEventListener("mousedown", () => { window.moused += 1; }, true);
}"""


@dataclass
class Stroke:
    """Half-open [begin, end)."""

    begin: int
    end: int
    move: str


def chord(move: str) -> list[str]:
    """The keys of a class: its group and its number; Negative has one."""
    if move == "Negative":
        return ["0"]
    group = next(each["group"] for each in MOVES if each["name"] == move)
    names = [each["name"] for each in MOVES if each["group"] == group]
    return [GROUPS[group], str(names.index(move) + 1)]


def script(n: int, seed: int) -> list[Stroke]:
    """`n` strokes of 60 to 110 frames with 30 to 70 between them; every class in turn, shuffled."""
    draw = random.Random(seed)
    names = [each["name"] for each in MOVES] + ["Negative"]
    order = [name for _ in range(n // len(names) + 1) for name in draw.sample(names, len(names))]
    strokes, at = [], 90
    for move in order[:n]:
        end = at + draw.randint(60, 110)
        strokes.append(Stroke(at, end, move))
        at = end + draw.randint(30, 70)
    return strokes


class Hands:
    """A keyboard that counts what goes down, and waits for pictures as an eye does."""

    def __init__(self, page: Page) -> None:
        self.page, self.keys = page, 0

    def press(self, *combinations: str) -> None:
        for one in combinations:
            self.keys += len(one.split("+"))
            self.page.keyboard.press(one)

    def down(self, key: str) -> None:
        self.keys += 1
        self.page.keyboard.down(key)

    def up(self, key: str) -> None:
        self.page.keyboard.up(key)

    def see(self, frame: int) -> None:
        """Wait until picture `frame` (or a later one) is on screen."""
        self.page.wait_for_function(f"frame => {FRAME} >= frame", arg=frame, polling="raf", timeout=120_000)


@dataclass
class Road:
    """What one way of working took."""

    name: str
    strokes: int
    keys: int = 0
    once: int = 0
    mouse: int = 0
    wrong: int = 0
    errors: list[int] = field(default_factory=list)  # of begin and end, in frames

    @property
    def per_stroke(self) -> float:
        return (self.keys - self.once) / self.strokes

    def line(self) -> str:
        far = [abs(error) for error in self.errors]
        edges = f"{statistics.median(far):.0f} / {max(far)}" if far else "–"
        return (f"| {self.name} | {self.per_stroke:.2f} | {self.once} | {self.keys} | {self.mouse} | "
                f"{self.strokes - self.wrong} of {self.strokes} | {edges} |")  # fmt: skip


def suggest(site: Site, pk: str, strokes: list[Stroke]) -> None:
    """Suggestions that are right in every edge and class."""
    rows = [(stroke.begin, stroke.end, stroke.move) for stroke in strokes]
    site.shell(
        "from strokes.models import Suggestion\n"
        f"for begin, end, move in {rows!r}:\n"
        f"    Suggestion.objects.create(video_id={pk!r}, begin=begin, end=end, move=move, score=0.9, top=[[move, 0.9]])"
    )


def expert(site: Site, name: str) -> None:
    site.shell(
        "from django.contrib.auth.models import User, Group\n"
        f"User.objects.create_user({name!r}, password={PASSWORD!r}).groups.add(Group.objects.get(name='experts'))"
    )


@dataclass
class Desk:
    """One person at one video in one window."""

    browser: Browser
    site: Site
    video: str
    speed: float

    def sit(self, name: str, preferences: dict[str, Any], place: str = "") -> Hands:
        """Sign in and open the video; preferences are those that a person set once, long ago."""
        expert(self.site, name)
        page = self.browser.new_context(viewport={"width": 1366, "height": 768}, locale="en-GB").new_page()
        sign_in(page, self.site, name)
        token = next(one["value"] for one in page.context.cookies() if one["name"] == "csrftoken")
        headers = {"X-CSRFToken": token, "Referer": self.site.url}
        answer = page.request.patch(f"{self.site.url}/api/v1/me/preferences/", data=preferences, headers=headers)
        assert answer.ok, answer.text()
        page.goto(f"{self.site.url}/videos/{self.video}/{place}")
        page.wait_for_selector("body[data-ready=true]", timeout=30_000)
        page.evaluate(COUNTERS)
        return Hands(page)

    def play(self, hands: Hands) -> int:
        """Start playing, slowed down; returns what that took."""
        hands.press(*["Shift+j"] * {1.0: 0, 0.5: 1, 0.25: 2}[self.speed], "Space")
        return hands.keys

    def saved(self, page: Page) -> list[dict[str, Any]]:
        """This person's strokes as the server has them, once everything is sent."""
        page.wait_for_selector("#outbox[data-unsent='0']", state="attached", timeout=30_000)
        rows = page.request.get(f"{self.site.url}/api/v1/videos/{self.video}/workspace/").json()["strokes"]
        return sorted(rows, key=lambda row: (row["begin"], row["end"]))

    def rise(self, hands: Hands, road: Road, strokes: list[Stroke]) -> Road:
        """What was pressed and what was saved, beside what should be; closes the window."""
        page = hands.page
        road.keys, road.mouse = hands.keys, int(page.evaluate("window.moused"))
        assert int(page.evaluate("window.pressed")) == hands.keys, "the page saw other keys than were counted"
        compare(road, self.saved(page), strokes)
        page.context.close()
        return road


def compare(road: Road, saved: list[dict[str, Any]], strokes: list[Stroke]) -> None:
    assert len(saved) == len(strokes), f"{road.name}: {len(saved)} strokes of {len(strokes)}"
    for row, stroke in zip(saved, strokes, strict=True):
        road.wrong += row["move"] != stroke.move
        road.errors += [row["begin"] - stroke.begin, row["end"] - stroke.end]


def held(desk: Desk, strokes: list[Stroke]) -> tuple[Road, Road]:
    """Class first: the group key is held while the stroke lasts, its number pressed meanwhile. Then every edge is put right."""
    name = "class first, group key held"
    hands = desk.sit("held", {"class_keys": "begin"})
    road = Road(name, len(strokes), once=desk.play(hands))
    for stroke in strokes:
        hands.see(stroke.begin)
        if stroke.move == "Negative":
            hands.press("0")
        else:
            group, number = chord(stroke.move)
            hands.down(group)
            hands.press(number)
        hands.see(stroke.end - 1)
        if stroke.move == "Negative":
            hands.press("o")
        else:
            hands.up(group)
    compare(road, desk.saved(hands.page), strokes)
    road.keys = hands.keys
    exact = Road("… then every edge to the frame", len(strokes), once=3)
    correct(hands, desk.saved(hands.page), strokes)
    desk.rise(hands, exact, strokes)
    exact.keys -= road.keys
    return road, exact


def correct(hands: Hands, saved: list[dict[str, Any]], strokes: list[Stroke]) -> None:
    """From stroke to stroke with the arrow; each edge moved by five and by one until it is the truth."""
    hands.press("Space", "Escape", "Home")
    for row, stroke in zip(saved, strokes, strict=True):
        hands.press("ArrowDown")
        for edge, right in (("begin", stroke.begin), ("end", stroke.end)):
            earlier, later = NUDGE[edge]
            away = right - row[edge]
            fives, ones = divmod(abs(away) + 2, 5)
            key, back = (later, earlier) if away > 0 else (earlier, later)
            hands.press(*[f"Shift+{key}"] * fives, *[key if ones > 2 else back] * abs(ones - 2))
    hands.page.wait_for_timeout(700)  # the last edge rests before it is recorded


def tapped(desk: Desk, strokes: list[Stroke]) -> Road:
    """Class first: the group key marks the begin, the number names, O ends."""
    hands = desk.sit("tapped", {"class_keys": "begin"})
    road = Road("class first, group key tapped", len(strokes), once=desk.play(hands))
    for stroke in strokes:
        hands.see(stroke.begin)
        hands.press(*chord(stroke.move))
        hands.see(stroke.end - 1)
        hands.press("o")
    return desk.rise(hands, road, strokes)


def after(desk: Desk, strokes: list[Stroke]) -> Road:
    """Class after: I, O, then the class."""
    hands = desk.sit("after", {"class_keys": "name"})
    road = Road("I, O, class after", len(strokes), once=desk.play(hands))
    for stroke in strokes:
        hands.see(stroke.begin)
        hands.press("i")
        hands.see(stroke.end - 1)
        hands.press("o", *chord(stroke.move))
    return desk.rise(hands, road, strokes)


def window(desk: Desk, strokes: list[Stroke]) -> Road:
    """The code window by keys: one class makes a whole interval around the middle of the stroke."""
    hands = desk.sit("window", {"class_keys": "whole", "code_lead_ms": LEAD_MS, "code_lag_ms": LAG_MS})
    road = Road("code window", len(strokes), once=desk.play(hands))
    for stroke in strokes:
        hands.see((stroke.begin + stroke.end) // 2)
        hands.press(*chord(stroke.move))
    return desk.rise(hands, road, strokes)


def suggestions(desk: Desk, strokes: list[Stroke]) -> Road:
    """Right suggestions: the video opens on the first one, Enter accepts and goes on."""
    suggest(desk.site, desk.video, strokes)
    hands = desk.sit("suggestions", {"class_keys": "name"}, "?decide")
    hands.page.wait_for_selector("#detail[data-kind=suggestion]")
    for _ in strokes:
        hands.press("Enter")
    return desk.rise(hands, Road("right suggestions", len(strokes)), strokes)


def measure(browser: Browser, site: Site, n: int, speed: float, seed: int = 20) -> list[Road]:
    """Every road over the same script."""
    strokes = script(n, seed)
    desk = Desk(browser, site, bring_numbered(site, "120fps", strokes[-1].end + 90), speed)
    return [*held(desk, strokes), tapped(desk, strokes), after(desk, strokes), window(desk, strokes), suggestions(desk, strokes)]


def table(roads: list[Road]) -> str:
    head = ["| road | keys per stroke | once | in all | mouse | classes right | edges off by, median / most (frames) |",
            "|---|---|---|---|---|---|---|"]  # fmt: skip
    return "\n".join(head + [road.line() for road in roads])


def failures(roads: list[Road]) -> list[str]:
    """What misses its bar."""
    found = [f"{road.name}: {road.per_stroke:.2f} keys per stroke, bar {BARS[road.name]}"
             for road in roads if road.name in BARS and road.per_stroke > BARS[road.name]]  # fmt: skip
    found += [f"{road.name}: the mouse was used" for road in roads if road.mouse]
    found += [f"{road.name}: {road.wrong} classes wrong" for road in roads if road.wrong]
    exact = ("… then every edge to the frame", "right suggestions")
    return found + [f"{road.name}: edges are off" for road in roads if road.name in exact and any(road.errors)]


def others(n: int) -> str:
    """The same script in other tools, counted from their documented keys."""
    lines = ["| tool | what it takes for one stroke | keys per stroke | mouse per stroke |", "|---|---|---|---|"]
    lines += [f"| {tool.name} | {tool.recipe} | {keys_of(tool)} | {tool.mouse} |" for tool in OTHERS]
    return "\n".join(lines)


def write(page: Path, roads: list[Road], n: int, speed: float) -> None:
    """Put the tables between the marks of docs/keystrokes.md."""
    text = page.read_text()
    for mark, body in (("ours", f"{n} strokes, played at {speed:g}×.\n\n{table(roads)}"), ("others", others(n))):
        before, rest = text.split(f"<!-- {mark} -->\n", 1)
        _, behind = rest.split(f"<!-- end of {mark} -->", 1)
        text = f"{before}<!-- {mark} -->\n{body}\n<!-- end of {mark} -->{behind}"
    page.write_text(text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strokes", type=int, default=60)
    parser.add_argument("--speed", type=float, default=0.5, choices=[1.0, 0.5, 0.25])
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        site, processes = start_site(Path(folder) / "data")
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        try:
            roads = measure(browser, site, args.strokes, args.speed)
        finally:
            browser.close()
            stop(processes)
    print(table(roads))
    print(others(args.strokes))
    if args.write:
        write(ROOT / "docs" / "keystrokes.md", roads, args.strokes, args.speed)
    missed = failures(roads)
    print("\n".join(missed) or "every bar is met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
