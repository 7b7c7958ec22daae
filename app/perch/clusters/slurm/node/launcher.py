"""One launcher per node, started by one srun: the first node runs Ray's head and the driver, the others join.

Nothing here sleeps and hopes. Every launcher takes events from one queue: a child is ready or has ended, a worker has
spoken or its wire has broken, a signal or the stop file has come.

The end: workers stop first, then the head, so that no Ray process ever looks for a head that is gone (that costs a
minute). The driver's exit code is the job's. ``ray stop`` is never called: it would end every other job of the user.
"""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from perch.clusters.slurm.node.address import look_again
from perch.clusters.slurm.node.allocation import Allocation
from perch.clusters.slurm.node.base import Options
from perch.clusters.slurm.node.head import Head
from perch.clusters.slurm.node.worker import Worker
from perch.errors import ClusterError


def launch(options: Options, allocation: Allocation, environment: Mapping[str, str]) -> int:
    """Run this node's part; return the exit code of its task."""
    check_job_folder(options.job_folder, allocation)
    _raise_file_limit()
    role: Callable[..., Any] = Head if allocation.is_head else Worker
    node = role(options, allocation, environment)
    node.catch(signal.SIGTERM, signal.SIGUSR1, signal.SIGINT, signal.SIGHUP)
    try:
        return int(node.run())
    except ClusterError as error:
        node.failed(error)
        raise
    finally:
        node.finish()


def check_job_folder(folder: Path, allocation: Allocation, *, patience_s: float = 10.0) -> None:
    """Raise ClusterError (exit 2) when the folder is not the one the batch script made, or has no room.

    The batch script leaves a canary with the job's number before it starts us: a folder of the same name on another
    disk does not hold it. ``patience_s`` is for the caches of network file systems.
    """
    canary, deadline = folder / "canary", time.monotonic() + patience_s
    while True:
        try:
            look_again(folder)
            if canary.read_text().strip() == allocation.job_id:
                break
            why = f"{canary} belongs to job {canary.read_text().strip()!r}"
        except OSError as error:
            why = str(error)
        if time.monotonic() > deadline:
            raise _bad(
                f"{allocation.host} does not see the job's folder {folder}",
                why=why,
                fix="put it (and the results) on a file system that all nodes share, and bind it into the container",
            )
        time.sleep(0.2)
    probe = folder / f".room-{allocation.node}"
    try:
        with probe.open("wb") as stream:
            stream.write(bytes(1024**2))
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise _bad(
            f"{allocation.host} cannot write to the job's folder {folder}",
            why=str(error),
            fix="free some space or quota there ('df', 'quota'), or give another folder",
        ) from error
    finally:
        probe.unlink(missing_ok=True)


def _raise_file_limit() -> None:
    """Ray keeps many files open: take what the hard limit allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(65_536, hard) if hard != resource.RLIM_INFINITY else 65_536
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _bad(what: str, *, why: str, fix: str) -> ClusterError:
    error = ClusterError(what, why=why, fix=fix)
    error.exit_code = 2
    return error
