"""System checks: what would go wrong later is said at the start, with its remedy. Ids: topspin.E001 ... W001 ..."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.utils import timezone

from annotator.settings import wal_safe

GB = 1024**3
NETWORK_FS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "fuse.s3fs", "ceph", "glusterfs"}


def sqlite_version(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """WAL only where it is safe; the settings fall back to the rollback journal, which is slower: say so."""
    if settings.DATABASES["default"]["ENGINE"] != "django.db.backends.sqlite3":
        return []
    if wal_safe(settings.SQLITE_VERSION):
        return []
    version = ".".join(map(str, settings.SQLITE_VERSION))
    return [
        checks.Warning(
            f"SQLite {version} has a fault in its write-ahead log; the slower rollback journal is used instead.",
            hint="Install the package pysqlite3 of requirements.txt, which brings a sound version.",
            id="topspin.W001",
        )
    ]


def disk(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Room for videos, and a disk that databases can live on."""
    found: list[checks.CheckMessage] = []
    free = shutil.disk_usage(settings.DATA).free
    if free < settings.DISK_RESERVE_BYTES:
        found.append(
            checks.Warning(
                f"Only {free / GB:.1f} GB are free in {settings.DATA}; uploads are refused below "
                f"{settings.DISK_RESERVE_BYTES / GB:.1f} GB.",
                hint="Free some space, or set TOPSPIN_DATA to a folder on a larger disk.",
                id="topspin.W002",
            )
        )
    kind = file_system(Path(settings.DATA), Path("/proc/mounts"))
    if settings.DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3" and kind in NETWORK_FS:
        found.append(
            checks.Error(
                f"{settings.DATA} lies on a network file system ({kind}), where SQLite loses data.",
                hint="Set TOPSPIN_DATA to a local disk, or TOPSPIN_DATABASE_URL to a PostgreSQL database.",
                id="topspin.E001",
            )
        )
    return found


def file_system(path: Path, mounts: Path) -> str:
    """The type of the file system that `path` lies on, from a table like /proc/mounts; empty if unknown."""
    best, kind = "", ""
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        _, point, type_, *_rest = line.split()
        point = point.encode().decode("unicode_escape")
        if len(point) >= len(best) and (path == Path(point) or Path(point) in path.parents):
            best, kind = point, type_
    return kind


def queue(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """django-q2 hands a task out again while it still runs, unless its times fit together."""
    q: dict[str, Any] = settings.Q_CLUSTER
    found: list[checks.CheckMessage] = []
    needed = q["timeout"] * (1 + (q["queue_limit"] + q["bulk"]) / q["workers"])
    if q["retry"] <= needed:
        found.append(
            checks.Error(
                f"Q_CLUSTER: retry is {q['retry']} s; a task could be carried out twice at once.",
                hint=f"Set it above timeout x (1 + (queue_limit + bulk) / workers) = {needed:.0f} s.",
                id="topspin.E002",
            )
        )
    if q["guard_cycle"] not in (0.25, 0.5, 1, 1.0):
        found.append(
            checks.Error(
                f"Q_CLUSTER: with a guard_cycle of {q['guard_cycle']} s django-q2 never ends a task that hangs.",
                hint="Set it to 0.25, 0.5 or 1.",
                id="topspin.E003",
            )
        )
    return found


def schedule(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """The retraining schedule is one that can be kept."""
    from annotator import schedules  # models are not ready when this module is imported

    try:
        schedules.parse_cron(settings.RETRAIN_CRON, timezone.now())
    except ValueError as error:
        return [checks.Error(f"TOPSPIN_RETRAIN_CRON is {error}.", id="topspin.E004")]
    return []


def values(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Settings that take one of a few words, or a share."""
    allowed = {
        "PRESET": ("tiny", "cpu", "published", "context"),
        "FLOW": ("dis", "dis-fast", "dis-ultrafast", "deepflow", "farneback"),
        "DEVICE": ("auto", "cpu", "cuda"),
    }
    found: list[checks.CheckMessage] = [
        checks.Error(
            f"TOPSPIN_{name} is “{getattr(settings, name)}”.", hint=f"One of {', '.join(words)}.", id="topspin.E005"
        )
        for name, words in allowed.items()
        if getattr(settings, name) not in words
    ]
    if not 0 <= settings.BLIND_SHARE < 1:
        found.append(checks.Error("TOPSPIN_BLIND_SHARE must be at least 0 and below 1.", id="topspin.E006"))
    if min(settings.SLOTS.values()) < 1:
        found.append(checks.Error("TOPSPIN_CPU_SLOTS must be at least 1.", id="topspin.E007"))
    return found


def register() -> None:
    """Called once by the app when it is ready."""
    for check in (sqlite_version, disk, queue, schedule, values):
        checks.register(check)
