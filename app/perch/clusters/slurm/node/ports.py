"""A block of ports per job and node, claimed by binding one of them, so that two jobs on one node never share one."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
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
    """``SIZE`` neighbouring ports. ``claim`` holds the last one; a killed job leaves nothing behind."""

    first: int
    claim: socket.socket

    def __getitem__(self, role: str) -> int:
        return self.first + ROLES.index(role)


def claim(*, start: int = 0, first: int = FIRST, last: int = LAST) -> PortBlock:
    """Claim the first free block, beginning at the ``start``-th (the job's number spreads jobs out).

    The claim is the block's last port, bound and never listened on: of all users and containers that share the node's
    network only one can have it, and the system frees it when its holder ends, however that happens. No file is needed,
    so there is none that another user could make first. Raises ClusterError when no block is free.
    """
    count = (last - first + 1) // SIZE
    for offset in range(count):
        base = first + (start + offset) % count * SIZE
        held = _bind(base + SIZE - 1)
        if held is None:
            continue
        if all(_is_free(base + i) for i in range(len(ROLES))):
            return PortBlock(base, held)
        held.close()
    raise ClusterError(
        f"no block of {SIZE} free ports between {first} and {last} on {socket.gethostname()}",
        why="each is held by another job or in use",
        fix="see who listens with 'ss -ltnap', or ask for whole nodes with #SBATCH --exclusive",
    )


def _bind(port: int) -> socket.socket | None:
    """A socket that keeps everybody else from a port; None where somebody has it. Children do not inherit it."""
    held = socket.socket()
    try:
        held.bind(("", port))  # without SO_REUSEADDR: with it, two that do not listen could share the port
    except OSError as error:
        held.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            return None
        raise
    return held


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
