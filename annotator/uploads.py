"""Files on their way here: opened, appended to piece by piece, taken in as videos; what is said to be safe is on disk.

One row and one file DATA/incoming/<id> for each. A lock on the file (it dies with its process) lets one request at a time
write. `Upload.offset` moves only after fsync, so whatever dies, the next request goes on at a byte that is really there.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Q, QuerySet, Sum
from django.utils import timezone

from strokes import taxonomy, videos
from strokes.errors import Conflict, Refused
from strokes.models import Taxonomy, Upload, Video

log = logging.getLogger("topspin.uploads")
CHUNK = 1024 * 1024
SAFE_EVERY = 8 * CHUNK  # so much is at most sent again after a crash
DISK_FACTOR = 3  # a video and all that is made from it take about three times its size
KEPT = timedelta(hours=24)
SETTLE_S = 2.0
OPEN = Q(video=None, error_code="")
Read = Callable[[int], bytes]


def open_new(
    *, user: User, name: str, bytes: int, modified: int = 0, taxonomy: int | None = None,
    players: list[dict[str, str]] | None = None,
) -> Upload:  # fmt: skip
    """Say that a file comes. Refused: empty_file, upload_too_large, unknown_taxonomy, too_many_uploads, disk_full."""
    check_size(bytes)
    if taxonomy is not None and not Taxonomy.objects.filter(pk=taxonomy).exists():
        raise Refused("unknown_taxonomy")
    sweep()
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        if open_of(user).count() >= settings.UPLOADS_OPEN:
            raise Refused("too_many_uploads", most=settings.UPLOADS_OPEN)
        promised = Upload.objects.filter(OPEN).aggregate(n=Sum(F("bytes") * DISK_FACTOR - F("offset")))["n"] or 0
        videos.room_for(bytes * DISK_FACTOR + promised)
        upload = Upload.objects.create(
            user=user, name=name, bytes=bytes, modified=modified, taxonomy_id=taxonomy, players=players or []
        )
        path = place(upload.pk)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, settings.FILE_UPLOAD_PERMISSIONS))
    return upload


def append(upload: Upload, *, offset: int, length: int, read: Read, checksum: tuple[str, bytes] | None = None) -> None:
    """Put `length` bytes from `read` at `offset`. All that arrives counts, even if the sender goes away; with a checksum,
    all or nothing.

    Refused: upload_beyond{limit_bytes}, disk_full, upload_cut, bad_checksum; Conflict: upload_busy, wrong_offset{offset}.
    """
    with held(upload) as file:
        if offset != upload.offset or not is_open(upload):
            raise Conflict("wrong_offset", offset=upload.offset)
        if length > upload.bytes - offset:
            raise Refused("upload_beyond", limit_bytes=upload.bytes)
        videos.room_for(length)
        if os.fstat(file).st_size < offset:  # only a broken disk can do that: go on at what there is
            _safe(upload, file, os.fstat(file).st_size)
            raise Conflict("wrong_offset", offset=upload.offset)
        os.ftruncate(file, offset)  # what a crash left behind its last safe byte
        os.lseek(file, offset, os.SEEK_SET)
        try:
            _write(upload, file, length, read, checksum)
        except BaseException:
            os.ftruncate(file, upload.offset) if checksum else _safe(upload, file)
            raise
        _safe(upload, file)


def _write(upload: Upload, file: int, length: int, read: Read, checksum: tuple[str, bytes] | None) -> None:
    digest = hashlib.new(checksum[0], usedforsecurity=False) if checksum else None
    left = length
    while left:
        if not (chunk := read(min(CHUNK, left))):
            raise Refused("upload_cut")
        left -= len(chunk)
        if digest:
            digest.update(chunk)
        view = memoryview(chunk)
        while view:
            view = view[os.write(file, view) :]
        if not digest and os.lseek(file, 0, os.SEEK_CUR) - upload.offset >= SAFE_EVERY:
            _safe(upload, file)
    if checksum and digest and digest.digest() != checksum[1]:
        raise Refused("bad_checksum")


def _safe(upload: Upload, file: int, offset: int | None = None) -> None:
    """All written so far is on disk from here on, and counts."""
    os.fsync(file)
    upload.offset = os.lseek(file, 0, os.SEEK_CUR) if offset is None else offset
    upload.touched = timezone.now()
    Upload.objects.filter(pk=upload.pk).update(offset=upload.offset, touched=upload.touched)


def finish(upload: Upload) -> Upload:
    """All of it arrived: hash it from disk and take it in as a video. May be repeated: it then only says what came of it.

    What the domain refuses (already_here ...) is kept in the row. Conflict: upload_busy, wrong_offset{offset}.
    """
    with held(upload):
        if not is_open(upload):
            return upload
        if upload.offset != upload.bytes:
            raise Conflict("wrong_offset", offset=upload.offset)
        path = place(upload.pk)
        sha256 = digest_of(path)
        link = path.with_name(f"{upload.pk}-ready{_extension(upload.name)}")
        link.unlink(missing_ok=True)
        os.link(path, link)  # registering moves this name away; the other one stays until the rows are written
        try:
            video = videos.register(
                title=title_of(upload.name), taxonomy=upload.taxonomy or taxonomy.default(), path=link, sha256=sha256,
                bytes=upload.bytes, user=upload.user, players=upload.players,
            )  # fmt: skip
            _became(upload, video=video)
        except Refused as refused:
            _refused(upload, refused)
        finally:
            link.unlink(missing_ok=True)
        path.unlink(missing_ok=True)
    return upload


def _became(upload: Upload, **values: Any) -> None:
    for name, value in values.items():
        setattr(upload, name, value)
    Upload.objects.filter(pk=upload.pk).update(**values, touched=timezone.now())


def _refused(upload: Upload, refused: Refused) -> None:
    """The file is here already: by this very upload, if its answer was lost; else say which video it is."""
    if refused.code == "already_here":
        mine = Video.objects.filter(pk=refused.params["id"], uploaded_by=upload.user, created__gte=upload.created)
        if found := mine.first():
            _became(upload, video=found)
            return
    _became(upload, error_code=refused.code, error_params=refused.params)


def settled(upload: Upload) -> Upload:
    """The row as it is once nobody writes to it any more; a request that was just broken off ends within moments."""
    until = time.monotonic() + SETTLE_S
    while True:
        try:
            with held(upload):
                return upload
        except Conflict:
            if time.monotonic() > until:
                upload.refresh_from_db()
                return upload
            time.sleep(0.05)


def remove(upload: Upload) -> None:
    """Its owner gave it up. Conflict: upload_busy."""
    with held(upload):
        Upload.objects.filter(pk=upload.pk).delete()
        place(upload.pk).unlink(missing_ok=True)


def sweep() -> int:
    """Remove what nobody went on with for a day, and answers that everybody has had; take in what only lacked that."""
    old = timezone.now() - KEPT
    whole = Upload.objects.filter(OPEN, offset=F("bytes"), touched__lt=timezone.now() - timedelta(minutes=10))
    for upload in whole.select_related("user", "taxonomy"):
        with contextlib.suppress(Conflict, FileNotFoundError):
            finish(upload)
    n = 0
    for upload in Upload.objects.filter(touched__lt=old):
        with contextlib.suppress(Conflict):
            remove(upload)
            n += 1
    return n


def open_of(user: User) -> QuerySet[Upload]:
    """What this person has on the way."""
    return Upload.objects.filter(OPEN, user=user, touched__gt=timezone.now() - KEPT)


def expires(upload: Upload) -> Any:
    """When it is given up if nothing more comes."""
    return upload.touched + KEPT


def twin(upload: Upload) -> Video | None:
    """A video of exactly this size: very likely the same file, which the end of the upload will say for certain."""
    same = Video.objects.filter(bytes=upload.bytes).exclude(state=Video.State.REFUSED)
    return same.order_by("-created").first()


# -- Files ------------------------------------------------------------------------------------------------------------
def place(pk: UUID) -> Path:
    return Path(settings.DATA) / "incoming" / str(pk)


def is_open(upload: Upload) -> bool:
    return upload.video_id is None and not upload.error_code


def state(upload: Upload) -> str:
    """open (bytes are missing), whole (all there, not yet taken in), done, or refused."""
    if is_open(upload):
        return "whole" if upload.offset == upload.bytes else "open"
    return "done" if upload.video_id else "refused"


@contextlib.contextmanager
def held(upload: Upload) -> Iterator[int]:
    """The file of an upload, for one request at a time, and its row as it is now.

    Once it has been taken in or refused there is no file, and nothing to write. Conflict: upload_busy; Refused: upload_gone.
    """
    path = place(upload.pk)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        file, missing = os.open(path, os.O_RDWR), False
    except FileNotFoundError:
        file, missing = os.open(path.parent, os.O_RDONLY), True
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict("upload_busy") from error
        try:
            upload.refresh_from_db()
        except Upload.DoesNotExist as error:
            raise Refused("upload_gone") from error
        if missing and is_open(upload):
            Upload.objects.filter(pk=upload.pk).delete()
            raise Refused("upload_gone")
        yield file
    finally:
        os.close(file)


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_size(size: int) -> None:
    if size <= 0:
        raise Refused("empty_file")
    if size > settings.UPLOAD_MAX_BYTES:
        raise Refused("upload_too_large", limit_bytes=settings.UPLOAD_MAX_BYTES)


def _extension(name: str) -> str:
    suffix = Path(name).suffix.lower()
    return suffix if suffix[1:].isalnum() and suffix.isascii() and len(suffix) <= 6 else ""


def title_of(name: str) -> str:
    """A file's name as a title: without folders and ending."""
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    return (Path(base).stem or base).replace("_", " ").strip()[:200] or "video"
