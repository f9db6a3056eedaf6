"""`manage.py add_video FILE...`: bring in videos from the shell. They are copied; the originals stay."""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from annotator import messages
from strokes import taxonomy, videos
from strokes.errors import Refused
from strokes.models import Appearance, Player, Taxonomy, Video

CHUNK = 1 << 20


class Command(BaseCommand):
    help = "Copies videos in and queues all that is done to a new video."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--taxonomy", metavar="NAME", help="the classes to label with (default: TTStroke-21)")
        parser.add_argument("--title", help="what people will call it (default: the file's name)")
        parser.add_argument("--player", action="append", default=[], metavar="NAME[:right|left[:left|right|near|far]]",
                            help="who is seen in it: pseudonym, hand, side; may be given twice")  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        failed = 0
        row = named(options["taxonomy"]) if options["taxonomy"] else taxonomy.default()
        for path in options["files"]:
            try:
                players = [player(text) for text in options["player"] or self._ask(path)]
                video = add(path, row, players, options["title"] or path.stem)
            except Refused as error:
                failed += 1
                self.stderr.write(f"{path.name}: {messages.sentence(error.code, error.params)}")
            except OSError as error:
                failed += 1
                self.stderr.write(f"{path.name}: {error.strerror or error}")
            else:
                text = _("%(file)s is here as “%(title)s”; the worker looks into it now.")
                self.stdout.write(text % {"file": path.name, "title": video.title})
        if failed:
            sys.exit(1)

    def _ask(self, path: Path) -> list[str]:
        """Ask for the players where somebody sits at the terminal; otherwise nobody is known until somebody says it."""
        given: list[str] = []
        while sys.stdin.isatty():
            self.stdout.write(
                _("%(file)s: who is seen in it? pseudonym:hand:side, empty line when done") % {"file": path.name}
            )
            if not (line := input("> ").strip()):
                break
            given.append(line)
        return given


def player(text: str) -> dict[str, str]:
    """`pseudonym:hand:side` as the domain takes it; Refused with the allowed words otherwise."""
    pseudonym, hand, side = (*(part.strip() for part in text.split(":")), "", "")[:3]
    found = {"pseudonym": pseudonym, "hand": hand or Player.Hand.UNKNOWN, "side": side or Appearance.Side.UNKNOWN}
    if not pseudonym or found["hand"] not in Player.Hand.values or found["side"] not in Appearance.Side.values:
        raise Refused(
            "bad_player", given=text, hands=", ".join(Player.Hand.values), sides=", ".join(Appearance.Side.values)
        )
    return {key: str(value) for key, value in found.items()}


def named(name: str) -> Taxonomy:
    """The newest revision of a taxonomy; CommandError with the names there are."""
    found = Taxonomy.objects.filter(name=name).order_by("-revision").first()
    if found is None:
        names = ", ".join(sorted(set(Taxonomy.objects.values_list("name", flat=True)))) or "-"
        raise CommandError(_("There is no taxonomy “%(name)s”. There are: %(names)s.") % {"name": name, "names": names})
    return found


def add(path: Path, row: Taxonomy, players: list[dict[str, str]], title: str) -> Video:
    """Copy, hash, register and queue one video."""
    size = path.stat().st_size
    if size > settings.UPLOAD_MAX_BYTES:
        raise Refused("upload_too_large", gigabytes=settings.UPLOAD_MAX_BYTES // 1024**3)
    videos.room_for(size)
    fd, name = tempfile.mkstemp(dir=settings.MEDIA_ROOT, prefix=".incoming-", suffix=path.suffix.lower())
    copy = Path(name)
    try:
        digest = hashlib.sha256()
        with path.open("rb") as source, os.fdopen(fd, "wb") as target:
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                target.write(chunk)
            target.flush()
            os.fsync(target.fileno())
        return videos.register(
            title=title, taxonomy=row, path=copy, sha256=digest.hexdigest(), bytes=size, user=None, players=players
        )
    finally:
        copy.unlink(missing_ok=True)
