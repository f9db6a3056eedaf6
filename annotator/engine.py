"""The one door to mlcore: each step is a fresh process that speaks JSON lines and dies with its starter.

`run` starts `python -m mlcore.<step>` in its own process group with a clean environment, hands its progress on
(mlcore.progress), stops it when asked (SIGTERM, a grace time, SIGKILL to the group) and turns its exit into a result or
an EngineError. `Lock` makes sure that a step which outlived a killed worker is gone before it starts again.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any, NoReturn

from mlcore.progress import EXIT_CRASHED, EXIT_DONE, EXIT_REFUSED, EXIT_STOPPED

ROOT = Path(__file__).resolve().parent.parent
LOG_BYTES = 8192
LINE_BYTES = 1 << 20
POLL_S = 0.25
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES",
             "NVIDIA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "PYTHONDONTWRITEBYTECODE")  # fmt: skip
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class EngineError(Exception):
    """The step did not give a result. `code` with `params` as in annotator.messages; `log` is for admins."""

    def __init__(self, code: str, params: Mapping[str, Any] | None = None, log: str = "") -> None:
        super().__init__(f"{code} {dict(params or {})}")
        self.code, self.params, self.log = code, dict(params or {}), log


class Interrupted(Exception):
    """The step was asked to stop and is gone; it may be started again. `saved`: it said that its state is on disk."""

    def __init__(self, saved: bool) -> None:
        super().__init__("saved" if saved else "not saved")
        self.saved = saved


@dataclass(frozen=True)
class Limits:
    """How long a step may run, be silent, and take to stop; the signal it gets when its starter dies; its niceness."""

    wall_s: float = 24 * 3600.0
    silent_s: float = 900.0
    grace_s: float = 20.0
    on_death: signal.Signals = signal.SIGKILL
    niceness: int = 5


def stat(pid: int) -> tuple[int, int] | None:
    """(process group, start time in clock ticks) of a living process; None if there is none (or a zombie)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else (int(fields[2]), int(fields[19]))


def kill_group(pgid: int, sig: signal.Signals = signal.SIGKILL) -> None:
    """Signal a whole process group; nothing happens if it is gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pgid, sig)


class Lock:
    """A file lock that the step inherits: held while the step or a child of it lives, also without its starter."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def take(self, *, wait_s: float = 0.0) -> bool:
        """Take the lock, waiting at most `wait_s`."""
        until = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                if time.monotonic() >= until:
                    return False
                time.sleep(0.1)

    def note(self, pid: int) -> None:
        """Write down which step holds the lock, and its starter, for `remove_orphan`."""
        body = json.dumps({"step": [pid, stat(pid)], "starter": [os.getpid(), stat(os.getpid())]}).encode()
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, body, 0)

    def remove_orphan(self, *, grace_s: float) -> None:
        """If the step that holds the lock has lost its starter, give it `grace_s` to stop, then kill its group."""
        try:
            noted = json.loads(os.pread(self.fd, 4096, 0))
            (pid, seen), (starter, born) = noted["step"], noted["starter"]
        except (ValueError, KeyError, TypeError):
            return
        if not seen or (born and stat(starter) == tuple(born)):
            return
        until = time.monotonic() + grace_s
        while time.monotonic() < until and not self.take():
            time.sleep(0.1)
        now = stat(pid)
        if now is None or now == tuple(seen):  # the number has not been given to somebody else meanwhile
            kill_group(int(seen[0]))

    def release(self) -> None:
        os.close(self.fd)


def environment() -> dict[str, str]:
    """What a step sees: paths, language and threads; no secret and no setting of the site."""
    clean = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    clean.setdefault("LANG", "C.UTF-8")
    clean.setdefault("OMP_NUM_THREADS", str(len(os.sched_getaffinity(0))))
    clean["PYTHONUNBUFFERED"] = "1"
    return clean


class _Reader:
    """Collects the two streams of a step without ever blocking: lines of one, the tail of the other."""

    def __init__(self, out: int, err: int) -> None:
        self._out, self._err = os.fdopen(out, "rb", 0), os.fdopen(err, "rb", 0)
        self._selector = selectors.DefaultSelector()
        for stream in (self._out, self._err):
            os.set_blocking(stream.fileno(), False)
            self._selector.register(stream, selectors.EVENT_READ)
        self._rest, self.log = b"", b""

    def lines(self, timeout: float) -> list[bytes]:
        """The whole lines that came within `timeout` seconds, at once if there are some."""
        found: list[bytes] = []
        if not self._selector.get_map():
            time.sleep(min(timeout, 0.05))
        for key, _ in self._selector.select(timeout) if self._selector.get_map() else []:
            data = os.read(key.fd, 65536)
            if not data:
                self._selector.unregister(key.fileobj)
            elif key.fileobj is self._err:
                self.log = (self.log + data)[-LOG_BYTES:]
            else:
                *whole, self._rest = (self._rest + data).split(b"\n")
                found += [line for line in whole if line.strip()]
        return found + ([self._rest] if len(self._rest) > LINE_BYTES else [])

    def close(self) -> None:
        self._selector.close()
        self._out.close()
        self._err.close()


