"""The first node: Ray's head, the driver, TensorBoard, and the end of the job in order."""

from __future__ import annotations

import json
import signal
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from perch.clusters.slurm.node import address, ports, raynode, token
from perch.clusters.slurm.node.allocation import Allocation, require_gpus
from perch.clusters.slurm.node.base import INTERRUPTED, Node, Options, driver_command
from perch.clusters.slurm.node.control import Server
from perch.clusters.slurm.node.process import Child
from perch.errors import ClusterError

_STOP_GRACE_S: Final = 5.0


class Head(Node):
    """States: starting, waiting for nodes, driving, ended."""

    def __init__(self, options: Options, allocation: Allocation, environment: Mapping[str, str]) -> None:
        super().__init__(options, allocation, environment)
        self.control: Server | None = None
        self.board: Child | None = None
        self.driver: Child | None = None
        self.interrupted: str | None = None
        self.joined: dict[int, str] = {}
        self.lost: set[int] = set()

    def run(self) -> int:
        """Start, wait for the others, run the driver; return its exit code."""
        require_gpus(self.allocation, self.options.gpus_per_node)
        self.start()
        if not self.wait_for_nodes():
            self.say(f"{self.interrupted} before the start: nothing was begun")
            return INTERRUPTED
        return self.drive()

    def start(self) -> None:
        """Claim ports, make the token, start Ray, say where it is."""
        options, me = self.options, self.allocation
        self.ports = ports.claim(start=int(me.job_id))
        towards = _another_host(self.environment, me) if me.nodes > 1 else None
        ip = address.own_ip(options.interface, towards=towards)
        secret = token.create(options.job_folder / "token")
        local = self.tmp / "token"
        address.write_durably(local, secret)
        self.child_environment = raynode.environment(
            self.environment, self.tmp, local, nodes=me.nodes, interface=options.interface
        )
        cpus = 0 if options.head_cpus is None and me.nodes > raynode.MANY_NODES else options.head_cpus
        self.start_ray(
            lambda folder: raynode.command(
                me, self.ports, ip, folder, cpus=cpus, dashboard=options.dashboard, program=options.ray
            ),
            self.child_environment,
        )
        self.control = Server(ip, self.ports["control"], secret, self.events)
        self.where = address.HeadAddress(ip, self.ports["gcs"], self.ports["control"], me.host)
        address.publish(self.where, options.job_folder / f"head-{me.restart}.json")
        self.say(f"head of {me.nodes} node(s), {me.cpus} CPUs and {len(me.gpus)} GPUs each, at {ip}")

    def wait_for_nodes(self) -> bool:
        """Wait until all nodes, or in the end ``min_nodes``, have joined. False when interrupted meanwhile."""
        wanted = self.allocation.nodes
        least = min(self.options.min_nodes or wanted, wanted)
        deadline = time.monotonic() + self.options.start_timeout_s
        while len(self.joined) < wanted - len(self.lost):
            if self.interrupted:
                return False
            if time.monotonic() > deadline:
                if len(self.joined) >= least:
                    break
                self._too_few(f"within {self.options.start_timeout_s:.0f} s", least)
            self.handle(self.next_event(deadline))
            if wanted - len(self.lost) < least:
                self._too_few("some failed", least)
        if len(self.joined) < wanted:
            self.say(f"going on with {len(self.joined)} of {wanted} nodes")
        return not self.interrupted

    def drive(self) -> int:
        """Run the command until it ends. A stop request is passed on as SIGUSR1, once."""
        me = self.allocation
        cluster = f"{me.nodes}x{me.cpus}:{len(me.gpus)}"
        environment = {"PERCH_CLUSTER": cluster, **self.child_environment, "RAY_ADDRESS": self.where.ray}
        if self.allocation.end_s is not None:
            environment["PERCH_END_TIME"] = f"{self.allocation.end_s:.0f}"
        command = driver_command(self.options.command)
        self.say("starting: " + " ".join(self.options.command[:2]) + (" …" if len(self.options.command) > 2 else ""))
        self.driver = Child("driver", command, environment, self.logs / "driver.log", self.events, echo=True)
        if self.options.logdir is not None:
            self._start_board(self.options.logdir)
        asked = False
        while self.driver.exit_code is None:
            self.handle(self.next_event())
            if self.interrupted and not asked:
                asked = True
                self.say(f"{self.interrupted}: asking the run to save and stop")
                self.driver.signal(signal.SIGUSR1)
        code = self.driver.exit_code
        # srun may report a lost node's code instead: the batch script believes this file.
        address.write_durably(self.options.job_folder / f"exit-{self.allocation.restart}", f"{code}\n")
        return code

    def handle(self, event: tuple[Any, Any] | None) -> None:
        """Take in one event, or look at the stop file. Raises ClusterError when Ray's head has died."""
        if event is None:
            if not self.interrupted and (self.options.job_folder / "stop").exists():
                self.interrupted = "stop file"
            return
        source, news = event
        if source == "signal":
            self.interrupted = self.interrupted or str(news)
        elif source == "ray" and news == "ready":
            self.ray_is_up = True
            self.joined[0] = self.allocation.host
            self.say("Ray's head is up")
            assert self.control is not None
            self.control.announce({"ray": "up"})
        elif source == "ray":
            self.ray_ended(int(news))
        elif isinstance(source, tuple):
            self._worker(source[1], news)
        elif source == "board" and not (self.driver and self.driver.exit_code is not None):
            self.say(f"TensorBoard ended with code {news}; the run goes on ({self.logs / 'board.log'})")

    def failed(self, error: ClusterError) -> None:
        """Let workers that have not found us yet know; the others see their wire break. The command line prints it."""
        path = self.options.job_folder / f"head-{self.allocation.restart}.json"
        if self.control is None:
            address.write_durably(path, json.dumps({"failed": error.what}) + "\n")

    def finish(self) -> None:
        """Workers first, then the driver if it still lives, TensorBoard and the head."""
        started = time.monotonic()
        if self.control is not None:
            self.control.broadcast({"end": True})
            self._await_workers(time.monotonic() + 2 * _STOP_GRACE_S)
        for child in (self.driver, self.board, self.ray):
            if child is not None:
                child.stop(grace_s=_STOP_GRACE_S)
        if self.control is not None:
            self.control.close()
        self.clean()
        self.say(f"ended in {time.monotonic() - started:.1f} s")

    def _worker(self, node: int, news: dict[str, Any] | None) -> None:
        if news is None:
            host = self.joined.pop(node, None)
            if node not in self.lost and not (self.driver and self.driver.exit_code is not None):
                self.lost.add(node)
                self.say(f"node {node} ({host or 'not yet joined'}) is gone")
        elif news.get("state") == "ready":
            self.joined[node] = str(news.get("host"))
            self.say(f"{news.get('host')} joined ({len(self.joined)} of {self.allocation.nodes})")
        elif news.get("state") == "failed":
            self.joined.pop(node, None)
            self.lost.add(node)
            self.say(f"{news.get('host')} failed: {news.get('reason')}")

    def _await_workers(self, deadline: float) -> None:
        """Wait until each worker that has joined has cut its wire."""
        left = set(self.joined) - {0}
        while left and time.monotonic() < deadline:
            event = self.next_event(deadline)
            if event is not None and isinstance(event[0], tuple) and event[1] is None:
                left.discard(event[0][1])
        for node in sorted(left):
            self.say(f"node {node} did not end in time")

    def _start_board(self, logdir: Path) -> None:
        url = self.options.job_folder / "tensorboard.url"
        port = self.ports["board"]
        line = [sys.executable, "-m", "perch.clusters.slurm.node.board", str(logdir), str(port), str(url)]
        self.board = Child("board", line, self.child_environment, self.logs / "board.log", self.events)
        self.say(f"TensorBoard: ssh -L {port}:127.0.0.1:{port} {self.allocation.host}, then open the line in {url}")
        if self.options.dashboard:
            port = self.ports["dashboard"]
            self.say(
                f"Ray's dashboard: ssh -L {port}:127.0.0.1:{port} {self.allocation.host}, then http://127.0.0.1:{port} "
                f"with the token in {self.options.job_folder / 'token'}"
            )

    def _too_few(self, why: str, least: int) -> None:
        raise ClusterError(
            f"{len(self.joined)} of {self.allocation.nodes} nodes joined, {least} are needed",
            why=why + "; the head's last lines:\n" + (self.ray.last_lines() if self.ray else ""),
            fix=f"read the logs of each node next to {self.logs}; --min-nodes goes on with fewer, "
            "--start-timeout waits longer",
        )


def _another_host(environment: Mapping[str, str], me: Allocation) -> str:
    """The name of some other node of the job, from the list that the batch script expanded; else this one's."""
    names = environment.get("PERCH_NODES", "").split()
    return next((name for name in names if name != me.host), socket.gethostname())
