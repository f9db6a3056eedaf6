"""Three roads to the picture: the best one that can prove its frames is gone, the next takes over, the page says why."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from fractions import Fraction

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from benchmarks import keystrokes
from tests.e2e.conftest import PASSWORD, Site, chromium, sign_in
from tests.e2e.test_frames import alter, begins, go_to, open_workspace, shown, watchable

pytestmark = pytest.mark.browser
__all__ = ["watchable"]
Video = Callable[[str], str]


def there(page: Page, frame: int) -> None:
    """Go to `frame`; the pixels must say so."""
    go_to(page, frame)
    page.wait_for_selector(f'#frame[data-frame="{frame}"]:not(.is-pending)', timeout=15_000)
    assert shown(page) == frame


def road(page: Page) -> str | None:
    return page.get_attribute("body", "data-road")


def reasons(page: Page) -> str:
    page.click("#road")
    text = page.inner_text("#road-panel")
    page.keyboard.press("Escape")
    return text


@pytest.mark.parametrize("name", ["webcodecs", "server", "video"])
def test_each_road_shows_the_asked_frame(page: Page, site: Site, watchable: Video, name: str) -> None:
    sign_in(page, site)
    open_workspace(page, site, watchable("vfr"), name)
    assert road(page) == name
    for frame in (0, 300, 301, 290, 479):
        there(page, frame)


def test_the_best_road_is_taken_unasked(page: Page, site: Site, watchable: Video) -> None:
    sign_in(page, site)
    open_workspace(page, site, watchable("120fps"))
    assert road(page) == "webcodecs"
    # A cached neighbour is drawn within the handler of its key.
    there(page, 100)
    page.wait_for_function("() => topspin.player.source.exact.has(101)")
    page.evaluate("topspin.stats.draws.clear()")
    page.evaluate("topspin.player.step(1)")
    assert [drawn["frame"] for drawn in page.evaluate("topspin.stats.draws.values")] == [101]


def test_a_file_that_differs_from_its_table_is_not_decoded_here(page: Page, site: Site, watchable: Video) -> None:
    """Decoding it would name pictures wrongly; the server, which has its own table, still names them rightly."""
    sign_in(page, site)
    alter(page, lambda table: [*begins(table)[:7], *(seconds + Fraction(1, 10**4) for seconds in begins(table)[7:])])
    open_workspace(page, site, watchable("120fps"))
    assert road(page) == "server"
    assert "not what its frame table says" in reasons(page)
    there(page, 250)


def test_a_forced_road_that_cannot_be_gone_shows_nothing(page: Page, site: Site, watchable: Video) -> None:
    sign_in(page, site)
    alter(page, lambda table: begins(table)[:-1])
    page.goto(f"{site.url}/videos/{watchable('120fps')}/?road=webcodecs")
    page.wait_for_selector("#frame-note:visible", timeout=20_000)
    assert road(page) == "none"
    assert page.get_attribute("#frame", "data-frame") is None


def test_a_decoder_that_fails_is_left_at_the_same_frame(page: Page, site: Site, watchable: Video) -> None:
    """From some moment on the file's bytes arrive broken: the next road shows the picture that was asked for."""
    broken = False

    def answer(route: Route) -> None:
        reply = route.fetch()
        body = bytes(reply.body())
        route.fulfill(response=reply, body=b"\xff" * len(body) if broken else body)

    sign_in(page, site)
    # So small a part is read at first that later frames are still to be fetched.
    page.add_init_script("Object.defineProperty(navigator, 'deviceMemory', { value: 2 })")
    page.route("**/proxy.mp4", answer)
    page.route("**/proxy360.mp4", answer)
    pk = watchable("120fps")
    page.goto(f"{site.url}/videos/{pk}/")
    page.wait_for_selector("body[data-ready=true]", timeout=20_000)
    assert road(page) == "webcodecs"
    broken = True
    page.evaluate(
        "document.querySelector('#road-panel select').value = 'light';"
        "document.querySelector('#road-panel select').dispatchEvent(new Event('change'))"
    )
    page.wait_for_selector("body[data-road=server]", timeout=20_000)
    there(page, 200)


