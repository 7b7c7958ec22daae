"""The token without which nobody talks to this job's Ray: made by the head, mode 0600, never on a command line."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from perch.clusters.slurm.node.address import write_durably
from perch.errors import ClusterError


def create(path: Path) -> str:
    """Write a new token of 256 bits for this start of the job, and return it."""
    path.unlink(missing_ok=True)
    token = secrets.token_hex(32)
    write_durably(path, token)
    return read(path)


def read(path: Path) -> str:
    """Return the token. Raises ClusterError (exit 2) when anybody else could have read or written it."""
    with path.open() as stream:
        state = os.fstat(stream.fileno())
        token = stream.read().strip()
    mode = stat.S_IMODE(state.st_mode)
    if mode & 0o077 or state.st_uid != os.getuid():
        raise _bad(path, f"its mode is {mode:04o} and its owner {state.st_uid}; it must be 0600 and your own")
    if len(token) < 32:
        raise _bad(path, "it is empty or cut short")
    return token


def _bad(path: Path, why: str) -> ClusterError:
    error = ClusterError(
        f"the token file {path} is not safe to use",
        why=why,
        fix="put the job's folder on a file system that keeps file modes (--job-dir), and submit again",
    )
    error.exit_code = 2
    return error
