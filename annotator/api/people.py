"""Accounts, for admins: the list, an invitation, a role, in and out of use, a new link for a password."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotator import people
from annotator.access import IsAdmin, person
from annotator.api import Endpoint
from annotator.api.serializers import Problem
from annotator.api.site_serializers import AccountChange, AccountLink, AccountShown, Invitation
from annotator.pages.password import link_for
from strokes.errors import Refused


def shown(user: User) -> dict[str, Any]:
    return {
        "id": user.pk,
        "name": user.get_username(),
        "email": user.email,
        "role": people.role(user),
        "active": user.is_active,
        "invited": not user.has_usable_password(),
        "last_login": user.last_login,
    }


def account_or_404(pk: int) -> User:
    user = people.everybody().filter(pk=pk).first()
    if user is None:
        raise Http404
    return user


class People(Endpoint):
    permission_classes = [IsAdmin]

    @extend_schema(responses=AccountShown(many=True))
    def get(self, request: Request) -> Response:
        return Response([shown(user) for user in people.everybody()])

    @extend_schema(request=Invitation, responses={201: AccountLink, 400: Problem})
    def post(self, request: Request) -> Response:
        wanted = Invitation(data=request.data)
        wanted.is_valid(raise_exception=True)
        user = people.invite(**wanted.validated_data)
        return Response(_link(request, account_or_404(user.pk)), status=201)


class OnePerson(Endpoint):
    permission_classes = [IsAdmin]

    @extend_schema(request=AccountChange, responses={200: AccountShown, 400: Problem})
    def patch(self, request: Request, pk: int) -> Response:
        user = account_or_404(pk)
        wanted = AccountChange(data=request.data)
        wanted.is_valid(raise_exception=True)
        people.change(user=user, by=person(request), **wanted.validated_data)
        return Response(shown(account_or_404(pk)))


class PasswordLink(Endpoint):
    permission_classes = [IsAdmin]

    @extend_schema(request=None, responses={200: AccountLink, 400: Problem})
    def post(self, request: Request, pk: int) -> Response:
        user = account_or_404(pk)
        if not user.is_active:
            raise Refused("not_active", name=user.get_username())
        return Response(_link(request, user))


def _link(request: Request, user: User) -> dict[str, Any]:
    return {"person": shown(user), "link": request.build_absolute_uri(link_for(user))}
