"""`manage.py practice`: the drawn practice video with its truth and suggestions, made once; `--again` after it was deleted."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from annotator import engine
from strokes import practice, taxonomy


class Command(BaseCommand):
    help = "Makes the practice video, once."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--again", action="store_true", help="also if it was made before and somebody deleted it")

    def handle(self, *args: Any, again: bool, **options: Any) -> None:
        done = Path(settings.DATA) / "practice.done"
        if done.exists() and not again:
            self.stdout.write(_("The practice video has been made before."))
            return
        with tempfile.TemporaryDirectory(dir=settings.DATA, prefix=".practice-") as folder:
            engine.run(["mlcore.lesson", "practice", folder])
            practice.add(folder=Path(folder), title="Practice", taxonomy=taxonomy.default())
        done.touch()
        self.stdout.write(_("The practice video is in the library."))
