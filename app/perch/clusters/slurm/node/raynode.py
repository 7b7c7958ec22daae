"""How Ray is started on a node: its command line and its environment. Nothing here starts anything."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from perch.clusters.slurm.node.address import HeadAddress
from perch.clusters.slurm.node.allocation import MIB, Allocation
from perch.clusters.slurm.node.ports import PortBlock

READY_LINE: Final = "Ray runtime started"
"""Printed by ``ray start`` once the node is registered."""

RAY: Final = (sys.executable, "-m", "ray.scripts.scripts")
MANY_NODES: Final = 64
SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 — only asked how much room it has
_OBJECT_STORE_SHARE: Final = 0.3
_SMALLEST_STORE: Final = 100 * MIB
_LEFT_TO_OTHERS: Final = 0.1


def command(
    allocation: Allocation,
    ports: PortBlock,
    ip: str,
    folder: Path,
    *,
    head: HeadAddress | None = None,
    cpus: int | None = None,
    dashboard: bool = False,
    program: Sequence[str] = RAY,
) -> list[str]:
    """The ``ray start --block`` line of a node: the head's without ``head``, else a worker's that joins it."""
    store = object_store_bytes(allocation.memory_bytes)
    line = [*program, "start", "--block", "--disable-usage-stats"]
    line += [
        f"--node-ip-address={ip}",
        f"--num-cpus={allocation.cpus if cpus is None else cpus}",
        f"--num-gpus={len(allocation.gpus)}",
        f"--object-store-memory={store}",
        f"--memory={int(allocation.memory_bytes * (1 - _LEFT_TO_OTHERS)) - store}",
        f"--temp-dir={folder}",
        f"--node-manager-port={ports['node_manager']}",
        f"--object-manager-port={ports['object_manager']}",
        f"--dashboard-agent-grpc-port={ports['agent_grpc']}",
        f"--dashboard-agent-listen-port={ports['agent_http']}",
        f"--runtime-env-agent-port={ports['runtime_env_agent']}",
        f"--metrics-export-port={ports['metrics']}",
    ]
    if head is not None:
        return [*line, f"--address={head.ray}"]
    line += ["--head", f"--port={ports['gcs']}", f"--ray-client-server-port={ports['client']}", "--no-monitor"]
    line += [f"--include-dashboard={'true' if dashboard else 'false'}"]
    if dashboard:
        line += ["--dashboard-host=127.0.0.1", f"--dashboard-port={ports['dashboard']}"]
    return line


def environment(
    base: Mapping[str, str], folder: Path, token_path: Path, *, nodes: int, interface: str | None
) -> dict[str, str]:
    """The environment of every process of the job: token, private temporary folder, devices, network."""
    result = dict(base)
    result |= {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token_path),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",  # a worker that was given no GPU sees none
        # Trials that still run would hold up the end of a node by half a minute.
        "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
        "RAY_START_HOOK": "perch.clusters.slurm.node.raynode.without_client_server",
        "TMPDIR": str(folder),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "MPLCONFIGDIR": str(folder / "matplotlib"),
        "PYTHONUNBUFFERED": "1",
    }
    for name, off in (("RAY_enable_metrics_collection", "0"), ("DASHBOARD_METRIC_PORT", "-1")):
        result.setdefault(name, off)  # the /metrics of agents and dashboard ask for no token
    result.pop("RAY_ADDRESS", None)
    result.pop("RAY_AUTH_TOKEN", None)
    if rocm := result.pop("ROCR_VISIBLE_DEVICES", None):
        result["HIP_VISIBLE_DEVICES"] = rocm  # Ray refuses the first and reads the second
    if interface:
        result |= {"NCCL_SOCKET_IFNAME": interface, "GLOO_SOCKET_IFNAME": interface}
    if nodes > MANY_NODES:
        result.setdefault("RAY_gcs_server_request_timeout_seconds", "300")
        result.setdefault("RAY_gcs_rpc_server_reconnect_timeout_s", "300")
        result.setdefault("RAY_raylet_start_wait_time_s", "300")
    return result


def without_client_server(parameters: Any, head: bool) -> None:
    """Called by ``ray start``, which has no option for this: no server for ``ray://`` clients, which nobody here needs."""
    parameters.ray_client_server_port = None


def object_store_bytes(memory_bytes: int, shm: Path = SHARED_MEMORY) -> int:
    """Bytes of Ray's object store: a share of the job's memory, and no more than shared memory has room for."""
    try:
        state = os.statvfs(shm)
        room = int(state.f_bavail * state.f_frsize * (1 - _LEFT_TO_OTHERS))
    except OSError:
        room = memory_bytes
    return max(_SMALLEST_STORE, min(int(memory_bytes * _OBJECT_STORE_SHARE), room))
