"""Whether a process lives."""

from __future__ import annotations

from pathlib import Path


def alive(pid: int) -> bool:
    """A dead one that nobody has waited for does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
