"""A video arrives: the raw body goes straight to disk while it is hashed; on any failure nothing of it stays."""

from __future__ import annotations

import hashlib
import os
import uuid
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, UnreadablePostError
from rest_framework.exceptions import ValidationError

from annotator.api.serializers import SeenPlayer
from strokes import taxonomy, videos
from strokes.errors import Refused
from strokes.models import Taxonomy, Video

CHUNK = 1024 * 1024
MAX_PLAYERS = 8
DISK_FACTOR = 3  # a video and all that is made from it take about three times its size


def receive(request: HttpRequest, user: User, *, name: str, players: Any = (), taxonomy: int | None = None) -> Video:
    """Keep the body of `request` as a new video; registering it asks for its examination.

    Refused: empty_file, upload_too_large, upload_cut, upload_as_raw, disk_full, already_here, unknown_taxonomy.
    """
    seen, classes = _players(players), _taxonomy(taxonomy)
    if request.content_type in ("multipart/form-data", "application/x-www-form-urlencoded"):
        raise Refused("upload_as_raw")
    expected = int(request.META.get("CONTENT_LENGTH") or 0)
    _check_size(expected)
    videos.room_for(expected * DISK_FACTOR)
    incoming = Path(settings.DATA) / "incoming"
    incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = incoming / f"{uuid.uuid4()}{_extension(name)}"
    try:
        size, sha256 = _store(request, path, expected)
        return videos.register(title=title_of(name), taxonomy=classes, path=path, sha256=sha256, bytes=size, user=user,
                                players=seen)  # fmt: skip
    finally:
        path.unlink(missing_ok=True)


def _check_size(size: int) -> None:
    if size <= 0:
        raise Refused("empty_file")
    if size > settings.UPLOAD_MAX_BYTES:
        raise Refused("upload_too_large", limit_bytes=settings.UPLOAD_MAX_BYTES)


def _store(request: HttpRequest, path: Path, expected: int) -> tuple[int, str]:
    """Write the body to `path`; its size and SHA-256. Refused("upload_cut") if the sender went away."""
    digest, size = hashlib.sha256(), 0
    with path.open("xb") as file:
        os.chmod(path, settings.FILE_UPLOAD_PERMISSIONS)
        try:
            while chunk := request.read(CHUNK):
                size += len(chunk)
                _check_size(size)
                digest.update(chunk)
                file.write(chunk)
        except UnreadablePostError as error:
            raise Refused("upload_cut") from error
        if size != expected:
            raise Refused("upload_cut")
        file.flush()
        os.fsync(file.fileno())
    return size, digest.hexdigest()


def _extension(name: str) -> str:
    suffix = Path(name).suffix.lower()
    return suffix if suffix[1:].isalnum() and suffix.isascii() and len(suffix) <= 6 else ""


def title_of(name: str) -> str:
    """A file's name as a title: without folders and ending."""
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    return (Path(base).stem or base).replace("_", " ").strip()[:200] or "video"


def _players(given: Any) -> list[dict[str, str]]:
    players = SeenPlayer(data=list(given) if isinstance(given, (list, tuple)) else given, many=True)
    if not players.is_valid():
        raise ValidationError({"players": players.errors})
    if len(players.validated_data) > MAX_PLAYERS:
        raise ValidationError({"players": [f"at most {MAX_PLAYERS}"]})
    return [dict(player) for player in players.validated_data]


def _taxonomy(pk: int | None) -> Taxonomy:
    if pk is None:
        return taxonomy.default()
    found = Taxonomy.objects.filter(pk=pk).first()
    if found is None:
        raise Refused("unknown_taxonomy")
    return found
