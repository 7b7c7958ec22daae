"""Which address a node is reached at, and how the head tells it to the others: a file in the job's folder."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from perch.errors import ClusterError


@dataclass(frozen=True)
class HeadAddress:
    """Where the head listens: Ray's address as ``ip:port``, and the launcher's own channel."""

    ip: str
    gcs_port: int
    control_port: int
    host: str

    @property
    def ray(self) -> str:
        """As Ray wants it: IPv6 in brackets."""
        return f"[{self.ip}]:{self.gcs_port}" if ":" in self.ip else f"{self.ip}:{self.gcs_port}"


def own_ip(interface: str | None, *, towards: str | None) -> str:
    """The address of the chosen interface, else of the one that leads to ``towards``; alone on a node: loopback.

    Raises ClusterError (exit 2) for an interface that does not exist or has no address.
    """
    if interface:
        return _interface_ip(interface)
    if towards is None:
        return "127.0.0.1"
    try:
        family, _, _, _, target = socket.getaddrinfo(towards, 9, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, socket.SOCK_DGRAM) as probe:  # connecting a datagram socket sends nothing
            probe.connect(target)
            return str(probe.getsockname()[0])
    except OSError as error:
        raise ClusterError(
            f"{socket.gethostname()} finds no way to {towards}",
            why=str(error),
            fix="name the network with --interface (site file: interface: ib0); 'ip addr' lists what a node has",
        ) from error


def _interface_ip(interface: str) -> str:
    addresses = psutil.net_if_addrs()
    found = sorted(
        (entry.family != socket.AF_INET, entry.address.partition("%")[0])
        for entry in addresses.get(interface, [])
        if entry.family in (socket.AF_INET, socket.AF_INET6)
    )
    if not found:
        error = ClusterError(
            f"{socket.gethostname()} has no address on the interface '{interface}'",
            why="it has: " + ", ".join(sorted(addresses)),
            fix="name one that every node has with --interface (site file: interface), or leave it out",
        )
        error.exit_code = 2
        raise error
    return found[0][1]


def answers(
    ip: str,
    port: int,
    *,
    attempts: int = 4,
    every_s: float = 3.0,
    connect: Callable[..., socket.socket] = socket.create_connection,
) -> bool:
    """Whether a machine is alive: it accepts a connection, or refuses it. A lost one says nothing.

    The last attempt counts: a machine that is going down may still refuse the first ones.
    """
    alive = False
    for attempt in range(attempts):
        if attempt:
            time.sleep(every_s)
        try:
            connect((ip, port), timeout=4.0).close()
            alive = True
        except ConnectionError:
            alive = True
        except OSError:
            alive = False
    return alive


def publish(address: HeadAddress, path: Path) -> None:
    """Write the file at once and whole: a reader sees nothing or all of it, also over a network file system."""
    write_durably(path, json.dumps(asdict(address)) + "\n")


def write_durably(path: Path, text: str, mode: int = 0o600) -> None:
    """Write to a temporary file, sync it, rename it, sync the folder."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def look_again(folder: Path) -> None:
    """Make a network file system read the folder anew, instead of remembering that a file was not there."""
    for _ in folder.iterdir():
        return


def wait_for_head(path: Path, *, timeout_s: float) -> HeadAddress:
    """Wait until the head's file is there. Raises ClusterError when it does not come."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        look_again(path.parent)
        try:
            content = json.loads(path.read_text())
        except FileNotFoundError:
            time.sleep(0.1)
            continue
        if "failed" in content:
            raise ClusterError("the head failed before it began", why=content["failed"], fix="see its own message")
        return HeadAddress(**content)
    raise ClusterError(
        f"the head did not say where it is within {timeout_s:.0f} s",
        why=f"there is no {path} on {socket.gethostname()}",
        fix="read the head's log in the same folder; give a slow file system longer with --start-timeout",
    )
