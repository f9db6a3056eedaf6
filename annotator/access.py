"""Who sees what. Every view and endpoint asks here, nowhere else.

A member is an active user in the group "experts", or staff. An admin is staff. Others exist, but see nothing.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from typing import Any, TypeAlias
from uuid import UUID

from django.contrib.auth import authenticate, login
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.auth.views import redirect_to_login
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase
from rest_framework import authentication, permissions
from rest_framework.request import Request

from strokes.errors import Refused
from strokes.models import Video

EXPERTS = "experts"
TRIES, TRIES_SECONDS = 10, 15 * 60


def member(user: User | AnonymousUser) -> bool:
    """Whether this person works here: an active user in the group of experts, or staff."""
    if not user.is_authenticated or not user.is_active:
        return False
    if user.is_staff:
        return True
    known = getattr(user, "_topspin_member", None)
    if known is None:
        known = user.groups.filter(name=EXPERTS).exists()
        setattr(user, "_topspin_member", known)  # noqa: B010 (once for each request)
    return bool(known)


def admin(user: User | AnonymousUser) -> bool:
    """Whether this person looks after the site."""
    return bool(user.is_authenticated and user.is_active and user.is_staff)


def visible_videos(user: User | AnonymousUser) -> QuerySet[Video]:
    """The videos this person may know of: all of them for members, none for others."""
    return Video.objects.all() if member(user) else Video.objects.none()


def video_or_404(user: User | AnonymousUser, pk: UUID | str) -> Video:
    """The video if this person may know of it; Http404 otherwise, so that its existence stays unknown."""
    video = visible_videos(user).select_related("taxonomy").filter(pk=pk).first()
    if video is None:
        raise Http404
    return video


def person(request: HttpRequest | Request) -> User:
    """The signed-in user of a request that has passed one of the checks below."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


View: TypeAlias = Callable[..., HttpResponseBase]


def members_only(view: View) -> View:
    """A page for members: others are asked to sign in, strangers are refused."""

    @functools.wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if not member(request.user):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return checked


class DenyAll(permissions.BasePermission):
    """The default: an endpoint that names no permission serves nobody."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return False


class IsMember(permissions.BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        return member(request.user)


class IsAdmin(permissions.BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        return admin(request.user)


class SessionAuthentication(authentication.SessionAuthentication):
    """Sessions with CSRF; says 401 (not 403) to somebody signed out, so that the page can offer to sign in in place."""

    def authenticate_header(self, request: Request) -> str:
        return "Session"


def sign_in(request: HttpRequest, *, username: str, password: str) -> User:
    """Sign this person in. Refused: wrong_password; too_many_tries after 10 wrong ones in 15 minutes.

    Both answers are the same whether the name exists or not. Tries are counted by name and address in the cache.
    """
    origin = f"{username.casefold()}|{request.META.get('REMOTE_ADDR', '')}"
    key = "tries:" + hashlib.sha256(origin.encode()).hexdigest()
    cache.add(key, 0, TRIES_SECONDS)
    if cache.get(key, 0) >= TRIES:
        raise Refused("too_many_tries")
    user = authenticate(request, username=username, password=password)
    if not isinstance(user, User):
        try:
            cache.incr(key)
        except ValueError:  # the count ran out between the two calls
            cache.set(key, 1, TRIES_SECONDS)
        raise Refused("wrong_password")
    cache.delete(key)
    login(request, user)
    return user
