"""Ray for one command: a private one on this machine, or the running cluster that ``RAY_ADDRESS`` names."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from perch.engine.ray_extras import FOR_TRIALS, without_spare_processes, workers_inherit
from perch.engine.signals import hangup_blocked
from perch.errors import ClusterError

LOCAL_STORE_BYTES = 150_000_000
"""Object store of a private Ray: Perch sends configurations through it, never data sets."""

START_TRIES = 4
"""How often a private Ray that did not come up in time is started."""

LATE = ("timed out during startup", "timed out waiting for file")
"""What Ray says, in small letters, where its head node and where its GCS server did not come up in time."""

RAY_FOLDER = "r"
"""Ray opens its temporary folder to everybody. It lies in one that is closed, beside the token, under a short name."""

JOINING = {"RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}
"""Under `uv run` every worker would start through uv again, in a copy of the current folder, and may find no uv there."""

ON_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""No other node joins: Ray's own address is then 127.0.0.1, as on macOS and Windows. It would else put this machine's in its place."""

NO_METRICS = {"RAY_enable_metrics_collection": "0"}
"""The ``/metrics`` of agents ask for no token."""

HIDING = {"RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1"}
"""A worker that was given no GPU sees none."""

QUIET = {
    **JOINING,
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    **HIDING,
    "RAY_gcs_rpc_server_reconnect_timeout_s": "5",
    "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_worker_niceness": "5",  # Ray's own 15 would let the writer take time from training
    **ON_LOOPBACK,
    **NO_METRICS,
    **FOR_TRIALS,
}


@dataclass(frozen=True)
class Node:
    """A node of a cluster: its id in Ray, its address, and its cores and GPUs for trials."""

    id: str
    address: str
    cpus: float
    gpus: float


@dataclass(frozen=True)
class Session:
    """A Ray that is up. ``private``: it was started for this process and ends with it."""

    private: bool

    def nodes(self) -> list[Node]:
        """The nodes that are alive now, with what trials can use of each."""
        import ray

        alive = [node for node in ray.nodes() if node["Alive"]]
        return [
            Node(n["NodeID"], n["NodeManagerAddress"], n["Resources"].get("CPU", 0.0), n["Resources"].get("GPU", 0.0))
            for n in alive
        ]

    def want(self, trials: int, resources: Mapping[str, float]) -> None:
        """Show an autoscaler, where there is one, that so many trials of these ``resources`` want room at once."""
        if self.private:
            return
        from ray.autoscaler.sdk import request_resources

        bundle = {"CPU": resources["cpu"], **({"GPU": resources["gpu"]} if resources.get("gpu") else {})}
        request_resources(bundles=[bundle] * trials)


@contextlib.contextmanager
def surroundings(python_path: list[str]) -> Iterator[Path | None]:
    """The environment of a command's Ray, to be entered before what may import Ray: it reads most of it then.

    Yields the private folder that holds token and sockets; None when an initialised Ray, or a cluster, is to be used.
    ``python_path``: folders that workers import from.
    """
    if _initialised():
        yield None
        return
    if os.environ.get("RAY_ADDRESS"):
        with _settings({**JOINING, **(ON_LOOPBACK if is_loopback(os.environ["RAY_ADDRESS"]) else {})}):
            yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="perch-", dir=_short_tmp()))
    token = folder / "token"
    token.touch(mode=0o600)
    token.write_text(secrets.token_hex(32))
    settings = {
        **QUIET,
        "PYTHONPATH": os.pathsep.join([*python_path, *_inherited_path()]),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
    }
    try:
        with _settings(settings):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def session(folder: Path | None, python_path: list[str], *, cpus: int | None = None) -> Iterator[Session]:
    """Use an initialised Ray, join the cluster of ``RAY_ADDRESS``, or start a private one and end it afterwards.

    A private Ray has a token and a temporary ``folder`` of its own (from ``surroundings``), both closed to other users.
    Every process of it listens on 127.0.0.1 alone, and nothing that listens answers without the token but a health check.
    """
    if _initialised():
        yield Session(private=False)
        return
    address = os.environ.get("RAY_ADDRESS")
    try:
        if folder is None:
            _join(str(address), python_path)
        else:
            _start(folder, cpus)
    except Exception as error:
        where = "a Ray on this machine" if folder is not None else f"the cluster at {address}"
        raise ClusterError(
            f"cannot {'start' if folder is not None else 'join'} {where}",
            why=str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__,
            fix="see 'perch doctor'"
            if folder is not None
            else "check RAY_ADDRESS and the token, or unset it to run here",
        ) from error
    try:
        with workers_inherit() if folder is not None else contextlib.nullcontext():
            yield Session(private=folder is not None)
    finally:
        try:
            _shutdown()
        except BaseException:  # a signal; processes left running could not be ended without their token
            _shutdown()
            raise


