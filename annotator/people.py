"""Accounts: who may sign in, as what. An admin invites with a link, good once, by which the person sets a password."""

from __future__ import annotations

import unicodedata

from django.contrib.auth.models import Group, User
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import QuerySet

from annotator.access import EXPERTS
from strokes.errors import Refused

ROLES = ("expert", "admin", "none")


def role(user: User) -> str:
    """admin, expert, or none: an account that may sign in but sees nothing."""
    if user.is_staff:
        return "admin"
    return "expert" if any(group.name == EXPERTS for group in user.groups.all()) else "none"


def everybody() -> QuerySet[User]:
    """All accounts, those in use first, with their groups."""
    return User.objects.prefetch_related("groups").order_by("-is_active", "username")


def invite(*, name: str, email: str, role: str) -> User:
    """A new account without a password. Refused: bad_name, name_taken{name}, bad_email, bad_role."""
    name = unicodedata.normalize("NFKC", name).strip()
    try:
        if not 1 <= len(name) <= 150:
            raise ValidationError("length")
        UnicodeUsernameValidator()(name)
    except ValidationError:
        raise Refused("bad_name") from None
    try:
        if email:
            validate_email(email)
    except ValidationError:
        raise Refused("bad_email") from None
    if role not in ROLES[:2]:
        raise Refused("bad_role")
    with transaction.atomic():
        if User.objects.filter(username__iexact=name).exists():
            raise Refused("name_taken", name=name)
        user = User.objects.create_user(name, email)
        _give(user, role)
    return user


def change(*, user: User, by: User, role: str | None = None, active: bool | None = None) -> None:
    """Another role for `user`, or in and out of use; nothing they did is lost. Refused: bad_role, not_yourself.

    Nobody changes their own role or shuts themselves out, so one admin always stays.
    """
    if user.pk == by.pk:
        raise Refused("not_yourself")
    if role is not None and role not in ROLES[:2]:
        raise Refused("bad_role")
    with transaction.atomic():
        if active is not None:
            User.objects.filter(pk=user.pk).update(is_active=active)
        if role is not None:
            _give(user, role)


def _give(user: User, role: str) -> None:
    User.objects.filter(pk=user.pk).update(is_staff=role == "admin")
    user.groups.add(Group.objects.get_or_create(name=EXPERTS)[0])
