"""Resumable upload, tus 1.0 (tus.io/protocols/resumable-upload): creation, creation-with-upload, checksum, termination, expiration.

Beyond the protocol: a list of what one has on the way, and POST to an upload, which takes it in (again) and says what became
of it, also when the first answer was lost.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import Http404, UnreadablePostError
from django.urls import reverse
from django.utils.http import http_date
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.response import Response

from annotator import uploads
from annotator.access import person
from annotator.api import Endpoint, Untouched, shapes
from annotator.api.serializers import Problem, UploadMetadata, UploadShown
from strokes.errors import Conflict, Refused
from strokes.models import Upload

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,checksum,termination,expiration"
CHECKSUMS = ("sha256", "sha1", "md5")
BYTES = "application/offset+octet-stream"
SILENCE_S = 20.0  # a sender that says nothing for so long is gone, and its lock with it
TUS = OpenApiParameter("Tus-Resumable", str, OpenApiParameter.HEADER, required=True)
OFFSET = OpenApiParameter("Upload-Offset", int, OpenApiParameter.HEADER, required=True)
CHECKSUM = OpenApiParameter("Upload-Checksum", str, OpenApiParameter.HEADER)
LENGTH = OpenApiParameter("Upload-Length", int, OpenApiParameter.HEADER, required=True)
METADATA = OpenApiParameter(
    "Upload-Metadata", str, OpenApiParameter.HEADER, description="filename, and modified, taxonomy, players (JSON)"
)
SENT = {BYTES: OpenApiTypes.BINARY}


class Tus(Endpoint):
    parser_classes = [Untouched]
    tus_methods: tuple[str, ...] = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method in self.tus_methods and request.headers.get("Tus-Resumable") != VERSION:
            raise Refused("tus_version", version=VERSION)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Tus-Resumable"] = VERSION
        response["Cache-Control"] = "no-store"
        if response.status_code == 412:
            response["Tus-Version"] = VERSION
        return response

    def options(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # type: ignore[override]
        return Response(
            status=204,
            headers={
                "Tus-Version": VERSION,
                "Tus-Extension": EXTENSIONS,
                "Tus-Max-Size": str(settings.UPLOAD_MAX_BYTES),
                "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
            },
        )


class Uploads(Tus):
    tus_methods = ("POST",)

    @extend_schema(responses=UploadShown(many=True))
    def get(self, request: Request) -> Response:
        rows = uploads.open_of(person(request)).select_related("video")
        return Response([shapes.upload(row) for row in rows])

    @extend_schema(parameters=[TUS, LENGTH, METADATA], request=SENT, responses={201: UploadShown, 429: Problem})
    def post(self, request: Request) -> Response:
        about = UploadMetadata(data=_metadata(request.headers.get("Upload-Metadata", "")))
        about.is_valid(raise_exception=True)
        upload = uploads.open_new(user=person(request), bytes=_number(request, "Upload-Length"), **about.validated_data)
        if request.content_type == BYTES:
            _append(request, upload, 0)
        body = shapes.upload(upload, twin=uploads.twin(upload))
        return Response(body, status=201, headers={**_headers(upload), "Location": reverse("api-upload", args=[upload.pk])})


class OneUpload(Tus):
    tus_methods = ("HEAD", "PATCH", "DELETE")

    @extend_schema(responses=UploadShown)
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(shapes.upload(_mine(request, pk)))

    @extend_schema(exclude=True)
    def head(self, request: Request, pk: UUID) -> Response:
        upload = uploads.settled(_mine(request, pk))
        return Response(headers={**_headers(upload), "Upload-Length": str(upload.bytes)})

    @extend_schema(parameters=[TUS, OFFSET, CHECKSUM], request=SENT, responses={204: None, 409: Problem, 423: Problem})
    def patch(self, request: Request, pk: UUID) -> Response:
        upload = _mine(request, pk)
        if request.content_type != BYTES:
            raise UnsupportedMediaType(request.content_type)
        _append(request, upload, _number(request, "Upload-Offset"))
        return Response(status=204, headers=_headers(upload))

    @extend_schema(operation_id="uploads_finish", request=None, responses={200: UploadShown, 409: Problem, 423: Problem})
    def post(self, request: Request, pk: UUID) -> Response:
        return Response(shapes.upload(uploads.finish(_mine(request, pk))))

    @extend_schema(parameters=[TUS], responses={204: None, 423: Problem})
    def delete(self, request: Request, pk: UUID) -> Response:
        uploads.remove(_mine(request, pk))
        return Response(status=204)


def _mine(request: Request, pk: UUID) -> Upload:
    upload = Upload.objects.select_related("user", "taxonomy", "video").filter(pk=pk, user=person(request)).first()
    if upload is None:
        raise Http404
    return upload


def _append(request: Request, upload: Upload, offset: int) -> None:
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length.isdecimal():
        raise Refused("bad_field", field="Content-Length", detail="")
    with patience(request):
        uploads.append(upload, offset=offset, length=int(length), read=_reader(request), checksum=_checksum(request))
    if uploads.state(upload) == "whole":
        with contextlib.suppress(Conflict):  # somebody else is at it
            uploads.finish(upload)


def _reader(request: Request) -> uploads.Read:
    def read(size: int) -> bytes:
        try:
            return bytes(request._request.read(size))
        except (UnreadablePostError, TimeoutError) as error:
            raise Refused("upload_cut") from error

    return read


@contextlib.contextmanager
def patience(request: Request) -> Iterator[None]:
    """While the body is read, silence for SILENCE_S ends it: a laptop that was shut keeps no lock."""
    sock = request.META.get("gunicorn.socket")
    if sock is None:
        yield
        return
    before = sock.gettimeout()
    sock.settimeout(SILENCE_S)
    try:
        yield
    finally:
        sock.settimeout(before)


def _headers(upload: Upload) -> dict[str, str]:
    headers = {"Upload-Offset": str(upload.offset), "Upload-Expires": http_date(uploads.expires(upload).timestamp())}
    return {**headers, "Upload-Video": str(upload.video_id)} if upload.video_id else headers


def _number(request: Request, header: str) -> int:
    text = request.headers.get(header, "")
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise Refused("bad_field", field=header, detail="")
    return int(text)


def _metadata(header: str) -> dict[str, Any]:
    """`key base64,key base64`."""
    try:
        pairs = [pair.strip().partition(" ") for pair in header.split(",") if pair.strip()]
        found: dict[str, Any] = {key: base64.b64decode(text, validate=True).decode() for key, _, text in pairs}
        found["name"] = found.pop("filename", "")
        found["players"] = json.loads(found.get("players") or "[]")
    except ValueError as error:
        raise Refused("bad_field", field="Upload-Metadata", detail="") from error
    return {key: value for key, value in found.items() if value != ""}


def _checksum(request: Request) -> tuple[str, bytes] | None:
    """`algorithm base64`."""
    algorithm, _, text = request.headers.get("Upload-Checksum", "").partition(" ")
    if not algorithm:
        return None
    try:
        if algorithm in CHECKSUMS:
            return algorithm, base64.b64decode(text, validate=True)
    except ValueError:
        pass
    raise Refused("bad_field", field="Upload-Checksum", detail="")