def is_loopback(address: str) -> bool:
    """Whether an address such as ``127.0.0.1:6379``, ``[::1]:6379`` or ``ray://localhost:10001`` is this machine's own."""
    host = urlsplit(address if "://" in address else f"//{address}").hostname or ""
    return host in {"localhost", "::1"} or host.startswith("127.")


def _initialised() -> bool:
    return "ray" in sys.modules and bool(sys.modules["ray"].is_initialized())


def _join(address: str, python_path: list[str]) -> None:
    import ray

    env = {"PYTHONPATH": os.pathsep.join([*python_path, *_inherited_path()]), **HIDING} if python_path else {}
    runtime = {"env_vars": env} if env else None
    ray.init(address=address, log_to_driver=False, logging_level="ERROR", runtime_env=runtime)


def came_late(said: str) -> bool:
    """Whether Ray says that it did not come up in time; another start may."""
    return any(words in said.lower() for words in LATE)


def _start(folder: Path, cpus: int | None) -> None:
    """Start a private Ray. Its 30 seconds, which are fixed in Ray's code, may not be enough on a busy machine: it gets them again."""
    for left in reversed(range(START_TRIES)):
        try:
            _init(folder, cpus)
        except Exception as error:
            if not left or not came_late(str(error)):
                raise
            _shutdown()
        else:
            return


def _init(folder: Path, cpus: int | None) -> None:
    import ray

    with hangup_blocked(), without_spare_processes():
        ray.init(
            address="local",
            num_cpus=cpus,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
            object_store_memory=LOCAL_STORE_BYTES,
            _temp_dir=str(folder / RAY_FOLDER),
            _node_ip_address="127.0.0.1",
        )


def _shutdown() -> None:
    """End Ray, then set SIGTERM's handler anew: Ray's compiled code resets it to the default, and Python does not notice."""
    import ray

    try:
        ray.shutdown()
    finally:
        handler = signal.getsignal(signal.SIGTERM)
        if threading.current_thread() is threading.main_thread() and handler is not None:
            signal.signal(signal.SIGTERM, handler)


def _inherited_path() -> list[str]:
    return [p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]


def _short_tmp() -> str:
    """A folder for sockets, whose paths may have 107 bytes at most: of those Ray's own names take 66, the folders between 17."""
    tmp = tempfile.gettempdir()
    return tmp if len(tmp) <= 24 else "/tmp"  # noqa: S108 - mkdtemp makes a private folder in it


@contextlib.contextmanager
def _settings(settings: dict[str, str]) -> Iterator[None]:
    """The environment with these, as Ray sees it too, and as it was afterwards."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        _read_again()
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        _read_again()


def _read_again() -> None:
    """Let Ray read its settings and its token again, as it does itself when it turns its token on in ``ray.init``.

    A Ray that was imported before, by the user's program or trainable, has read them at its import.
    """
    if "ray" not in sys.modules:
        return
    from ray import _raylet
    from ray._private import ray_constants

    compiled: Any = _raylet  # whose type stub lacks both
    compiled.Config.initialize("")
    compiled.AuthenticationTokenLoader.instance().reset_cache()
    ray_constants.RAY_ENABLE_UV_RUN_RUNTIME_ENV = ray_constants.env_bool("RAY_ENABLE_UV_RUN_RUNTIME_ENV", True)
    several = not ray_constants.IS_WINDOWS_OR_OSX
    ray_constants.ENABLE_RAY_CLUSTER = ray_constants.env_bool(ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR, several)


class Watchdog(threading.Thread):
    """Notices that a private Ray was killed: the driver would wait for it, and be aborted after a minute."""

    def __init__(self, on_death: Callable[[str], None], every_s: float = 1.0) -> None:
        super().__init__(daemon=True, name="perch-watchdog")
        self._on_death, self._every_s, self._stop = on_death, every_s, threading.Event()

    def run(self) -> None:
        """Look at Ray's processes until ``cancel`` is called."""
        import ray

        node: Any = ray._private.worker._global_node
        while not self._stop.wait(self._every_s):
            dead = [str(name) for name, _process in node.dead_processes()] if node is not None else []
            core = [name for name in dead if name in ("gcs_server", "raylet")]
            if core:
                self._on_death(core[0])
                return

    def cancel(self) -> None:
        """Stop looking."""
        self._stop.set()
