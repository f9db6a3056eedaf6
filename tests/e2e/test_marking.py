"""Marking by keys as a French keyboard sends them, by fingers on a tablet, with keys of one's own, in few strokes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from benchmarks import keystrokes
from tests.e2e.conftest import Site, eventually, sign_in, tap_on
from tests.e2e.test_frames import open_workspace, watchable
from tests.e2e.test_workspace import at, rows, saved

pytestmark = pytest.mark.browser
__all__ = ["watchable"]

# What an AZERTY keyboard gives: the place of the key, and the character it types.
AZERTY = {
    "KeyQ": "a", "KeyW": "z", "KeyA": "q", "KeyZ": "w", "KeyM": ",", "Semicolon": "m", "Comma": ";", "Digit1": "&",
    "Digit2": "é", "Digit0": "à", "KeyI": "i", "KeyO": "o", "KeyB": "b",
}  # fmt: skip


def azerty(keys: CDPSession, code: str, key: str = "", modifiers: int = 0) -> None:
    """Press a key of a French keyboard. Modifiers: 2 Ctrl, 8 Shift."""
    for kind in ("rawKeyDown", "keyUp"):
        event = {"type": kind, "code": code, "key": key or AZERTY[code], "modifiers": modifiers}
        keys.send("Input.dispatchKeyEvent", event)


def test_a_french_keyboard(page: Page, site: Site, watchable: Callable[[str], str]) -> None:
    pk = watchable("120fps")
    keystrokes.expert(site, "azerty")
    sign_in(page, site, "azerty")
    open_workspace(page, site, pk)
    keys = page.context.new_cdp_session(page)
    page.click("[data-action=sheet]")
    page.select_option("#sheet [data-part=layout]", "azerty")
    page.keyboard.press("Escape")
    expect(page.locator("#classes kbd[data-code=KeyQ]")).to_have_text("A")
    expect(page.locator("#classes kbd[data-code=KeyA]")).to_have_text("Q")
    at(page, 20)
    azerty(keys, "KeyI")
    page.wait_for_selector("#detail[data-kind=draft]")
    at(page, 40)
    azerty(keys, "KeyO")
    azerty(keys, "KeyQ")  # types "a": serve forehand
    azerty(keys, "Digit2")  # types "é": its second technique
    azerty(keys, "KeyM")  # types ",": one frame back
    page.wait_for_selector('#frame[data-frame="39"]:not(.is-pending)')
    azerty(keys, "Comma", ".", modifiers=8)  # Shift and ";" types ".": one frame forward
    page.wait_for_selector('#frame[data-frame="40"]:not(.is-pending)')
    azerty(keys, "Semicolon")  # types "m": the end one frame earlier
    eventually(lambda: rows(site, pk, "azerty"), [[20, 40, "Serve Forehand Loop", False, ""]])  # it rests before it is recorded
    azerty(keys, "KeyW", "z", modifiers=2)
    eventually(lambda: rows(site, pk, "azerty"), [[20, 41, "Serve Forehand Loop", False, ""]])
    azerty(keys, "KeyM", "?", modifiers=8)
    page.wait_for_selector("#sheet[open]")


def test_a_key_right_after_a_dialog_closed_counts(page: Page, site: Site, watchable: Callable[[str], str]) -> None:
    """The closed dialog's field has the focus until the browser draws again; what is pressed then is not typing."""
    sign_in(page, site)
    open_workspace(page, site, watchable("120fps"))
    focus = page.evaluate("""() => {
      document.activeElement.blur();
      const dialog = document.querySelector("#go-to");
      dialog.showModal();
      dialog.querySelector("input").focus();
      dialog.close();
      const focus = document.activeElement;
      focus.dispatchEvent(new KeyboardEvent("keydown", { code: "KeyI", key: "i", bubbles: true, cancelable: true }));
      return focus.tagName;
    }""")
    assert focus == "INPUT"
    page.wait_for_selector("#detail[data-kind=draft]", timeout=5000)