def _start(argv: Sequence[str], limits: Limits, lock: Lock | None) -> tuple[subprocess.Popen[bytes], _Reader]:
    starter = os.getpid()
    (out, out_end), (err, err_end) = os.pipe(), os.pipe()

    def in_child() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, int(limits.on_death), 0, 0, 0)
        if os.getppid() != starter:
            os._exit(EXIT_CRASHED)
        with contextlib.suppress(OSError):
            os.nice(limits.niceness)

    try:
        # The step holds the reading ends too: a training that outlives its starter must save, not die of a broken pipe.
        process = subprocess.Popen(
            [sys.executable, "-m", *argv], cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, stdout=out_end,
            stderr=err_end, start_new_session=True, preexec_fn=in_child,
            pass_fds=(out, err, *((lock.fd,) if lock else ())),
        )  # fmt: skip
    except BaseException:
        os.close(out)
        os.close(err)
        raise
    finally:
        os.close(out_end)
        os.close(err_end)
    if lock:
        lock.note(process.pid)
    return process, _Reader(out, err)


def companion(step: str) -> subprocess.Popen[bytes]:
    """Start `python -m mlcore.<step>`, a step that stays and answers on its pipes; it ends when its input is closed.

    The kernel closes that input with the starter, however it ends. Close it, or `kill_group`, and wait for it.
    """
    return subprocess.Popen(
        [sys.executable, "-m", f"mlcore.{step}"], cwd=ROOT, env=environment(), stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, start_new_session=True, bufsize=0,
    )  # fmt: skip


def run(
    argv: Sequence[str],
    *,
    on_line: Callable[[Mapping[str, Any]], None] | None = None,
    on_tick: Callable[[], None] | None = None,
    stop: Event | None = None,
    limits: Limits | None = None,
    lock: Lock | None = None,
) -> dict[str, Any]:
    """Run `python -m argv...` to its end and return what it says under "done".

    `on_line` gets every progress line, `on_tick` is called about four times a second; what they raise ends the step.
    Raises EngineError (refused, crashed, killed, too long, silent) or Interrupted (after `stop` was set).
    """
    limits = limits or Limits()
    process, reader = _start(argv, limits, lock)
    try:
        return _follow(process, reader, argv[0], limits, on_line, on_tick, stop)
    finally:
        kill_group(process.pid)  # also sweeps up what the step may have started
        process.wait()
        reader.close()


def _follow(
    process: subprocess.Popen[bytes], reader: _Reader, step: str, limits: Limits,
    on_line: Callable[[Mapping[str, Any]], None] | None, on_tick: Callable[[], None] | None, stop: Event | None,
) -> dict[str, Any]:  # fmt: skip
    began = heard = time.monotonic()
    last: dict[str, Any] = {}
    asked: float | None = None
    while True:
        code = process.poll()  # before reading: what was said before the end is then still read
        lines = reader.lines(0 if code is not None else POLL_S)
        for line in lines:
            last = _parse(line, step, reader)
            if on_line and "progress" in last:
                on_line(last)
        if on_tick:
            on_tick()
        if code is not None and not lines:
            return _result(code, last, step, asked is not None, reader)
        now = time.monotonic()
        heard = now if lines else heard
        if stop is not None and stop.is_set() and asked is None:
            asked = now
            process.send_signal(signal.SIGTERM)
        elif asked is not None and now - asked > limits.grace_s:
            kill_group(process.pid)
        elif now - began > limits.wall_s:
            _fail("took_too_long", reader, minutes=round(limits.wall_s / 60))
        elif now - heard > limits.silent_s:
            _fail("step_silent", reader, step=_name(step), minutes=max(1, round(limits.silent_s / 60)))


def _name(step: str) -> str:
    return step.rpartition(".")[2]


def _fail(code: str, reader: _Reader, **params: Any) -> NoReturn:
    raise EngineError(code, params, reader.log.decode("utf-8", "replace"))


def _parse(line: bytes, step: str, reader: _Reader) -> dict[str, Any]:
    """One line of a step; anything that is not such a line is a defect of the step."""
    try:
        body = json.loads(line)
    except ValueError:
        body = None
    if not isinstance(body, dict) or not {"progress", "done", "error", "stopped"} & body.keys():
        said = line[:300].decode("utf-8", "replace")
        raise EngineError("step_crashed", {"step": _name(step)}, f"said on standard output: {said}\n"
                          + reader.log.decode("utf-8", "replace"))  # fmt: skip
    return body


def _result(code: int, last: Mapping[str, Any], step: str, asked: bool, reader: _Reader) -> dict[str, Any]:
    """What the exit code and the last line mean together."""
    if code == EXIT_DONE and isinstance(last.get("done"), dict):
        return dict(last["done"])
    if code == EXIT_REFUSED and isinstance(last.get("error"), dict):
        error = last["error"]
        _fail(str(error.get("code", "step_crashed")), reader, **dict(error.get("params") or {}))
    if code == EXIT_STOPPED:
        raise Interrupted(saved=True)
    if asked:
        raise Interrupted(saved=False)
    if code < 0:
        _fail("killed", reader, step=_name(step), signal=-code)
    _fail("step_crashed", reader, step=_name(step))
