"""The library in the real page: uploads through broken connections, a killed server and reloads; filters, editing, what is next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from benchmarks import upload
from tests.e2e.conftest import PASSWORD, Site, every_stroke_is_marked, sign_in, start_site, stop
from tests.e2e.test_frames import open_workspace, watchable

pytestmark = [pytest.mark.browser]
__all__ = ["watchable"]
MIB = 1 << 20


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, list]]:
    """A site whose web server may be killed; nothing is prepared on it."""
    site, processes = start_site(tmp_path_factory.mktemp("own") / "data", work=False)
    yield site, processes
    stop(processes)


def test_cuts_a_kill_and_a_reload(own: tuple[Site, list], page: Page) -> None:
    """The bytes arrive unharmed, and no interruption costs more than one chunk."""
    site, processes = own
    found = upload.run(site, processes, page, size=40 * MIB, cuts=4, kills=1, reloads=1, seed=3, wait_s=120)
    assert (found.cuts, found.kills, found.reloads) == (4, 1, 1)
    assert found.same
    assert len(found.repeats) == 7 and max(found.repeats) <= upload.CHUNK, found
    assert found.carried - found.size == sum(found.repeats)


def ready(page: Page, site: Site) -> None:
    page.goto(site.url)
    page.wait_for_selector("#upload-form[data-ready]", state="attached")
    if not page.locator("#upload-input").is_visible():
        page.click("#upload-open")


def test_pause_reload_go_on_and_cancel(own: tuple[Site, list], page: Page, tmp_path: Path) -> None:
    site, _ = own
    sign_in(page, site)
    path = tmp_path / "long match.mp4"
    upload.film(path, 64 * MIB, 5)
    page.on("dialog", lambda dialog: dialog.accept())
    ready(page, site)
    page.set_input_files("#upload-input", str(path))
    page.click("#upload-start")
    row = page.locator(".upload-file", has_text="long match.mp4")
    expect(row).to_have_attribute("data-state", "sending")
    page.wait_for_function("() => document.querySelector('.upload-file progress').value > 0.1")
    row.locator("[data-do=pause]").click()
    expect(row).to_have_attribute("data-state", "paused")
    page.wait_for_timeout(300)
    ready(page, site)
    expect(row).to_have_attribute("data-state", "waiting")
    expect(row).to_contain_text("Choose or drop the same file again")
    assert page.request.get(f"{site.url}/api/v1/uploads/").json()[0]["offset"] > 0
    other = tmp_path / "other" / "long match.mp4"
    other.parent.mkdir()
    upload.film(other, 10 * MIB, 6)
    page.set_input_files("#upload-input", str(other))
    expect(row).to_have_count(2)  # another file of the same name is another upload
    page.set_input_files("#upload-input", str(path))
    expect(row.first).to_have_attribute("data-state", "done", timeout=60_000)
    page.click("#upload-start")
    expect(row.nth(1)).to_have_attribute("data-state", "done", timeout=60_000)
    third = tmp_path / "third.mp4"
    upload.film(third, 200 * MIB, 7)
    page.set_input_files("#upload-input", str(third))
    page.click("#upload-start")
    page.wait_for_function("() => [...document.querySelectorAll('.upload-file progress')].at(-1).value > 0.02")
    page.locator(".upload-file", has_text="third.mp4").locator("[data-do=cancel]").click()
    expect(page.locator(".upload-file", has_text="third.mp4")).to_have_count(0, timeout=30_000)
    assert page.request.get(f"{site.url}/api/v1/uploads/").json() == []


def test_said_before_anything_is_sent(own: tuple[Site, list], page: Page, tmp_path: Path) -> None:
    site, _ = own
    sign_in(page, site)
    ready(page, site)
    for name, body, said in (("notes.mp4", b"these are only notes", "not a video file that is read here"),
                             ("photo.mov", b"\x89PNG\r\n\x1a\n" + bytes(600), "This is a picture"),
                             ("empty.mp4", b"", "This file is empty")):  # fmt: skip
        (tmp_path / name).write_bytes(body)
        page.set_input_files("#upload-input", str(tmp_path / name))
        expect(page.locator(".upload-file", has_text=name)).to_contain_text(said)
    assert page.request.get(f"{site.url}/api/v1/uploads/").json() == []
    expect(page.locator("#upload-start")).to_be_disabled()


DROP = """() => {
  const carried = new DataTransfer();
  const head = new Uint8Array(2 << 20);
  head.set([0, 0, 0, 20, 0x66, 0x74, 0x79, 0x70]);
  for (const name of ["first.mp4", "second.mp4", "the third.mp4"]) carried.items.add(new File([head, name], name));
  const options = {dataTransfer: carried, bubbles: true, cancelable: true};
  document.body.dispatchEvent(new DragEvent("dragover", options));
  document.body.dispatchEvent(new DragEvent("drop", options));
}"""


def test_many_dropped_at_once_and_no_more_than_allowed(own: tuple[Site, list], page: Page) -> None:
    """Three uploads are left open elsewhere: new ones wait and say so, and go on once one of those is given up."""
    site, _ = own
    site.shell("from django.contrib.auth.models import User; from annotator import uploads; alice = User.objects.get(username='alice')\n"
               "for n in range(3): uploads.open_new(user=alice, name=f'left {n}.mp4', bytes=1000 + n)")  # fmt: skip
    sign_in(page, site)
    ready(page, site)
    expect(page.locator(".upload-file[data-state=waiting]")).to_have_count(3)
    page.evaluate(DROP)
    expect(page.locator(".upload-file[data-state=chosen]")).to_have_count(3)
    page.click("#upload-start")
    held = page.locator(".upload-file", has_text="Waits until another upload of yours has ended.")
    expect(held).to_have_count(2)
    page.locator(".upload-file", has_text="left 0.mp4").locator("[data-do=cancel]").click()
    expect(page.locator(".upload-file[data-state=done]")).to_have_count(3, timeout=30_000)
    for n in (1, 2):
        page.locator(".upload-file", has_text=f"left {n}.mp4").locator("[data-do=cancel]").click()
    expect(page.locator(".upload-file[data-state=waiting]")).to_have_count(0)


def test_signed_out_meanwhile(own: tuple[Site, list], page: Page, tmp_path: Path) -> None:
    """A long upload outlives its session: signing in on the spot lets it go on where it was."""
    site, _ = own
    sign_in(page, site)
    ready(page, site)
    path = tmp_path / "outlives.mp4"
    upload.film(path, 60 * MIB, 11)
    page.set_input_files("#upload-input", str(path))
    page.click("#upload-start")
    page.wait_for_function("() => document.querySelector('.upload-file progress').value > 0.1")
    page.context.clear_cookies(name="sessionid")
    expect(page.locator("#sign-in-again")).to_be_visible(timeout=20_000)
    page.fill("#sign-in-again [name=password]", PASSWORD)
    page.locator("#sign-in-again [type=submit]").click()
    expect(page.locator(".upload-file[data-state=done]")).to_have_count(1, timeout=60_000)


def test_the_very_same_file_again(own: tuple[Site, list], page: Page, tmp_path: Path) -> None:
    site, _ = own
    sign_in(page, site)
    path = tmp_path / "once.mp4"
    upload.film(path, 3 * MIB, 9)
    for name in ("once.mp4", "twice.mp4"):
        ready(page, site)
        path = path.rename(tmp_path / name)
        page.set_input_files("#upload-input", str(path))
        page.click("#upload-start")
        if name == "once.mp4":
            expect(page.locator(".upload-file[data-state=done]")).to_have_count(1, timeout=30_000)
    row = page.locator(".upload-file", has_text="twice.mp4")
    expect(row).to_contain_text("“once”, which is here, has exactly the same size")
    row.locator("[data-do=go-on]").click()
    expect(row).to_contain_text("already here, as “once”", timeout=30_000)
    expect(row.locator("a")).to_have_attribute("href", "/videos/" + site.shell(
        "from strokes.models import Video; print(Video.objects.get(title='once').pk)").split()[-1] + "/")  # fmt: skip


def test_a_file_still_in_hand_goes_on_by_itself(own: tuple[Site, list], page: Page) -> None:
    """A lasting handle (here of the browser's own file system) lets the upload go on after a reload without choosing again."""
    site, _ = own
    sign_in(page, site)
    page.on("dialog", lambda dialog: dialog.accept())
    ready(page, site)
    page.evaluate("""async () => {
      const root = await navigator.storage.getDirectory();
      const handle = await root.getFileHandle("kept.mp4", {create: true});
      const writer = await handle.createWritable();
      const head = new Uint8Array(96 * 1024 * 1024);
      head.set([0, 0, 0, 20, 0x66, 0x74, 0x79, 0x70, 0x69, 0x73, 0x6f, 0x6d]);
      await writer.write(head);
      await writer.close();
      window.showOpenFilePicker = async () => [handle];
    }""")
    page.click("#upload-input")
    page.click("#upload-start")
    page.wait_for_function("() => document.querySelector('.upload-file progress').value > 0.05")
    page.reload()
    expect(page.locator(".upload-file[data-state=done]")).to_have_count(1, timeout=60_000)
    assert "kept" in site.shell("from strokes.models import Video; print(Video.objects.latest('created').title)")


FILL = """
import datetime as dt
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone
from strokes import taxonomy
from strokes.models import *
alice = User.objects.get(username="alice")
for number, (title, state) in enumerate([("Zoé one", "prepared"), ("Zoé two", "prepared"), ("Stuck", "indexed"), ("Max", "prepared")]):
    video = Video.objects.create(title=title, taxonomy=taxonomy.default(), state=state, file="source.mp4", sha256=f"{number:064}", bytes=9,
                                 n_frames=900, fps=60, duration_s=15, uploaded_by=alice, created=timezone.now() - dt.timedelta(days=number))
    if title == "Zoé two":
        Suggestion.objects.create(video=video, begin=1, end=50, score=0.9)
    if state == "indexed":
        Job.objects.create(kind="proxy", video=video, slot="cpu", state="failed", error_code="took_too_long", error_params={"minutes": 9})
"""


def cards(page: Page) -> list[str]:
    return [str(card.get_attribute("data-title")) for card in page.locator(".card").all()]


def test_filters_without_leaving_the_page_and_back(own: tuple[Site, list], page: Page) -> None:
    site, _ = own
    site.shell("from strokes.models import Video, Job; Job.objects.all().delete(); Video.objects.all().delete()")
    site.shell(FILL)
    sign_in(page, site)
    page.evaluate("window.stays = true")
    expect(page.locator("#mine .mine-go")).to_contain_text("Begin with “Zoé two”")
    page.locator("#filters [name=q]").press_sequentially("zoe")
    expect(page.locator(".card")).to_have_count(2)
    assert page.url.endswith("?q=zoe") and page.evaluate("window.stays")
    page.locator("#filters [name=sort]").select_option("most")
    expect(page.locator(".card").first).to_have_attribute("data-title", "Zoé two")
    page.go_back()
    expect(page.locator(".card").first).to_have_attribute("data-title", "Zoé one")
    assert page.locator("#filters [name=sort]").input_value() == "newest"
    page.locator("#state-done").click()
    expect(page.locator("#empty-title")).to_have_text("No video fits")
    page.get_by_role("link", name="Show all videos").click()
    expect(page.locator(".card")).to_have_count(4)
    assert page.locator("#filters [name=q]").input_value() == "" and page.evaluate("window.stays")
    page.locator("#state-todo").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".card")).to_have_count(3)
    page.reload()
    assert sorted(cards(page)) == ["Max", "Zoé one", "Zoé two"], "the address holds it all"