def test_keys_of_ones_own(page: Page, site: Site, watchable: Callable[[str], str]) -> None:
    pk = watchable("120fps")
    keystrokes.expert(site, "remaps")
    sign_in(page, site, "remaps")
    open_workspace(page, site, pk)
    page.keyboard.press("?")
    page.fill("#sheet [data-part=search]", "region")
    expect(page.locator("#sheet [data-row]:visible")).to_have_count(1)
    page.click("[data-remap=region]")
    page.keyboard.press("w")
    expect(page.locator("#sheet [data-part=said]")).to_contain_text("belongs to the classes")
    page.keyboard.press("p")
    expect(page.locator("#sheet [data-part=said]")).to_contain_text("is taken")
    with page.expect_response(lambda answer: "preferences" in answer.url and answer.ok):
        page.keyboard.press("m")
        expect(page.locator("[data-remap=region] kbd")).to_have_text("M")
    page.reload()
    page.wait_for_selector("body[data-ready=true]")
    expect(page.locator("kbd[data-key=region]").first).to_contain_text("M")
    page.keyboard.press("r")
    expect(page.locator(".ws-transport [data-action=region]")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("m")
    expect(page.locator(".ws-transport [data-action=region]")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("?")
    with page.expect_response(lambda answer: "preferences" in answer.url and answer.ok):
        page.click("#sheet [data-part=reset-keys]")
    expect(page.locator("[data-remap=region] kbd")).to_have_text("R")


PRESS = """const press = (code, key, more = {}) => {
    for (const kind of ["keydown", "keyup"]) document.body.dispatchEvent(new KeyboardEvent(kind, { code, key, bubbles: true, cancelable: true, ...more }));
  };"""
IN_ONE_BREATH = """() => {
  PRESS
  const leap = () => press("ArrowRight", "ArrowRight", { shiftKey: true });
  topspin.player.goTo(300);
  if (topspin.player.pending === null) throw new Error("the picture was here already");
  press("KeyI", "i");
  for (const turn of [1, 2, 3]) leap();
  press("KeyO", "o");
  press("KeyW", "w");
  press("Digit1", "1");
}"""


THEN_ANOTHER = """([begin, other]) => {
  PRESS
  topspin.player.goTo(begin);
  press("KeyI", "i");
  press("ArrowRight", "ArrowRight", { shiftKey: true });
  press("KeyO", "o");
  document.querySelector(`#list .row[data-id="${other}"]`).click();
  press("Delete", "Delete");
}"""


def test_a_stroke_chosen_while_a_mark_waits_is_the_one_that_goes(page: Page, site: Site, watchable: Callable[[str], str]) -> None:
    pk = watchable("120fps")
    keystrokes.expert(site, "hasty")
    sign_in(page, site, "hasty")
    open_workspace(page, site, pk)
    at(page, 20)
    page.keyboard.press("i")
    page.wait_for_selector("#detail[data-kind=draft]")
    at(page, 40)
    page.keyboard.press("o")
    first = page.locator("#list .row[data-kind=stroke]")
    expect(first).to_have_count(1)
    page.evaluate(THEN_ANOTHER.replace("PRESS", PRESS), [300, first.get_attribute("data-id")])
    page.wait_for_selector('#frame[data-frame="20"]:not(.is-pending), #frame[data-frame="310"]:not(.is-pending)')
    saved(page)
    body = page.request.get(f"{site.url}/api/v1/videos/{pk}/workspace/").json()
    assert [(one["begin"], one["end"]) for one in body["strokes"]] == [(300, 311)]


def test_keys_faster_than_the_pictures_take_effect_in_their_order(page: Page, site: Site, watchable: Callable[[str], str]) -> None:
    pk = watchable("120fps")
    keystrokes.expert(site, "swift")
    sign_in(page, site, "swift")
    open_workspace(page, site, pk)
    move = page.get_attribute("#classes .group:has(kbd[data-code=KeyW]) .leaf", "data-move")
    page.evaluate(IN_ONE_BREATH.replace("PRESS", PRESS))
    page.wait_for_selector('#frame[data-frame="330"]:not(.is-pending)')
    saved(page)
    body = page.request.get(f"{site.url}/api/v1/videos/{pk}/workspace/").json()
    assert [(one["begin"], one["end"], one["move"]) for one in body["strokes"]] == [(300, 331, move)]


def test_the_code_window_on_a_tablet(browser: Browser, site: Site, watchable: Callable[[str], str]) -> None:
    pk = watchable("vfr")
    keystrokes.expert(site, "tablet")
    context = browser.new_context(viewport={"width": 820, "height": 1180}, has_touch=True, locale="fr-FR")
    page = context.new_page()
    sign_in(page, site, "tablet")
    open_workspace(page, site, pk)
    tap_on(page, "[data-mode=whole]")
    leaves = page.locator(".classes .leaf")
    for index in range(leaves.count()):
        box = leaves.nth(index).bounding_box()
        assert box is not None and box["height"] >= 44 and box["width"] >= 44
    at(page, 240)
    tap_on(page, ".leaf[data-move='Offensive Backhand Flip']")
    saved(page)
    body = page.request.get(f"{site.url}/api/v1/videos/{pk}/workspace/").json()
    [stroke] = body["strokes"]
    assert stroke["move"] == "Offensive Backhand Flip" and stroke["begin"] < 240 < stroke["end"]
    context.close()


def test_every_stroke_is_marked(page: Page, site: Site, watchable: Callable[[str], str]) -> None:
    pk = watchable("vfr")
    keystrokes.expert(site, "completes")
    sign_in(page, site, "completes")
    open_workspace(page, site, pk)
    at(page, 30)
    page.keyboard.press("i")
    at(page, 60)
    page.keyboard.press("o")
    at(page, 200)
    page.click("#complete")
    lines = page.locator("#complete-check li")
    expect(lines).to_have_count(2)  # no class yet, and most of it never seen
    expect(page.locator("#complete")).not_to_be_checked()
    lines.first.locator("button").first.click()
    page.wait_for_selector('#frame[data-frame="30"]:not(.is-pending)')
    page.keyboard.press("0")
    page.click("#complete")
    expect(lines).to_have_count(1)
    page.click("#complete-check [data-part=yes]")
    expect(page.locator("#complete")).to_be_checked()
    saved(page)
    state = page.request.get(f"{site.url}/api/v1/videos/{pk}/workspace/").json()
    assert state["lane"]["complete"] is True
    page.click("#complete")
    expect(page.locator("#complete")).not_to_be_checked()


def test_a_script_of_strokes_in_few_keys(browser: Browser, site: Site) -> None:
    """The small version of `make keystrokes`: the bars per stroke, no mouse, right classes, exact edges once put right."""
    roads = keystrokes.measure(browser, site, 3, 0.25, seed=4)
    assert keystrokes.failures(roads) == []
    assert [round(road.per_stroke * 3) for road in roads if road.name in keystrokes.BARS] == [6, 9, 6, 3]
