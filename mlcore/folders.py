"""Prepared folders as a whole: holding one while it is made, and removing those that nobody wants any more.

    python -m mlcore.folders DIR --keep KEY KEY ...

A prepared folder is DIR/<key>; its key names the video and all that its values depend on, so a folder whose key is no
longer wanted (an older version, another rate, another flow method, an interrupted run) is dead weight.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlcore.progress import StepError, run_step

KEY = re.compile(r"[0-9a-f]{16}")


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder, made if need be; a killed process lets go by itself. StepError already_preparing{key}."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StepError("already_preparing", key=folder.name) from error
        yield
    finally:
        os.close(handle)


def stale(folder: Path, keep: set[str]) -> list[Path]:
    """The prepared folders in `folder`, whole or not, whose key is not in `keep` and that nobody is making."""
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if KEY.fullmatch(path.name) and path.name not in keep and path.is_dir() and not path.is_symlink():
            try:
                with alone(path):
                    found.append(path)
            except StepError:
                continue
    return found


def collect(folder: Path, keep: set[str]) -> list[Path]:
    """Remove what `stale` finds; what was removed. A half-removed folder is never a whole one."""
    removed = []
    for path in stale(folder, keep):
        try:
            with alone(path):
                (path / "prepared.json").unlink(missing_ok=True)
                shutil.rmtree(path)
        except StepError:
            continue
        removed.append(path)
    return removed


def main(arguments: Sequence[str] | None = None) -> Mapping[str, Any]:
    """The step on the command line."""
    parser = argparse.ArgumentParser(prog="mlcore.folders", description="Remove prepared folders that nobody wants")
    parser.add_argument("folder", type=Path, help="holds prepared folders, each named by its key")
    parser.add_argument("--keep", nargs="*", default=[], help="keys that are wanted")
    given = parser.parse_args(arguments)
    return {"removed": [path.name for path in collect(given.folder, set(given.keep))]}


if __name__ == "__main__":
    sys.exit(run_step(main))
