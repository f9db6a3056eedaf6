"""`manage.py password_link NAME`: a link, good once, with which that person sets a new password."""

from __future__ import annotations

import argparse
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from annotator.pages.password import link_for


class Command(BaseCommand):
    help = "Prints a link, good once, with which somebody sets a new password."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        user = User.objects.filter(username=name, is_active=True).first()
        if user is None:
            raise CommandError(_("There is no active account “%(name)s” here.") % {"name": name})
        site = (settings.CSRF_TRUSTED_ORIGINS or [""])[0]
        self.stdout.write(f"{site}{link_for(user)}")