def test_keys_pressed_while_the_file_changes_are_not_lost(page: Page, site: Site, watchable: Video) -> None:
    """The lighter file takes its time; what is pressed meanwhile counts from the picture that was asked for."""
    sign_in(page, site)
    open_workspace(page, site, watchable("120fps"))
    there(page, 200)
    held: list[Route] = []
    opened = False
    page.route("**/proxy360.mp4", lambda route: route.continue_() if opened or route.request.method == "HEAD" else held.append(route))
    page.evaluate(
        "const select = document.querySelector('#road-panel select'); select.value = 'light'; select.dispatchEvent(new Event('change'))"
    )
    page.wait_for_function("() => topspin.player.source.moving !== null")
    for key in (".", ".", ".", "i", "Shift+ArrowRight", "o"):
        page.keyboard.press(key)
    assert page.get_attribute("#detail", "data-kind") == "none", "a mark waits for its picture"
    opened = True
    for route in held:
        route.continue_()
    page.wait_for_selector("#detail[data-kind=stroke]")
    expect(page.locator("#detail")).to_contain_text("203")
    page.wait_for_selector('#frame[data-frame="213"]:not(.is-pending)')
    assert shown(page) == 213
    assert page.get_attribute("body", "data-picture") == "light"


def test_play_stops_where_its_road_breaks(page: Page, site: Site, watchable: Video) -> None:
    sign_in(page, site)
    open_workspace(page, site, watchable("120fps"))
    there(page, 100)
    page.keyboard.press("Shift+j")
    page.keyboard.press("Shift+j")
    page.keyboard.press("l")
    page.wait_for_function("() => topspin.player.frame > 110")
    page.evaluate("topspin.player.source.exact.fail('decode', 'a test')")
    page.wait_for_selector("body[data-road=server]", timeout=20_000)
    expect(page.locator("[data-action=play]")).to_have_attribute("aria-pressed", "false")
    page.wait_for_selector("#frame[data-frame]:not(.is-pending)")
    stopped = int(page.get_attribute("#frame", "data-frame") or 0)
    assert stopped > 110 and shown(page) == stopped


@pytest.fixture
def plain(browser: Browser) -> Iterator[Browser]:
    """A browser for which the site has an address that is not secure."""
    rules = "--host-resolver-rules=MAP topspin.test 127.0.0.1"
    launched = browser.browser_type.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu", rules])
    yield launched
    launched.close()


def test_an_address_that_is_not_secure_is_explained(plain: Browser, site: Site, watchable: Video) -> None:
    pk = watchable("120fps")
    there_too = Site(site.url.replace("localhost", "topspin.test"), site.data, site.env)
    page = plain.new_context(viewport={"width": 1366, "height": 768}, locale="en-GB").new_page()
    sign_in(page, there_too)
    open_workspace(page, there_too, pk)
    assert page.evaluate("isSecureContext") is False
    assert road(page) == "server"
    assert "https" in reasons(page)
    there(page, 321)


def test_two_tabs_take_turns_where_the_browser_has_no_locks(plain: Browser, site: Site, watchable: Video) -> None:
    pk = watchable("120fps")
    keystrokes.expert(site, "twice")
    there_too = Site(site.url.replace("localhost", "topspin.test"), site.data, site.env)
    context = plain.new_context(viewport={"width": 1366, "height": 768}, locale="en-GB")
    tabs = [context.new_page(), context.new_page()]
    sign_in(tabs[0], there_too, "twice")
    context.route("**/decisions/", lambda route: route.abort())
    for number, page in enumerate(tabs):
        page.bring_to_front()
        open_workspace(page, there_too, pk)
        assert page.evaluate("navigator.locks === undefined")
        for begin in (100 * number + 10, 100 * number + 50):
            there(page, begin)
            page.keyboard.press("i")
            there(page, begin + 20)
            page.keyboard.press("o")
            page.wait_for_selector("#detail[data-kind=stroke]")
            page.keyboard.press("Escape")
    context.unroute("**/decisions/")
    for page in tabs:
        page.evaluate("window.dispatchEvent(new Event('online'))")  # both at once
    for page in tabs:
        page.bring_to_front()
        expect(page.locator("#outbox")).to_have_attribute("data-unsent", "0", timeout=30_000)
    body = page.evaluate("pk => fetch(`/api/v1/videos/${pk}/workspace/`).then((answer) => answer.json())", pk)
    assert sorted((one["begin"], one["end"]) for one in body["strokes"]) == [(10, 31), (50, 71), (110, 131), (150, 171)]
    assert [entry["kind"] for entry in body["history"]] == ["add"] * 4, "each once"


