"""What Slurm gave this task: its place among the nodes, CPUs, GPUs, memory and the end of its time."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from perch.errors import ClusterError

MIB: Final = 1024**2
_VISIBLE: Final = ("ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES")


@dataclass(frozen=True)
class Allocation:
    """One task of a job step. ``node`` 0 is the head; ``end_s`` is in Unix seconds, None where Slurm sets no limit."""

    job_id: str
    restart: int
    node: int
    nodes: int
    host: str
    cpus: int
    gpus: tuple[str, ...]
    memory_bytes: int
    end_s: float | None

    @property
    def is_head(self) -> bool:
        """Whether this node runs the head and the driver."""
        return self.node == 0


def from_environment(environment: Mapping[str, str], *, cgroup_root: Path = Path("/sys/fs/cgroup")) -> Allocation:
    """Read Slurm's variables.

    Raises ClusterError (exit 2) outside a job step and where a variable is not what Slurm documents.
    """
    if "SLURM_JOB_ID" not in environment or "SLURM_NODEID" not in environment:
        raise _bad(
            "perch slurm launch runs inside a Slurm job step",
            why="SLURM_JOB_ID and SLURM_NODEID are not both set",
            fix="submit a script of 'perch slurm script' with sbatch; in a script of your own call it through srun, "
            "one task per node, and let both variables into the container",
        )
    tasks = _integer(environment, "SLURM_NTASKS", None)
    nodes = _integer(environment, "SLURM_STEP_NUM_NODES", _integer(environment, "SLURM_JOB_NUM_NODES", 1)) or 1
    if tasks is not None and tasks != nodes:
        raise _bad(
            f"{tasks} tasks were started on {nodes} nodes",
            why="each node runs exactly one launcher: two would start two Rays on one node",
            fix="call srun with --ntasks-per-node=1",
        )
    cpus = _integer(environment, "SLURM_CPUS_PER_TASK", _integer(environment, "SLURM_CPUS_ON_NODE", None))
    cpus = cpus or len(os.sched_getaffinity(0))
    end_s = _integer(environment, "PERCH_END_TIME", _integer(environment, "SLURM_JOB_END_TIME", None))
    return Allocation(
        job_id=environment["SLURM_JOB_ID"],
        restart=_integer(environment, "SLURM_RESTART_COUNT", 0) or 0,
        node=_integer(environment, "SLURM_NODEID", 0) or 0,
        nodes=nodes,
        host=environment.get("SLURMD_NODENAME") or os.uname().nodename,
        cpus=cpus,
        gpus=visible_gpus(environment),
        memory_bytes=_memory(environment, cpus, cgroup_root),
        end_s=float(end_s) if end_s else None,
    )


def visible_gpus(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The devices that Slurm made visible, by their names: indices, UUIDs or MIG instances. Never a guess of 0…n-1."""
    for name in _VISIBLE:
        value = environment.get(name, "").strip()
        if value and value not in ("NoDevFiles", "-1", "none", "void"):
            return tuple(part.strip() for part in value.split(",") if part.strip())
    return ()


def require_gpus(allocation: Allocation, wanted: int | None) -> None:
    """Raise ClusterError (exit 2) when fewer GPUs are visible than the job counts on."""
    if wanted is not None and len(allocation.gpus) < wanted:
        raise _bad(
            f"{allocation.host} shows {len(allocation.gpus)} GPUs to this job, {wanted} are needed",
            why="the visible devices are " + (", ".join(allocation.gpus) or "none"),
            fix="ask for them with #SBATCH --gpus-per-node, pick a partition whose nodes have as many, "
            "or lower --gpus-per-node",
        )


def cgroup_limit(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int | None:
    """The smallest memory limit in bytes of this process's cgroup and its parents (v2 or v1); None without one.

    Ray reads the limit at the root only, which in a job is the whole host's.
    """
    limits: list[int] = []
    try:
        entries = [line.strip().split(":", 2) for line in own.read_text().splitlines()]
    except OSError:
        return None
    for _, controllers, path in (entry for entry in entries if len(entry) == 3):
        if controllers == "":
            base, name = root, "memory.max"
        elif "memory" in controllers.split(","):
            base, name = root / "memory", "memory.limit_in_bytes"
        else:
            continue
        folder = base / path.lstrip("/")
        for candidate in (folder, *folder.parents):
            text = _read(candidate / name)
            if text.isdigit() and int(text) < 1 << 60:
                limits.append(int(text))
            if candidate == base:
                break
    return min(limits, default=None)


def _memory(environment: Mapping[str, str], cpus: int, cgroup_root: Path) -> int:
    """Bytes that this node may use: Slurm's own number, the cgroup's, or all of the host."""
    host = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [host, cgroup_limit(cgroup_root) or host]
    per_node = _integer(environment, "SLURM_MEM_PER_NODE", None)
    per_cpu = _integer(environment, "SLURM_MEM_PER_CPU", None)
    if per_node:  # 0 means the whole node
        limits.append(per_node * MIB)
    elif per_cpu:
        limits.append(per_cpu * cpus * MIB)
    return min(limits)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _integer(environment: Mapping[str, str], name: str, default: int | None) -> int | None:
    value = environment.get(name, "").strip()
    if not value:
        return default
    try:
        return int(float(value)) if name == "PERCH_END_TIME" else int(value)
    except ValueError:
        raise _bad(f"{name} is '{value}'", why="Slurm documents an integer", fix="unset it before srun") from None


def _bad(what: str, *, why: str, fix: str) -> ClusterError:
    error = ClusterError(what, why=why, fix=fix)
    error.exit_code = 2
    return error
