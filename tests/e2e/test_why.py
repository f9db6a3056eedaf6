"""Why a suggestion, in the real page with a real (untrained) tiny network: the clip it saw, and its class curve."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Site, eventually, sign_in, start_site, stop
from tests.e2e.test_frames import bring, open_workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MODEL = """
from pathlib import Path
from django.conf import settings
from mlcore import checkpoint, formats, networks, presets
from mlcore.clips import Normalisation
from mlcore.decide import Decision
from strokes import jobs, registry, taxonomy
from strokes.models import Run, Suggestion, Video
video = Video.objects.get(pk=PK)
row = video.taxonomy
run = Run.objects.create(number=9001, taxonomy=row, preset="tiny", state=Run.State.PROMOTED, current=True)
folder = registry.folder(run)
folder.mkdir(parents=True)
preset = presets.named("tiny")
net = networks.build(preset.network(len(row.moves) + 1), seed=1)
checkpoint.write_weights(folder / "weights.safetensors", net)
prepared = formats.Prepared.read(settings.MEDIA_ROOT / str(video.pk) / "prepared" / video.prepared_key / "prepared.json")
formats.Run(str(run.pk), taxonomy.as_file(row), net.sizes.body(), preset.body(), Normalisation((1, 1), (0, 0)).body(),
            Decision().body(), {}, dict(prepared.method), "0").write(folder / "run.json")
jobs.enqueue(kind="suggest", video=video)
"""
SUGGESTED = """
from strokes.models import Run, Suggestion, Video
video, run = Video.objects.get(pk=PK), Run.objects.get(number=9001)
Suggestion.objects.filter(video=video).update(current=False)
top = [["Offensive Forehand Loop", 0.6], ["Offensive Forehand Hit", 0.2]]
Suggestion.objects.create(video=video, run=run, begin=60, end=100, move="Offensive Forehand Loop", score=0.7, top=top)
Suggestion.objects.create(video=video, run=None, begin=120, end=150, move="", score=0.5)
"""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Site]:
    """A site of its own: what is made here is its current model."""
    site, processes = start_site(tmp_path / "data")
    yield site
    stop(processes)


def quiet(site: Site, pk: str) -> None:
    """Until no job of this video waits or runs."""
    code = f"from strokes.models import Job; print(Job.objects.filter(video={pk!r}, state__in=['queued', 'running']).count())"
    eventually(lambda: site.shell(code).split()[-1], "0", seconds=240)


def test_the_clip_and_the_curve(page: Page, own: Site) -> None:
    site, pk = own, bring(own, "30fps")
    site.shell(f"from strokes import jobs; from strokes.models import Video; jobs.enqueue(kind='prepare', video=Video.objects.get(pk={pk!r}))")
    quiet(site, pk)
    site.shell(MODEL.replace("PK", repr(pk)))
    quiet(site, pk)
    site.shell(SUGGESTED.replace("PK", repr(pk)))
    sign_in(page, site)
    open_workspace(page, site, pk)
    page.keyboard.press("n")
    expect(page.locator(".detail-score")).to_have_text("likely")
    page.keyboard.press("Shift+V")
    why = page.locator("#why")
    expect(why).to_contain_text("Offensive Forehand Loop")
    clip = why.locator("img")
    expect(clip).to_be_visible(timeout=120_000)
    assert clip.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    expect(why.locator(".why-top li")).to_have_count(3)
    expect(why).to_contain_text("pictures, 15 a second")
    strip = page.locator("#under canvas")
    expect(strip).to_be_visible()
    expect(strip).to_have_attribute("aria-label", "Classes")
    lanes, under = page.locator("#lanes").bounding_box(), strip.bounding_box()
    assert lanes and under and abs(lanes["x"] - under["x"]) <= 1 and abs(lanes["width"] - under["width"]) <= 1, "one scale"

    page.keyboard.press("x")  # the next one comes from motion alone, and the panel says so
    expect(why).to_contain_text("No model has looked here yet")
    expect(strip).to_have_attribute("aria-label", "Motion")
    expect(clip).to_have_count(0)
    page.keyboard.press("Shift+V")
    expect(why).to_be_hidden()
    expect(strip).to_be_hidden()
