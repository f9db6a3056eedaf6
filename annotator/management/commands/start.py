"""`manage.py start`, what `make run` runs: gets everything ready, then keeps site and worker going until Ctrl-C."""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections, transaction
from django.utils.translation import gettext as _

from annotator import engine, worker
from annotator.settings import env
from strokes import taxonomy

NEEDED_BYTES = 1024**3
STOP_S = 45.0
LOGINS = "logins.txt"


class Command(BaseCommand):
    help = "Starts Topspin: site and worker together. Ctrl-C stops everything."
    requires_system_checks = "__all__"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--host", default=env.str("TOPSPIN_HOST", "127.0.0.1"))
        parser.add_argument("--port", type=int, default=env.int("TOPSPIN_PORT", 8000))
        parser.add_argument("--no-demo", action="store_true", help="no demo videos at the first start")

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        check_port(host, port)
        check_disk()
        call_command("migrate", interactive=False, verbosity=0)
        collect_static()
        taxonomy.default()
        accounts()
        connections.close_all()
        demo = not options["no_demo"] and env.bool("TOPSPIN_DEMO", True)
        children = start_children(host, port, demo=demo and not (settings.DATA / "demo.done").exists())
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: stop.set())
        try:
            wait_for_site(children, host, port, stop)
            self._welcome(host, port, demo="demo" in children)
            ended = watch(children, stop)
        finally:
            stop_children(children)
        if ended:
            text = _("The %(name)s ended by itself; its last lines above say why. Start again with: make run")
            raise CommandError(text % {"name": ended})
        self.stdout.write(_("Stopped. Everything is kept in %(folder)s.") % {"folder": settings.DATA})

    def _welcome(self, host: str, port: int, *, demo: bool) -> None:
        shown = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::", "::1") else host
        lines = ["", _("Topspin is ready: %(url)s") % {"url": f"http://{shown}:{port}"}]
        lines += self._logins()
        if demo:
            lines.append(_("Two demo videos are being drawn; they appear in the library within minutes."))
        lines += [_("Ctrl-C stops everything. Your data: %(folder)s") % {"folder": settings.DATA}, ""]
        self.stdout.write("\n".join(lines))

    def _logins(self) -> list[str]:
        """Name and password of the first accounts on a terminal; only where they are kept in a log."""
        path = settings.DATA / LOGINS
        if not path.exists():
            return []
        if not self.stdout.isatty():
            return [_("The first accounts and their passwords are in %(file)s") % {"file": path}]
        return [f"  {line}" for line in path.read_text().splitlines() if not line.startswith("#")]


# -- Before -----------------------------------------------------------------------------------------------------------
def check_port(host: str, port: int) -> None:
    """The port is free; otherwise say how to take another one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            text = _(
                "Port %(port)d of %(host)s cannot be used (%(why)s). "
                "Stop what uses it, or take another: make run PORT=%(other)d"
            )
            raise CommandError(text % {"port": port, "host": host, "why": error.strerror, "other": port + 1}) from error


def check_disk() -> None:
    """There is room to start at all."""
    free = shutil.disk_usage(settings.DATA).free
    if free < NEEDED_BYTES:
        text = _("Only %(free)d MB are free in %(folder)s; Topspin needs %(need)d MB to start. "
                 "Free some space, or set TOPSPIN_DATA to a folder on a larger disk.")  # fmt: skip
        raise CommandError(text % {"free": free >> 20, "folder": settings.DATA, "need": NEEDED_BYTES >> 20})


def collect_static() -> None:
    """Collect the static files, only when one has changed since the last time."""
    digest = hashlib.sha256(settings.VERSION.encode())
    for folder in settings.STATICFILES_DIRS:
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                digest.update(f"{path}:{path.stat().st_mtime_ns}:{path.stat().st_size}\n".encode())
    stamp = settings.DATA / "staticfiles.stamp"
    if settings.STATIC_ROOT.exists() and stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    stamp.unlink(missing_ok=True)
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    stamp.write_text(digest.hexdigest())


def accounts() -> None:
    """An administrator and an expert, once, with passwords of their own in a file that only its owner reads."""
    path = settings.DATA / LOGINS
    with transaction.atomic():
        experts, _made = Group.objects.get_or_create(name="experts")
        if path.exists() or User.objects.exists():
            return
        logins = {"admin": secrets.token_urlsafe(9), "expert": secrets.token_urlsafe(9)}
        User.objects.create_superuser("admin", password=logins["admin"])
        User.objects.create_user("expert", password=logins["expert"]).groups.add(experts)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "w") as file:
            file.write("# Made at the first start. Delete this file once you know them; the accounts stay.\n")
            file.writelines(f"{name}: {password}\n" for name, password in logins.items())


# -- While it runs ----------------------------------------------------------------------------------------------------
def start_children(host: str, port: int, *, demo: bool) -> dict[str, subprocess.Popen[bytes]]:
    """Web server, worker and (the first time) the demo. Each has its own session and ends when this process dies."""
    manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    web = [sys.executable, "-m", "gunicorn", "annotator.wsgi", "--bind", address, "--worker-class", "gthread",
           "--workers", "2", "--threads", "8", "--timeout", "120", "--keep-alive", "75", "--graceful-timeout", "10",
           "--no-control-socket", "--log-level", "warning"]  # fmt: skip
    commands = {"site": web, "worker": [*manage, "worker"], **({"demo": [*manage, "demo"]} if demo else {})}
    if not demo and not (settings.DATA / "practice.done").exists():
        commands["practice"] = [*manage, "practice"]
    libc, starter = ctypes.CDLL(None), os.getpid()

    def in_child() -> None:
        libc.prctl(engine.PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != starter:
            os._exit(1)

    return {
        name: subprocess.Popen(
            argv, cwd=settings.BASE_DIR, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=in_child
        )
        for name, argv in commands.items()
    }


def wait_for_site(children: dict[str, subprocess.Popen[bytes]], host: str, port: int, stop: threading.Event) -> None:
    """Until the web server takes connections (or something ended; `watch` then says so)."""
    target = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    until = time.monotonic() + 60
    while time.monotonic() < until and not stop.wait(0.1):
        if children["site"].poll() is not None:
            return
        try:
            socket.create_connection((target, port), timeout=1).close()
            return
        except OSError:
            continue


def watch(children: dict[str, subprocess.Popen[bytes]], stop: threading.Event) -> str | None:
    """Wait until asked to stop (None) or until site or worker ended by itself (its name)."""
    while not stop.wait(0.5):
        for name, process in children.items():
            if process.poll() is not None and name not in ("demo", "practice"):
                return {"site": _("site"), "worker": _("worker")}[name]
    return None


def stop_children(children: dict[str, subprocess.Popen[bytes]]) -> None:
    """Ask each to end (a training saves its state first), then kill what is left."""
    for process in children.values():
        if process.poll() is None:
            process.terminate()
    until = time.monotonic() + STOP_S
    for process in children.values():
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            engine.kill_group(process.pid)
            process.wait()
    worker.remove_old_cluster()  # a worker that was killed could not end it
