"""Bad input of ``perch slurm``: exit code 2, before anything is queued."""

from __future__ import annotations

from perch.errors import ClusterError


def bad(what: str, *, why: str, fix: str) -> ClusterError:
    """A ClusterError with exit code 2."""
    error = ClusterError(what, why=why, fix=fix)
    error.exit_code = 2
    return error
