"""Signing in from a page that is already open, so that unsent work in it is not lost."""

from __future__ import annotations

from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_protect
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.access import sign_in
from annotator.api import Endpoint, shapes
from annotator.api.site_serializers import Credentials, SignedIn


@method_decorator(csrf_protect, name="dispatch")
class Session(Endpoint):
    permission_classes = [AllowAny]

    @extend_schema(request=Credentials, responses=SignedIn)
    def post(self, request: Request) -> Response:
        wanted = Credentials(data=request.data)
        wanted.is_valid(raise_exception=True)
        return Response({"user": shapes.person(sign_in(request._request, **wanted.validated_data))})
