"""A block of ports per job and node, claimed with a file lock, so that two jobs on one node never share one."""

from __future__ import annotations

import fcntl
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from perch.errors import ClusterError

FIRST: Final = 20_000
LAST: Final = 31_999
"""Below 32768, where Linux starts to hand out ports by itself."""
SIZE: Final = 16
ROLES: Final = (
    "gcs",
    "dashboard",
    "node_manager",
    "object_manager",
    "agent_grpc",
    "agent_http",
    "runtime_env_agent",
    "metrics",
    "client",
    "control",
    "board",
)


@dataclass(frozen=True)
class PortBlock:
    """``SIZE`` neighbouring ports; the lock is held as long as ``lock`` is open, so a killed job leaves nothing behind."""

    first: int
    lock: int

    def __getitem__(self, role: str) -> int:
        return self.first + ROLES.index(role)


def claim(folder: Path, *, start: int = 0, first: int = FIRST, last: int = LAST) -> PortBlock:
    """Claim the first free block, beginning at the ``start``-th (the job's number spreads jobs out).

    ``folder`` lies on the node's own disk and is shared by all users: file locks of a network file system are not
    to be trusted. Raises ClusterError when no block is free.
    """
    _prepare(folder)
    count = (last - first + 1) // SIZE
    for offset in range(count):
        base = first + (start + offset) % count * SIZE
        lock = _lock(folder / f"{base}.lock")
        if lock is None:
            continue
        if all(_is_free(base + i) for i in range(len(ROLES))):
            return PortBlock(base, lock)
        os.close(lock)
    raise ClusterError(
        f"no block of {SIZE} free ports between {first} and {last} on {socket.gethostname()}",
        why="each is locked by another job or in use",
        fix="see who listens with 'ss -ltn', or ask for whole nodes with #SBATCH --exclusive",
    )


def _prepare(folder: Path) -> None:
    """Make the folder for everybody, with the sticky bit as in /tmp: nobody removes another user's lock."""
    try:
        folder.mkdir()
        folder.chmod(0o1777)
    except FileExistsError:
        pass


def _lock(path: Path) -> int | None:
    """Lock a file that may belong to another user: opened read-only, since a lock needs no more."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        except FileExistsError:
            return _lock(path)
    except OSError:
        return None  # another user closed it to us, or it is a link: leave the block alone
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    os.fchmod(descriptor, 0o644) if os.fstat(descriptor).st_uid == os.getuid() else None
    return descriptor


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