def test_slow_play_shows_every_frame_both_ways(page: Page, site: Site, watchable: Video) -> None:
    sign_in(page, site)
    open_workspace(page, site, watchable("120fps"))
    there(page, 200)
    page.keyboard.press("Shift+j")
    page.keyboard.press("Shift+j")
    for key, step in (("l", 1), ("j", -1)):
        page.evaluate("topspin.stats.draws.clear()")
        page.keyboard.press(key)
        page.wait_for_timeout(1200)
        page.keyboard.press("k")
        frames = [drawn["frame"] for drawn in page.evaluate("topspin.stats.draws.values")]
        assert len(frames) > 3
        assert [b - a for a, b in itertools.pairwise(frames)] == [step] * (len(frames) - 1)
        play = page.evaluate("topspin.stats.plays.at(-1)")
        assert play["road"] == "webcodecs" and play["due"] == play["presented"] == len(frames)
        assert str(shown(page)) == page.get_attribute("#frame", "data-frame")


def test_real_time_says_what_the_screen_shows_and_stops_exact(page: Page, site: Site, watchable: Video) -> None:
    sign_in(page, site)
    open_workspace(page, site, watchable("120fps"))
    for _ in range(3):
        there(page, 50)
        page.keyboard.press("l")
        page.wait_for_timeout(700)
        expect(page.locator("#road")).to_contain_text("of 120 pictures per second")
        page.keyboard.press("k")
        page.wait_for_selector("[data-action=play][aria-pressed=false]")
        page.wait_for_selector("#frame:not(.is-pending)")
        page.wait_for_selector("#exact:visible")
        page.wait_for_timeout(100)
        assert str(shown(page)) == page.get_attribute("#frame", "data-frame")
        assert shown(page) != 50


def test_play_around_the_nearer_edge(page: Page, site: Site, watchable: Video) -> None:
    sign_in(page, site)
    open_workspace(page, site, watchable("120fps"))
    there(page, 150)
    page.keyboard.press("Shift+p")
    expect(page.locator("[data-action=play]")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("[data-action=play]")).to_have_attribute("aria-pressed", "false", timeout=10_000)
    page.wait_for_selector('#frame[data-frame="150"]:not(.is-pending)')
    assert shown(page) == 150
    assert page.evaluate("topspin.stats.plays.at(-1).due") > 30


def test_the_lighter_picture_is_the_same_frame(page: Page, site: Site, watchable: Video) -> None:
    sign_in(page, site)
    open_workspace(page, site, watchable("odd"))
    there(page, 222)
    page.click("#road")
    page.select_option("#road-panel select", "light")
    page.wait_for_selector("body[data-picture=light]")
    page.wait_for_selector('#frame[data-frame="222"]:not(.is-pending)')
    assert shown(page) == 222
    page.keyboard.press("Escape")
    there(page, 17)
    page.reload()
    page.wait_for_selector("body[data-ready=true][data-picture=light]")
    page.evaluate("localStorage.clear()")


def test_offline_is_said_and_passes(page: Page, site: Site, watchable: Video) -> None:
    """A picture that cannot be fetched is no other road's matter: it is said, and asked for again by itself."""
    sign_in(page, site)
    open_workspace(page, site, watchable("120fps"), "server")
    page.route("**/frame/*.jpg", lambda route: route.abort())
    go_to(page, 400)
    page.wait_for_selector("#frame-note:has-text('400')")
    assert page.get_attribute("#frame", "data-frame") is None
    page.unroute("**/frame/*.jpg")
    page.wait_for_selector('#frame[data-frame="400"]:not(.is-pending)', timeout=15_000)
    assert shown(page) == 400


def test_signed_out_at_a_picture(page: Page, site: Site, watchable: Video) -> None:
    sign_in(page, site)
    open_workspace(page, site, watchable("120fps"), "server")
    page.context.clear_cookies(name="sessionid")
    go_to(page, 150)
    page.wait_for_selector("#sign-in-again[open]")
    page.fill("#sign-in-again input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector('#frame[data-frame="150"]:not(.is-pending)', timeout=15_000)
    assert shown(page) == 150


def test_the_next_video_is_warmed(page: Page, site: Site, watchable: Video) -> None:
    here, other = watchable("120fps"), watchable("vfr")
    sign_in(page, site)
    asked: list[tuple[str, str | None]] = []
    page.on("request", lambda request: asked.append((request.url, request.headers.get("range"))))
    open_workspace(page, site, here)
    page.wait_for_selector("body[data-warmed]", timeout=60_000)
    warmed = page.get_attribute("body", "data-warmed")
    assert warmed != here and other
    assert (f"{site.url}/media/{warmed}/proxy.mp4", "bytes=0-262143") in asked
    assert f"{site.url}/media/{warmed}/frames.json" in {url for url, _ in asked}
