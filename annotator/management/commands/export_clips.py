"""`manage.py export_clips FOLDER`: every labelled stroke as a file of its own, in the MediaEval 2022 classification layout."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from annotator import engine, messages
from strokes import records, splits, taxonomy, videos
from strokes.errors import Refused
from strokes.models import SplitMember, Taxonomy, Video


class Command(BaseCommand):
    help = "Cuts every stroke with a full class into FOLDER/<part>/<class>/<number>.mp4, exactly its frames."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--taxonomy", metavar="NAME", help="default: TTStroke-21")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        try:
            count = export(chosen(options["taxonomy"]), folder.resolve())
        except (Refused, engine.EngineError) as error:
            self.stderr.write(messages.sentence(error.code, error.params))
            sys.exit(1)
        self.stdout.write(_("%(count)d clips are in %(folder)s.") % {"count": count, "folder": folder})


def chosen(name: str | None) -> Taxonomy:
    """The newest revision of that name; Refused unknown_taxonomy."""
    if name is None:
        return taxonomy.default()
    found = Taxonomy.objects.filter(name=name).order_by("-revision").first()
    if found is None:
        raise Refused("unknown_taxonomy")
    return found


def export(wanted: Taxonomy, folder: Path) -> int:
    """Cut the strokes of all videos of the split, numbered through it; returns how many. Freezes the split."""
    split = splits.current(wanted)
    members = list(split.members.select_related("video__taxonomy").order_by("video__created", "video"))
    splits.freeze(split)
    count = 0
    for member in members:
        clips = clips_of(member, count)
        count += len(clips)
        if clips:
            cut(member.video, clips, folder)
    return count


def clips_of(member: SplitMember, before: int) -> list[dict[str, Any]]:
    """What to cut from one video, for mlcore.cut."""
    strokes, _complete = records.truth(member.video)
    full = [stroke for stroke in strokes if taxonomy.is_full(member.video.taxonomy, stroke.move)]
    return [
        {"name": f"{member.part}/{stroke.move.replace('/', '-')}/{before + at:05d}.mp4", "begin": stroke.begin, "end": stroke.end}
        for at, stroke in enumerate(full, start=1)
    ]


def cut(video: Video, clips: list[dict[str, Any]], folder: Path) -> None:
    source = videos.folder(video)
    with tempfile.TemporaryDirectory() as scratch:
        wanted = Path(scratch) / "clips.json"
        wanted.write_text(json.dumps(clips), "utf-8")
        argv = ["mlcore.cut", str(source / video.file), "--frames", str(source / "frames.json")]
        engine.run([*argv, "--clips", str(wanted), "--out", str(folder)])
