"""What head and worker have in common: the options, the event queue, the private folder, the logs."""

from __future__ import annotations

import queue
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from perch.clusters.slurm.node.allocation import Allocation
from perch.clusters.slurm.node.process import Child, show
from perch.clusters.slurm.node.raynode import RAY, READY_LINE
from perch.errors import ClusterError

INTERRUPTED: Final = 75


NODE_TMP: Final = Path("/tmp")  # noqa: S108 — only a private folder is made in it, by mkdtemp


_RAY_STARTS: Final = 2


_LONGEST_TMP: Final = 40
"""Ray's sockets lie 62 characters below its folder, and a socket's path holds at most 107."""


_PREFIX: Final = "perch-job-"
"""Of the private folder. ``batch/disk.sh`` looks for it, to remove what a killed launcher has left."""


_LARGEST_LOG_BYTES: Final = 64 * 1024**2


@dataclass(frozen=True)
class Options:
    """What ``perch slurm launch`` was asked for."""

    job_folder: Path
    command: tuple[str, ...]
    interface: str | None = None
    min_nodes: int | None = None
    gpus_per_node: int | None = None
    head_cpus: int | None = None
    node_tmp: Path = NODE_TMP
    logdir: Path | None = None
    dashboard: bool = False
    start_timeout_s: float = 180.0
    ray: tuple[str, ...] = RAY


@dataclass
class Node:
    """What head and worker have in common: the event queue, the private folder, the logs."""

    options: Options
    allocation: Allocation
    environment: Mapping[str, str]
    events: queue.SimpleQueue[Any] = field(default_factory=queue.SimpleQueue)
    started_s: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        folder = self.options.node_tmp
        if len(str(folder)) > _LONGEST_TMP - len(f"/{_PREFIX}12345678"):
            folder = NODE_TMP
        self.tmp = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
        (self.tmp / "job").write_text(f"{self.allocation.job_id}\n")  # by which a later job knows what a kill has left
        self.logs = self.options.job_folder / f"logs-{self.allocation.restart}" / self.label
        self.logs.mkdir(parents=True, exist_ok=True)
        self.ray: Child | None = None
        self.ray_is_up = False
        self.ray_starts = 0

    def start_ray(self, command: Callable[[Path], list[str]], environment: Mapping[str, str]) -> None:
        """Start this node's Ray in a folder of its own. ``command`` makes the line from the folder."""
        self.ray_starts += 1
        self._ray_again = (command, environment)
        line = command(self.tmp / str(self.ray_starts))
        self.ray = Child("ray", line, environment, self.logs / "ray.log", self.events, ready_line=READY_LINE)

    def ray_ended(self, code: int) -> None:
        """Ray gives a node 30 s to start, whatever else it does: one more try. Raises ClusterError for any other end."""
        assert self.ray is not None
        if not self.ray_is_up and self.ray_starts < _RAY_STARTS:
            self.say(f"Ray did not start (code {code}); trying once more")
            self.ray.stop(grace_s=0.1)
            self.start_ray(*self._ray_again)
            return
        raise ClusterError(
            f"Ray on {self.allocation.host} ended with code {code}",
            why="its last lines:\n" + self.ray.last_lines(),
            fix=f"all its logs are in {self.logs}",
        )

    @property
    def label(self) -> str:
        """As the log folder of this node is called."""
        return f"{self.allocation.node}-{self.allocation.host}"

    def say(self, text: str) -> None:
        """One line for the job's output, with the seconds since this launcher began."""
        line = f"perch {self.allocation.host} {time.monotonic() - self.started_s:6.1f}s  {text}"
        with suppress(OSError), (self.logs / "launcher.log").open("a") as log:  # a full disk stops nothing
            log.write(line + "\n")
        show(line)

    def catch(self, *numbers: signal.Signals) -> None:
        """Turn signals into events. Only the main thread may call this."""
        for number in numbers:
            signal.signal(number, lambda n, _: self.events.put(("signal", signal.Signals(n).name)))

    def next_event(self, deadline: float | None = None, tick_s: float = 0.25) -> tuple[Any, Any] | None:
        """The next event; None after a tick, so that the caller can look at the stop file and at its deadline."""
        left = tick_s if deadline is None else max(0.0, min(tick_s, deadline - time.monotonic()))
        try:
            event: tuple[Any, Any] = self.events.get(timeout=left)
        except queue.Empty:
            return None
        return event

    def clean(self) -> None:
        """Keep Ray's logs in the job's folder, remove the private folder."""
        with suppress(OSError):
            keep_logs(self.tmp / str(self.ray_starts), self.logs / "ray")
        shutil.rmtree(self.tmp, ignore_errors=True)


def keep_logs(tmp: Path, target: Path) -> None:
    """Copy the logs of Ray's session; one that has grown without bounds is left out, and named."""
    source = tmp / "session_latest" / "logs"
    if not source.is_dir():
        return
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        size = path.stat().st_size
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if size > _LARGEST_LOG_BYTES:
            copy.with_suffix(".left-out").write_text(f"{size} bytes\n")
        elif size:
            shutil.copyfile(path, copy)


def driver_command(command: Sequence[str]) -> list[str]:
    """A perch command line as a list; ``python script.py`` runs a program of the user's own on the same Ray."""
    if command[0] in ("python", "python3"):
        return [sys.executable, *command[1:]]
    return [sys.executable, "-m", "perch.cli.main", *command]
