"""A Ray cluster of several nodes on this machine: each a raylet of its own on a loopback address of its own.

Its temporary folder and ports are its own, it is closed by a token, and its end touches no other Ray of the machine.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil
from tests.patience import LIMIT_S, eventually

from perch.engine.ray_session import came_late

HEAD = "127.0.0.9"
"""The head's address: 127.0.0.1 itself would be replaced by the machine's other address wherever a node joins."""

TRIES = 4
"""Ray gives a node 30 seconds to come up, which a busy machine may not have."""

STORE_BYTES = 80_000_000
"""Object store of a node: trials here send numbers."""


IDLE_MINUTES = 0.25
"""How long a worker is idle before the autoscaler takes it away. After three seconds it takes one on which a trial is starting."""


def autoscaling(worker: dict[str, float], most: int, gcs: str) -> dict[str, Any]:
    """The configuration of Ray's own fake provider, whose nodes are raylets on this machine: from 1 to ``most`` workers."""
    return {
        "cluster_name": "here", "max_workers": most, "upscaling_speed": 100, "idle_timeout_minutes": IDLE_MINUTES, "auth": {},
        "provider": {
            "type": "fake_multinode", "use_node_id_as_ip": True, "disable_node_updaters": True,
            "disable_launch_config_check": True, "launch_multiple": True, "gcs_address": gcs,
        },
        "head_node_type": "ray.head.default",
        "available_node_types": {
            "ray.head.default": {"resources": {}, "node_config": {}, "max_workers": 0},
            "worker": {
                "resources": {**worker, "object_store_memory": STORE_BYTES}, "node_config": {},
                "min_workers": 1, "max_workers": most,
            },
        },
        "file_mounts": {}, "cluster_synced_files": [], "file_mounts_sync_continuously": False,
        "rsync_exclude": [], "rsync_filter": [], "initialization_commands": [], "setup_commands": [],
        "head_setup_commands": [], "worker_setup_commands": [], "head_start_ray_commands": [], "worker_start_ray_commands": [],
    }  # fmt: skip


class Raylets:
    """The cluster; ``env`` is the environment with which a command joins it."""

    def __init__(self, python_path: Path, worker: dict[str, float] | None = None, most: int = 0) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="rl-", dir="/tmp"))  # paths of sockets are short
        self.processes: list[subprocess.Popen[bytes]] = []
        token = self.folder / "token"
        token.touch(mode=0o600)
        token.write_text(secrets.token_hex(32))
        self.gcs = f"{HEAD}:{_free_port()}"
        self.env = {
            "RAY_ADDRESS": self.gcs, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token),
            "PYTHONPATH": os.pathsep.join([str(python_path), os.environ.get("PYTHONPATH", "")]),
        }  # fmt: skip
        head = [
            "--head",
            f"--port={self.gcs.rpartition(':')[2]}",
            "--num-cpus=0",
            "--num-gpus=0",
            "--include-dashboard=false",
        ]
        if worker is not None:
            config = self.folder / "autoscaling.json"
            config.write_text(json.dumps(autoscaling(worker, most, self.gcs)))
            head.append(f"--autoscaling-config={config}")
        else:
            head.append("--no-monitor")
        fakes_on_loopback = {} if worker is None else {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
        try:
            self._start(HEAD, *head, **fakes_on_loopback)()
        except BaseException:
            self.close()
            raise

    def add(self, *addresses: str, cpus: int = 1, gpus: int = 0) -> None:
        """Let a node join at each of these addresses: 127.0.0.2, say."""
        args = f"--address={self.gcs}", f"--num-cpus={cpus}", f"--num-gpus={gpus}"
        for wait in [self._start(address, *args) for address in addresses]:
            wait()

    def _start(self, address: str, *args: str, **env: str) -> Callable[[], None]:
        """Start a node; call what this returns to wait for it."""
        tries = [self._process(address, *args, **env)]

        def up() -> bool:
            process, said = tries[-1]
            if process.poll() is not None:
                words = said.read_text()
                assert came_late(words) and len(tries) < TRIES, words
                tries.append(self._process(address, *args, **env))
            return "Ray runtime started" in said.read_text()

        def wait() -> None:
            eventually(up, f"the node at {address} never came up")

        return wait

    def _process(self, address: str, *args: str, **env: str) -> tuple[subprocess.Popen[bytes], Path]:
        """``ray start --block`` with a folder of its own, and the file that holds what it says."""
        number = len(self.processes)
        said = self.folder / f"said-{number}.txt"
        settings = {
            "RAY_FAKE_CLUSTER": "1", "RAY_enable_autoscaler_v2": "0", "AUTOSCALER_UPDATE_INTERVAL_S": "1",
            "RAY_enable_metrics_collection": "0", "AUTOSCALER_METRIC_PORT": "-1", "RAY_worker_niceness": "5",
            "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0", "RAY_START_HOOK": "perch.clusters.slurm.node.raynode.without_client_server",
        }  # fmt: skip
        joined = {name: value for name, value in self.env.items() if name != "RAY_ADDRESS"}
        program = "import sys; from ray.scripts.scripts import main; sys.argv[0] = 'ray'; main()"
        command = [
            sys.executable, "-c", program, "start", "--block", "--disable-usage-stats", f"--node-ip-address={address}",
            f"--object-store-memory={STORE_BYTES}", "--dashboard-agent-listen-port=0",
            f"--temp-dir={self.folder / f'r{number}'}", *args,
        ]  # fmt: skip
        with said.open("wb") as file:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True,
                env={**os.environ, **settings, **joined, **env},
            )  # fmt: skip
        self.processes.append(process)
        return process, said

    def workers(self) -> int:
        """Nodes that have joined the head, as running processes."""
        found = 0
        for process in self._all():
            try:
                found += process.name() == "raylet"
            except psutil.NoSuchProcess:
                continue
        return found - 1

    def _all(self) -> list[psutil.Process]:
        found = []
        for process in self.processes:
            try:
                root = psutil.Process(process.pid)
                found += [root, *root.children(recursive=True)]
            except psutil.NoSuchProcess:
                continue
        return found

    def __enter__(self) -> Raylets:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill every process of it."""
        ours = self._all()
        for process in ours:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(ours, timeout=LIMIT_S)
        shutil.rmtree(self.folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind((HEAD, 0))
        return int(one.getsockname()[1])
