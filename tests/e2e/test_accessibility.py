"""WCAG 2.2 AA by machine: axe finds nothing on any page in light and dark, and every page works by keyboard alone.

All of axe's rules run, best practices and target size included; none is switched off and no element is left out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import start_site, stop
from tests.e2e.places import PLACES, Home, Place, enter, furnish
from tests.e2e.test_timeline import label

pytestmark = pytest.mark.browser
AXE = Path(__file__).parents[1] / "vendor" / "axe-core-4.14.1" / "axe.min.js"
# Routes that answer with something else than a page for people.
NO_PAGES = {"sign-out", "set_language", "jsi18n", "healthz", "media", "frame", "why-file", "run-file", "run-report", "effect-table"}
NAMES = [place.name for place in PLACES]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    site, processes = start_site(tmp_path_factory.mktemp("furnished") / "data", work=False)
    yield furnish(site)
    stop(processes)


@pytest.fixture(params=PLACES, ids=NAMES)
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.param
    return found


def violations(page: Page) -> list[str]:
    """What axe finds, a line each: rule, help, the elements."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run(document, {rules: {'target-size': {enabled: true}}})")
    assert len(found["passes"]) > 10, "axe has looked"
    return [f"{each['id']}: {each['help']}: {node['html'][:160]} {node.get('failureSummary', '')[:300]}" for each in found["violations"] for node in each["nodes"]]


def test_axe_finds_nothing(page: Page, home: Home, place: Place) -> None:
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    enter(page, home, place)
    found = violations(page)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    found += [f"dark: {line}" for line in violations(page)]
    assert found == []


def test_axe_can_find_something(page: Page, home: Home) -> None:
    enter(page, home, PLACES[0])
    page.evaluate("document.querySelector('label').outerHTML = '<input>'")
    assert any(line.startswith("label") for line in violations(page))


def test_axe_is_as_published() -> None:
    listed = re.search(r"axe-core.*\| (\w{64}) \|", (AXE.parents[1] / "README.md").read_text())
    assert listed and hashlib.sha256(AXE.read_bytes()).hexdigest() == listed[1]


def test_every_page_is_visited() -> None:
    def routes(patterns: list[Any]) -> Iterator[str]:
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                yield from routes(pattern.url_patterns)
            elif isinstance(pattern, URLPattern):
                yield str(pattern.name)

    pages = {name for name in routes(get_resolver().url_patterns) if not name.startswith("api-")} - NO_PAGES
    assert pages <= {place.route for place in PLACES}


# Everything that can be pressed or filled in and is on screen: what Tab has to reach. Of radio buttons with one name, one.
REACHABLE = """() => {
  const open = document.querySelector("dialog[open]");
  const all = [...(open ?? document).querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")];
  const radios = new Set();
  return all.filter((one) => {
    if (one.disabled || one.tabIndex < 0 || one.type === "hidden" || one.closest("[inert]")) return false;
    if (!one.checkVisibility({ visibilityProperty: true })) return false;
    const taken = one.type === "radio" && all.find((other) => other.type === "radio" && other.name === one.name && other.checked);
    if (one.type === "radio" && (radios.has(one.name) || (taken && taken !== one))) return false;
    radios.add(one.type === "radio" ? one.name : "");
    return true;
  }).map((one, index) => {
    one.dataset.reach = index;
    return one.outerHTML.slice(0, 120);
  });
}"""

# The focused element's number, and whether one can see that it has the focus.
FOCUSED = """() => {
  const one = document.activeElement;
  const of = (element) => {
    const css = getComputedStyle(element);
    return (css.outlineStyle !== "none" && parseFloat(css.outlineWidth) >= 1) || css.boxShadow !== "none";
  };
  const near = [one, one.closest("label"), one.nextElementSibling, one.parentElement].filter(Boolean);
  return { reach: one.dataset?.reach ?? null, seen: near.some(of), html: one.outerHTML.slice(0, 120) };
}"""


def test_everything_is_reached_by_tab_and_seen(page: Page, home: Home, place: Place) -> None:
    enter(page, home, place)
    wanted = page.evaluate(REACHABLE)
    reached: set[str] = set()
    unseen: list[str] = []
    for _ in range(2 * len(wanted) + 10):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused["reach"] is not None:
            reached.add(focused["reach"])
            if not focused["seen"]:
                unseen.append(focused["html"])
        if len(reached) == len(wanted):
            break
    assert [html for index, html in enumerate(wanted) if str(index) not in reached] == []
    assert unseen == [], "the focus cannot be seen there"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window of an expert's laptop."""
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="en-GB")
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert not errors, errors


def test_light_and_dark_are_chosen_on_the_device(page: Page, home: Home) -> None:
    page.emulate_media(color_scheme="light")
    enter(page, home, next(place for place in PLACES if place.name == "settings"))
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.select_option("#look-choice", "dark")
    dark = page.evaluate(ground)
    assert dark != light
    page.goto(home.url("/classes/"))
    assert page.evaluate(ground) == dark, "the server writes it into the next page"
    page.goto(home.url("/settings/"))
    page.wait_for_selector("body[data-ready=true]")
    page.select_option("#look-choice", "")
    assert page.evaluate(ground) == light


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the focus is on `selector`."""
    for _ in range(200):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab never came to {selector}")


def named(name: str) -> Place:
    return next(place for place in PLACES if place.name == name)


# Practice, library, queue, strokes and workspace are worked with by keys in tests of their own; here are the rest.
def test_data_is_used_by_keyboard_alone(page: Page, home: Home) -> None:
    enter(page, home, named("data-admin"))
    expect(page.locator("[data-split]")).to_have_count(0)  # what is not in the split has no strokes yet
    label(home.site, home.ids["blind"], "bob", [(10, 40, "Serve Forehand Loop")])
    enter(page, home, named("data-admin"))
    tab_to(page, "[data-split]")
    with page.expect_response(lambda answer: answer.url.endswith("/splits/") and answer.request.method == "POST") as taken:
        page.keyboard.press("Enter")
    assert taken.value.ok
    expect(page.locator("[data-split]")).to_have_count(0)
    expect(page.locator(".split-test")).to_contain_text("Video 3")
    tab_to(page, "a[href*='format=csv'][href*='video=']")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "strokes.csv"
    tab_to(page, "#classes-form input[name=name]")
    page.keyboard.type("By keyboard")
    tab_to(page, "#classes-form textarea")
    page.keyboard.type("Drive\nPush")
    tab_to(page, "#classes-form button[type=submit]")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("By keyboard")


def test_models_are_retrained_by_keyboard_alone(page: Page, home: Home) -> None:
    enter(page, home, named("models-admin"))
    tab_to(page, "[data-retrain]")
    with page.expect_response(lambda answer: "/retrain/" in answer.url and answer.request.method == "POST") as taken:
        page.keyboard.press("Enter")
    assert taken.value.ok
    expect(page.locator("[data-retrain]:disabled")).to_have_count(1)


def test_the_effect_is_taken_away_by_keyboard_alone(page: Page, home: Home) -> None:
    enter(page, home, named("effect-admin"))
    tab_to(page, "main a[href$='.csv']")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "effect.csv"
