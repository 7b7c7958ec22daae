"""What a cluster offers once all of its nodes are up, as whoever has started it says.

``PERCH_CLUSTER`` lists groups of nodes as ``NODESxCORES`` or ``NODESxCORES:GPUS``: ``4x16:2 1x64`` is four nodes of 16 cores and two
GPUs each, and one of 64 cores. The Slurm launcher and the chart set it. ``PERCH_WORKERS`` says instead how many trials train at once.
"""

from __future__ import annotations

import os
import re

from perch.engine.ray_session import Node
from perch.errors import ClusterError

WORKERS_OF_A_CLUSTER = 8
"""How many trials are planned for on a cluster of which nothing is known."""

_GROUP = re.compile(r"(\d+)x(\d+(?:\.\d+)?)(?::(\d+(?:\.\d+)?))?")


def planned_nodes() -> list[Node]:
    """The nodes of ``PERCH_CLUSTER``, without ids and addresses; none where it is not set. Raises ClusterError (exit 2)."""
    found: list[Node] = []
    for group in os.environ.get("PERCH_CLUSTER", "").split():
        if (parts := _GROUP.fullmatch(group)) is None:
            raise _unreadable(
                "PERCH_CLUSTER", "groups are written NODESxCORES:GPUS", "write 4x16:2 1x64, say, or unset it"
            )
        found += [Node("", "", float(parts[2]), float(parts[3] or 0.0))] * int(parts[1])
    return found


def workers_asked_for() -> int | None:
    """The number of ``PERCH_WORKERS``; None where it is not set. Raises ClusterError (exit 2)."""
    text = os.environ.get("PERCH_WORKERS", "").strip()
    if not text:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise _unreadable(
            "PERCH_WORKERS", "it is how many trials train at once", "give a whole number from 1 on, or unset it"
        )
    return int(text)


def _unreadable(name: str, why: str, fix: str) -> ClusterError:
    error = ClusterError(f"{name} is '{os.environ[name]}'", why=why, fix=fix)
    error.exit_code = 2
    return error