def test_editing_and_trying_again_by_keyboard(own: tuple[Site, list], page: Page) -> None:
    site, _ = own
    sign_in(page, site)
    card = page.locator(".card[data-title='Max']")
    card.locator("[data-edit]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#edit")).to_be_visible()
    expect(page.locator("#edit [name=title]")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("Max and Lou")
    page.keyboard.press("Tab")
    page.keyboard.type("Lou")
    page.keyboard.press("Enter")
    renamed = page.locator(".card[data-title='Max and Lou']")
    expect(renamed).to_contain_text("Lou")
    expect(renamed.locator("[data-edit]")).to_be_focused()
    stuck = page.locator(".card[data-title='Stuck']")
    expect(stuck).to_contain_text("longer than 9 minutes")
    stuck.locator("[data-again]").focus()
    page.keyboard.press("Enter")
    expect(stuck.locator(".card-work")).to_be_visible()
    expect(stuck.locator(".form-error")).to_have_count(0)


def test_the_end_of_one_video_leads_to_the_next(page: Page, site: Site, watchable: Callable[[str], str]) -> None:
    pk = watchable("odd")
    other = watchable("rotated")
    site.shell(
        "from django.contrib.auth.models import User\nfrom strokes.models import *\n"
        "Suggestion.objects.update(current=False)\n"
        "for video in Video.objects.filter(practice=False):\n"
        f"    done = {{'complete': str(video.pk) not in {[pk, other]!r}}}\n"
        "    Lane.objects.update_or_create(video=video, expert=User.objects.get(username='alice'), defaults=done)"
    )
    sign_in(page, site)
    open_workspace(page, site, pk)
    page.keyboard.press("Shift+KeyN")
    expect(page.locator("#toast")).to_contain_text("First decide what is left")
    expect(page.locator("#onward")).to_be_hidden()
    every_stroke_is_marked(page)
    expect(page.locator("#onward")).to_be_visible()
    page.click("#complete")
    expect(page.locator("#complete")).not_to_be_checked()
    expect(page.locator("#onward")).to_be_hidden()
    every_stroke_is_marked(page)
    expect(page.locator("#onward")).to_contain_text("Next video: rotated")
    page.keyboard.press("Shift+KeyN")
    page.wait_for_url(f"{site.url}/videos/{other}/")
    page.wait_for_selector("body[data-ready]")
