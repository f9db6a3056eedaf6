"""`manage.py demo`: two short drawn videos, the first labelled with its truth, the second left to label. Made once."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from annotator import engine
from annotator.management.commands import add_video
from mlcore import formats
from strokes import imports, taxonomy
from strokes.models import Video

WAIT_S = 1800.0


class Command(BaseCommand):
    help = "Makes the demo videos, once."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("practice", stdout=self.stdout)
        done = Path(settings.DATA) / "demo.done"
        if done.exists():
            self.stdout.write(_("The demo videos have been made before."))
            return
        with tempfile.TemporaryDirectory(dir=settings.DATA, prefix=".demo-") as folder:
            engine.run(["mlcore.synthetic", folder, "--videos", "2", "--players", "2", "--strokes", "8", "--fps", "60"])
            who = json.loads((Path(folder) / "players.json").read_text())
            titles = [_("Demo 1, labelled"), _("Demo 2, yours to label")]
            files = sorted(Path(folder).glob("*.mp4"))
            first, *_rest = [self._add(path, title, who[path.stem]) for path, title in zip(files, titles)]
            truth = imports.read_mediaeval(files[0].with_suffix(".xml").read_bytes(), inclusive=True)
        self._label(first, truth)
        done.touch()
        self.stdout.write(_("The demo videos are in the library."))

    def _add(self, path: Path, title: str, players: list[dict[str, str]]) -> Video:
        """The video; the one that an interrupted run of this command added before, if there is one."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        known = Video.objects.filter(sha256=digest).exclude(state=Video.State.REFUSED).first()
        return known or add_video.add(path, taxonomy.default(), players, title)

    def _label(self, video: Video, truth: list[formats.Interval]) -> None:
        """Wait until its frames are counted, then write the truth into the expert's lane."""
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            video.refresh_from_db()
            if video.state not in (Video.State.NEW, Video.State.REFUSED):
                expert = User.objects.filter(groups__name="experts").earliest("pk")
                imports.apply(video=video, expert=expert, intervals=truth, complete=True)
                return
            time.sleep(1.0)
