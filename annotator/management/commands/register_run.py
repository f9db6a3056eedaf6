"""`manage.py register_run FOLDER`: check, copy and judge a run trained elsewhere like one trained here."""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
import uuid
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils.translation import gettext as _

from annotator import messages, plans
from mlcore import files, formats
from strokes import registry, taxonomy
from strokes.errors import Refused
from strokes.models import Run, Taxonomy

WEIGHTS, HEAD = "weights.safetensors", "head.safetensors"


class Command(BaseCommand):
    help = "Checks a run folder made by mlcore.train elsewhere, copies it in and judges it like one trained here."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--taxonomy", metavar="NAME", help="the taxonomy it is for (default: the one it names)")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        try:
            file = whole_run(folder)
            run = register(folder, file, taxonomy_for(file, options["taxonomy"]))
        except (Refused, files.FormatError) as error:
            text = messages.sentence(error.code, error.params) if isinstance(error, Refused) else str(error)
            self.stderr.write(text)
            sys.exit(1)
        why = " ".join(messages.sentence(reason["code"], reason.get("params", {})) for reason in run.reasons)
        text = _("This is model %(number)d now: %(state)s. %(why)s")
        self.stdout.write((text % {"number": run.number, "state": run.get_state_display(), "why": why}).strip())


def whole_run(folder: Path) -> formats.Run:
    """The run's description; Refused if a file is missing or the weights are not those it was written with."""
    missing = [name for name in ("run.json", WEIGHTS) if not (folder / name).is_file()]
    if missing:
        raise Refused("run_not_whole", folder=folder.name, missing=", ".join(missing))
    file = formats.Run.read(folder / "run.json")
    if file.head and not (folder / HEAD).is_file():
        raise Refused("run_not_whole", folder=folder.name, missing=HEAD)
    expected = file.config.get("weights_sha256")
    with (folder / WEIGHTS).open("rb") as weights:
        found = hashlib.file_digest(weights, "sha256").hexdigest()
    if expected and expected != found:
        raise Refused(
            "run_not_whole", folder=folder.name, missing=f"{WEIGHTS} (sha256 {found[:12]}, not {expected[:12]})"
        )
    return file


def taxonomy_for(file: formats.Run, name: str | None) -> Taxonomy:
    """The newest revision with exactly the run's classes in its order; Refused otherwise."""
    name = name or file.taxonomy.name
    for row in Taxonomy.objects.filter(name=name).order_by("-revision"):
        if taxonomy.as_file(row).classes == file.taxonomy.classes:
            return row
    raise Refused("run_other_classes", run=file.taxonomy.name, taxonomy=name)


def register(folder: Path, file: formats.Run, row: Taxonomy) -> Run:
    """Copy the folder in (whole or not at all), judge it, and queue suggestions if it is used from now on."""
    with transaction.atomic():
        run = registry.start(taxonomy=row, preset=str(file.config.get("preset", "")), id=_uuid(file.id))
        target = registry.folder(run)
        part = target.with_name(f".{target.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(folder, part, ignore=shutil.ignore_patterns("checkpoint*"))
        file.id = str(run.pk)
        file.write(part / "run.json")
        os.rename(part, target)
        Run.objects.filter(pk=run.pk).update(dataset_sha256=file.dataset_sha256)
        registry.finish(run=run, metrics=file.metrics)
        if run.current:
            plans.suggest_again(row)
    return run


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
