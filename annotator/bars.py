"""Progress in a terminal: a bar where there is one, plain lines (for cron's mail and logs) where not."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Mapping
from typing import Any, TextIO

from django.utils.translation import gettext as _
from tqdm import tqdm

LINE_EVERY_S = 60.0


def minutes(seconds: float) -> str:
    """A length of time in words."""
    if seconds < 90:
        return _("%(n)d s") % {"n": round(seconds)}
    if seconds < 5400:
        return _("%(n)d min") % {"n": round(seconds / 60)}
    return _("%(n).1f h") % {"n": seconds / 3600}


class Bar:
    """Shows the progress lines of one step on `out`."""

    def __init__(self, title: str, out: TextIO | None = None) -> None:
        self.title, self.out = title, out or sys.stderr
        self._said, self._phase = 0.0, ""
        self._bar = None
        if self.out.isatty():  # a terminal may not know its size; tqdm would then hide the bar
            size = shutil.get_terminal_size()
            shape = "{desc} {bar} {n:3.0f} % {postfix}"
            self._bar = tqdm(
                total=100,
                desc=title,
                file=self.out,
                leave=False,
                ncols=size.columns,
                nrows=size.lines,
                bar_format=shape,
            )

    def line(self, line: Mapping[str, Any]) -> None:
        fraction, phase, left = float(line["progress"]), str(line.get("phase") or ""), line.get("left_s")
        rest = _("%(time)s left") % {"time": minutes(float(left))} if left is not None else ""
        if self._bar is not None:
            self._bar.set_description_str(f"{self.title} {phase}".strip(), refresh=False)
            self._bar.set_postfix_str(rest, refresh=False)
            self._bar.n = round(100 * fraction, 1)
            self._bar.refresh()
        elif phase != self._phase or time.monotonic() - self._said > LINE_EVERY_S:
            self._said, self._phase = time.monotonic(), phase
            print(
                ", ".join(part for part in (f"{self.title}: {fraction:.0%}", phase, rest) if part),
                file=self.out,
                flush=True,
            )

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
