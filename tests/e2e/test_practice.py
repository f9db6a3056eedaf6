"""A newcomer's first minutes, by keyboard: the practice card, the three steps ticked by doing, the score beside the truth."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Site, every_stroke_is_marked, sign_in
from tests.e2e.test_frames import open_workspace
from tests.e2e.test_workspace import at, saved

pytestmark = pytest.mark.browser
KEYS = {"Serve Forehand": "q", "Offensive Forehand": "w", "Defensive Forehand": "e", "Defensive Backhand": "d"}
CHOSEN_ROW_SHOWN = """() => {
  const row = document.querySelector("#list [aria-selected=true]")?.getBoundingClientRect();
  const list = document.querySelector("#list").getBoundingClientRect();
  return row && row.top >= list.top - 1 && row.bottom <= list.bottom + 1;
}"""
LEAVES = {"Topspin": "4", "Loop": "2", "Hit": "1", "Block": "2", "Push": "1", "Backspin": "3"}


@pytest.fixture(scope="module")
def practice(site: Site) -> tuple[str, list[dict[str, Any]]]:
    """The practice video of the site, and its truth."""
    site.manage("practice")
    deadline = time.monotonic() + 120
    while True:
        said = site.shell("from strokes.models import Video; v = Video.objects.get(practice=True); print(v.pk, v.suggestions.count())").split()
        if said[-1] == "7":
            break
        assert time.monotonic() < deadline, said
        time.sleep(1)
    truth = json.loads((site.data / "media" / said[-2] / "truth.json").read_text())["strokes"]
    return said[-2], truth


def mark(page: Page, stroke: dict[str, Any], move: str = "", late: int = 0) -> None:
    group, leaf = (move or stroke["move"]).rsplit(" ", 1)
    at(page, stroke["begin"] + late)
    page.keyboard.press("i")
    page.wait_for_selector("#detail[data-kind=draft]")
    at(page, stroke["end"] - 1)
    page.keyboard.press("o")
    page.wait_for_selector("#detail[data-kind=stroke]")
    page.keyboard.press(KEYS[group])
    page.keyboard.press(LEAVES[leaf])


def edge(page: Page, frame: int, key: str) -> None:
    at(page, frame)
    page.keyboard.press(key)


def test_from_the_first_card_to_the_score(page: Page, site: Site, practice: tuple[str, list[dict[str, Any]]]) -> None:
    _, truth = practice
    sign_in(page, site)
    page.click(".practice-card a.button-main")
    page.wait_for_selector("body[data-ready=true]", timeout=20_000)
    tour = page.locator("#tour")
    expect(tour).to_contain_text("Watch and step")
    expect(tour.locator("[data-key=play]")).to_have_text("Space")

    page.keyboard.press("Space")
    page.wait_for_timeout(400)
    page.keyboard.press("Space")
    expect(tour).to_contain_text("✓ played")
    page.keyboard.press("ArrowRight")
    expect(tour).to_contain_text("Mark and class")

    for number, stroke in enumerate(truth[:8]):
        mark(page, stroke, move="Offensive Forehand Hit" if number == 1 else "", late=3 if number == 2 else 0)
    expect(tour).to_contain_text("Decide and finish")
    saved(page)
    page.reload()
    page.wait_for_selector("body[data-ready=true]", timeout=20_000)
    expect(tour).to_contain_text("Decide and finish"), "what was learned is remembered"

    def chosen(move: str) -> None:
        expect(page.locator("#detail .detail-move")).to_contain_text(move)

    page.keyboard.press("n")
    chosen("Offensive Forehand Hit")
    expect(page.locator(".detail-score")).to_have_text("unsure")
    page.keyboard.press("x")  # the ball is only bounced there
    chosen("Offensive Forehand Hit")
    expect(page.locator(".detail-score")).to_have_text("sure")
    page.keyboard.press("Enter")
    chosen("Defensive Backhand Block")
    edge(page, truth[9]["end"] - 1, "Shift+O")  # one key moves the edge, one accepts
    page.keyboard.press("Enter")
    chosen("Defensive Forehand Backspin")
    page.keyboard.press("Enter")
    chosen("Serve Forehand Loop")
    page.keyboard.press("2")  # the model's second class
    chosen("Defensive Backhand Push")
    page.keyboard.press("Enter")
    chosen("Offensive Forehand Loop")
    page.keyboard.press("Enter")
    expect(tour).to_contain_text("✓ all suggestions decided")
    mark(page, truth[14])
    page.wait_for_function(CHOSEN_ROW_SHOWN)
    every_stroke_is_marked(page)
    expect(tour).to_contain_text("All done")
    saved(page)

    tour.get_by_text("Score me").click()
    expect(tour.locator(".tour-figure")).to_have_text("14 of 15 right")
    expect(tour).to_contain_text("Well done")
    cards = tour.locator(".score-stroke")
    expect(cards.nth(1)).to_contain_text("you said OF Hit")
    expect(cards.nth(2)).to_contain_text("begin 3 frames late")
    cards.nth(1).click()
    expect(page.locator("#under")).to_be_visible()
    expect(page.locator("#detail .detail-move")).to_contain_text("Offensive Forehand Hit")
    page.wait_for_selector("[data-action=loop][aria-pressed=true]")
    page.keyboard.press("w")
    page.keyboard.press("2")
    saved(page)
    tour.get_by_text("Score me again").click()
    expect(tour.locator(".tour-figure")).to_have_text("15 of 15 right")

    page.goto(site.url)
    expect(page.locator(".practice-card")).to_have_count(0)
    expect(page.locator(".practice-again")).to_contain_text("100")


def test_begun_again_and_skipped(page: Page, site: Site, practice: tuple[str, list[dict[str, Any]]]) -> None:
    pk, truth = practice
    sign_in(page, site, "admin")
    open_workspace(page, site, pk)
    tour = page.locator("#tour")
    expect(tour).to_contain_text("Watch and step")
    tour.get_by_text("Score me").click()
    expect(page.locator("#toast")).to_contain_text("You have marked nothing yet")
    mark(page, truth[0])
    saved(page)
    tour.get_by_text("Score me").click()
    expect(tour.locator(".tour-figure")).to_have_text("1 of 15 right")
    with page.expect_navigation():
        tour.get_by_text("Practise from the start").click()
    page.wait_for_selector("body[data-ready=true]", timeout=20_000)
    expect(page.locator("#summary")).to_contain_text("0 strokes")
    tour.get_by_text("Skip the tour").click()
    expect(tour).to_contain_text("Nothing you do here counts anywhere")
    page.reload()
    page.wait_for_selector("body[data-ready=true]", timeout=20_000)
    expect(tour.get_by_text("Show the tour")).to_be_visible()


def test_the_rule_is_one_key_away(page: Page, site: Site, practice: tuple[str, list[dict[str, Any]]]) -> None:
    """The rule with its loops: of the group that waits, then of the class; the keys go on working."""
    sign_in(page, site)
    open_workspace(page, site, practice[0])
    page.keyboard.press("v")
    rules = page.locator("#rules")
    expect(rules).to_contain_text("A stroke begins with the first picture")
    page.keyboard.press("q")
    expect(rules.locator("h2")).to_have_text("Serve Forehand")
    expect(rules.locator("video")).to_have_count(4)
    page.wait_for_function("() => [...document.querySelectorAll('#rules video')].every((film) => film.readyState >= 2 && !film.error)")
    page.keyboard.press("3")
    expect(rules.locator("h2")).to_have_text("Serve Forehand Sidespin")
    expect(rules).to_contain_text("A pendulum")
    page.keyboard.press("v")
    expect(rules).to_be_hidden()
    page.keyboard.press("v")
    expect(rules).to_be_visible()
    page.keyboard.press("Escape")  # first what waits for a key: the class for the next stroke
    expect(rules).to_be_visible()
    page.keyboard.press("Escape")
    expect(rules).to_be_hidden()
