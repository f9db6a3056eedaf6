"""`manage.py worker`: does all the work of the site on this machine (see annotator.worker)."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from annotator import worker


class Command(BaseCommand):
    requires_system_checks = ["models"]  # a defect in a page must not keep the work from being done
    help = "Works on jobs until stopped: looks into videos, prepares, suggests, trains; keeps the schedules going."

    def handle(self, *args: Any, **options: Any) -> None:
        code = worker.main()
        if code == worker.EXIT_ALREADY_RUNNING:
            self.stderr.write(_("A worker is already running on this data folder."))
        sys.exit(code)
