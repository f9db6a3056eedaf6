"""Videos: how one comes in, how far it has come, where its files lie, whether it is blind, how it goes."""

from __future__ import annotations

import hashlib
import re
import shutil
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from strokes import catalogue, jobs, players, splits
from strokes.errors import Conflict, Refused
from strokes.models import Decision, Job, Lane, Stroke, Suggestion, Taxonomy, Video

State = Video.State
MEBIBYTE = 1024**2


def sha256_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder(video: Video) -> Path:
    """Where the files of `video` lie."""
    return Path(settings.MEDIA_ROOT) / str(video.pk)


def room_for(bytes: int) -> None:
    """Refused disk_full{needed_mb, free_mb} unless `bytes` more fit beside settings.DISK_RESERVE_BYTES."""
    root = Path(settings.MEDIA_ROOT)
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    free, needed = shutil.disk_usage(root).free, bytes + settings.DISK_RESERVE_BYTES
    if needed > free:
        raise Refused("disk_full", needed_mb=-(-needed // MEBIBYTE), free_mb=free // MEBIBYTE)


def register(
    *, title: str, taxonomy: Taxonomy, path: Path, sha256: str, bytes: int, user: User | None,
    players: Sequence[Mapping[str, Any]] = (), practice: bool = False,
) -> Video:  # fmt: skip
    """Take the file at `path` in (it is moved), draw whether it is blind, and queue its check. `practice`: never blind.

    `path`'s suffix becomes the stored file's. Refused: already_here{title, id}, bad_title, bad_player{field}; the file
    is then still at `path`.
    """
    video = Video(
        id=uuid4(), title=_clean(title), taxonomy=taxonomy, file=f"source{_suffix(path)}", sha256=sha256, bytes=bytes,
        uploaded_by=user, practice=practice,
    )  # fmt: skip
    target = folder(video) / video.file
    _check_new(sha256)
    target.parent.mkdir(mode=0o700, parents=True)
    shutil.move(path, target)  # before the transaction: between two disks it is a copy, and writers would wait for it
    try:
        with transaction.atomic():
            _check_new(sha256)
            video.save(force_insert=True)
            _say_who(video, players)
            if not practice:
                draw(video)
            jobs.enqueue(kind=Job.Kind.PROBE, video=video)
    except BaseException as error:
        shutil.move(target, path)
        shutil.rmtree(target.parent, ignore_errors=True)
        if isinstance(error, IntegrityError):  # the same file arrived at the same moment
            _check_new(sha256)
        raise
    return video


def edit(*, video: Video, title: str | None = None, players: Sequence[Mapping[str, Any]] | None = None) -> None:
    """Change the title, or say anew who is seen. Refused: bad_title, bad_player{field}, player_has_strokes{player}."""
    with transaction.atomic():
        if title is not None:
            video.title = _clean(title)
            Video.objects.filter(pk=video.pk).update(title=video.title)
        if players is not None:
            _say_who(video, players)


def indexed(video: Video, done: Mapping[str, Any]) -> None:
    """The frame table is made; `done` is what mlcore.probe said. A later, equal probe changes nothing.

    Refused no_frames; frames_changed{before, now} if a video that has gone further now has another number of frames.
    """
    n, unreadable = int(done["n"]), done.get("unreadable", 0)
    if n < 1:
        raise Refused("no_frames")
    found = {
        "n_frames": n,
        "fps": float(done["fps"]),
        "duration_s": float(done["duration_s"]),
        "width": int(done["width"]),
        "height": int(done["height"]),
        "unreadable": len(unreadable) if isinstance(unreadable, list) else int(unreadable),
        "disk_estimate": int(done.get("disk_estimate") or 0),
    }
    with transaction.atomic():
        if not Video.objects.filter(pk=video.pk, state=State.NEW).update(state=State.INDEXED, **found):
            video.refresh_from_db()
            if video.state == State.REFUSED:
                raise Conflict("wrong_state", state=video.state)
            if video.n_frames != n:
                raise Refused("frames_changed", before=video.n_frames, now=n)
            Video.objects.filter(pk=video.pk).update(**found)
    video.refresh_from_db()


def watchable(video: Video) -> None:
    """Proxy, thumbnails and motion strip are made: labelling can begin. Conflict wrong_state{state}."""
    _advance(video, {State.INDEXED: State.WATCHABLE}, at_least={State.WATCHABLE, State.PREPARED})


def prepared(video: Video, key: str) -> None:
    """Flow and ROI are made, in the folder prepared/`key`. Conflict wrong_state{state}."""
    with transaction.atomic():
        steps = {State.INDEXED: State.PREPARED, State.WATCHABLE: State.PREPARED}
        _advance(video, steps, at_least={State.PREPARED})
        Video.objects.filter(pk=video.pk).update(prepared_key=key)
    video.refresh_from_db()


def refuse(video: Video, code: str, params: Mapping[str, Any]) -> None:
    """It cannot be read: keep the row with the reason, remove its files. Conflict wrong_state once it was watchable."""
    fresh = Video.objects.filter(pk=video.pk, state__in=[State.NEW, State.INDEXED])
    if not fresh.update(state=State.REFUSED, error_code=code, error_params=dict(params)):
        video.refresh_from_db()
        if video.state != State.REFUSED:
            raise Conflict("wrong_state", state=video.state)
    video.refresh_from_db()
    shutil.rmtree(folder(video), ignore_errors=True)


def remove(*, video: Video, user: User, labels_too: bool = False) -> None:
    """Delete a video with its files. Only admins; one with decisions only if `labels_too` says that this is meant.

    A refused one has no files: whoever brought it may take it off the list. Refused: not_admin; has_labels{title, decisions}.
    """
    own_refused = video.state == State.REFUSED and video.uploaded_by_id == user.pk
    if not user.is_staff and not own_refused:
        raise Refused("not_admin")
    with transaction.atomic():
        log = Decision.objects.filter(lane__video=video)
        n = log.count()
        if n and not labels_too:
            raise Refused("has_labels", title=video.title, decisions=n)
        Stroke.objects.filter(lane__video=video).delete()
        log.delete()
        Lane.objects.filter(video=video).delete()
        Suggestion.objects.filter(video=video).delete()
        place = folder(video)
        Video.objects.filter(pk=video.pk).delete()
    shutil.rmtree(place, ignore_errors=True)


def try_again(*, video: Video, user: User) -> None:
    """Start again what failed of this video's preparation. By an admin or whoever brought it. Refused: not_yours; Conflict: job_not_failed."""
    if not user.is_staff and video.uploaded_by_id != user.pk:
        raise Refused("not_yours")
    with transaction.atomic():
        failed = list(catalogue.open_jobs().filter(video=video, state=Job.State.FAILED))
        if not failed:
            raise Conflict("job_not_failed")
        Video.objects.filter(pk=video.pk).update(error_code="", error_params={})
        for job in failed:
            jobs.retry(job)


def draw(video: Video) -> bool:
    """Decide, once, whether `video` is blind (no suggestions; belongs to the hold-out), and store it.

    Groups are drawn, not videos: one that shares a player with others goes where they went. The first
    settings.BLIND_AFTER videos of a taxonomy are never blind; after them a share of settings.BLIND_SHARE is, by the
    taxonomy's stored seed.
    """
    others = Video.objects.filter(taxonomy=video.taxonomy, practice=False).exclude(state=State.REFUSED).exclude(pk=video.pk)
    mates = splits.mates(video)
    if mates:
        blind = all(mate.blind for mate in mates)
    elif others.count() < settings.BLIND_AFTER:
        blind = False
    else:
        digest = hashlib.sha256(f"{video.taxonomy.seed}:blind:{video.pk}".encode()).digest()
        blind = int.from_bytes(digest[:8]) / 2**64 < settings.BLIND_SHARE
    video.blind = blind
    Video.objects.filter(pk=video.pk).update(blind=blind)
    return blind


def show_suggestions(*, video: Video, user: User) -> None:
    """An admin takes a video out of the blind pool. Refused: not_admin; Conflict: not_blind."""
    if not user.is_staff:
        raise Refused("not_admin")
    if not Video.objects.filter(pk=video.pk, blind=True).update(blind=False):
        raise Conflict("not_blind", title=video.title)
    video.blind = False


def _advance(video: Video, steps: Mapping[State, State], *, at_least: set[State]) -> None:
    """Compare-and-swap of the state; nothing to do where it is in `at_least` already."""
    for old, new in steps.items():
        if Video.objects.filter(pk=video.pk, state=old).update(state=new):
            video.state = new
            return
    video.refresh_from_db()
    if video.state not in at_least:
        raise Conflict("wrong_state", state=video.state)


def _check_new(sha256: str) -> None:
    here = Video.objects.filter(sha256=sha256).exclude(state=State.REFUSED).first()
    if here:
        raise Refused("already_here", title=here.title, id=str(here.pk))


def _say_who(video: Video, entries: Sequence[Mapping[str, Any]]) -> None:
    players.seen(video=video, players=entries)


def _clean(title: Any) -> str:
    if not isinstance(title, str):
        raise Refused("bad_title")
    text = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in unicodedata.normalize("NFC", title))
    text = " ".join(text.split())[:200]
    if not text:
        raise Refused("bad_title")
    return text


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    return suffix if re.fullmatch(r"\.[a-z0-9]{1,5}", suffix) else ".bin"
