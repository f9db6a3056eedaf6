"""How a step talks to whoever started it: JSON lines on standard output, one exit code.

A line is one of
  {"progress": 0.42, "phase": "flow", "left_s": 12.3}    fraction of the whole step, seconds left (null while unknown)
  {"done": {...}}                                         the last line of a step that succeeded (exit 0)
  {"error": {"code": "not_a_video", "params": {...}}}     the last line of a step that refused its input (exit 2)
  {"stopped": {...}}                                      asked to stop and checkpointed; may be started again (exit 75)
Anything else on standard output is a defect. Messages for developers go to standard error.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from mlcore.files import FormatError

EXIT_DONE, EXIT_CRASHED, EXIT_REFUSED, EXIT_STOPPED = 0, 1, 2, 75


class StepError(Exception):
    """A refusal in a code with parameters; the sentence for people lives in `annotator.messages`."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(f"{code} {params}" if params else code)
        self.code = code
        self.params = params


class Stopped(Exception):
    """The step was asked to stop and has saved its state."""

    def __init__(self, **state: Any) -> None:
        super().__init__("stopped")
        self.state = state


def say(**line: Any) -> None:
    """Write one JSON line and flush it."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


class Progress:
    """Reports the fraction done of one step, at most `per_second` lines a second, with the time left.

    `start` is the fraction this process began at (a resumed step does not begin at zero).
    """

    def __init__(self, phase: str = "", *, start: float = 0.0, per_second: float = 2.0,
                 out: Callable[..., None] = say) -> None:
        self.phase, self._start, self._interval, self._out = phase, start, 1.0 / per_second, out
        self._began = time.monotonic()
        self._last = 0.0

    def at(self, fraction: float, phase: str | None = None) -> None:
        """Say that `fraction` (0..1) of the step is done, now in `phase`."""
        changed = phase is not None and phase != self.phase
        self.phase = phase if phase is not None else self.phase
        now = time.monotonic()
        if not changed and now - self._last < self._interval and fraction < 1.0:
            return
        self._last = now
        gained, spent = fraction - self._start, now - self._began
        left = spent * (1.0 - fraction) / gained if gained > 0.005 and spent > 0.5 else None
        self._out(progress=round(min(max(fraction, 0.0), 1.0), 4), phase=self.phase,
                  left_s=None if left is None else round(left, 1))


def run_step(main: Callable[[], Mapping[str, Any]]) -> int:
    """Run `main`, say how it ended, return the exit code. Every `python -m mlcore.<step>` ends through here."""
    try:
        say(done=dict(main()))
        return EXIT_DONE
    except StepError as error:
        say(error={"code": error.code, "params": error.params})
        return EXIT_REFUSED
    except Stopped as stop:
        say(stopped=stop.state)
        return EXIT_STOPPED
    except FormatError as error:  # what was whole when it was opened is not what was written
        say(error={"code": "damaged_archive", "params": {"found": str(error)[:200]}})
        return EXIT_REFUSED
    except MemoryError:
        say(error={"code": "out_of_memory", "params": {}})
        return EXIT_REFUSED
    except OSError as error:
        if error.errno == 28:  # ENOSPC: the disk is full
            say(error={"code": "disk_full", "params": {"path": str(error.filename or "")}})
            return EXIT_REFUSED
        traceback.print_exc()
        return EXIT_CRASHED
