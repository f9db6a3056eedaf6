"""Limits that a step puts on itself before it touches an uploaded file: memory, core dumps, open files, no network.

Call `apply` before numpy, av or torch are imported: a process with threads may not enter a new user namespace.
"""

from __future__ import annotations

import ctypes
import os
import resource
from pathlib import Path

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
GIB = 1024**3


def apply(*, memory_gb: float | None = None, cpu_s: int | None = None, no_network: bool = False,
          files: int = 128) -> bool:
    """Limit this process: address space (GiB), processor seconds, open files, no core dump; True if off the network.

    Only lowers limits. Giving up the network is tried and may be refused by the system (False), never an error.
    """
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, files)
    if memory_gb is not None:
        _lower(resource.RLIMIT_AS, int(memory_gb * GIB))
    if cpu_s is not None:
        _lower(resource.RLIMIT_CPU, cpu_s)
    return no_network and leave_network()


def _lower(kind: int, limit: int) -> None:
    hard = resource.getrlimit(kind)[1]
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(kind, (limit, limit))


def leave_network() -> bool:
    """Enter a network namespace without any interface; False if the system does not allow it."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0:
        _map(user, group)
        return True
    return bool(libc.unshare(CLONE_NEWNET) == 0)


def _map(user: int, group: int) -> None:
    """Stay who we are inside the new user namespace, where the system lets us say so (files stay ours either way)."""
    for name, line in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        try:
            Path(f"/proc/self/{name}").write_text(line)
        except OSError:
            return
