"""Files of videos and runs, to members only: one byte range at a time (RFC 9110, section 14), streamed in pieces."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils.cache import get_conditional_response
from django.utils.http import http_date, parse_http_date_safe
from django.views.decorators.http import require_safe

from annotator import messages, pictures
from annotator.access import members_only, video_or_404
from annotator.engine import EngineError
from strokes import videos
from strokes.errors import Refused
from strokes.models import Run

CHUNK = 256 * 1024
VIDEO_FILES = {
    "proxy.mp4": "video/mp4",
    "proxy360.mp4": "video/mp4",
    "poster.jpg": "image/jpeg",
    "thumbs.jpg": "image/jpeg",
    "thumbs.json": "application/json",
    "motion.json": "application/json",
    "frames.json": "application/json",
    "curves.json": "application/json",
}
RUN_FILES = {"confusion.png": "image/png", "curves.png": "image/png"}
RANGE = re.compile(r"bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*", re.ASCII)


class Unsatisfiable(Exception):
    """The range lies outside the file."""


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte asked for; None if the header is to be ignored (malformed, another unit, several ranges).

    Raises Unsatisfiable if nothing of the file is in the range (then the answer is 416).
    """
    match = RANGE.fullmatch(header.strip())
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        if int(match[2]) == 0 or size == 0:
            raise Unsatisfiable
        return max(0, size - int(match[2])), size - 1
    first = int(match[1])
    if match[2] and int(match[2]) < first:
        return None
    if first >= size:
        raise Unsatisfiable
    return first, min(int(match[2]), size - 1) if match[2] else size - 1


class Slice:
    """The bytes [first, last] of an open file, in pieces; closes the file at the end."""

    def __init__(self, file: BinaryIO, first: int, last: int) -> None:
        self.file, self.left = file, last - first + 1
        file.seek(first)

    def __iter__(self) -> Iterator[bytes]:
        while self.left > 0:
            piece = self.file.read(min(CHUNK, self.left))
            if not piece:
                raise OSError("the file became shorter while it was sent")
            self.left -= len(piece)
            yield piece

    def close(self) -> None:
        self.file.close()


def _unchanged(header: str | None, etag: str, modified: int) -> bool:
    """Whether If-Range allows a part: the same strong ETag, or the very date of the file; true without the header."""
    if header is None:
        return True
    if header.startswith(('"', "W/")):
        return header == etag
    return parse_http_date_safe(header) == modified


def send(request: HttpRequest, path: Path, content_type: str) -> HttpResponseBase:
    """The answer to a GET or HEAD for the file `path`; Http404 if it is not there. Files change by rename only."""
    try:
        file = path.open("rb")
    except FileNotFoundError as error:
        raise Http404 from error
    stat = path.stat()
    size, modified = stat.st_size, int(stat.st_mtime)
    etag = f'"{stat.st_mtime_ns:x}-{size:x}"'
    response = get_conditional_response(request, etag=etag, last_modified=modified) or _body(
        request, file, size, etag, modified
    )
    if not isinstance(response, StreamingHttpResponse):
        file.close()
    if response.status_code != 412:
        response["ETag"] = etag
        response["Last-Modified"] = http_date(modified)
    response["Cache-Control"] = "private"
    response["Vary"] = "Cookie"
    response["X-Content-Type-Options"] = "nosniff"
    response["Accept-Ranges"] = "bytes"
    if response.status_code in (200, 206):
        response["Content-Type"] = content_type
    return response


def _body(request: HttpRequest, file: BinaryIO, size: int, etag: str, modified: int) -> HttpResponseBase:
    first, last, status = 0, size - 1, 200
    header = request.headers.get("Range")
    if request.method == "GET" and header and _unchanged(request.headers.get("If-Range"), etag, modified):
        try:
            part = parse_range(header, size)
        except Unsatisfiable:
            return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
        if part is not None:
            (first, last), status = part, 206
    response: HttpResponseBase
    if request.method == "HEAD":
        response = HttpResponse(status=status)
    else:
        response = StreamingHttpResponse(Slice(file, first, last), status=status)
    response["Content-Length"] = str(last - first + 1)
    if status == 206:
        response["Content-Range"] = f"bytes {first}-{last}/{size}"
    return response


@members_only
@require_safe
def video_file(request: HttpRequest, pk: UUID, name: str) -> HttpResponseBase:
    """/media/<video>/<name>, for the names of VIDEO_FILES."""
    video = video_or_404(request.user, pk)
    if name not in VIDEO_FILES:
        raise Http404
    return send(request, Path(settings.MEDIA_ROOT) / str(video.pk) / name, VIDEO_FILES[name])


@members_only
@require_safe
def frame(request: HttpRequest, pk: UUID, ordinal: int) -> HttpResponseBase:
    """/media/<video>/frame/<ordinal>.jpg: the exact picture of that ordinal, proven by its time in the proxy.

    X-Topspin-Frame names it; X-Topspin-Unreadable says that the source has no readable picture there, and this is the
    one before it (as in the proxy). A picture never changes, so browsers may keep it.
    """
    folder = videos.folder(video_or_404(request.user, pk))
    try:
        etag = f'"{pictures.version(folder)}-{ordinal}"'
        response = get_conditional_response(request, etag=etag)
        if response is None:
            found = pictures.picture(folder, ordinal)
            response = HttpResponse(found.jpeg, content_type="image/jpeg", headers={"X-Topspin-Frame": str(found.frame)})
            if found.unreadable:
                response["X-Topspin-Unreadable"] = "true"
    except (Refused, EngineError) as error:
        return _said(error)
    if response.status_code != 412:
        response["ETag"] = etag
        response["Cache-Control"] = "private, max-age=31536000, immutable"
    response["Vary"] = "Cookie"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _said(error: Refused | EngineError) -> HttpResponse:
    """A picture that could not be given, in words."""
    status = messages.STATUS.get(error.code, 500)
    answer = JsonResponse(messages.problem(error.code, error.params), status=status)
    answer["Cache-Control"] = "no-store"
    if status == 503:
        answer["Retry-After"] = "1"
    return answer


@members_only
@require_safe
def run_file(request: HttpRequest, pk: UUID, name: str) -> HttpResponseBase:
    """/runs/<run>/<name>, for the names of RUN_FILES."""
    run = get_object_or_404(Run, pk=pk)
    if name not in RUN_FILES:
        raise Http404
    return send(request, Path(settings.RUNS_ROOT) / str(run.pk) / name, RUN_FILES[name])
