"""Every other node: find the head, join its Ray, leave when the head says so or is gone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from perch.clusters.slurm.node import address, ports, raynode, token
from perch.clusters.slurm.node.allocation import Allocation, require_gpus
from perch.clusters.slurm.node.base import Node, Options
from perch.clusters.slurm.node.control import Wire, connect
from perch.errors import ClusterError

_STOP_GRACE_S: Final = 3.0
HEAD_NODE_LOST: Final = 76
"""Tells the batch script's part on this node that nobody else is left to put the job back into the queue."""


class Worker(Node):
    """It takes no decision: a signal is the head's business, which hears of it too."""

    def __init__(self, options: Options, allocation: Allocation, environment: Mapping[str, str]) -> None:
        super().__init__(options, allocation, environment)
        self.wire: Wire | None = None

    def run(self) -> int:
        """Join and stay; 0 when the head has ended the job or is gone (its own code is the job's)."""
        self.join()
        return self.stay()

    def join(self) -> None:
        """Wait for the head's address, and connect to its launcher."""
        options, me = self.options, self.allocation
        require_gpus(me, options.gpus_per_node)
        address.own_ip(options.interface, towards=None)  # a wrong interface is said at once, not after the wait
        head = address.wait_for_head(options.job_folder / f"head-{me.restart}.json", timeout_s=options.start_timeout_s)
        secret = token.read(options.job_folder / "token")
        try:
            self.wire = connect(head.ip, head.control_port, secret, me.node, self.events)
        except OSError as error:
            raise ClusterError(
                f"{me.host} cannot reach the head at {head.ip}:{head.control_port}",
                why=str(error),
                fix="pick a network that joins all nodes with --interface (site file: interface)",
            ) from error
        self.head, self.secret = head, secret

    def join_ray(self) -> None:
        """Join the head's Ray, which is up."""
        options, me, head = self.options, self.allocation, self.head
        block = ports.claim(start=int(me.job_id))
        local = self.tmp / "token"
        address.write_durably(local, self.secret)
        environment = raynode.environment(
            self.environment, self.tmp, local, nodes=me.nodes, interface=options.interface
        )
        ip = address.own_ip(options.interface, towards=head.ip)
        self.start_ray(
            lambda folder: raynode.command(me, block, ip, folder, head=head, program=options.ray), environment
        )

    def stay(self) -> int:
        """Wait for the end. Raises ClusterError when this node's Ray dies on its own."""
        assert self.wire is not None
        while True:
            event = self.next_event()
            if event is None:
                continue
            source, news = event
            if source == "ray" and news == "ready":
                self.ray_is_up = True
                self.wire.send({"state": "ready", "host": self.allocation.host})
            elif source == "ray":
                self.ray_ended(int(news))
            elif source == "head" and news is not None and news.get("ray") == "up":
                self.join_ray()
            elif source == "head" and news is None:
                lost = not address.answers(self.head.ip, self.head.control_port)
                self.say("the head's node is lost" if lost else "the head is gone")
                return HEAD_NODE_LOST if lost else 0
            elif source == "head" and news.get("end"):
                return 0
            elif source == "signal":
                self.say(f"{news}: the head decides")

    def failed(self, error: ClusterError) -> None:
        """Let the head know why, so that it need not wait."""
        if self.wire is not None:
            self.wire.send({"state": "failed", "host": self.allocation.host, "reason": str(error)})

    def finish(self) -> None:
        """Stop this node's Ray, then cut the wire: that is how the head knows."""
        started = time.monotonic()
        if self.ray is not None:
            self.ray.stop(grace_s=_STOP_GRACE_S)
        if self.wire is not None:
            self.wire.close()
        self.clean()
        self.say(f"ended in {time.monotonic() - started:.1f} s")
